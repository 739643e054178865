"""Runs of members in one foreign style, as Python and JavaScript write them, in one step each."""

from __future__ import annotations

import re
from itertools import accumulate, repeat
from operator import itemgetter
from typing import TYPE_CHECKING

from altar.repair._patterns import NUMBER_TEXT, STRING_TEXT
from altar.repair._state import Edit

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["BARE", "SINGLE", "elements_in_style", "members_in_style"]

SINGLE, BARE = "single", "bare"

_W = r"[ \t\n\r]*+"
_TEXT = r"'[^'\\\x00-\x1f]*+'"
_WORD = r"[^\W\d][\w-]*+"
_NAMES = {SINGLE: r"'[^'\"\\\x00-\x1f]*+'", BARE: _WORD}
_LITERALS = {SINGLE: "True|False|None", BARE: "true|false|null"}
_TEXTS = {SINGLE: rf"{_TEXT}|{STRING_TEXT}", BARE: STRING_TEXT}
_FIRST = {SINGLE: r"['\"\d\[{TFN-]", BARE: r"[\"\d\[{tfn-]"}
_DEEP = 2  # containers in containers that are passed whole
_MEMBERS: dict[tuple[str, int, bool], re.Pattern[str]] = {}
_ELEMENTS: dict[tuple[str, int, bool], re.Pattern[str]] = {}
# the tokens of a run that are rewritten, and the texts that are not
_TOKENS = {
    SINGLE: re.compile(rf"({_TEXT}|True|False|None|{STRING_TEXT})").split,
    BARE: re.compile(rf"({STRING_TEXT}|{_WORD}(?=\s*:))").split,
}
_READ = {"True": "true", "False": "false", "None": "null"}
_CODE = itemgetter(3)
_new = tuple.__new__  # a third of what Edit(...) costs


def _containers(style: str) -> str:
    """The pattern for an object or array that is sound but for its style, all of it."""
    scalar = rf"{_TEXTS[style]}|{NUMBER_TEXT}|{_LITERALS[style]}"
    found = ""
    for _ in range(_DEEP):
        value = rf"(?:{scalar}{found})"
        found = (
            rf"|\{{{_W}(?:{_NAMES[style]}{_W}:{_W}{value}(?:,{_W}(?!\}})|{_W}(?=\}})))*+\}}"
            rf"|\[{_W}(?:{value}(?:,{_W}(?!\])|{_W}(?=\])))*+\]"
        )
    return found


def _blank(indent: int) -> str:
    return rf"\r?\n[ \t]{{{indent}}}" if 0 <= indent <= 64 else _W


def _members(style: str, indent: int, whole: bool) -> re.Pattern[str]:
    """The pattern for a run; with an indentation, of members that have a line each."""
    found = _MEMBERS.get((style, indent, whole))
    if found is None:
        blank, name = _blank(indent), _NAMES[style]
        value = rf"{_TEXTS[style]}|{NUMBER_TEXT}|{_LITERALS[style]}"
        if whole:
            value += _containers(style)
        found = _MEMBERS[style, indent, whole] = re.compile(
            rf"(?:{blank}{name}[ \t]*+:\s*+(?:{value}),(?={blank}{name}[ \t]*+:))*+"
        )
    return found


def _elements(style: str, indent: int, whole: bool) -> re.Pattern[str]:
    """As :func:`_members`, for elements."""
    found = _ELEMENTS.get((style, indent, whole))
    if found is None:
        quote = "['\"]" if style == SINGLE else '"'
        one = (
            rf"(?:(?:{_TEXTS[style]})(?=\s*,\s*{quote})|{NUMBER_TEXT}|{_LITERALS[style]})"
            rf",(?=\s*{_FIRST[style]})"
        )
        if whole:
            one += rf"|(?:{_containers(style)[1:]}),(?=\s*[\[{{])"
        found = _ELEMENTS[style, indent, whole] = re.compile(rf"(?:{_blank(indent)}(?:{one}))*+")
    return found


def members_in_style(s: State, style: str, indent: int) -> int:
    """Pass the members from the scanner's position on that are all of one style: where they end."""
    return _passed(s, style, _members(style, indent, s.islands))


def elements_in_style(s: State, style: str, indent: int) -> int:
    """Pass the elements from the scanner's position on that are all of one style."""
    return _passed(s, style, _elements(style, indent, s.islands))


def _passed(s: State, style: str, run: re.Pattern[str]) -> int:
    """Where a run ends; its edits are noted."""
    start = s.pos
    found = run.match(s.text, start)
    end = found.end() if found else start
    if end > start:
        parts = _TOKENS[style](s.text[start:end])
        tokens = parts[1::2]
        bounds = list(accumulate(map(len, parts), initial=start))
        after, code = {}, {}
        for token in set(tokens):
            after[token], code[token] = _rewritten(style, token)
        rows = zip(
            *(bounds[1:-1:2], bounds[2::2]),
            *(map(after.__getitem__, tokens), map(code.__getitem__, tokens)),
            strict=True,
        )
        s.edits += filter(_CODE, map(_new, repeat(Edit), rows))
    return end


def _rewritten(style: str, token: str) -> tuple[str, str]:
    """What stands for a token of a run, and the code of that; none for a text that is sound."""
    first = token[0]
    if first == '"':
        return token, ""
    if style == BARE:
        return f'"{token}"', "bare_key"
    if first != "'":
        return _READ[token], "literal"
    inner = token[1:-1]
    return '"' + (inner.replace('"', '\\"') if '"' in inner else inner) + '"', "quotes"
