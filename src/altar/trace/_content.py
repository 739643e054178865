"""Content: what a span may keep of arguments, results and messages: JSON, of a bounded size.

It is copied when the span is told of it, so that nothing a program changes
afterwards changes a trace, and nothing large is held on to. Bytes are never
copied: their media type and their size stand for them.
"""

from __future__ import annotations

from itertools import islice
from json import JSONEncoder
from typing import Any

__all__ = ["MOST_CHARS", "bounded", "clipped", "json_text"]

MOST_CHARS = 16_384  # of one text
_MOST_ROOM = 65_536  # characters of one value, about
_MOST_ITEMS = 1_000  # of one array or object
_DEEPEST = 32
_FEW = 4  # values that fit together, however long each may be
_WORD = 512  # characters of the longest word that is kept from being halved
_ITEM = 8  # characters that an item takes beside its own

_encode = JSONEncoder(separators=(",", ":")).encode
_PLAIN = frozenset({bool, int, type(None)})


def clipped(text: str, room: int = MOST_CHARS) -> str:
    """The text, or its beginning and how much is missing."""
    if len(text) <= room:
        return text
    from altar.trace._redact import Cleaner  # noqa: PLC0415 - re, only where much is said

    # half of a secret is not known for one
    kept = Cleaner.current().shown(text, room) if room > 0 else ""
    head, space, _ = kept[-_WORD:].rpartition(" ") if room > _WORD else ("", "", "")
    if space:  # nor is half of a word known for somebody's name
        kept = kept[:-_WORD] + head + space
    return f"{kept}… [+{len(text) - len(kept)} characters]"


def json_text(value: Any) -> str:
    """The value as JSON text, shortened where it is large."""
    try:
        if value.__class__ is dict and _is_small(value):
            return _encode(value)
    except (TypeError, RuntimeError):  # odd keys, or another thread is changing it
        pass
    return _encode(bounded(value))


def _is_small(value: dict[Any, Any]) -> bool:
    """Whether it is as most arguments are: a few plain values, nothing to be shortened."""
    if len(value) > _FEW or "mime" in value:
        return False
    for one in value.values():
        kind = one.__class__
        if kind not in _PLAIN and (kind is not str or len(one) > MOST_CHARS):
            return False
    return True


def bounded(value: Any) -> Any:
    """A copy of the value as JSON, shortened where it is large."""
    kind = value.__class__
    if kind in _PLAIN:
        return value
    if kind is str:
        return value if len(value) <= MOST_CHARS else clipped(value)
    try:
        return _Copy().of(value, 0)
    except Exception as error:  # noqa: BLE001 - an object of the program's, with a fault of its own
        return f"<{type(value).__name__}: {type(error).__name__}>"


class _Copy:
    """One copy, and the room that is left for it."""

    __slots__ = ("_room",)

    def __init__(self) -> None:
        self._room = _MOST_ROOM

    def of(self, value: Any, depth: int) -> Any:
        kind = value.__class__
        if kind in _PLAIN:
            return value
        if kind is str:
            return self._text(value)
        if kind is float:
            return value if value - value == 0 else None
        if isinstance(value, dict):
            return self._object(value, depth)
        if isinstance(value, (list, tuple)):
            return self._array(value, depth)
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, (bytes, bytearray, memoryview)):
            return {"size": len(value)}
        return f"<{kind.__name__}>"

    def _text(self, text: str) -> str:
        room = min(MOST_CHARS, max(0, self._room))
        self._room -= len(text) + _ITEM
        return text if len(text) <= room else clipped(text, room)

    def _object(self, value: dict[Any, Any], depth: int) -> Any:
        if len(value) == 2 and isinstance(value.get("data"), str) and "mime" in value:
            return {"mime": self.of(value["mime"], depth), "size": _decoded(value["data"])}
        if depth >= _DEEPEST:
            return f"… [{len(value)} items]"
        out: dict[str, Any] = {}
        for key in islice(value, _MOST_ITEMS):
            if self._room <= 0:
                break
            self._room -= _ITEM
            name = key if key.__class__ is str else f"{key!s:.100}"
            out[clipped(name, 200)] = self.of(value[key], depth + 1)
        if len(out) < len(value):
            out["…"] = f"[+{len(value) - len(out)} items]"
        return out

    def _array(self, value: list[Any] | tuple[Any, ...], depth: int) -> Any:
        if depth >= _DEEPEST:
            return f"… [{len(value)} items]"
        out: list[Any] = []
        for one in islice(value, _MOST_ITEMS):
            if self._room <= 0:
                break
            self._room -= _ITEM
            out.append(self.of(one, depth + 1))
        if len(out) < len(value):
            out.append(f"… [+{len(value) - len(out)} items]")
        return out


def _decoded(text: str) -> int:
    """How many bytes a base64 text stands for."""
    return len(text) * 3 // 4 - text[-2:].count("=")
