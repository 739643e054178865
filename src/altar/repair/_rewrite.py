"""Documents in another script: escaped as a whole, in entities, in full-width signs."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from altar.repair._edits import apply
from altar.repair._items import Item
from altar.repair._state import Edit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Plain",
    "narrowed",
    "plain_of_doubled",
    "plain_of_entities",
    "plain_of_escapes",
    "widened",
]

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});?")
_DOUBLED = re.compile(r'""')
_RAW = {"n": "\n", "t": "\t", "r": "\r"}
_WIDE = dict(zip("｛｝［］【】，：", "{}[][],:", strict=True)) | dict(
    zip("０１２３４５６７８９－．＋", "0123456789-.+", strict=True)
)
# strings are passed whole; everything outside them is read sign by sign
_SIGNS = re.compile(
    r'"[^"\\]{0,4000}+(?:\\.[^"\\]{0,400}+){0,99}+"|＂[^＂]{0,4000}+＂|“[^”]{0,4000}+”|'
    r"[｛｝［］【】，：０-９－．＋]",
    re.DOTALL,
)


class Plain:
    """A text from a position on, rewritten; positions in it lead back to the text."""

    __slots__ = ("_made", "_make", "_pattern", "_sources", "code", "text")

    def __init__(
        self, code: str, pattern: re.Pattern[str], make: Callable[[re.Match[str]], str]
    ) -> None:
        self.code = code
        self.text = ""
        self._pattern = pattern
        self._make = make
        self._made = [0]
        self._sources = [0]

    def of(self, text: str, at: int, end: int) -> Plain:
        """Rewrite the text from ``at`` to ``end``."""
        self._made = [0]  # where each replacement ends in what is made
        self._sources = [at]  # and in the text
        pieces: list[str] = []
        length = 0
        for found in self._pattern.finditer(text, at, end):
            new = self._make(found)
            kept = text[self._sources[-1] : found.start()]
            pieces += kept, new
            length += len(kept) + len(new)
            self._made.append(length)
            self._sources.append(found.end())
        pieces.append(text[self._sources[-1] : end])
        self.text = "".join(pieces)
        return self

    def source(self, position: int) -> int:
        """Where a position lies in the text."""
        index = bisect_right(self._made, position) - 1
        return self._sources[index] + position - self._made[index]

    def item(self, item: Item) -> Item:
        """An item of the rewritten text as one of the text: mended by a single edit."""
        start, end = self.source(item.start), self.source(item.end)
        made = apply(self.text, item.edits, item.start, item.end)
        return Item(start, end, [Edit(start, end, made, self.code)], item.value, item.fenced)


def plain_of_escapes(text: str, at: int) -> Plain:
    """The text from ``at`` on without one layer of backslashes."""
    plain = Plain("unwrapped_escapes", _ESCAPE, lambda m: _RAW.get(m[1], m[1]))
    return plain.of(text, at, len(text))


def plain_of_entities(text: str, at: int) -> Plain:
    """The text from ``at`` on with its entities decoded."""
    return Plain("html_entity", _ENTITY, lambda m: html.unescape(m[0])).of(text, at, len(text))


def plain_of_doubled(text: str, at: int, end: int) -> Plain:
    """The text from ``at`` to ``end`` with doubled quotes made one."""
    return Plain("doubled_quotes", _DOUBLED, lambda _: '"').of(text, at, end)


def narrowed(text: str, at: int) -> tuple[str, list[int]]:
    """The text with the full-width signs of its structure made ASCII, and where they are.

    As long as the text, so positions are the same.
    """
    pieces: list[str] = []
    places: list[int] = []
    last = 0
    for found in _SIGNS.finditer(text, at):
        sign = _WIDE.get(found[0])
        if sign is not None:
            pieces += text[last : found.start()], sign
            last = found.end()
            places.append(found.start())
    pieces.append(text[last:])
    return "".join(pieces), places


def widened(item: Item, plain: str, places: list[int]) -> Item:
    """An item of a narrowed text, with the edits that narrow it."""
    edits: list[Edit] = []
    index = bisect_right(places, item.start - 1)
    for edit in item.edits:
        while index < len(places) and places[index] < edit.start:
            edits.append(_narrowing(plain, places[index]))
            index += 1
        while index < len(places) and places[index] < edit.end:
            index += 1
        edits.append(edit)
    while index < len(places) and places[index] < item.end:
        edits.append(_narrowing(plain, places[index]))
        index += 1
    return item._replace(edits=edits)


def _narrowing(plain: str, at: int) -> Edit:
    return Edit(at, at + 1, plain[at], "wrong_separator")
