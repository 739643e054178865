"""What is found in a text: values with the edits that mend them, and spans that hold none."""

from __future__ import annotations

from typing import Any, NamedTuple

from altar.repair._scan import scan
from altar.repair._state import Edit, Frame, Mode, State
from altar.repair._types import UNREAD

__all__ = ["Found", "Item", "Mark", "read_as"]


class Item(NamedTuple):
    """One value: its span in the text and the edits that mend it.

    ``value`` is there when it was read on the way. ``fenced`` is true inside a
    code fence for data. ``doubts`` are the decisions that were near: where,
    and what the other reading is called.
    """

    start: int
    end: int
    edits: list[Edit]
    value: Any = UNREAD
    fenced: bool = False
    doubts: tuple[tuple[int, str], ...] = ()


class Mark(NamedTuple):
    """A span without a value of its own; ``code`` names the fix that leaves it out."""

    start: int
    end: int
    code: str


class Found(NamedTuple):
    """The values of a text and the spans that are known to be something else, in order."""

    items: list[Item]
    marks: list[Mark]


def read_as(text: str, start: int, at: int, kind: str, *, close: str = "", code: str = "") -> Item:
    """The members or elements from ``at`` on, as an object or array opened by ``kind``.

    The opening bracket stands in place of the text from ``start`` to ``at``.
    """
    s = State(text, at)
    s.edit(start, at, kind, code or "missing_opener")
    s.stack = [Frame(kind, at, close)]
    s.mode = Mode.ITEM
    scan(s)
    return Item(start, s.pos, s.edits)
