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
    piece, first = (text[at : at + _SMALL], 0) if known else (text, at)
    try:
        _, end = sound(piece, first)
    except json.JSONDecodeError as error:
        fault = error.pos
    except StopIteration as stop:
        fault = stop.value
    except (ValueError, RecursionError):
        fault = first + _SMALL
    else:
        # backspaces and form feeds begin LaTeX commands, in documents that are broken
        if piece.find("\\", first, end) >= 0 and _LATEX.search(piece, first, end):
            return -1
        # a comma that begins a line may follow a closer that was lost
        if piece.find("\n", first, end) >= 0 and _COMMA_FIRST.search(piece, first, end):
            return -1
        s.luck = min(max(s.luck, 0) + 2, 8)
        return int(at - first + end)
    if known:
        s.failed += min(fault, _SMALL)
    else:
        s.fault = fault
        s.failed += fault - at + fault // _LINES
    if s.failed > _SHARE * len(text) + _FREE:
        s.islands = False
    return -1
