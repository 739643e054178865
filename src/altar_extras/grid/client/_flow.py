"""What travels in pieces: chunks of progress, a large result's parts, large arguments'. No I/O."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from altar_extras.grid.wire import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Chunks", "Outgoing", "Parts", "cut_up"]


class Chunks:
    """The chunks of one call: each once, in order, and credits that go back at half a window."""

    __slots__ = ("_owed", "_window", "is_broken", "received", "taken")

    def __init__(self, window: int) -> None:
        self._window = window
        self._owed = 0
        self.received = 0
        self.taken = 0  # what the listener has had
        self.is_broken = False

    def came(self, seq: int) -> bool | None:
        """True for the next chunk, None for one that was here already, False for a gap."""
        if self.is_broken or seq <= self.received:
            return None
        if seq != self.received + 1 or self.received - self.taken >= 2 * self._window:
            self.is_broken = True  # a gap; or a peer that does not wait for its credits
            return False
        self.received = seq
        return True

    def heard(self, count: int = 1) -> int:
        """The listener has had chunks; how many credits go back now."""
        self.taken += count
        self._owed += count
        if self._owed * 2 < self._window:
            return 0
        owed, self._owed = self._owed, 0
        return owed


class Parts:
    """The parts of one large result: each once, in order, of the size and sum that was said."""

    __slots__ = ("_data", "_next", "_owed", "_sum", "_window", "size", "wanted")

    def __init__(self, size: int, wanted: str, window: int) -> None:
        self._data: list[bytes] = []
        self._sum = sha256()
        self._next = 1
        self._owed = 0
        self._window = window
        self.size = size
        self.wanted = wanted

    def came(self, part: Part) -> bytes | bool | None:
        """The whole, None while more is to come, False where a part is wrong or missing."""
        if part.seq < self._next:
            return None
        if part.seq != self._next or len(part.data) > self.size:
            return False
        self._next += 1
        self.size -= len(part.data)
        self._data.append(part.data)
        self._sum.update(part.data)
        if not part.last:
            return None if self.size else False
        if self.size or self._sum.hexdigest() != self.wanted.removeprefix("sha256:"):
            return False
        return b"".join(self._data)

    def credit(self) -> int:
        """How many credits go back now, after one part."""
        self._owed += 1
        if self._owed * 2 < self._window:
            return 0
        owed, self._owed = self._owed, 0
        return owed


class Outgoing:
    """The parts of one call's large arguments on their way; ``to`` is the subject the call went
    to, "" where whoever took it from the queue group is to have them.
    """

    __slots__ = ("_at", "_credit", "_id", "_pieces", "to")

    def __init__(self, invocation_id: str, pieces: list[bytes]) -> None:
        self._id = invocation_id
        self._pieces = pieces
        self._at = 0
        self._credit = 0
        self.to = ""

    def granted(self, credit: int) -> Iterator[Part]:
        """The runtime takes so many more: what may leave now."""
        self._credit += credit
        while self._credit > 0 and self._at < len(self._pieces):
            data = self._pieces[self._at]
            self._credit -= 1
            self._at += 1
            last = self._at == len(self._pieces)
            yield Part(invocation_id=self._id, of="args", seq=self._at, data=data, last=last)


def cut_up(data: bytes, most: int) -> list[bytes]:
    """The parts that large arguments travel in."""
    view: Any = memoryview(data)
    return [bytes(view[at : at + most]) for at in range(0, len(data), most)]
