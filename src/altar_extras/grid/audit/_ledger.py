"""Ledger: the journal's decisions without I/O: numbers, the chain, space, calls that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from altar_extras.grid.audit._errors import AuditError, SpoolFull
from altar_extras.grid.audit._frames import MAX_FRAME, OVERHEAD, START, link
from altar_extras.grid.audit._records import EPOCH, FINISHED, STARTED
from altar_extras.grid.audit._spool import PREFACE

if TYPE_CHECKING:
    from altar_extras.grid.audit._records import Entry, Outcome

__all__ = ["ENDING", "Ledger", "Open", "Placed"]

ENDING = 512  # bytes kept for the end of each call that is open; the fields are cut to fit
_SIGNING = 1024  # bytes kept for the head that closes the epoch
_LIMITS = (128, 32, 64, 8, None, 96)  # characters of an Outcome's fields


class Open(NamedTuple):
    """A call whose end is not written yet."""

    sequence: int
    raw: bytes


# A frame to write: its bytes, its number, and whether it begins the next file. A plain
# tuple: two of them for each call, and a class of its own costs as much as the checksum.
Placed = tuple[bytes, int, bool]


class Ledger:
    """What is written next and where, and whether there is space for it."""

    def __init__(self, *, segment_bytes: int, sequence: int = 0) -> None:
        self.sequence = sequence
        self.head = START
        self.open: dict[str, Open] = {}
        self.room = 0  # bytes left in the file that is being written
        self.spares = 0
        self._whole = segment_bytes - len(PREFACE)
        self._reserved = 0
        self._pack = msgpack.Packer(unicode_errors="replace").pack

    def started(self, entry: Entry) -> Placed:
        """The record of a call that is about to run, its end's space kept; raises SpoolFull."""
        if entry[0] in self.open:
            raise AuditError(f"call {entry[0]!r:.80} has started already, and has not finished")
        body = self._pack((STARTED, *entry))
        if len(entry[0]) > 128:
            raise AuditError("an invocation_id has 128 characters at most")
        placed = self._place(body, ENDING)
        self._reserved += ENDING
        self.open[entry[0]] = Open(placed[1], placed[0])
        return placed

    def finished(self, outcome: Outcome) -> Placed:
        """The record of a call's end; there is always space for it."""
        begun = self.open.pop(outcome[0], None)
        if begun is None:
            raise AuditError(f"call {outcome[0]!r:.80} has not started, or has finished already")
        self._reserved -= ENDING
        body = self._pack((FINISHED, begun.sequence, *outcome))
        if len(body) > ENDING - OVERHEAD:
            cut = [v if n is None else str(v)[:n] for v, n in zip(outcome, _LIMITS, strict=True)]
            body = self._pack((FINISHED, begun.sequence, *cut))
            if len(body) > ENDING - OVERHEAD:  # letters of several bytes
                kept = (outcome[0], "", "", "unknown", 0.0, "")
                body = self._pack((FINISHED, begun.sequence, *kept))
        return self._put(body)

    def note(self, kind: int, *values: Any) -> Placed:
        """Any other record; raises SpoolFull."""
        return self._place(self._pack((kind, *values)), 0)

    def reserved_note(self, kind: int, *values: Any) -> Placed:
        """A record that space is kept for: a closing head, and what recovery writes."""
        body = self._pack((kind, *values))
        if kind == EPOCH:
            self.head = START
        return self._put(body)

    def _place(self, body: bytes, more: int) -> Placed:
        size = len(body) + OVERHEAD
        if size > MAX_FRAME:
            raise AuditError(f"a record of {size} bytes, where {MAX_FRAME} go")
        room, spares = self.room - size, self.spares
        if room < 0:
            room, spares = self._whole - size, spares - 1
        # at worst each file ends with an ending's space that is too small for one
        left = max(0, room - ENDING) + spares * (self._whole - ENDING)
        if spares < 0 or left < self._reserved + more + _SIGNING:
            raise SpoolFull("the audit spool is full: nothing was run")
        return self._put(body)

    def _put(self, body: bytes) -> Placed:
        rolled = self.room < len(body) + OVERHEAD
        if rolled:
            if self.spares < 1:
                raise SpoolFull("the audit spool is full")
            self.spares -= 1
            self.room = self._whole
        self.sequence += 1
        raw, self.head = link(self.head, self.sequence, body)
        self.room -= len(raw)
        return raw, self.sequence, rolled
