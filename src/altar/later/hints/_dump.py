"""dump: what a tool returned as JSON, whatever class it has."""

from __future__ import annotations

from typing import Any, Final

from altar.later.hints._custom import on_change
from altar.later.hints._dumpers import DumpError, dumper_for
from altar.later.hints._report import Path, written

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
    ``truncated`` is the size in bytes before the cap, or None.
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
    walk = Walk()
    try:
        content = walk.put(value, None)
    except RecursionError:
        raise DumpError("it nests too deeply: return a flatter value") from None
    # six bytes a character is the most that JSON escapes can take
    if walk.size * 6 <= max_bytes:
        return Dumped(content, tuple(walk.notes), None)
    return _capped(content, tuple(walk.notes), max_bytes)


class Walk:
    """One dump on its way: its notes, its size so far, the containers it stands in."""

    __slots__ = ("notes", "open", "size")

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.open: set[int] = set()
        self.size = 0

    def note(self, path: Path, text: str) -> None:
        """Say what was changed; the first 20 are kept."""
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(f"{written(path)}: {text}")

    def put(self, value: Any, path: Path) -> Any:
        """The JSON form of one value."""
        cls = value.__class__
        if cls is str:
            return self.text(value, path)
        if value is None or cls is bool:
            self.size += 5
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
        out = known(value, self, path)
        self.open.discard(mark)
        return out

    def text(self, value: str, path: Path) -> str:
        """A text UTF-8 can write."""
        self.size += len(value) + 3
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                self.note(path, "lone surrogates were replaced by U+FFFD")
                return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value

    def integer(self, value: int, path: Path) -> int | str:
        """An integer of 64 bits, or the text of a larger one."""
        self.size += 8
        if _MIN_INT <= value <= _MAX_INT:
            return value
        if value.bit_length() > 13_000:  # the interpreter's own limit on decimal texts
            raise DumpError(
                f"an integer of {value.bit_length()} bits at {written(path)} is too large"
            )
        self.note(path, "an integer beyond 64 bits is given as text")
        self.size += value.bit_length() // 3
        return str(value)

    def number(self, value: float, path: Path) -> float | None:
        """A finite number, or None."""
        self.size += 8
        if value - value == 0.0:
            return value
        self.note(path, f"{value} is no JSON number and became null")
        return None


def _capped(content: Any, notes: tuple[str, ...], max_bytes: int) -> Dumped:
    """The content, or its head and tail when it is too large."""
    text = content if content.__class__ is str else _written(content)
    size = len(text.encode())
    if content.__class__ is str:
        size += 2
    if size <= max_bytes:
        return Dumped(content, notes, None)
    data = text.encode()
    room = max(0, max_bytes - 120)
    head, tail = data[: room * 2 // 3], data[len(data) - room // 3 :]
    left_out = len(data) - len(head) - len(tail)
    marker = f"\n[... {left_out} of {len(data)} bytes left out ...]\n"
    short = head.decode(errors="ignore") + marker + tail.decode(errors="ignore")
    note = f"$: {len(data)} bytes were cut to {max_bytes}; head and tail are kept"
    return Dumped(short, (*notes, note), len(data))


def _written(content: Any) -> str:
    from json import dumps  # noqa: PLC0415 - only for large results

    return dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
