"""Schemas of OpenAPI 3.0 and 3.1 as JSON Schema 2020-12 that stands alone."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from altar.adm import FunctionDeclaration, Schema, adopt
from altar.errors import InvalidDataError
from altar_extras._openapi_library import UncarriedError, short
from altar_extras._openapi_pattern import may_run_away

if TYPE_CHECKING:
    from altar_extras._openapi_library import Library

__all__ = ["Schemas", "TooLargeError", "completed"]

compact = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_ONE = (
    *("items", "additionalProperties", "not", "if", "then", "else", "contains"),
    *("propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
_SEVERAL = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")
_DROPPED = frozenset(
    """xml externalDocs discriminator nullable example $schema $id $anchor $comment $defs
    definitions $vocabulary""".split()  # noqa: SIM905
)
_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_REF = "#/$defs/"
_LARGEST = 1_000_000  # characters of the definitions of one operation
_HIDING = {"request": "readOnly", "response": "writeOnly"}


class TooLargeError(UncarriedError):
    """The schemas of an operation have no end that is worth reading."""


class Schemas:
    """Converts the schemas of one document; each referenced one is converted once.

    ``side`` is "request" or "response": what only the other side has is left
    out. References become ``$defs`` of the schema that is asked for.
    """

    def __init__(self, library: Library, *, old: bool) -> None:
        self._library = library
        self.old = old
        self._names: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._made: dict[tuple[str, str], tuple[str, set[str]]] = {}
        self._texts: dict[tuple[frozenset[str], str], str] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def convert(self, schema: Any, base: str, side: str) -> tuple[Any, set[str]]:
        """The schema, and the names of the ``$defs`` that it refers to itself."""
        needs: set[str] = set()
        return self._schema(schema, base, side, needs), needs

    def stubs(self, schema: dict[str, Any], needs: set[str]) -> dict[str, Any]:
        """The schema with a ``$defs`` that allows anything: enough to check it by itself."""
        return {**schema, "$defs": dict.fromkeys(sorted(needs), True)} if needs else schema

    def definitions(self, needs: set[str], side: str) -> str:
        """The ``$defs`` behind these names and theirs, as JSON text; "" without names.

        Each was checked when it was first asked for, whatever asks for it again.
        """
        if not needs:
            return ""
        key = (frozenset(needs), side)
        known = self._texts.get(key)
        if known is not None:
            return known
        found: dict[str, str] = {}
        pending = list(needs)
        size = 0
        while pending:
            name = pending.pop()
            if name not in found:
                found[name], more = self._definition(name, side)
                size += len(found[name])
                if size > _LARGEST:
                    raise TooLargeError(f"its schemas have more than {_LARGEST} characters")
                pending += more
        text = ",".join([f"{json.dumps(name)}:{found[name]}" for name in sorted(found)])
        self._texts[key] = made = "{" + text + "}"
        return made

    def followed(self, schema: Any, base: str) -> tuple[Any, str]:
        """The schema behind a reference that stands alone; any other as it is."""
        for _ in range(32):
            if not (isinstance(schema, dict) and "$ref" in schema):
                break
            if not self.old and len(schema) > 1:
                break
            schema, base, _ = self._library.find(schema["$ref"], base)
        return schema, base

    def _definition(self, name: str, side: str) -> tuple[str, set[str]]:
        """A definition as checked JSON text, and the names that it refers to."""
        known = self._made.get((name, side))
        if known is None:
            base, pointer = self._places[name]
            made, needs = self.convert(self._library.find(f"#{pointer}", base).value, base, side)
            holder = {"type": "object", "properties": {"it": made}}
            try:
                adopted = adopt({"name": "it", "parameters": self.stubs(holder, needs)})
            except InvalidDataError as error:
                raise UncarriedError(
                    f"the schema {short(name)}: {'; '.join(map(str, error.problems[:4]))}"
                ) from None
            document: Any = adopted.declaration.parameters.document
            known = self._made[name, side] = (compact(document["properties"]["it"]), needs)
        return known

    def _name(self, reference: Any, base: str) -> str:
        """The name under which the referenced schema stands in ``$defs``."""
        part = self._library.find(reference, base)
        key = (part.base, part.pointer)
        name = self._names.get(key)
        if name is None:
            last = part.pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in last)
            plain = plain[:100] or "Root"
            name, count = plain, 1
            while name in self._taken:
                count += 1
                name = f"{plain}_{count}"
            self._taken.add(name)
            self._names[key] = name
            self._places[name] = (part.base, part.pointer.replace("%", "%25"))
        return name

    def _schema(self, schema: Any, base: str, side: str, needs: set[str]) -> Any:
        if not isinstance(schema, dict):
            if isinstance(schema, bool):
                return schema
            raise UncarriedError("a schema that is no object")
        if "$dynamicRef" in schema:
            raise UncarriedError("a schema with $dynamicRef")
        out: dict[str, Any] = {}
        if "$ref" in schema:
            name = self._name(schema["$ref"], base)
            needs.add(name)
            out["$ref"] = _REF + name
            if self.old:
                about = schema.get("description")
                return {**out, "description": about} if isinstance(about, str) else out
        _check_type(schema.get("type"))
        hidden = self._hidden(schema, base, side)
        for keyword, value in schema.items():
            if keyword == "$ref" or keyword in _DROPPED or keyword.startswith("x-"):
                continue
            out[keyword] = self._keyword(keyword, value, (base, side), needs)
        self._alternatives(schema, base, out)
        _hide(out, hidden)
        if "example" in schema and "examples" not in out:
            out["examples"] = [schema["example"]]
        return _old_words(out, schema) if self.old or "nullable" in schema else _sound(out)

    def _keyword(self, keyword: str, value: Any, at: tuple[str, str], needs: set[str]) -> Any:
        """The value of a keyword; one of the wrong kind stays, and is refused with its path."""
        if keyword in _ONE and isinstance(value, dict):
            return self._schema(value, *at, needs)
        if keyword in _SEVERAL and isinstance(value, list):
            return [self._schema(one, *at, needs) for one in value]
        if keyword in _NAMED and isinstance(value, dict):
            return {name: self._schema(one, *at, needs) for name, one in value.items()}
        return value

    def _hidden(self, schema: dict[str, Any], base: str, side: str) -> set[str]:
        """The properties that this side does not have, those of ``allOf`` included."""
        word = _HIDING[side]
        found: set[str] = set()
        pending = [(schema, base)]
        for _ in range(64):
            if not pending:
                break
            one, home = pending.pop()
            properties = one.get("properties")
            for name, inner in properties.items() if isinstance(properties, dict) else ():
                meant, _ = self.followed(inner, home)
                if any(
                    isinstance(said, dict) and said.get(word) is True for said in (inner, meant)
                ):
                    found.add(name)
            branches = one.get("allOf")
            for branch in branches if isinstance(branches, list) else ():
                meant, away = self.followed(branch, home)
                if isinstance(meant, dict):
                    pending.append((meant, away))
        return found

    def _alternatives(self, schema: dict[str, Any], base: str, out: dict[str, Any]) -> None:
        """What ``discriminator`` says of each alternative, as a constant of its own."""
        said = schema.get("discriminator")
        if not isinstance(said, dict) or not isinstance(said.get("propertyName"), str):
            return
        mapping = said.get("mapping")
        words: dict[str, list[str]] = {}
        for word, target in mapping.items() if isinstance(mapping, dict) else ():
            if not isinstance(target, str):
                raise UncarriedError("a discriminator whose mapping names no schema")
            is_name = "/" not in target and "#" not in target and "." not in target
            reference = f"#/components/schemas/{target}" if is_name else target
            words.setdefault(_REF + self._name(reference, base), []).append(word)
        for keyword in ("oneOf", "anyOf"):
            branches = out.get(keyword)
            for branch in branches if isinstance(branches, list) else ():
                target = branch.get("$ref") if isinstance(branch, dict) else None
                if isinstance(target, str):
                    branch["required"] = [said["propertyName"]]
                    meant = words.get(target) or self._implied(target, said["propertyName"])
                    if meant:
                        value = {"const": meant[0]} if len(meant) == 1 else {"enum": meant}
                        branch["properties"] = {said["propertyName"]: value}

    def _implied(self, target: str, field: str) -> list[str]:
        """The word of an alternative without a mapping: its name, where it says none itself."""
        base, pointer = self._places[target.removeprefix(_REF)]
        pending = [(self._library.find(f"#{pointer}", base).value, base)]
        for _ in range(64):
            if not pending:
                break
            one, home = self.followed(*pending.pop())
            if not isinstance(one, dict):
                continue
            properties = one.get("properties")
            own = properties.get(field) if isinstance(properties, dict) else None
            own, _ = self.followed(own, home)
            if isinstance(own, dict) and ("const" in own or "enum" in own):
                return []
            branches = one.get("allOf")
            pending += [(b, home) for b in (branches if isinstance(branches, list) else ())]
        last = unquote(pointer).rpartition("/")[2]
        return [last.replace("~1", "/").replace("~0", "~")]


def _check_type(named: Any) -> None:
    """Refuses a type that JSON does not have, which would otherwise allow anything."""
    for word in named if isinstance(named, list) else [named]:
        if isinstance(word, str) and word not in _TYPES:
            near = get_close_matches(word, _TYPES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UncarriedError(f"a schema of the type {short(word)}, which JSON has not{hint}")


def _hide(out: dict[str, Any], hidden: set[str]) -> None:
    if not hidden:
        return
    if isinstance(out.get("properties"), dict):
        out["properties"] = {k: v for k, v in out["properties"].items() if k not in hidden}
    if isinstance(out.get("required"), list):
        kept = [n for n in out["required"] if not isinstance(n, str) or n not in hidden]
        out["required"] = kept
        if not out["required"]:
            del out["required"]


def _old_words(out: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI 3.0 says in its own words: bounds that are flags, and ``nullable``."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(out.get(flag), bool) and out.pop(flag) and bound in out:
            out[flag] = out.pop(bound)
    if out.get("format") == "byte":
        del out["format"]
        out["contentEncoding"] = "base64"
    out = _sound(out)
    if schema.get("nullable") is not True:
        return out
    if isinstance(out.get("type"), str) and not any(word in out for word in (*_SEVERAL, "$ref")):
        out["type"] = [out["type"], "null"]
        if isinstance(out.get("enum"), list) and None not in out["enum"]:
            out["enum"] = [*out["enum"], None]
        return out
    words = [name for name in ("description", "default", "title") if name in out]
    kept: dict[str, Any] = {name: out.pop(name) for name in words}
    return {**kept, "anyOf": [out, {"type": "null"}]} if out else kept


def _sound(out: dict[str, Any]) -> dict[str, Any]:
    """The schema without a pattern that Python cannot read, or not in time; the server knows it."""
    pattern = out.get("pattern")
    if isinstance(pattern, str) and not _is_readable(pattern):
        out["x_pattern"] = out.pop("pattern")
    named = out.get("patternProperties")
    if isinstance(named, dict):
        for pattern in named:
            if not _is_readable(pattern):
                raise UncarriedError(f"a pattern of properties, {short(pattern)}, is not readable")
    if out.get("format") == "int64" and out.get("type") in ("integer", ["integer", "null"]):
        del out["format"]  # as every integer of altar's
    required = out.get("required")
    if isinstance(required, bool):  # of parameters, and often misplaced
        del out["required"]
    return out


@lru_cache(maxsize=4096)
def _is_readable(pattern: str) -> bool:
    if may_run_away(pattern):
        return False
    try:
        Schema.from_dict({"pattern": pattern})
    except InvalidDataError:
        return False
    return True


def completed(declared: FunctionDeclaration, parameters: str, returns: str) -> FunctionDeclaration:
    """A declaration whose schemas stood on stubs, with these texts for their ``$defs``."""
    extensions = declared.extensions
    parts = [
        f"{compact(name)}:{_on(value, returns) if name == 'x_returns' else compact(value)}"
        for name, value in extensions.items()
    ]
    return FunctionDeclaration.trusted(
        declared.name,
        declared.description,
        _on(declared.parameters.document, parameters),
        "{" + ",".join(parts) + "}" if parts else None,
    )


def _on(document: Any, definitions: str) -> str:
    if not definitions:
        return compact(document)
    text = compact({name: value for name, value in document.items() if name != "$defs"})
    return f'{text[:-1]},"$defs":{definitions}}}'
