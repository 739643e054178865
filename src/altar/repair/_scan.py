"""The scanner: walks damaged JSON once, with a stack of its own, and notes every edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.repair._after import after, close, end_of_text
from altar.repair._bare import bare_value
from altar.repair._lane import enter, lane
from altar.repair._layout import outdented
from altar.repair._names import bare_key, colon
from altar.repair._patterns import (
    ELEMENT_END,
    KEY,
    MEMBER_SCALAR,
    SCALAR,
    STRING_BEGINS,
    VALUE_END,
)
from altar.repair._reprs import string_argument
from altar.repair._row import row_without_opener
from altar.repair._skip import skip
from altar.repair._state import Frame, Mode, More
from altar.repair._strings import begin_string, go_on_string

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["scan", "start"]


def start(s: State) -> None:
    """Enter the object or array that begins where the scanner stands."""
    enter(s, s.text[s.pos], s.pos)


def scan(s: State) -> bool:
    """Go on until the value ends; False when the text that came so far does not say."""
    steps = _STEPS
    while s.mode != Mode.DONE:
        s.keep(s.pos)
        try:
            steps[s.mode](s)
        except More:
            del s.edits[s.marked :]
            s.pos = s.kept
            return False
    return True


def _item(s: State) -> None:
    """At the beginning of a member or element."""
    if row_without_opener(s, s.stack[-1]) or lane(s):
        return
    frame = s.stack[-1]
    if frame.kind == "[":
        s.need_token(s.pos)  # where it stands may say what is closed
        s.mode = Mode.VALUE
        return
    name = KEY.match(s.text, s.pos)
    if name is not None and (frame.indent < 0 or _in_line(s, frame, name.start(1))):
        s.key = name.start(1)
        s.pos = name.end()
        s.mode = Mode.VALUE
        s.comma = -1
        return
    s.need(s.pos)
    _name(s)


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
    if outdented(s, s.pos):
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
    if found is not None and not s.has_commands(at, found.end()):
        frame.value = at
        s.pos = found.end()
        frame.count += 1
        s.comma = -1
        s.mode = Mode.AFTER
        return
    c = text[at : at + 1]
    if c == "{" or c == "[":
        s.pos = at
        enter(s, c, at)
        return
    if not (inside and STRING_BEGINS.match(text, at)):
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
        enter(s, c, s.pos)
    elif c in "}])":
        close(s, c)
    elif s.stack[-1].close == ")" and string_argument(s):
        return
    elif not begin_string(s, c, key=False):
        bare_value(s)


_STEPS = {
    Mode.ITEM: _item,
    Mode.COLON: colon,
    Mode.VALUE: _value,
    Mode.AFTER: after,
    Mode.STRING: go_on_string,
}
