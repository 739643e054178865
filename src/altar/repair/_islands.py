"""Sound objects and arrays inside a damaged text, passed whole by the C scanner."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from altar.repair._sound import sound

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["island"]

# What fails costs at most this share of the text in all, and a little; past it, everything is
# read step by step. An error counts the lines before it, which is quick, and counted too.
_SHARE, _FREE, _LINES = 2, 65536, 16
_SELDOM = 24  # after bad luck, only one container in so many is tried
_SMALL = 4096
_PLAUSIBLE = re.compile(r"\{\s*(?:\"|\})|\[\s*(?:[\[{\]\"\d-]|true|false|null)")
_COMMA_FIRST = re.compile(r"\n[ \t]*,")
_LATEX = re.compile(r"\\[bf]")


def island(s: State, at: int) -> int:
    """Where the object or array at ``at`` ends, when it is sound; -1 when it is not.

    Up to a fault that is known already, only small ones are passed: what
    holds the fault is entered, and what it holds is tried.
    """
    text = s.text
    s.luck -= 1
    if (s.luck < 0 and s.luck % _SELDOM) or not _PLAUSIBLE.match(text, at):
        return -1
    known = at < s.fault
    piece, first = text[at : at + _SMALL], 0
    try:
        end = _end(piece, retry=not known)
        if end < 0:
            piece, first = text, at
            _, end = sound(piece, first)
    except json.JSONDecodeError as error:
        fault = error.pos - first
    except StopIteration as stop:
        fault = stop.value - first
    except (ValueError, RecursionError):
        fault = _SMALL
    else:
        if _is_odd(piece, first, end) or s.has_commands(at, at - first + end):
            return -1
        s.luck = min(max(s.luck, 0) + 2, 8)
        return int(at - first + end)
    s.failed += fault
    if not known:
        s.fault = at + fault
        s.failed += s.fault // _LINES if piece is text else 0
    if s.failed > _SHARE * len(text) + _FREE:
        s.islands = False
    return -1


def _end(piece: str, *, retry: bool) -> int:
    """Where the value ends that begins a piece of text; with ``retry``, -1 where the piece does."""
    try:
        return int(sound(piece, 0)[1])
    except (json.JSONDecodeError, StopIteration) as error:
        if retry and _is_cut(error, len(piece)):
            return -1
        raise


def _is_cut(error: json.JSONDecodeError | StopIteration, length: int) -> bool:
    """Whether the C scanner failed because the piece of text it was given, so long, ends."""
    if isinstance(error, StopIteration):
        return length == _SMALL and bool(error.value >= length)
    return length == _SMALL and (error.pos >= length - 8 or error.msg.startswith("Unterm"))


def _is_odd(text: str, start: int, end: int) -> bool:
    """Whether a sound object or array holds what in broken documents means something else."""
    # backspaces and form feeds begin LaTeX commands
    if text.find("\\", start, end) >= 0 and _LATEX.search(text, start, end):
        return True
    # a comma that begins a line may follow a closer that was lost
    return text.find("\n", start, end) >= 0 and _COMMA_FIRST.search(text, start, end) is not None
