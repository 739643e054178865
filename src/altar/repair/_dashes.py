"""Lists in the manner of YAML: a dash before each element, a line for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import close_inner
from altar.repair._state import Frame, Mode

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["DASH", "begin_dashes", "dashed"]

DASH = "-"  # the closer of such a list, which never stands in the text
_FIRST = re.compile(r"-[ \t]+(?=[^\s-])")
_NEXT = re.compile(r"[ \t]*\r?\n[ \t]*(-[ \t]+)(?=[^\s-])")


def begin_dashes(s: State) -> bool:
    """Enter the list whose first dash stands here, on a line of its own; False where none does."""
    text, at = s.text, s.pos
    found = _FIRST.match(text, at)
    line = text.rfind("\n", max(0, at - 200), at)
    if found is None or line < 0 or text[line:at].strip() or s.stack[-1].kind != "{":
        return False
    s.edit(at, at, "[", "missing_opener")
    s.edit(at, found.end(), "", "markdown")
    s.push(Frame("[", at, close=DASH))
    s.stack[-2].value = -1
    s.pos = found.end()
    s.mode = Mode.VALUE
    return True


def dashed(s: State) -> None:
    """Go on with the next dash, or close the list."""
    s.need(s.pos)
    found = _NEXT.match(s.text, s.pos)
    if found is None:
        close_inner(s, 1, s.pos)
        return
    s.edit_after(s.pos, ",", "missing_comma")
    s.edit(*found.span(1), "", "markdown")
    s.pos = found.end()
    s.mode = Mode.VALUE
