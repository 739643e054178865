"""Layout: indentation that says what is closed, where a closer is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.repair._state import Mode, closer_of

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["outdented"]

_LINE = 200  # how far back the beginning of a line is looked for


def outdented(s: State, at: int) -> bool:
    """Close what the member or element at ``at``, further left than its frame's, says is closed.

    Only where it stands exactly where the members of a frame further out do.
    """
    stack = s.stack
    if stack[-1].indent <= 0 or s.comma < 0 or len(stack) < 2:
        return False
    line = s.text.rfind("\n", max(0, at - _LINE), at)
    if line < 0 or s.text[line + 1 : at].strip(" \t"):
        return False
    column = at - line - 1
    depth = len(stack)
    while depth and stack[depth - 1].indent > column:
        depth -= 1
    if depth in (0, len(stack)) or stack[depth - 1].indent != column:
        return False
    comma = s.comma
    closers = "".join([closer_of(frame.kind) for frame in reversed(stack[depth:])])
    s.edit_after(comma, closers, "missing_closer")
    while len(stack) > depth:
        s.pop()
    s.mode, s.comma = Mode.ITEM, comma
    return True
