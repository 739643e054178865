"""What it costs to read on in one way or another: brackets ahead are weighed, a window of them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from altar.repair._ahead import Ahead
from altar.repair._state import WINDOW

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["EXTRA", "WRONG", "cost_of", "missing", "signs", "unmatched"]

# What one damage costs; the sum of all damage is what readings are compared by.
EXTRA, WRONG, _MISSING, _FURTHER, _MISFIT = 1.2, 1.0, 1.0, 0.3, 1.0
_LEFT_OPEN = 0.9
_REACH = 24  # frames a closer may reach over
_BUDGET = 3.5  # a reading that costs more is given up
_SIGNS = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"|([{}\[\](),])")
_STRETCH = 4  # windows that are looked at together
_OPENERS = {"}": "{", "]": "[", ")": "("}


def missing(depth: int) -> float:
    """What it costs that a closer closes the frame at ``depth``, 2 being the one around the top."""
    return _MISSING + _FURTHER * (depth - 2)


def unmatched(s: State, at: int) -> str:
    """The first closer from ``at`` on that nothing from there on opened; "" where none is near."""
    depth = 0
    for found in _SIGNS.finditer(s.text, at, min(len(s.text), s.pos + WINDOW)):
        c = found[1]
        if c is None or c == ",":
            continue
        if c in "{[(":
            depth += 1
        elif depth == 0:
            return c
        else:
            depth -= 1
    return ""


def signs(s: State, at: int) -> str:
    """The structure from ``at`` on, a sign each; a stroke ends it where the text ends.

    Brackets stand for themselves, ``:`` for a comma and a name, ``,`` for any other comma.
    """
    text = s.text
    limit = min(len(text), at + WINDOW)
    if s.ahead is None or not s.ahead.knows(at, limit):
        s.ahead = Ahead(text, at, at + _STRETCH * WINDOW)
    made = s.ahead.signs(text, at, limit)
    # a colon stays where a comma stands before its name
    made = made.replace(",:", ";").replace(":", "").replace(";", ":")
    return made + "|" if limit == len(text) else made


@lru_cache(maxsize=512)  # the same damage tends to come again and again
def cost_of(frames: str, ahead: str, spent: float = 0.0, budget: float = _BUDGET) -> float:
    """What the damage ahead costs when ``frames`` are open, outermost first; the least of it.

    Where it comes to more than ``budget``, any amount above that.
    """
    for at, c in enumerate(ahead, 1):
        if c == "|":
            return spent + _LEFT_OPEN * min(len(frames), 4)
        if not frames:
            return spent + (WRONG if c in ",:}]" else 0.0)
        if c in "{[":
            frames += c
        elif c in "}]":
            if frames[-1] != _OPENERS[c]:
                return _mismatch(frames, c, ahead[at:], spent, budget)
            frames = frames[:-1]
        elif _misfits(c, frames[-1], ahead[at : at + 1]):
            spent += _MISFIT
            if c == ":" and frames[-2:-1] == "{":
                frames = frames[:-1]
        if spent > budget:
            break
    return spent


def _misfits(c: str, frame: str, behind: str) -> bool:
    """Whether a name follows in an array, or something else than a name in an object."""
    if c == ":":
        return frame == "["
    return frame == "{" and behind not in ("}", "|", "")


def _mismatch(frames: str, c: str, ahead: str, spent: float, budget: float) -> float:
    """The least cost behind a closer that does not fit."""
    least = spent + min(WRONG, _MISSING)
    if least > budget:
        return least
    least = cost_of(frames[:-1], ahead, spent + WRONG, budget)
    below = frames.rfind(_OPENERS[c])
    if below >= 0 and len(frames) - below <= _REACH:
        cost = spent + missing(len(frames) - below)
        least = min(least, cost_of(frames[:below], ahead, cost, min(budget, least)))
    return min(least, cost_of(frames, ahead, spent + EXTRA, min(budget, least)))
