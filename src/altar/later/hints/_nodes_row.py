"""Records by position: named tuples, and structs that travel as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.later.hints._nodes import Refs, unwrap_json
from altar.later.hints._nodes_container import field_schema
from altar.later.hints._nodes_record import RecordNode
from altar.later.hints._report import INVALID, MAX_DEPTH

if TYPE_CHECKING:
    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["ArrayRecordNode", "TupleRecordNode"]


class TupleRecordNode(RecordNode):
    """A NamedTuple: an object by names, or an array by position."""

    __slots__ = ()
    kinds = frozenset({dict, list})

    @property
    def label(self) -> str:
        return f"an object or an array ({self.name})"

    def body(self, refs: Refs) -> dict[str, Any]:
        doc = super().body(refs)
        doc["type"] = ["object", "array"]
        if self.fields:
            doc["prefixItems"] = [field_schema(field.node, refs) for field in self.fields]
        least = sum(field.required for field in self.fields)
        if least:
            doc["minItems"] = least
        doc["maxItems"] = len(self.fields)
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is str:
            kind = list if value.lstrip()[:1] == "[" else dict
            value = unwrap_json(value, kind, path, report)
        if value.__class__ is list or isinstance(value, tuple):
            return self.load_items(list(value), path, report)
        return super().load(value, path, report)

    def load_items(self, items: list[Any], path: Path, report: Report, *, skip: int = 0) -> Any:
        """The object out of its fields by position; ``skip`` items in front are no fields."""
        least = skip + sum(field.required for field in self.fields)
        most = skip + len(self.fields)
        if not least <= len(items) <= most:
            keyword = "minItems" if len(items) < least else "maxItems"
            return report.fail(path, f"{most} items", items, keyword)
        if report.depth >= MAX_DEPTH:
            return report.note(path, f"at most {MAX_DEPTH} levels", "deeper nesting", "depth")
        report.depth += 1
        before = len(report.problems)
        values = {
            field.name: field.node.load(item, (path, at), report)
            for at, (field, item) in enumerate(zip(self.fields, items[skip:], strict=False), skip)
        }
        report.depth -= 1
        if len(report.problems) != before:
            return INVALID
        return self.construct(values, path, report)

    def emit(self, gen: Gen, var: str) -> None:
        self.emit_call(gen, var)


class ArrayRecordNode(TupleRecordNode):
    """A msgspec struct that is ``array_like``: an array, its tag in front."""

    __slots__ = ()
    kinds = frozenset({list})

    @property
    def label(self) -> str:
        return f"an array ({self.name})"

    def body(self, refs: Refs) -> dict[str, Any]:
        shapes: list[dict[str, Any]] = [{"const": tag} for tag in self.const.values()]
        shapes += [field.schema(refs) for field in self.fields]
        least = len(self.const) + sum(field.required for field in self.fields)
        doc: dict[str, Any] = {"type": "array", "prefixItems": shapes} if shapes else {}
        doc |= {"type": "array", "minItems": least, "maxItems": len(shapes)}
        if self.recursive and self._doc:
            doc["description"] = self._doc
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        value = unwrap_json(value, list, path, report)
        if value.__class__ is not list:
            return report.fail(path, self.label, value, "type")
        for at, tag in enumerate(self.const.values()):
            if value[at : at + 1] != [tag]:
                got = value[at] if at < len(value) else None
                return report.fail((path, at), f'"{tag}"', got, "const")
        return self.load_items(value, path, report, skip=len(self.const))
