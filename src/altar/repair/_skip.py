"""What stands between tokens and is no JSON: white space, comments, ellipses, fences, tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import end_of_text, is_key_ahead
from altar.repair._patterns import COMMENT, ELLIPSIS, FENCE, SPACE, TAG, VALUE_AHEAD, WHITE
from altar.repair._state import Mode

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["skip"]

_AT_RISK = frozenset("/#.…`~<'*")
_COMMA_NEXT = frozenset(",}]) \t\r\n")
_GOES_ON = re.compile(r"\s*(?:[\]}{\[,\"]|\Z)")


def skip(s: State) -> bool:
    """Pass what is no JSON; True when the scanner's mode changed or the text ended here."""
    text = s.text
    while True:
        at = WHITE.match(text, s.pos).end()  # type: ignore[union-attr]
        if at >= len(text):
            s.pos = at
            return False
        c = text[at]
        if c > "~" or c in "\x0b\x0c":
            blank = SPACE.match(text, at)
            if blank is not None:
                s.edit(at, blank.end(), " ", "white_space")
                s.pos = blank.end()
                continue
        s.pos = at
        if c not in _AT_RISK:
            return False
        passed = _pass(s, c)
        if passed is None:
            return True
        if not passed:
            return False


def _pass(s: State, c: str) -> bool | None:
    """Pass one such thing: whether there was one; None when the scanner's mode changed."""
    mode = s.mode
    if c in "/#<" and _comment(s, c):
        return True
    if c in ".…" and _ellipsis(s):
        return True if s.mode != Mode.AFTER or mode == Mode.AFTER else None
    if c in "`'~":
        return _fence(s)
    if c == "<":
        return _tag(s)
    return False


def _comment(s: State, c: str) -> bool:
    text, at = s.text, s.pos
    if c == "#" and s.mode == Mode.VALUE and text[at + 1 : at + 2] not in " !#\t":
        return False  # a colour, a tag
    found = COMMENT.match(text, at)
    if found is None:
        return False
    if not s.final and found.end() >= len(text):
        s.need(found.end())
    end = found.end()
    if c == "#" or text.startswith("//", at):
        end = _members_in_comment(s, at, end)
    s.edit(at, end, "", "comment")
    s.pos = end
    return True


_CLOSING_LINE = re.compile(r"\s[}\]]\s*(?:,|[}\]]|$)")


def _members_in_comment(s: State, start: int, end: int) -> int:
    """Where a line comment ends: before what only makes sense as structure, on a single line."""
    if s.text.find("\n", end) >= 0 or end < len(s.text):
        return end  # the document has lines, so the comment has one too
    found = _CLOSING_LINE.search(s.text, start, end)
    return found.start() + 1 if found else end


def _ellipsis(s: State) -> bool:
    found = ELLIPSIS.match(s.text, s.pos)
    if found is None:
        return False
    end = found.end()
    frame = s.stack[-1] if s.stack else None
    if s.mode == Mode.VALUE and frame is not None and frame.kind == "{":
        s.edit(s.pos, end, "null", "ellipsis")
        frame.value = s.pos
        s.pos = end
        frame.count += 1
        s.mode = Mode.AFTER
        return True
    after = WHITE.match(s.text, end).end()  # type: ignore[union-attr]
    if s.mode != Mode.AFTER and s.text[after : after + 1] == ",":
        end = after + 1
    s.edit(s.pos, end, "", "ellipsis")
    s.pos = end
    return True


def _fence(s: State) -> bool | None:
    found = FENCE.match(s.text, s.pos)
    if found is None or (s.text[s.pos] == "'" and s.mode != Mode.AFTER):
        return False
    fresh = s.mode in (Mode.ITEM, Mode.VALUE) and s.stack and s.stack[-1].count == 0
    if fresh or (_GOES_ON.match(s.text, found.end()) and s.mode == Mode.AFTER and _open_later(s)):
        s.edit(s.pos, found.end(), "", "fence")
        s.pos = found.end()
        return True
    if s.mode == Mode.AFTER and _more_behind(s, found.end()):
        s.edit(s.pos, found.end(), "", "fence")
        s.pos = found.end()
        return True
    end_of_text(s)
    return None


def _open_later(s: State) -> bool:
    """Whether a closer for what is open follows the fence."""
    rest = s.text[s.pos : s.pos + 80].lstrip("`~' \n\r\t")
    return bool(s.stack) and rest[:1] == s.stack[-1].close


def _tag(s: State) -> bool | None:
    found = TAG.match(s.text, s.pos)
    if found is None:
        return False
    if s.mode == Mode.VALUE and s.text[s.pos + 1] not in "/|":
        return False  # a value without quotes
    if s.mode == Mode.AFTER and _more_behind(s, found.end()):
        s.edit(s.pos, found.end(), "", "stray_text")
        s.pos = found.end()
        return True
    end_of_text(s)
    return None


def _more_behind(s: State, end: int) -> bool:
    """Whether what is open goes on at ``end``: with its closer, or with a comma and more."""
    s.need(end)
    if not s.stack or s.text[end : end + 1] not in _COMMA_NEXT:
        return False
    at = WHITE.match(s.text, end).end()  # type: ignore[union-attr]
    if s.text[at : at + 1] != ",":
        return s.text[at : at + 1] == s.stack[-1].close
    at = WHITE.match(s.text, at + 1).end()  # type: ignore[union-attr]
    if s.stack[-1].kind == "{":
        return is_key_ahead(s.text, at)
    return VALUE_AHEAD.match(s.text, at) is not None
