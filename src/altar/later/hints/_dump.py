"""dump: what a tool returned as JSON, whatever class it has."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._custom import on_change
from altar.later.hints._dumpers import DumpError, Full, dumper_for
from altar.later.hints._report import Path, written

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DumpError", "Dumped", "dump"]

_MAX_DEPTH: Final = 200
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_MAX_NOTES: Final = 20
_MAX_CLASSES: Final = 1024

_cache: dict[type, Any] = {}
on_change(_cache.clear)


class Dumped:
    """A result's JSON form.

    ``content`` is a fresh JSON value, safe for ``json.dumps(allow_nan=False)``
    and UTF-8; ``notes`` say what had to be changed, each with its path;
    ``truncated`` is the size in bytes before the cap, or None. It is a lower
    bound for lists, dicts and objects far beyond the cap, which are read from
    both ends only as far as they are kept.
    """

    __slots__ = ("content", "notes", "truncated")

    def __init__(self, content: Any, notes: tuple[str, ...], truncated: int | None) -> None:
        self.content = content
        self.notes = notes
        self.truncated = truncated

    def __repr__(self) -> str:
        return f"Dumped({self.content!r}, notes={self.notes!r}, truncated={self.truncated!r})"


def dump(value: Any, *, max_bytes: int = 65536) -> Dumped:
    """The JSON form of ``value``.

    NaN and infinities become None, integers beyond 64 bits text, lone
    surrogates U+FFFD, each with a note. What is larger than ``max_bytes`` in
    UTF-8 JSON becomes a text that keeps its head and tail. Raises DumpError
    for what JSON cannot say: a cycle, nesting beyond 200 levels, a live
    generator, an object that nothing describes.
    """
    cls = value.__class__
    if value is None or cls is bool or (cls is int and _MIN_INT <= value <= _MAX_INT):
        return Dumped(value, (), None)
    if cls is str and len(value) * 4 < max_bytes and value.isascii():
        return Dumped(value, (), None)
    walk = Walk(max_bytes)
    content = walk.text(value, None) if cls is str else _walked(walk, value)
    # six bytes a character is the most that JSON escapes can take
    if walk.size * 6 <= max_bytes:
        return Dumped(content, tuple(walk.notes), None)
    text = content if content.__class__ is str else _written(content)
    data = text.encode()
    size = len(data) + walk.clipped
    if not walk.cut and size + (2 if content.__class__ is str else 0) <= max_bytes:
        return Dumped(content, tuple(walk.notes), None)
    room = max(0, max_bytes - 120)
    tail, notes = data, walk.notes
    if walk.cut:
        back = Walk(room // 3, backwards=True)
        content = _walked(back, value)
        tail = (content if content.__class__ is str else _written(content)).encode()
        notes = list(dict.fromkeys([*notes, *back.notes]))[:_MAX_NOTES]
    ends = data[: room * 2 // 3], tail[len(tail) - room // 3 :]
    return _shortened(ends, notes, size, max_bytes, at_least=walk.cut)


def _walked(walk: Walk, value: Any) -> Any:
    try:
        return walk.put(value, None)
    except RecursionError:
        raise DumpError("it nests too deeply: return a flatter value") from None


class Walk:
    """One dump on its way: its notes, its size so far, the containers it stands in.

    ``size`` is between a sixth of the bytes and twice as many. A walk stops
    (``cut``) when it has more than the ``room`` it was given, whatever is
    still to come, so that values of any size, and parts shared many times,
    cost no more than what is kept of them; ``backwards``, it starts at the
    end. ``clipped`` counts the characters of long texts it left out.
    """

    __slots__ = ("backwards", "budget", "clipped", "cut", "notes", "open", "size")

    def __init__(self, room: int, *, backwards: bool = False) -> None:
        self.notes: list[str] = []
        self.open: set[int] = set()
        self.size = 0
        self.budget = 2 * room + 64
        self.backwards = backwards
        self.cut = False
        self.clipped = 0

    def note(self, path: Path, text: str) -> None:
        """Say what was changed; the first 20 are kept."""
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(f"{written(path)}: {text}")

    def put(self, value: Any, path: Path) -> Any:
        """The JSON form of one value."""
        if self.size > self.budget:
            self.cut = True
            raise Full
        cls = value.__class__
        if cls is str:
            return self.text(value if len(value) <= self.budget else self._clip(value), path)
        if value is None or cls is bool:
            self.size += 6
            return value
        if cls is int:
            return self.integer(value, path)
        if cls is float:
            return self.number(value, path)
        known = _cache.get(cls)
        if known is None:
            known = dumper_for(cls)
            if len(_cache) >= _MAX_CLASSES:
                _cache.clear()
            _cache[cls] = known
        if len(self.open) >= _MAX_DEPTH:
            raise DumpError(f"it nests deeper than {_MAX_DEPTH} levels: return a flatter value")
        mark = id(value)
        if mark in self.open:
            raise DumpError(f"it contains itself at {written(path)}: return a value without cycles")
        self.open.add(mark)
        self.size += 4
        out = known(value, self, path)
        self.open.discard(mark)
        return out

    def items(self, value: Any) -> Iterable[tuple[int, Any]]:
        """The items of a sequence with their indexes, as many as there may be room for."""
        if self.backwards:
            return zip(range(len(value) - 1, -1, -1), self._from_end(value), strict=False)
        if len(value) > self.budget:
            return enumerate(list(islice(value, self.budget)))
        return enumerate(list(value))

    def pairs(self, value: Any) -> Iterable[tuple[Any, Any]]:
        """The keys and values of a mapping, as many as there may be room for."""
        if self.backwards:
            return self._from_end(value.items())
        if len(value) > self.budget:
            return list(islice(value.items(), self.budget))
        return list(value.items())

    def _from_end(self, value: Any) -> list[Any]:
        try:
            return list(islice(reversed(value), self.budget))
        except TypeError:  # mappings of one's own may not know their end
            return list(value)[::-1]

    def _clip(self, value: str) -> str:
        self.cut = True
        self.clipped += len(value) - self.budget
        return value[-self.budget :] if self.backwards else value[: self.budget]

    def text(self, value: str, path: Path) -> str:
        """A text UTF-8 can write."""
        self.size += len(value) + 5
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                self.note(path, "lone surrogates were replaced by U+FFFD")
                return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value

    def integer(self, value: int, path: Path) -> int | str:
        """An integer of 64 bits, or the text of a larger one."""
        bits = value.bit_length()
        self.size += bits // 4 + 3
        if _MIN_INT <= value <= _MAX_INT:
            return value
        if bits > 13_000:  # the interpreter's own limit on decimal texts
            raise DumpError(f"an integer of {bits} bits at {written(path)} is too large")
        self.note(path, "an integer beyond 64 bits is given as text")
        return str(value)

    def number(self, value: float, path: Path) -> float | None:
        """A finite number, or None."""
        self.size += 6
        if value - value == 0.0:
            return value
        self.note(path, f"{value} is no JSON number and became null")
        return None


def _shortened(
    ends: tuple[bytes, bytes], notes: list[str], size: int, max_bytes: int, *, at_least: bool
) -> Dumped:
    """Head and tail of what is too large, and between them how much was left out."""
    head, tail = ends
    left_out = size - len(head) - len(tail)
    more = "at least " if at_least else ""
    marker = f"\n[... {more}{left_out} of {size} bytes left out ...]\n"
    short = head.decode(errors="ignore") + marker + tail.decode(errors="ignore")
    note = f"$: {more}{size} bytes were cut to {max_bytes}; head and tail are kept"
    return Dumped(short, (*notes, note), size)


def _written(content: Any) -> str:
    from json import dumps  # noqa: PLC0415 - only for large results

    return dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
