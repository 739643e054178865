"""Writing schemas by the strict rules of ADM 1.0, with a report of all it cannot say."""

from __future__ import annotations

from typing import Any

from altar.adm._check_library import Library
from altar.adm._describe import kind_of, safe_path
from altar.adm._flatten import Flattener
from altar.adm._keywords import KEYWORDS, MAX_DEPTH, is_extension
from altar.adm._rendered import Loss, Rendered

__all__ = ["render_adm10"]

Steps = tuple[str | int, ...]

_BUDGET = 4096
_DEEPEST = 2 * MAX_DEPTH
_OBJECT_SIGNS = ("properties", "required", "additionalProperties", "patternProperties")
_ARRAY_SIGNS = ("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems")
_SAID = {"type", "description", "properties", "required", "items", "enum"}
_STRUCTURE = {
    "$schema", "$id", "$anchor", "$dynamicAnchor", "$vocabulary", "$defs", "definitions",
}  # fmt: skip
_NOTES = {
    "title", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment",
    "contentEncoding", "contentMediaType", "contentSchema",
}  # fmt: skip


def render_adm10(document: Any) -> Rendered:
    """The document in ADM 1.0: type, description, properties, required, items, enum.

    References are written out, once each on the way down; everything that
    finds no place is a Loss. Without a Loss the two accept the same values.
    """
    writer = _Writer(document)
    out = writer.schema(document, ())
    return Rendered(out, tuple(writer.losses))


class _Writer:
    """Writes one document and notes what is lost on the way."""

    __slots__ = ("_budget", "_flattener", "losses")

    def __init__(self, document: Any) -> None:
        self.losses: list[Loss] = []
        self._budget = _BUDGET
        self._flattener = Flattener(Library(document), self.lose)

    def lose(self, steps: Steps, keyword: str, reason: str) -> None:
        self.losses.append(Loss(safe_path(list(steps)), keyword, reason))

    def schema(self, source: Any, steps: Steps) -> dict[str, Any]:
        """One schema, its subschemas included."""
        self._budget -= 1
        with self._flattener.flat(source, steps) as flat:
            full = self._budget <= 0 or len(steps) > _DEEPEST
            if full and ("properties" in flat or "items" in flat):
                self.lose(steps, "$ref", "written out it would grow too large: cut here")
                kept: dict[str, Any] = {
                    key: flat[key] for key in ("type", "description") if key in flat
                }
                return self._write(kept, steps)
            return self._write(flat, steps)

    def _write(self, flat: dict[str, Any], steps: Steps) -> dict[str, Any]:
        values = _allowed(flat)
        kind = self._kind(flat, values, steps)
        out: dict[str, Any] = {"type": kind.upper()}
        text = flat.get("description")
        if isinstance(text, str) and text.strip():
            out["description"] = text
        elif text is not None:
            self.lose(steps, "description", "a blank text")
        if kind == "object":
            self._object(flat, out, steps)
        elif kind == "array":
            out["items"] = self._items(flat.get("items", True), steps)
        if values is not None:
            self._enum(values, kind, out, steps)
        self._rest(flat, kind, steps)
        return out

    def _kind(self, flat: dict[str, Any], values: list[Any] | None, steps: Steps) -> str:
        names = _names(flat)
        if values:  # only the types of the values listed can occur
            kinds = {_kind_among(value, names) for value in values}
            names = [name for name in names if name in kinds] or sorted(kinds, reverse=True)
        if "number" in names:
            names = [name for name in names if name != "integer"]
        wanted = [name for name in names if name != "null"]
        if len(wanted) < len(names):
            self.lose(steps, "nullable", "ADM 1.0 has no null: it is no longer accepted")
        if len(wanted) == 1:
            return wanted[0]
        kind = wanted[0] if wanted else _guess(flat)
        if len(wanted) > 1:
            left = ", ".join(wanted[1:])
            self.lose(steps, "type", f"ADM 1.0 has one type: {left} no longer accepted")
        elif not names:
            self.lose(steps, "type", f"any type was accepted, ADM 1.0 needs one: {kind}")
        return kind

    def _object(self, flat: dict[str, Any], out: dict[str, Any], steps: Steps) -> None:
        properties = {}
        for name, item in flat.get("properties", {}).items():
            place = (*steps, "properties", name)
            if item is False:
                self.lose(place, "false", "ADM 1.0 cannot forbid a property: left out")
            else:
                properties[name] = self.schema(item, place)
        out["properties"] = properties
        required = []
        for name in flat.get("required", ()):
            if name not in properties:
                reason = f"{name[:60]!r} is required but not among the properties: left out"
                self.lose(steps, "required", reason)
            elif name not in required:
                required.append(name)
        if required:
            out["required"] = required

    def _items(self, items: Any, steps: Steps) -> dict[str, Any]:
        place = (*steps, "items")
        if items is False:
            self.lose(place, "false", "ADM 1.0 cannot forbid items: they are strings instead")
            return {"type": "STRING"}
        return self.schema(items, place)

    def _enum(self, values: list[Any], kind: str, out: dict[str, Any], steps: Steps) -> None:
        texts = list(dict.fromkeys(value for value in values if isinstance(value, str)))
        if kind == "string" and texts:
            out["enum"] = texts
        elif values:
            self.lose(steps, "enum", "ADM 1.0 lists strings only: any value of the type passes")
        else:
            self.lose(steps, "enum", "no value was accepted, which ADM 1.0 cannot say")

    def _rest(self, flat: dict[str, Any], kind: str, steps: Steps) -> None:
        for keyword, value in flat.items():
            if keyword in _STRUCTURE:
                continue
            if keyword == "additionalProperties" and (value is True or value == {}):
                continue
            if keyword not in _SAID:
                self.lose(steps, keyword, _reason(keyword))
            elif (keyword in ("properties", "required") and kind != "object") or (
                keyword == "items" and kind != "array"
            ):
                self.lose(steps, keyword, f"has no place in the type {kind}")


def _reason(keyword: str) -> str:
    if keyword in _NOTES:
        return "a note that ADM 1.0 has no word for"
    if is_extension(keyword):
        return "an extension, which ADM 1.0 does not carry"
    if keyword in KEYWORDS:
        return "ADM 1.0 cannot say this: the constraint is dropped"
    return "no keyword of JSON Schema 2020-12: dropped"


def _names(flat: dict[str, Any]) -> list[str]:
    kind = flat.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _allowed(flat: dict[str, Any]) -> list[Any] | None:
    """The values that ``enum`` lists and ``type`` admits; None where none are listed."""
    values = flat.get("enum")
    if values is None or "type" not in flat:
        return values
    names = _names(flat)
    return [value for value in values if _kind_among(value, names) in names]


def _kind_among(value: Any, names: list[str]) -> str:
    """The type of a value, among names that may call 1 or 1.0 a number or an integer."""
    kind = kind_of(value)
    if kind == "integer" and "integer" not in names:
        return "number"
    if kind == "number" and value.is_integer() and "number" not in names and "integer" in names:
        return "integer"
    return kind


def _guess(flat: dict[str, Any]) -> str:
    if any(sign in flat for sign in _OBJECT_SIGNS):
        return "object"
    if any(sign in flat for sign in _ARRAY_SIGNS):
        return "array"
    return "string"
