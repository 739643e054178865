"""Where values stand in valid JSON text: one pass that stops for the wanted places alone."""

from __future__ import annotations

import re
from json import loads
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Span", "spans"]

Path = tuple[str | int, ...]

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SCALAR: Final = re.compile(r"[^\s,:\[\]{}\"]+")
# everything up to the next bracket; strings are passed over whole
_INSIDE: Final = re.compile(r'[^"\[\]{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"\[\]{}]*)*', re.DOTALL)


class Span(NamedTuple):
    """A value at characters ``start`` to ``end``; ``name`` spans its key, quotes and all."""

    start: int
    end: int
    name: tuple[int, int] | None


class _Wanted:
    """A place on the way to a wanted one, or one itself."""

    __slots__ = ("below", "of_visit", "path", "span", "visits")

    def __init__(self) -> None:
        self.below: dict[Any, _Wanted] = {}
        self.path: Path | None = None
        self.span: Span | None = None
        self.visits = 0  # how often its value began: of a name that comes twice the later counts
        self.of_visit = 0  # the visit of the place above to which the span belongs


def spans(text: str, paths: Iterable[Path]) -> dict[Path, Span]:
    """The spans of the values at ``paths``; those that are not there are left out.

    Of a name that comes twice the later value counts, as in reading. For
    text that is no valid JSON the spans up to the fault are found. Linear,
    and without recursion.
    """
    root = _Wanted()
    for path in paths:
        place = root
        for step in path:
            place = place.below.setdefault(step, _Wanted())
        place.path = path
    _Pass(text).run(root)
    found: dict[Path, Span] = {}
    todo = [root]
    while todo:
        place = todo.pop()
        if place.span is not None and place.path is not None:
            found[place.path] = place.span
        todo += [below for below in place.below.values() if below.of_visit == place.visits]
    return found


class _Frame:
    """An array or object that is being read because something wanted may be in it."""

    __slots__ = ("index", "is_object", "name", "place", "start")

    def __init__(self, place: _Wanted, start: int, is_object: bool, name: Any) -> None:
        self.place = place
        self.start = start
        self.is_object = is_object
        self.name = name
        self.index = 0


class _Pass:
    """One pass over the text."""

    __slots__ = ("frames", "place_at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.frames: list[_Frame] = []
        self.place_at = 0

    def run(self, root: _Wanted) -> None:
        """Note the spans of ``root`` and of what is wanted below it."""
        self._value(root, None)
        while self.frames:
            frame = self.frames[-1]
            start = self.text[self._next() : self.place_at + 1]
            if start == "," and frame.index:
                self.place_at += 1
                start = self.text[self._next() : self.place_at + 1]
            if start in {"]", "}", ""}:
                if not start:
                    return
                self.place_at += 1
                self.frames.pop()
                frame.place.span = Span(frame.start, self.place_at, frame.name)
                continue
            if not self._member(frame):
                return

    def _member(self, frame: _Frame) -> bool:
        """Read one member or item; False where the text is no JSON."""
        step: Any = frame.index
        frame.index += 1
        name = None
        if frame.is_object:
            match = _STRING.match(self.text, self.place_at)
            if match is None:
                return False
            name = match.span()
            self.place_at = match.end()
            if self.text[self._next() : self.place_at + 1] != ":":
                return False
            self.place_at += 1
            self._next()
            step = _read(match[0])
        place = frame.place.below.get(step)
        if place is not None:
            place.of_visit = frame.place.visits
        return self._value(place, name)

    def _value(self, place: _Wanted | None, name: Any) -> bool:
        """Pass over the value here, or begin it where something below is wanted."""
        text, start = self.text, self._next()
        first = text[start : start + 1]
        is_container = first == "{" or first == "["
        if place is not None:
            place.visits += 1
            place.span = None
            if is_container and place.below:
                self.frames.append(_Frame(place, start, first == "{", name))
                self.place_at = start + 1
                return True
        if is_container:
            end = _closed(text, start)
        else:
            match = (_STRING if first == '"' else _SCALAR).match(text, start)
            end = match.end() if match else -1
        if end < 0:
            return False
        self.place_at = end
        if place is not None:
            place.span = Span(start, end, name)
        return True

    def _next(self) -> int:
        """The place of the next character that is no space."""
        match = _SPACE.match(self.text, self.place_at)
        if match:
            self.place_at = match.end()
        return self.place_at


def _closed(text: str, start: int) -> int:
    """Where the array or object that opens at ``start`` ends; -1 where it does not."""
    depth, place = 0, start
    while True:
        bracket = text[place : place + 1]
        if not bracket or bracket == '"':  # the end, or a string without one
            return -1
        depth += 1 if bracket in "[{" else -1
        place += 1
        if not depth:
            return place
        match = _INSIDE.match(text, place)
        place = match.end() if match else place


def _read(name: str) -> str:
    """A name as it reads; only one with a backslash needs more than its quotes taken off."""
    if "\\" not in name:
        return name[1:-1]
    try:
        return str(loads(name, strict=False))
    except ValueError:
        return name[1:-1]
