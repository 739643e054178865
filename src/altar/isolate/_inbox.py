"""Inbox: the bytes that came from a worker, cut into frames; nothing it says is believed."""

from __future__ import annotations

from altar.isolate._wire import (
    CHUNK,
    HARD_LIMIT,
    HEADER,
    LOADED,
    READY,
    REFUSED,
    RESULT,
    RETIRED,
    WireError,
)

__all__ = ["Inbox", "OverLimitError"]

_SIZE = 65_536
_KINDS = frozenset({READY, LOADED, CHUNK, RESULT, REFUSED, RETIRED})
_ENVELOPE = 4096  # what a frame holds beside the value whose size is bounded
_head = HEADER.unpack_from


class OverLimitError(WireError):
    """A frame that says it is longer than may be; ``size`` is what it says."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a frame of {size:,} bytes; at most {limit:,} are taken")
        self.size = size
        self.limit = limit


class Inbox:
    """A buffer that is kept from call to call. ``limit`` is the longest body it takes."""

    __slots__ = ("_buffer", "_end", "_start", "_view", "limit")

    def __init__(self) -> None:
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self.limit = HARD_LIMIT

    def bound(self, max_bytes: int) -> None:
        """Take values of ``max_bytes`` at most."""
        self.limit = min(max_bytes + _ENVELOPE, HARD_LIMIT)

    def space(self) -> memoryview:
        """Where to receive into; never empty."""
        if self._end == len(self._buffer):
            self._make_room()
        return self._view[self._end :]

    def took(self, count: int) -> None:
        """Note that ``count`` bytes were received."""
        self._end += count

    @property
    def empty(self) -> bool:
        """Whether everything that came was taken out."""
        return self._start == self._end

    def next(self) -> tuple[int, memoryview] | None:
        """The kind and body of the next frame, or None while it is not whole.

        The body is good until ``space`` is called. Raises WireError.
        """
        start = self._start
        if self._end - start < 5:
            return None
        length, kind = _head(self._buffer, start)
        if kind not in _KINDS:
            raise WireError(f"a frame of the unknown kind {kind}")
        if length > self.limit:
            raise OverLimitError(length, self.limit)
        end = start + 5 + length
        if end > self._end:
            return None
        if end == self._end:
            self._start = self._end = 0
        else:
            self._start = end
        return kind, self._view[start + 5 : end]

    def is_retirement(self) -> bool:
        """Whether what is left may be a RETIRED, whole or not."""
        if self._end - self._start < 5:
            return True
        return int(_head(self._buffer, self._start)[1]) == RETIRED

    def _make_room(self) -> None:
        """Move what is left to the front; double only what is full, whatever a frame announces."""
        left = self._end - self._start
        size = len(self._buffer)
        if left > size // 2:
            size *= 2
        elif size > _SIZE and left < _SIZE:
            size = _SIZE
        fresh = bytearray(size)
        fresh[:left] = self._view[self._start : self._end]
        self._buffer = fresh
        self._view = memoryview(fresh)
        self._start, self._end = 0, left

    def shrink(self) -> None:
        """Give back what one large frame needed."""
        if len(self._buffer) > _SIZE and self._start == self._end:
            self.__init__()  # type: ignore[misc]
