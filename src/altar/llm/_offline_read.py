"""Typed extractors: how the offline demo model reads arguments out of a sentence."""

from __future__ import annotations

import re
from typing import Any

from altar.llm._ranking import STOP_WORDS, words_of

__all__ = ["MISSING", "Clause", "extract_object", "extract_value", "resolve"]

MISSING: Any = object()
_QUOTED = re.compile(r'"([^"]*)"|\u201c([^\u201d]*)\u201d|(?<!\w)\'([^\']*)\'(?!\w)|`([^`]*)`')
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]*@)")
_FORMATS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "uri": re.compile(r"https?://[^\s,;\"'>]+"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d(?::\d\d)?"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
_HINTS = {"email": "email", "to": "email", "recipient": "email", "url": "uri", "date": "date"}
_CAPITALS = re.compile(r"\b[A-Z][\w'\u2019-]*(?:\s+[A-Z][\w'\u2019-]*)*")
_AFTER = r"\b(?:in|for|of|at|from|to|about|named|called|with|on|by)\s+([^,;?!]+)"
_DEEPEST = 4
_PLACE = re.compile(r"\b(?:in|for|of|at|from|to)\s+([A-Z][\w'\u2019-]*(?:\s+[A-Z][\w'\u2019-]*)*)")
_ANY_WORD = re.compile(r"[\w'\u2019]+")
_VERB_TEXT = """find get search look call send compute calculate add make create list run check
translate convert book order read write open count multiply divide subtract sum use"""
_VERBS = frozenset(_VERB_TEXT.split())


class Clause:
    """A piece of the prompt; what an extractor takes is gone for the next one.

    ``topic`` holds the words that chose the tool: they carry no argument.
    """

    def __init__(self, text: str, topic: set[str]) -> None:
        self.text = text
        self.topic = topic
        self.depth = 0  # objects within objects; a type may hold itself

    def take(self, pattern: str | re.Pattern[str]) -> str | None:
        """The first match (its group, if it has one), which is then gone."""
        flags = re.IGNORECASE if isinstance(pattern, str) else 0
        match = re.compile(pattern, flags).search(self.text)
        if match is None:
            return None
        self.text = f"{self.text[: match.start()]} , {self.text[match.end() :]}"
        return next((group for group in match.groups() if group is not None), match.group())

    def take_pair(self, name: str) -> str | None:
        """The value of ``name=value``, ``name: value`` or ``name "value"``."""
        label = re.escape(name)
        found = self.take(rf"\b{label}(?:\s*[=:]\s*(\"[^\"]*\"|'[^']*'|[^\s,;]+)|\s+\"([^\"]*)\")")
        return found if found is None else found.strip("\"'")

    def take_number(self, name: str, required: bool) -> str | None:
        """The number beside the parameter's name, else (when required) the next one."""
        label, number = re.escape(name.replace("_", " ")), _NUMBER.pattern
        beside = self.take(rf"\b{label}s?\s+(?:of\s+|is\s+)?({number})")
        beside = beside or self.take(rf"({number})\s+{label}")
        return self.take(_NUMBER) if beside is None and required else beside

    def take_name(self) -> str | None:
        """Quoted text, else a capitalised name that is no word of the question."""
        found = self.take(_QUOTED)
        if found is not None:
            return found
        for match in _CAPITALS.finditer(self.text):
            words = match.group().split()
            opens = not self.text[: match.start()].strip(" ,")
            while words and self._asks(words[0], opens):
                words.pop(0)
            if words:
                name = " ".join(words)
                self.text = self.text.replace(name, " , ", 1)
                return name.removesuffix("'s")
        return None

    def _asks(self, word: str, opens: bool) -> bool:
        plain = re.split("['\u2019]", word)[0].lower()
        known = plain in STOP_WORDS or bool(self.topic & {*words_of(plain)})
        return known or (opens and plain in _VERBS)

    def take_rest(self) -> str | None:
        """What follows a preposition, else whatever words are left."""
        found = self.take(_AFTER)
        words = _ANY_WORD.findall(self.text if found is None else found)
        if found is None:
            words = [word for word in words if not self._asks(word, False)]
            self.text = ""
        while words and words[0].lower() in STOP_WORDS:
            words.pop(0)
        return " ".join(words) or None


def resolve(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a local $ref, and the first branch or type that is not null."""
    found: dict[str, Any] = schema if isinstance(schema, dict) else {}
    for _ in range(8):
        name = str(found.get("$ref", ""))
        branches = found.get("anyOf") or found.get("oneOf") or ()
        if name.startswith("#/$defs/"):
            found = root.get("$defs", {}).get(name[8:], {})
        elif branches:
            found = next((one for one in branches if one.get("type") != "null"), {})
    kinds = found.get("type")
    if isinstance(kinds, list):
        found = {**found, "type": next((kind for kind in kinds if kind != "null"), "null")}
    return found


def extract_object(
    clause: Clause, schema: dict[str, Any], root: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The arguments found in ``clause``, and the names of required ones that were not."""
    required = schema.get("required", [])
    properties = schema.get("properties", {})
    found: dict[str, Any] = {}

    # what is easy to recognise is taken first, so that free text gets what is left
    def rank(name: str) -> tuple[int, bool]:
        return _rank(resolve(properties[name], root), name), name not in required

    for name in sorted(properties, key=rank):
        value = _extract(clause, name, resolve(properties[name], root), root, name in required)
        if value is not MISSING:
            found[name] = value
    ordered = {name: found[name] for name in properties if name in found}
    return ordered, [name for name in required if name not in found]


def extract_value(clause: Clause, root: dict[str, Any]) -> tuple[Any, list[str]]:
    """The value of any schema found in ``clause``, and the names of what it lacks."""
    schema = resolve(root, root)
    if schema.get("type") == "object":
        return extract_object(clause, schema, root)
    value = _extract(clause, "answer", schema, root, True)
    return value, ["the answer"] if value is MISSING else []


def _rank(schema: dict[str, Any], name: str) -> int:
    if "enum" in schema or "const" in schema:
        return 0
    kind = schema.get("type")
    if kind == "string" and ("format" in schema or name in _HINTS):
        return 1
    return {"boolean": 2, "integer": 3, "number": 3, "object": 4, "array": 5}.get(str(kind), 6)


def _extract(
    clause: Clause, name: str, schema: dict[str, Any], root: dict[str, Any], required: bool
) -> Any:
    stated = clause.take_pair(name)
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if choices is not None:
        if stated is not None:
            return next((one for one in choices if str(one).lower() == stated.lower()), MISSING)
        taken = (one for one in choices if clause.take(rf"\b{re.escape(str(one))}\b"))
        return next(taken, MISSING)
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return _number(clause.take_number(name, required) if stated is None else stated, kind)
    if kind == "boolean":
        if stated is not None:
            return stated.lower() in ("true", "yes", "on", "1")
        found = clause.take(rf"\b((?:(?:no|not|without)\s+)?{re.escape(name.replace('_', ' '))})\b")
        denied = ("no ", "not ", "without ")
        return MISSING if found is None else not found.lower().startswith(denied)
    if kind == "object":
        return _object(clause, schema, root, required)
    if kind == "array":
        return _array(clause, name, resolve(schema.get("items", {}), root), root, required)
    if stated is None:
        pattern = _FORMATS.get(str(schema.get("format", _HINTS.get(name))))
        stated = clause.take(pattern) if pattern is not None else None
    if stated is None and "format" not in schema:
        stated = (clause.take_name() or clause.take_rest()) if required else clause.take(_PLACE)
    return MISSING if stated is None else stated


def _object(clause: Clause, schema: dict[str, Any], root: dict[str, Any], required: bool) -> Any:
    if clause.depth >= _DEEPEST:
        return MISSING
    clause.depth += 1
    value, missing = extract_object(clause, schema, root)
    clause.depth -= 1
    return value if required and not missing else MISSING


def _number(text: str | None, kind: str) -> Any:
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return MISSING
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if kind == "number" and abs(value) != float("inf") else MISSING


def _array(
    clause: Clause, name: str, items: dict[str, Any], root: dict[str, Any], required: bool
) -> Any:
    plain = items.get("type") == "string" and not items.get("format") and "enum" not in items
    found: list[Any] = []
    while len(found) < 64:
        if plain:
            value: Any = clause.take_name() if required else clause.take(_QUOTED)
        else:
            value = _extract(clause, name, items, root, required)
        if value is MISSING or value is None:
            break
        found.append(value)
    return found or MISSING
