"""Arrays and objects without fields: lists, sets, tuples, dicts and their kin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.later.hints._nodes import Node, Refs, described, unwrap_json
from altar.later.hints._nodes_scalar import STR
from altar.later.hints._report import INVALID, show, surrogate_free

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["ArrayNode", "DictNode", "TupleNode", "field_schema"]


def field_schema(node: Node, refs: Refs, description: str | None = None) -> dict[str, Any]:
    """The schema of a place, with its description or else the type's own note."""
    doc = node.schema(refs)
    text = described(node, description)
    if text and "$ref" not in doc:
        doc["description"] = text
    elif description:
        doc = {**doc, "description": description}
    return doc


class ArrayNode(Node):
    """A list, set, frozenset, deque, variadic tuple or iterator of one item type."""

    __slots__ = ("hashable", "item", "make", "unique")
    kinds = frozenset({list})

    def __init__(
        self, item: Node, make: Callable[[list[Any]], Any], *, unique: bool = False
    ) -> None:
        self.item = item
        self.make = make
        self.unique = unique
        self.hashable = make is frozenset or (make is tuple and item.hashable)

    @property
    def label(self) -> str:
        return "an array"

    def body(self, refs: Refs) -> dict[str, Any]:
        doc: dict[str, Any] = {"type": "array"}
        item = field_schema(self.item, refs)
        if item:
            doc["items"] = item
        if self.unique:
            doc["uniqueItems"] = True
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is not list:
            value = unwrap_json(value, list, path, report)
            if value.__class__ is not list:
                return report.fail(path, "an array", value, "type")
        before = len(report.problems)
        load = self.item.load
        out = [load(item, (path, at), report) for at, item in enumerate(value)]
        if len(report.problems) != before:
            return INVALID
        if self.unique:
            return self._distinct(out, path, report)
        return out if self.make is list else self.make(out)

    def _distinct(self, items: list[Any], path: Path, report: Report) -> Any:
        try:
            made = self.make(items)
        except TypeError:
            return report.note(
                path, "items that can be members of a set", "an array or object", "type"
            )
        if len(made) != len(items):
            if report.strict:
                return report.note(path, "distinct items", "a repeated item", "uniqueItems")
            report.coerced(path, "array with repeated items", "set")
        return made

    def emit(self, gen: Gen, var: str) -> None:
        gen.miss_if(f"{var}.__class__ is not list")
        item = gen.var()
        out = var
        if self.item.identity and not _is_untyped(self.item):
            gen.add(f"for {item} in {var}:")
            gen.indent += 1
            gen.emit(self.item, item)
            gen.indent -= 1
            if self.make is list:
                gen.add(f"{var} = {var}[:]")
        else:
            out = gen.var()
            gen.add(f"{out} = []")
            gen.add(f"for {item} in {var}:")
            gen.indent += 1
            gen.emit(self.item, item)
            gen.add(f"{out}.append({item})")
            gen.indent -= 1
            gen.add(f"{var} = {out}")
        if self.unique:
            gen.add(f"{item} = {gen.const(self.make)}({var})")
            gen.miss_if(f"len({item}) != len({var})")
            gen.add(f"{var} = {item}")
        elif self.make is not list:
            gen.add(f"{var} = {gen.const(self.make)}({var})")


def _is_untyped(node: Node) -> bool:
    return not node.prime  # its values are copied, not only checked


class TupleNode(Node):
    """A tuple of a fixed shape, or one that goes on with items of one type, ``rest``."""

    __slots__ = ("hashable", "items", "rest")
    kinds = frozenset({list})

    def __init__(self, items: tuple[Node, ...], rest: Node | None = None) -> None:
        self.items = items
        self.rest = rest
        self.hashable = all(item.hashable for item in (*items, rest) if item is not None)

    @property
    def label(self) -> str:
        return f"an array of {'exactly' if self.rest is None else 'at least'} {len(self.items)}"

    def body(self, refs: Refs) -> dict[str, Any]:
        size = len(self.items)
        if not size and self.rest is None:
            return {"type": "array", "maxItems": 0}
        shapes = [field_schema(item, refs) for item in self.items]
        doc = {"type": "array", "prefixItems": shapes, "minItems": size}
        if self.rest is None:
            return {**doc, "maxItems": size}
        return {**doc, "items": field_schema(self.rest, refs)}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is not list:
            value = unwrap_json(value, list, path, report)
            if value.__class__ is not list:
                return report.fail(path, self.label, value, "type")
        more = len(value) - len(self.items)
        if more < 0 or (more and self.rest is None):
            return report.fail(path, self.label, value, "minItems" if more < 0 else "maxItems")
        nodes = self.items if self.rest is None else (*self.items, *[self.rest] * more)
        before = len(report.problems)
        out = tuple(
            node.load(item, (path, at), report)
            for at, (node, item) in enumerate(zip(nodes, value, strict=True))
        )
        return out if len(report.problems) == before else INVALID

    def emit(self, gen: Gen, var: str) -> None:
        if self.rest is not None:
            self.emit_call(gen, var)
            return
        gen.miss_if(f"{var}.__class__ is not list or len({var}) != {len(self.items)}")
        names = [gen.var() for _ in self.items]
        if names:
            gen.add(f"{', '.join(names)}, = {var}")
        for name, node in zip(names, self.items, strict=True):
            gen.emit(node, name)
        gen.add(f"{var} = ({''.join(f'{name}, ' for name in names)})")


class DictNode(Node):
    """A mapping: any names of one type, values of another."""

    __slots__ = ("key", "make", "value")
    kinds = frozenset({dict})
    hashable = False

    def __init__(self, key: Node, value: Node, make: Callable[[dict[Any, Any]], Any]) -> None:
        self.key = key
        self.value = value
        self.make = make

    @property
    def label(self) -> str:
        return "an object"

    def body(self, refs: Refs) -> dict[str, Any]:
        doc: dict[str, Any] = {"type": "object"}
        names = self.key.key_schema()
        if names:
            doc["propertyNames"] = names
        value = field_schema(self.value, refs)
        if value:
            doc["additionalProperties"] = value
        return doc

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is not dict:
            value = unwrap_json(value, dict, path, report)
            if value.__class__ is not dict:
                return report.fail(path, "an object", value, "type")
        before = len(report.problems)
        out: dict[Any, Any] = {}
        for name, item in value.items():
            if name.__class__ is not str or not (name.isascii() or surrogate_free(name)):
                report.note(path, "names that are clean strings", show(name), "propertyNames")
                continue
            step = (path, name)
            key = self.key.load_key(name, step, report)
            loaded = self.value.load(item, step, report)
            if key is INVALID:
                continue
            if key in out:
                report.note(step, "a name that is not repeated", show(name), "propertyNames")
            out[key] = loaded
        if len(report.problems) != before:
            return INVALID
        return out if self.make is dict else self.make(out)

    def emit(self, gen: Gen, var: str) -> None:
        if self.key is not STR:
            self.emit_call(gen, var)
            return
        gen.miss_if(f"{var}.__class__ is not dict")
        out, key, item = gen.var(), gen.var(), gen.var()
        gen.add(f"{out} = {{}}")
        gen.add(f"for {key}, {item} in {var}.items():")
        gen.indent += 1
        gen.text(key)
        gen.emit(self.value, item)
        gen.add(f"{out}[{key}] = {item}")
        gen.indent -= 1
        made = out if self.make is dict else f"{gen.const(self.make)}({out})"
        gen.add(f"{var} = {made}")
