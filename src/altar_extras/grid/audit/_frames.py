"""Frames: a record on disk and on the wire, with its number, a checksum and the chain's hash.

``u32 length | u32 crc32 | u64 sequence | body | sha256``, big-endian. The
checksum tells a torn or rotten record from a whole one; the hash, over the hash
before it, the number and the body, tells that nobody changed what went before.
"""

from __future__ import annotations

from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from altar_extras.grid.audit._records import decoded

if TYPE_CHECKING:
    from altar_extras.grid.audit._records import Record

__all__ = [
    "MAX_FRAME",
    "OVERHEAD",
    "START",
    "Frame",
    "Scan",
    "frame_at",
    "link",
    "pieces",
    "scan",
    "sequence_of",
]

START: Final = bytes(32)  # what the first record of an epoch is linked to
MAX_FRAME: Final = 16 * 1024
OVERHEAD: Final = 4 + 4 + 8 + 32

_HEAD = Struct(">II")
_SEQUENCE = Struct(">Q")


class Frame(NamedTuple):
    """One whole frame: where it lay, and what is in it."""

    sequence: int
    body: bytes
    head: bytes
    raw: bytes
    start: int

    def record(self) -> Record | None:
        """What the frame says; None where this version cannot read it."""
        return decoded(self.sequence, self.body, self.head)


class Scan(NamedTuple):
    """What a piece of spool holds: whole frames, broken places between them, a torn end."""

    frames: list[Frame]
    damaged: list[tuple[int, int]]
    torn: int
    end: int


def link(previous: bytes, sequence: int, body: bytes) -> tuple[bytes, bytes]:
    """(the frame's bytes, the chain's hash after it)."""
    data = _SEQUENCE.pack(sequence) + body
    head = sha256(previous + data).digest()
    data += head
    return _HEAD.pack(len(data), crc32(data)) + data, head


def frame_at(data: bytes, start: int = 0) -> Frame | None:
    """The whole frame that begins at ``start``; None where there is none."""
    if len(data) - start < OVERHEAD:
        return None
    length, check = _HEAD.unpack_from(data, start)
    begin, end = start + 8, start + 8 + length
    if length < OVERHEAD - 8 or length > MAX_FRAME or end > len(data):
        return None
    inner = data[begin:end]
    if crc32(inner) != check:
        return None
    return Frame(_SEQUENCE.unpack_from(inner)[0], inner[8:-32], inner[-32:], data[start:end], start)


def pieces(data: bytes, at: int = 0) -> list[tuple[int, bytes, int]]:
    """(number, frame, ``at`` + where it begins) of the whole frames that ``data`` begins with."""
    found: list[tuple[int, bytes, int]] = []
    start, most = 0, len(data) - OVERHEAD
    while start <= most:
        length, check = _HEAD.unpack_from(data, start)
        begin, end = start + 8, start + 8 + length
        if length < OVERHEAD - 8 or length > MAX_FRAME or crc32(data[begin:end]) != check:
            break
        found.append((_SEQUENCE.unpack_from(data, begin)[0], data[start:end], at + start))
        start = end
    return found


def sequence_of(raw: bytes) -> int:
    """The number a frame's bytes say they have."""
    return int(_SEQUENCE.unpack_from(raw, 8)[0])


def scan(data: bytes, start: int = 0) -> Scan:
    """Read frames from ``start`` on; zeros follow the last one in a file that was prepared."""
    used = min(len(data), len(data.rstrip(b"\0")) + 32)  # a hash may end in zeros
    frames: list[Frame] = []
    damaged: list[tuple[int, int]] = []
    at = start
    while at < used:
        frame = frame_at(data, at)
        if frame is not None:
            frames.append(frame)
            at += len(frame.raw)
            continue
        if not data[at:used].strip(b"\0"):
            break
        following = _next_frame(data, at + 1, used)
        if following is None:
            return Scan(frames, damaged, len(data[at:].rstrip(b"\0")), at)
        damaged.append((at, following))
        at = following
    return Scan(frames, damaged, 0, at)


def _next_frame(data: bytes, at: int, end: int) -> int | None:
    """Where the next whole frame begins: its length is below 2^16, so it begins with two zeros."""
    while (at := data.find(b"\0\0", at, end)) >= 0:
        if frame_at(data, at) is not None:
            return at
        at += 1
    return None
