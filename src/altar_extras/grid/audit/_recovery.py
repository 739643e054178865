"""Recovery: what an earlier process left in the spool, and how the next epoch begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from altar_extras.grid.audit._ledger import Open
from altar_extras.grid.audit._records import EPOCH, FINISHED, STARTED, UNKNOWN, Entry

if TYPE_CHECKING:
    from altar_extras.grid.audit._spool import Segment, SpoolFiles

__all__ = ["Found", "Recovery", "find"]


class Recovery(NamedTuple):
    """What a journal found when it was opened.

    ``records`` are whole and kept, ``unknown`` names the calls that had begun
    and not ended, ``unfinished`` is all that is known of them. ``torn_bytes`` at
    the end were a write that nobody was told of; ``damaged`` names places,
    ``"file:offset-offset"``, that no crash explains.
    """

    records: int
    unknown: tuple[str, ...]
    torn_bytes: int
    damaged: tuple[str, ...]
    unfinished: tuple[Entry, ...] = ()


class Found(NamedTuple):
    """The spool as it was found."""

    segments: list[Segment]
    open: dict[str, Open]
    writer: str
    epoch: int
    sequence: int
    head: bytes
    recovery: Recovery


def find(files: SpoolFiles) -> Found:
    """Read the whole spool; raises OSError for what the disk does not give."""
    loaded = files.load()
    frames = [(frame, True) for frame in files.kept()]
    frames += [(frame, False) for _, found, _, _ in loaded for frame in found]
    open_: dict[int, tuple[Entry, bytes]] = {}
    ended: set[int] = set()
    writer, epoch, sequence, head = "", 0, 0, bytes(32)
    for frame, kept in frames:
        record = frame.record()
        if not kept:
            sequence, head = frame.sequence, frame.head
        if record is None:
            continue
        if record.kind == STARTED:
            open_[record.sequence] = (Entry(*record.values[: len(Entry._fields)]), frame.raw)
        elif record.kind in {FINISHED, UNKNOWN}:
            ended.add(record.values[0])
        elif record.kind == EPOCH:
            writer, epoch = record.values[0], record.values[2]
    damaged = tuple(
        f"{one.path.name}:{start}-{stop}" for one, _, broken, _ in loaded for start, stop in broken
    )
    begun = {one[0]: (n, one, raw) for n, (one, raw) in sorted(open_.items()) if n not in ended}
    left = {name: Open(n, raw) for name, (n, _, raw) in begun.items()}
    entries = tuple(one for _, one, _ in begun.values())
    torn = sum(torn for _, _, _, torn in loaded)
    recovery = Recovery(sum(len(f) for _, f, _, _ in loaded), tuple(left), torn, damaged, entries)
    segments = [one for one, frames, _, _ in loaded if frames]
    return Found(segments, left, writer, epoch, sequence, head, recovery)
