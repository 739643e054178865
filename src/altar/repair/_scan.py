"""The scanner: walks damaged JSON once, with a stack of its own, and notes every edit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from altar.repair._after import after, close, end_of_text
from altar.repair._bare import bare_key, bare_value, colon
from altar.repair._patterns import (
    ELEMENT_END,
    ELEMENTS,
    INDENT,
    KEY,
    MEMBER_SCALAR,
    SCALAR,
    VALUE_END,
    members_at,
)
from altar.repair._skip import skip
from altar.repair._state import Frame, Mode, More
from altar.repair._strings import begin_string, go_on_string

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["scan", "start"]


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_sound = json.JSONDecoder(parse_constant=_refuse).scan_once


def start(s: State) -> None:
    """Enter the object or array that begins where the scanner stands."""
    _open(s, s.text[s.pos])


def scan(s: State) -> bool:
    """Go on until the value ends; False when the text that came so far does not say."""
    steps = _STEPS
    while s.mode != Mode.DONE:
        s.marked = len(s.edits)
        try:
            steps[s.mode](s)
        except More:
            del s.edits[s.marked :]
            return False
    return True


def _item(s: State) -> None:
    """At the beginning of a member or element."""
    frame = s.stack[-1]
    text = s.text
    if frame.kind == "[":
        if s.comma > 0 and text[s.comma - 1] == "]" and _row_without_opener(s):
            return
        run = ELEMENTS.match(text, s.pos)
        if run is not None and run.end() > s.pos:
            s.pos = run.end()
            frame.count += 1
            s.comma = -1
        s.mode = Mode.VALUE
        return
    run = members_at(frame.indent).match(text, s.pos)
    if run is not None and run.end() > s.pos:
        s.pos = run.end()
        frame.count += 1
        s.comma = -1
    name = KEY.match(text, s.pos)
    if name is not None and (frame.indent < 0 or _in_line(s, frame, name.start(1))):
        s.key = name.start(1)
        s.pos = name.end()
        s.mode = Mode.VALUE
        s.comma = -1
        return
    s.need(s.pos)
    _name(s)


_ROW = re.compile(
    r"\s*(?:\"[^\"\n]{0,80}\"|-?[\d.]+|true|false|null)(?:\s*,\s*(?:\"[^\"\n]{0,80}\"|-?[\d.]+|"
    r"true|false|null)){0,12}\s*\]\s*(?:,\s*\[|\]\s*[,}\]])"
)


def _row_without_opener(s: State) -> bool:
    """``[[1, 2], 3, 4], [5, 6]]``: a row among rows lost its opening bracket."""
    found = _ROW.match(s.text, s.pos)
    if found is None:
        return False
    at = s.pos + len(found[0]) - len(found[0].lstrip())
    s.edit(at, at, "[", "missing_opener")
    s.push(Frame("[", at))
    s.pos = at
    s.mode = Mode.VALUE
    return True


def _in_line(s: State, frame: Frame, at: int) -> bool:
    """Whether a name stands at its frame's indentation, or on a line with others."""
    line = s.text.rfind("\n", s.pos, at)
    return line < 0 or at - line - 1 >= frame.indent


def _name(s: State) -> None:
    """A name that is not plainly sound, or what stands in its place."""
    if skip(s):
        return
    if s.pos >= len(s.text):
        end_of_text(s)
        return
    c = s.text[s.pos]
    if c in "}])":
        close(s, c)
    elif not begin_string(s, c, key=True):
        bare_key(s)


def _value(s: State) -> None:
    """At the beginning of a value."""
    text = s.text
    frame = s.stack[-1]
    at = s.pos
    inside = frame.kind == "{"
    if not inside:
        while at < len(text) and text[at] in " \t\n\r":
            at += 1
    if inside:
        found = MEMBER_SCALAR.match(text, at) or VALUE_END.match(text, at)
    else:
        found = SCALAR.match(text, at) or ELEMENT_END.match(text, at)
    if found is not None:
        frame.value = at
        s.pos = found.end()
        frame.count += 1
        s.comma = -1
        s.mode = Mode.AFTER
        return
    c = text[at : at + 1]
    if c == "{" or c == "[":
        s.pos = at
        _open(s, c)
        return
    s.need(at)
    _damaged_value(s)


def _damaged_value(s: State) -> None:
    """A value that is not plainly sound, or what stands in its place."""
    if skip(s):
        return
    if s.pos >= len(s.text):
        end_of_text(s)
        return
    c = s.text[s.pos]
    if c in "{[":
        _open(s, c)
    elif c in "}])":
        close(s, c)
    elif not begin_string(s, c, key=False):
        bare_value(s)


def _open(s: State, c: str) -> None:
    """An object or array: passed whole where it is sound, entered where it is not."""
    at = s.pos
    if s.islands and s.failed <= 2 * len(s.text) + 65536 and s.stack:
        try:
            _, end = _sound(s.text, at)
        except json.JSONDecodeError as error:
            s.failed += error.pos - at
        except (StopIteration, ValueError):
            s.failed += 1024
        except RecursionError:
            s.islands = False
        else:
            if not _latex(s.text, at, end):
                s.stack[-1].value = at
                s.stack[-1].count += 1
                s.comma = -1
                s.pos = end
                s.mode = Mode.AFTER
                return
    layout = INDENT.match(s.text, at + 1)
    s.push(Frame(c, at, indent=len(layout[1]) if layout else -1))
    s.pos = at + 1


def _latex(text: str, start: int, end: int) -> bool:
    """Whether a sound span holds backspaces or form feeds, written as LaTeX commands begin."""
    return text.find("\\b", start, end) >= 0 or text.find("\\f", start, end) >= 0


_STEPS = {
    Mode.ITEM: _item,
    Mode.COLON: colon,
    Mode.VALUE: _value,
    Mode.AFTER: after,
    Mode.STRING: go_on_string,
}
