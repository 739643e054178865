"""Strings: which quote ends one, which is content, and where one ends that has no end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._content import content, end_content
from altar.repair._foreign import end_quote
from altar.repair._patterns import DELIMITED, FENCE, KEY_AHEAD, QUOTES, WHITE
from altar.repair._roles import role_of
from altar.repair._rows import to_array
from altar.repair._state import WINDOW, Mode, More, Quoted
from altar.repair._unclosed import unclosed
from altar.repair._verdict import CLOSE, INNER, Verdict

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["begin_string", "go_on_string", "is_stray_quote"]

_SIMPLE = re.compile(r"'([^'\"\\\x00-\x1f]*)'(?=\s*(?:[:}\]]|,\s*['\"\d\[{\w-]))")
_STRAY = re.compile(r"[\"'”]\s*(?:[,}\]]|\Z)")
_TEXT_NEXT = re.compile(
    r",[ ]?(?!(?:true|false|null)\b)[^\W\d][^\":{}\[\]\n]{0,150}[^\s,]\"\s{0,9}[,}\]]"
)
_STOPS: dict[str, re.Pattern[str]] = {}
_SIGNS = "\"',;:+/)}] \t\r\n"
_SIGNS_LOOKED_AT, _LONGEST_COMMAND = 64, 16
_FAR = 20000  # how far away the end of a triple-quoted text is believed in


def is_stray_quote(s: State, at: int) -> bool:
    """Whether the quote at ``at``, after a value, opens nothing."""
    return s.text[at] in "\"'”" and _STRAY.match(s.text, at) is not None


def begin_string(s: State, c: str, *, key: bool) -> bool:
    """Enter the string that a quote begins here; False where no quote stands."""
    close = QUOTES.get(c)
    if close is None:
        return False
    text, at = s.text, s.pos
    if key and s.stack[-1].count == 0 and _is_set(s):
        key = False
    if c == "'" and (found := _SIMPLE.match(text, at)) is not None and not _apostrophe(text, found):
        s.edit(at, found.end(), f'"{found[1]}"', "quotes")
        _ended(s, at, found.end(), key=key)
        return True
    if c in "´`" and FENCE.match(text, at):
        return False
    string = Quoted(at + 1, at + 1, close, key=key)
    string.begin = at
    string.mark = c
    string.comma = s.comma
    if c in "\"'" and text[at + 1 : at + 2] == c:
        _doubled(s, string, c)
    width = string.start - at
    if width > 1 or c != '"':
        s.edit(at, string.start, '"', "quotes" if width == 1 else "doubled_quotes")
    s.string = string
    if key:
        s.key = at
    else:
        s.stack[-1].value = at
    s.comma = -1
    s.pos = string.start
    s.mode = Mode.STRING
    return True


_WORDS_TO_QUOTE = re.compile(r",\s*[A-Za-z][^'\"\n{}\[\]:,]{0,80}'\s*[,}\]]")


def _apostrophe(text: str, found: re.Match[str]) -> bool:
    """Whether 'x' is followed by words up to another quote: ``'the dogs', the cats' toys'``."""
    return _WORDS_TO_QUOTE.match(text, found.end()) is not None


def _doubled(s: State, string: Quoted, c: str) -> None:
    """Two or three quotes in a row: an empty string, ``""text""``, or a triple-quoted text."""
    text, at = s.text, s.pos
    if text.startswith(c * 3, at) and not (
        s.stack[-1].kind == "{" and not string.key and KEY_AHEAD.match(text, at + 2)
    ):
        if text.startswith(c * 6, at) or _tripled(s, c * 3, at + 3):
            string.start = string.at = at + 3
            string.reach = 3
            if text.startswith(c * 4, at) and DELIMITED.match(text, at + 4):
                string.start = string.at = at + 2
                string.reach = 2
        elif DELIMITED.match(text, at + 3):
            pass
        else:
            string.start = string.at = at + 3
        return
    if DELIMITED.match(text, at + 2):
        return  # an empty string
    if KEY_AHEAD.match(text, at + 1) and not string.key:
        return  # an empty string, and a name right behind it
    if text[at + 2 : at + 3] in "\n\r \t" and not string.key:
        return
    end = text.find(c, at + 2, at + WINDOW - 2)
    twice = text.startswith(c, end + 1)
    if end >= 0 and not string.key and _TEXT_NEXT.match(text, end + 1):
        return  # the string begins with words in quotes
    if end < 0 or string.key or twice or DELIMITED.match(text, end + 1):
        string.start = string.at = at + 2
        string.reach = 2 if text.find(c * 2, at + 2, at + WINDOW - 2) >= 0 else 1


def _tripled(s: State, quotes: str, at: int) -> bool:
    """Whether three quotes in a row follow, that close a triple-quoted text."""
    if s.text.find(quotes, at, at + _FAR) >= 0:
        return True
    if not s.final and at + _FAR > len(s.text):
        raise More
    return False


def _is_set(s: State) -> bool:
    """Whether the first string after a brace is an element, not a name: ``{"a", "b"}``."""
    text = s.text
    found = _ELEMENT.match(text, s.pos)
    if found is None:
        return False
    if found[2] == ",":
        at = WHITE.match(text, found.end()).end()  # type: ignore[union-attr]
        if not (_ELEMENT.match(text, at) or _NUMBER_ELEMENT.match(text, at)):
            return False
    elif found[2] == "]" and len(s.stack) > 1 and s.stack[-2].kind == "[":
        return False
    return to_array(s)


_ELEMENT = re.compile(r"([\"'])[^\"'\\\n:{}\[\]]{0,150}\1\s*(,|[}\]])")
_NUMBER_ELEMENT = re.compile(r"-?\d+\s*[,}\]]")


def go_on_string(s: State) -> None:
    """Look for the end of the string the scanner is in."""
    string = s.string
    assert string is not None
    text = s.text
    stops = _stops(string)
    while True:
        found = stops.match(text, string.at)
        at = found.end()  # type: ignore[union-attr]
        if at >= len(text) or (text[at] == "\\" and at + 1 >= len(text)):
            _wait(s, string, min(at, len(text)))
            unclosed(s, string)
            return
        _wait(s, string, at)
        verdict = role_of(s, string, at)
        if verdict.role == INNER:
            _decided(s, string, at)
            if text[at] == '"':
                count = verdict.width // (2 if string.reach == 2 and verdict.width > 1 else 1)
                s.edit(at, at + verdict.width, '\\"' * count, "inner_quote")
                string.inner += 1
            string.at = at + verdict.width
            s.pos, s.marked = string.at, len(s.edits)
            continue
        _end(s, string, at, verdict)
        return


def _wait(s: State, string: Quoted, at: int) -> None:
    """As :meth:`State.need`; the content that is sure before ``at`` is taken already.

    Signs at its end may stand behind a quote that is missing, and what follows
    a backslash may make it that of a command or path.
    """
    text = s.text
    if s.final or at + WINDOW <= len(text):
        return
    low = max(string.at, at - _SIGNS_LOOKED_AT)
    sure = low + len(text[low:at].rstrip(_SIGNS))
    slash = text.find("\\", max(string.at, at - _LONGEST_COMMAND), sure)
    if slash >= 0:
        while slash > string.at and text[slash - 1] == "\\":
            slash -= 1
        sure = slash
    if sure > string.at:
        _decided(s, string, sure)
    raise More


def _stops(string: Quoted) -> re.Pattern[str]:
    """The pattern up to the next quote that might end the string."""
    found = _STOPS.get(string.close)
    if found is None:
        quotes = "".join({*string.close, '"'})
        found = re.compile(rf"[^\\{quotes}]*+(?:\\.[^\\{quotes}]*+)*+", re.DOTALL)
        _STOPS[string.close] = found
    return found


def _decided(s: State, string: Quoted, at: int) -> None:
    """Take the content up to ``at`` as it is; mend what stands in it."""
    content(s, string.at, at)
    string.at = at
    s.pos, s.marked = at, len(s.edits)


def _end(s: State, string: Quoted, at: int, verdict: Verdict) -> None:
    """End the string, at a quote or where one is missing."""
    if verdict.role == CLOSE:
        content(s, string.at, at)
        end = at + verdict.width
        if verdict.width > 1 or s.text[at] != '"':
            code = "quotes" if verdict.width == 1 else "doubled_quotes"
            s.edit(at, end, '"', code)
        _ended(s, string.begin, end, key=string.key)
        return
    end = verdict.end
    end_content(s, string, end)
    if verdict.width > 1:  # the content ends in a backslash that took the quote with it
        end += 1
    else:
        end_quote(s, string, end)
    _ended(s, string.begin, end, key=string.key)
    if string.key and verdict.resume > end:
        s.pos = verdict.resume


def _ended(s: State, start: int, end: int, *, key: bool) -> None:
    """A string ended at ``end``: a name waits for its colon, a value is there."""
    s.string = None
    s.pos = end
    s.comma = -1
    if not key:
        s.stack[-1].value = start
        s.stack[-1].count += 1
        s.mode = Mode.AFTER
        return
    s.key = start
    at = WHITE.match(s.text, end).end()  # type: ignore[union-attr]
    if s.text[at : at + 1] == ":":
        s.pos = at + 1
        s.mode = Mode.VALUE
    else:
        s.mode = Mode.COLON
