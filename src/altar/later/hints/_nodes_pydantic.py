"""Pydantic's models and types, through their own validators; pydantic is never imported here."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, cast

from altar.later.hints._foreign_schema import lean_schema, renamed_refs
from altar.later.hints._nodes import EVERY_KIND, Node, NoneType, Refs, encode, plain, unwrap_json
from altar.later.hints._report import INVALID, REFUSALS, kind_of, show

if TYPE_CHECKING:
    from altar.later.hints._report import Path, Report

__all__ = ["PydanticNode", "ValidatedNode", "is_pydantic", "tell_errors"]

_KINDS: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
    "null": frozenset({NoneType}),
}

_NAMES = {"int": "integer", "float": "number", "bool": "boolean"}


def is_pydantic(cls: Any) -> bool:
    """True for models, pydantic dataclasses and types with a core schema of their own."""
    if "pydantic" not in sys.modules:
        return False
    return hasattr(cls, "__pydantic_core_schema__") or hasattr(cls, "__get_pydantic_core_schema__")


class PydanticNode(Node):
    """A class that pydantic validates.

    Strict validation of the JSON comes first; what only pydantic's lax mode
    accepts is a coercion, listed by path. A boolean never passes as a number.
    """

    __slots__ = ("_cls", "_doc", "_schema", "_strict_json", "hashable", "kinds", "name")

    def __init__(self, cls: Any) -> None:
        self._cls = weakref.ref(cls)
        self.name = getattr(cls, "__name__", str(cls))
        doc = self._model_schema(cls)
        self._schema = lean_schema(doc)
        self._doc: str | None = self._schema.pop("description", None)
        kind = _top(self._schema).get("type", "")
        self.kinds = _KINDS.get(kind if isinstance(kind, str) else "", EVERY_KIND)
        self.hashable = getattr(cls, "__hash__", None) is not None

    def _model_schema(self, cls: Any, mode: str = "validation") -> dict[str, Any]:
        options: dict[str, Any] = {"ref_template": "#/$defs/{model}", "mode": mode}
        if hasattr(cls, "model_json_schema"):
            return dict(cls.model_json_schema(**options))
        return dict(sys.modules["pydantic"].TypeAdapter(cls).json_schema(**options))

    def _written(self) -> dict[str, Any]:
        """The schema of what :mod:`_dumpers` writes of it: all fields, by their aliases."""
        try:
            doc = lean_schema(self._model_schema(self._cls(), "serialization"))
        except Exception:  # noqa: BLE001 - a computed field of a type that has no schema
            return self._schema
        doc.pop("description", None)
        return doc

    def _adapter(self) -> Any:
        cls: Any = self._cls()
        validator = getattr(cls, "__pydantic_validator__", None)
        return validator or sys.modules["pydantic"].TypeAdapter(cls).validator

    @property
    def note(self) -> str | None:
        return self._doc

    @property
    def label(self) -> str:
        return f"an object ({self.name})" if dict in self.kinds else f"a {self.name}"

    def schema(self, refs: Refs) -> dict[str, Any]:
        return self.body(refs)

    def body(self, refs: Refs) -> dict[str, Any]:
        doc = dict(self._written() if refs.written else self._schema)
        defs = doc.pop("$defs", None)
        if not defs:
            return doc
        names = {}
        for name, body in defs.items():
            known, number = name, 2
            while known in refs.defs and refs.defs[known] != body:
                known = f"{name}{number}"
                number += 1
            names[name] = known
        for name, body in defs.items():
            refs.defs[names[name]] = renamed_refs(body, names)
        return dict(renamed_refs(doc, names))

    def load(self, value: Any, path: Path, report: Report) -> Any:
        if value.__class__ is str and self.kinds == _KINDS["object"]:
            value = unwrap_json(value, dict, path, report)
        value = plain(value, path, report)
        if value is INVALID:
            return INVALID
        validator = self._adapter()
        text = encode(value)
        try:
            return validator.validate_json(text, strict=True)
        except REFUSALS as error:  # ValidationError, or what a validator raised
            strict_errors = _errors(error)
        if strict_errors is None:
            return report.note(path, self.label, "refused by its validator", "constructor")
        if not report.strict and not any(_is_bool_number(item) for item in strict_errors):
            try:
                found = validator.validate_json(text, strict=None)  # the type may be strict itself
            except REFUSALS as error:
                strict_errors = _errors(error) or strict_errors
            else:
                for item in strict_errors:
                    target = str(item["type"]).partition("_")[0]
                    where = _deeper(path, value, item["loc"])
                    report.coerced(where, kind_of(item.get("input")), _NAMES.get(target, target))
                return found
        tell_errors(strict_errors, self.name, value, (path, report))
        return INVALID


class ValidatedNode(PydanticNode):
    """A type with pydantic's functional validators around it (AfterValidator and its kin)."""

    __slots__ = ("_validator",)

    def __init__(self, annotation: Any, name: str) -> None:
        self._validator = sys.modules["pydantic"].TypeAdapter(annotation)
        super().__init__(self._validator)
        self.name = name
        self.hashable = getattr(annotation.__origin__, "__hash__", None) is not None

    def _model_schema(self, cls: Any, mode: str = "validation") -> dict[str, Any]:
        return dict(self._validator.json_schema(ref_template="#/$defs/{model}"))  # either mode

    def _adapter(self) -> Any:
        return self._validator.validator

    @property
    def label(self) -> str:
        return f"a valid {self.name}"


