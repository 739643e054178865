"""Runs of members in one foreign style, as Python and JavaScript write them, in one step each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._patterns import NUMBER_TEXT, STRING_TEXT
from altar.repair._state import Edit

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["BARE", "SINGLE", "elements_in_style", "members_in_style"]

SINGLE, BARE = "single", "bare"

_TEXT = r"'[^'\"\\\x00-\x1f]*+'"
_WORD = r"[^\W\d][\w-]*+"
_NAMES = {SINGLE: _TEXT, BARE: _WORD}
_VALUES = {
    SINGLE: rf"(?:{_TEXT}|{NUMBER_TEXT}|True|False|None)",
    BARE: rf"(?:{STRING_TEXT}|{NUMBER_TEXT}|true|false|null)",
}
_MEMBERS: dict[tuple[str, int], re.Pattern[str]] = {}
_ELEMENTS = re.compile(
    rf"(?:[ \t\n\r]*+(?:{_TEXT}(?=\s*,\s*')|{NUMBER_TEXT}|True|False|None),"
    r"(?=\s*['\d\[{TFN-]))*+"
)
_SINGLES = re.compile(r"'([^']*+)'|(True|False|None)").finditer
_BARES = re.compile(rf"{STRING_TEXT}|({_WORD})(?=\s*:)").finditer
_READ = {"True": "true", "False": "false", "None": "null"}
_new = tuple.__new__  # a third of what Edit(...) costs


def _members(style: str, indent: int) -> re.Pattern[str]:
    """The pattern for a run; with an indentation, of members that have a line each."""
    found = _MEMBERS.get((style, indent))
    if found is None:
        blank = rf"\r?\n[ \t]{{{indent}}}" if 0 <= indent <= 64 else r"[ \t\n\r]*+"
        name = _NAMES[style]
        found = _MEMBERS[style, indent] = re.compile(
            rf"(?:{blank}{name}[ \t]*+:\s*{_VALUES[style]},(?={blank}{name}[ \t]*+:))*+"
        )
    return found


def members_in_style(s: State, style: str, indent: int) -> int:
    """Pass the members from the scanner's position on that are all of one style: where they end."""
    start = s.pos
    found = _members(style, indent).match(s.text, start)
    end = found.end() if found else start
    if end > start:
        _note(s, style, start, end)
    return end


def elements_in_style(s: State) -> int:
    """Pass the elements from the scanner's position on that Python wrote: where they end."""
    start = s.pos
    found = _ELEMENTS.match(s.text, start)
    end = found.end() if found else start
    if end > start:
        _note(s, SINGLE, start, end)
    return end


def _note(s: State, style: str, start: int, end: int) -> None:
    """The edits of a run."""
    if style == BARE:
        s.edits += [
            _new(Edit, (first, last, f'"{word}"', "bare_key"))
            for found in _BARES(s.text, start, end)
            for (first, last), word in ((found.span(), found[1]),)
            if word is not None
        ]
        return
    s.edits += [
        _new(Edit, (first, last, f'"{text}"', "quotes"))
        if text is not None
        else _new(Edit, (first, last, _READ[found[2]], "literal"))
        for found in _SINGLES(s.text, start, end)
        for (first, last), text in ((found.span(), found[1]),)
    ]
