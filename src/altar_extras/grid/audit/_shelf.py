"""Shelf: the files of a running journal: spares ahead, what is shipped let go behind."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

from altar_extras.grid.audit._errors import SpoolFull
from altar_extras.grid.audit._frames import MAX_FRAME, pieces, scan, sequence_of
from altar_extras.grid.audit._spool import PREFACE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar_extras.grid.audit._settings import JournalSettings
    from altar_extras.grid.audit._spool import Segment, SpoolFiles

__all__ = ["SPARES", "Shelf"]

SPARES = 2


class Shelf:
    """The files of one journal, in the order of their records. Its owner holds the locks."""

    def __init__(self, files: SpoolFiles, settings: JournalSettings, old: list[Segment]) -> None:
        self.files = files
        self.used = old
        self.spares: deque[Segment] = deque()
        self._settings = settings
        self._index = max((one.index for one in old), default=0)
        self._cursor: tuple[int, Segment, int] | None = None

    @property
    def length(self) -> int:
        """What the records take that have not been let go."""
        return sum(one.used for one in self.used)

    @property
    def may_grow(self) -> bool:
        """Whether another file stays within ``max_bytes``."""
        size = self._settings.segment_bytes
        held = sum(one.size for one in self.used) + len(self.spares) * size
        return held + size <= self._settings.max_bytes

    def make(self) -> Segment:
        """Another file, not on the shelf yet; raises SpoolFull where the disk has no space."""
        self._index += 1
        try:
            return self.files.create(self._index, self._settings.segment_bytes)
        except OSError as error:
            raise SpoolFull(f"the audit spool cannot grow: {error.strerror}") from error

    def take(self, sequence: int) -> Segment:
        """The next spare, which begins with this record from now on."""
        segment = self.spares.popleft()
        segment.first = sequence
        self.used.append(segment)
        return segment

    def behind(self, acknowledged: int, committed: int) -> list[Segment]:
        """Files that hold only what the sink has; never the one with the last record."""
        gone = []
        for one, following in zip(self.used, self.used[1:], strict=False):
            if following.first > acknowledged + 1 or following.first > committed:
                break
            gone.append(one)
        return gone

    def forget(self, segments: Iterable[Segment]) -> None:
        """Take files off the shelf."""
        gone = list(segments)
        self.used = [one for one in self.used if one not in gone]
        if self._cursor is not None and self._cursor[1] in gone:
            self._cursor = None

    def read(self, after: int, upto: int, *, records: int, size: int) -> list[bytes]:
        """Frames with numbers above ``after`` up to ``upto``, in order, at most so many."""
        found: list[bytes] = []
        place = self._place(after)
        left = size
        while place is not None and after < upto and len(found) < records and left > 0:
            segment, at = place
            seen = _frames(segment, at, max(left, 4 * MAX_FRAME))
            for sequence, raw, start in seen:
                if sequence > upto or len(found) >= records or left <= 0:
                    break
                place = segment, start + len(raw)
                if sequence > after:
                    found.append(raw)
                    left -= len(raw)
                    after = sequence
            if seen and place[1] > at:
                continue
            following = self._after(segment)
            # what is still to be written into this file comes before the next one's
            if following is None or following.first > max(after + 1, upto):
                break
            place = following, len(PREFACE)
        self._cursor = None if place is None else (after, *place)
        return found

    def close(self) -> None:
        """Give every descriptor back; spares, which hold nothing, are deleted."""
        self.files.remove(self.spares)
        self.spares.clear()
        for one in self.used:
            one.close()

    def _place(self, after: int) -> tuple[Segment, int] | None:
        if self._cursor is not None and self._cursor[0] == after:
            return self._cursor[1], self._cursor[2]
        if not self.used:
            return None
        at = bisect_right([one.first for one in self.used], after + 1) - 1
        return self.used[max(at, 0)], len(PREFACE)

    def _after(self, segment: Segment) -> Segment | None:
        at = self.used.index(segment) + 1
        return self.used[at] if at < len(self.used) else None

    def head_at(self, sequence: int) -> bytes | None:
        """The chain's hash after a record; None where it is not on the shelf any more."""
        found = self.read(sequence - 1, sequence, records=1, size=1)
        return found[0][-32:] if found and sequence_of(found[0]) == sequence else None


def _frames(segment: Segment, at: int, size: int) -> list[tuple[int, bytes, int]]:
    """(number, frame, where it begins) of what is written at ``at``; none at the file's end."""
    left = segment.used - at
    if left <= 0:
        return []
    seen = pieces(os.pread(segment.fd, min(size, left), at), at)
    if seen:
        return seen
    # a broken place, which may be longer than what was read
    data = os.pread(segment.fd, left, at)
    return [(frame.sequence, frame.raw, at + frame.start) for frame in scan(data).frames]
