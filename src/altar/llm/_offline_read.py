"""Typed extractors: how the offline demo model reads arguments out of a sentence."""

from __future__ import annotations

import re
from typing import Any

from altar.llm._ranking import STOP_WORDS, VERBS, resolve, takes_null, words_of

__all__ = ["MISSING", "Clause", "extract_object", "extract_value"]

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
_EASE = ("enum", "format", "boolean", "integer", "number", "object", "array")  # to recognise
_PLACE = re.compile(r"\b(?:in|for|of|at|from|to)\s+([A-Z][\w'\u2019-]*(?:\s+[A-Z][\w'\u2019-]*)*)")
_ANY_WORD = re.compile(r"[\w'\u2019]+")


class Clause:
    """A piece of the prompt; what an extractor takes is gone for the next one.

    ``topic`` holds the words that chose the tool: they carry no argument.
    ``root`` is the schema that is filled from it.
    """

    def __init__(self, text: str, root: dict[str, Any], topic: set[str]) -> None:
        self.text = text
        self.root = root
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
        label, listed = re.escape(name), r"[^\s,;]+(?:,[^\s,;=]++(?!=))*"
        found = self.take(rf"\b{label}(?:\s*[=:]\s*(\"[^\"]*\"|'[^']*'|{listed})|\s+\"([^\"]*)\")")
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
        return known or (opens and plain in VERBS)

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


def extract_object(clause: Clause, schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The arguments found in ``clause``, and the names of required ones that were not."""
    every, wanted = schema.get("properties", {}), schema.get("required", [])
    required = [name for name in wanted if not takes_null(every.get(name))]
    properties = {name: resolve(one, clause.root) for name, one in every.items()}
    stated = {name: clause.take_pair(name) for name in properties}
    found: dict[str, Any] = {name: None for name in wanted if name not in required}

    # what is easy to recognise is taken first, so that free text gets what is left
    def rank(name: str) -> tuple[int, bool]:
        easy, optional = _rank(properties[name], name), name not in required
        return easy + 9 * (optional and easy > 5), optional

    for name in sorted(properties, key=rank):
        value = _extract(clause, name, properties[name], name in required, stated[name])
        if value is not MISSING:
            found[name] = value
    missing = [name for name in required if name not in found]
    return {name: found[name] for name in properties if name in found}, missing


def extract_value(clause: Clause) -> tuple[Any, list[str]]:
    """The value of the whole schema found in ``clause``, and the names of what it lacks."""
    schema = resolve(clause.root, clause.root)
    if schema.get("type") == "object":
        return extract_object(clause, schema)
    value = _extract(clause, "answer", schema, True, None)
    return value, ["the answer"] if value is MISSING else []


def _rank(schema: dict[str, Any], name: str) -> int:
    kind = "enum" if "enum" in schema or "const" in schema else str(schema.get("type"))
    if kind == "string" and ("format" in schema or name in _HINTS):
        kind = "format"
    return _EASE.index(kind) if kind in _EASE else len(_EASE)


def _extract(clause: Clause, name: str, schema: Any, required: bool, stated: str | None) -> Any:
    """The value of one parameter; ``stated`` is what ``name=value`` says of it."""
    kind = schema.get("type")
    if "enum" in schema or "const" in schema:
        return _choice(clause, schema.get("enum") or [schema.get("const")], stated)
    if kind in ("integer", "number"):
        return _number(clause.take_number(name, required) if stated is None else stated, kind)
    if kind == "boolean":
        if stated is not None:
            return stated.lower() in ("true", "yes", "on", "1")
        found = clause.take(rf"\b((?:(?:no|not|without)\s+)?{re.escape(name.replace('_', ' '))})\b")
        return MISSING if found is None else not re.match("(?i)no |not |without ", found)
    if kind == "object" and clause.depth < _DEEPEST:
        clause.depth += 1
        value, missing = extract_object(clause, schema)
        clause.depth -= 1
        return value if required and not missing else MISSING
    if kind == "array":
        return _array(clause, name, resolve(schema.get("items"), clause.root), required, stated)
    if kind == "object" or stated is not None:
        return MISSING if stated is None else stated
    return _text(clause, name, schema, required)


def _choice(clause: Clause, choices: list[Any], stated: str | None) -> Any:
    if stated is not None:
        return next((one for one in choices if str(one).lower() == stated.lower()), MISSING)
    return next((one for one in choices if clause.take(rf"\b{re.escape(str(one))}\b")), MISSING)


def _text(clause: Clause, name: str, schema: Any, required: bool) -> Any:
    pattern = _FORMATS.get(str(schema.get("format", _HINTS.get(name))))
    found = clause.take(pattern) if pattern is not None else None
    if found is None and "format" not in schema:
        found = (clause.take_name() or clause.take_rest()) if required else clause.take(_PLACE)
    return MISSING if found is None else found


def _number(text: str | None, kind: str) -> Any:
    try:
        value = float((text or "").replace(",", ""))
    except ValueError:
        return MISSING
    if value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if kind == "number" and abs(value) != float("inf") else MISSING


def _array(clause: Clause, name: str, items: Any, required: bool, stated: str | None) -> Any:
    if items.get("type") == "string" and name in _HINTS:
        items = {"format": _HINTS[name], **items}
    plain = items.get("type") == "string" and not items.get("format") and "enum" not in items
    pieces = [piece for piece in re.split(r"\s*,\s*", stated or "") if piece]
    values = [_extract(clause, name, items, True, piece) for piece in pieces]
    while stated is None and len(values) < 64:
        if not plain:
            values.append(_extract(clause, name, items, required, None))
        else:
            values.append((clause.take_name() if required else clause.take(_QUOTED)) or MISSING)
        if values[-1] is MISSING:
            break
    return [value for value in values if value is not MISSING] or MISSING