def tell_errors(errors: list[Any], name: str, value: Any, place: tuple[Path, Report]) -> None:
    """Report what a ValidationError lists of ``value``, which ``name`` refused."""
    start, report = place
    for item in errors:
        where = _deeper(start, value, item["loc"])
        kind, came = item["type"], item.get("input")
        if kind == "missing":
            report.note((where, str(item["loc"][-1])), "a value (required)", "nothing", "required")
        elif kind in ("value_error", "assertion_error"):
            expected = f"a value that {name} accepts"
            report.note(where, expected, f"{show(came)}, refused", "constructor")
        elif kind == "extra_forbidden":
            report.note(where, "only declared fields", "an unknown name", "unknown")
        elif kind in ("union_tag_not_found", "union_tag_invalid") and isinstance(came, dict):
            _tell_tag(item, came, where, report)
        else:
            report.fail(where, _expected(item["msg"]), came, kind)


def _tell_tag(item: Any, came: dict[str, Any], where: Path, report: Report) -> None:
    """Which branch of a union it is: nothing says so, or it says what there is not."""
    facts = item.get("ctx") or {}
    tag = str(facts.get("discriminator", "")).strip("'")
    tags = f"one of {facts.get('expected_tags')}"
    if tag in came:
        report.fail((where, tag), tags, came[tag], "enum")
    elif item["type"] == "union_tag_invalid":
        report.note(where, f"{tags} by {tag}", repr(facts.get("tag")), "enum")
    else:
        where = (where, tag) if tag.isidentifier() else where
        report.note(where, "a value (required)", "nothing", "required")


def _top(doc: dict[str, Any]) -> dict[str, Any]:
    """The schema of the value itself, where a recursive model stands behind a reference."""
    name = str(doc.get("$ref", "")).rpartition("/")[2]
    found = doc.get("$defs", {}).get(name, doc)
    return dict(found)


def _errors(error: BaseException) -> list[Any] | None:
    read = getattr(error, "errors", None)
    if not callable(read):
        return None
    return list(cast("Any", read)(include_url=False))


def _expected(message: str) -> str:
    """What was expected, of a message such as "String should have at least 3 characters"."""
    _, verb, rest = message.partition(" should ")
    for lead in ("be ", "have ", "match "):
        if verb and rest.startswith(lead):
            return f"text to {rest}" if lead == "match " else rest.removeprefix(lead)
    return message if verb else f"a valid value ({message[:1].lower()}{message[1:]})"


def _is_bool_number(item: Any) -> bool:
    return isinstance(item.get("input"), bool) and item["type"] in ("int_type", "float_type")


def _deeper(path: Path, value: Any, loc: tuple[Any, ...]) -> Path:
    """The path to ``loc``, leaving out the steps pydantic adds for unions and functions."""
    for step in loc:
        if (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        ):
            path, value = (path, step), value[step]
    return path
