"""Values side by side: elements whose array lost a bracket, objects and arrays without a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import end_of_text, row_before
from altar.repair._reckon import WRONG, cost_of, missing, signs, unmatched
from altar.repair._state import Frame, Mode, closer_of

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["container_as_name", "is_next_line", "to_array", "to_object", "wrap"]

_FIRST = re.compile(r"\{\s{0,40}(\"[^\"\n]{0,80}\"|'[^'\n]{0,80}'|[A-Za-z_$]\w{0,60})\s{0,40}:")


def wrap(s: State, start: int, code: str = "wrapped_array") -> Frame:
    """Put the latest value of the innermost frame, which begins at ``start``, into an array."""
    s.edit_before(start, start, "[", code)
    inner = Frame("[", start)
    inner.count = 1
    inner.value = start
    s.stack[-1].count -= 1
    s.stack[-1].value = -1
    s.stack.append(inner)
    s.mode = Mode.ITEM
    return inner


def to_array(s: State) -> bool:
    """Read the innermost object, which has no member yet, as an array; False where it cannot be."""
    frame = s.stack[-1]
    if s.text[frame.open] != "{" or frame.doubled or s.has_added("{", frame.open):
        return False
    s.edit_before(frame.open, frame.open + 1, "[", "set")
    frame.kind = "["
    if unmatched(s, s.pos) == "]":
        frame.close = "]"
    return True


def to_object(s: State) -> bool:
    """``["id": 1, "n": 2]``: read the innermost array as an object; its first element is a name.

    False where another opening bracket is likelier to be missing.
    """
    frame = s.stack[-1]
    closer = unmatched(s, s.pos)
    if s.text[frame.open] != "[" or frame.count or not closer:
        return False
    ahead = signs(s, s.pos)
    if closer == "]":
        if not _has_another(ahead):
            return False  # ["id": 1]: rather an object without its braces
    else:
        frames = "".join([one.kind for one in s.stack[-24:]])
        replaced = cost_of(frames[:-1] + "{", ahead, WRONG)
        if closer != "}" or replaced >= cost_of(frames + "{", ahead, missing(2)):
            return False
    s.edit_before(frame.open, frame.open + 1, "{", "missing_opener")
    frame.kind = "{"
    frame.close = closer
    return True


def _has_another(ahead: str) -> bool:
    """Whether another member follows before anything is closed that is open already."""
    depth = 0
    for c in ahead:
        if c in "{[":
            depth += 1
        elif c in "}]":
            depth -= 1
        elif c == ":" and depth == 0:
            return True
        if depth < 0:
            break
    return False


def is_next_line(s: State, at: int) -> bool:
    """Whether an object at ``at`` begins a line, as the root did, with the same name first.

    Such lines are values of their own, and the closers of those before are missing.
    """
    text, root = s.text, s.stack[0].open
    if text[at - 1] != "\n" or (root and text[root - 1] != "\n") or s.stack[0].kind != "{":
        return False
    own, name = _FIRST.match(text, root), _FIRST.match(text, at)
    return own is not None and name is not None and own[1] == name[1]


def container_as_name(s: State, c: str) -> None:
    """A bracket where a name belongs."""
    frame = s.stack[-1]
    if frame.count == 0:
        _first_in_object(s, frame, c)
        return
    if c == "{" and is_next_line(s, s.pos):
        end_of_text(s)
        return
    if s.comma >= 0 and frame.value >= 0 and s.text[frame.value] == c:
        if c == "[":
            _another_array(s, frame)
            return
        if _another_object(s, frame):
            return
    if len(s.stack) > 1 and s.stack[-2].kind == "[":
        _close_before(s, frame)
        return
    s.edit(s.pos, s.pos + 1, "", "missing_key")
    s.pos += 1
    frame.doubled = c == "{"


def _first_in_object(s: State, frame: Frame, c: str) -> None:
    """``{{"a": 1}}``: one brace too many; ``{[1], [2]}``: a set."""
    at = s.pos
    if c == "{" and at == frame.open + 1 and not frame.doubled:
        s.edit(at, at + 1, "", "double_brace")
        frame.doubled = True
        s.pos = at + 1
        return
    if to_array(s):
        s.mode = Mode.VALUE
        return
    s.edit(at, at + 1, "", "missing_key")
    s.pos = at + 1


def _another_array(s: State, frame: Frame) -> None:
    """``"m": [1, 0], [0, 1]``: rows that lost a bracket, or one array in two parts."""
    text, at = s.text, s.pos
    last = _sign_before(text, s.comma)
    if unmatched(s, at) == "}" or text[last] != "]":
        _in_two_parts(s, frame, last)
        return
    nested = text[frame.value + 1 : frame.value + 60].lstrip()[:1] == "["
    row = row_before(text, frame.value, last)
    if nested and row >= 0:  # [[1, 0], 0, 1], [1, 1]]
        s.edit_before(row, row, "[", "missing_opener")
        _reopen(s, frame)
    elif nested and text[_sign_before(text, last)] == "]":  # [[1, 0]], [0, 1]]
        s.edit_again(last, last + 1, "", "extra_closer")
        _reopen(s, frame)
    else:
        wrap(s, frame.value, "missing_opener")


def _reopen(s: State, frame: Frame) -> None:
    """Go on in the array that is the latest value of ``frame``, though it was closed."""
    inner = Frame("[", frame.value)
    inner.count = 1
    frame.count -= 1
    s.stack.append(inner)
    s.mode = Mode.VALUE


def _in_two_parts(s: State, frame: Frame, last: int) -> None:
    """``"a": ["x"], ["y"]``: one array."""
    at = s.pos
    if s.text[last] != "]":
        wrap(s, frame.value)
        return
    if not s.text[frame.value + 1 : last].strip():
        s.drop_comma(s.comma, at)
    s.edit_again(last, last + 1, "", "wrapped_array")
    s.edit(at, at + 1, "", "wrapped_array")
    _reopen(s, frame)
    s.pos = at + 1


def _another_object(s: State, frame: Frame) -> bool:
    """``"items": {"id": 1}, {"id": 2}]``: objects whose array lost its opening bracket."""
    text, at = s.text, s.pos
    closer = unmatched(s, at)
    if closer == "}":
        return False
    if len(s.stack) > 1 and s.stack[-2].kind == "[":
        name = _FIRST.match(text, at)
        own = _FIRST.match(text, frame.open)
        if name is not None and own is not None and name[1] == own[1]:
            return False
    wrap(s, frame.value, "missing_opener")
    return True


def _close_before(s: State, frame: Frame) -> None:
    """``[{"a": 1, {"a": 2}]``: the object before this one has no closer."""
    stop = s.comma
    if stop >= 0:
        s.edit_after(stop, closer_of(frame.kind), "missing_closer")
    else:
        s.edit(s.pos, s.pos, closer_of(frame.kind) + ",", "missing_closer")
    s.stack.pop()
    s.stack[-1].count += 1
    s.mode = Mode.VALUE


def _sign_before(text: str, at: int) -> int:
    """The last character before ``at`` that is no white space."""
    at -= 1
    while at > 0 and text[at].isspace():
        at -= 1
    return at
