"""Ids of spans and traces: random, and drawn without asking the system each time.

A span's id is one more than the last one's, from a random start of 63 bits
that every process draws anew. ``itertools.count`` and ``list.pop`` are single
steps of the interpreter, so that threads share them without a lock.
"""

from __future__ import annotations

import os
from itertools import count

__all__ = ["Ids", "ids"]

_POOL = 64  # trace ids drawn at once


class Ids:
    """``next`` is the next span's id; it is no method, for a call of one costs more."""

    __slots__ = ("_traces", "next")

    def __init__(self) -> None:
        self._traces: list[int] = []
        self.next = count(1).__next__

    def renew(self) -> None:
        """Begin again at random: at first use, and in a process that was forked."""
        self._traces = []
        # below 2**62: an id is a small int of C, and never 0 within a process's life
        self.next = count(1 + int.from_bytes(os.urandom(8)) // 4).__next__

    def trace(self) -> int:
        """A random 128-bit id, not 0."""
        try:
            return self._traces.pop()
        except IndexError:
            drawn = os.urandom(16 * _POOL)
            many = [int.from_bytes(drawn[at : at + 16]) or 1 for at in range(0, len(drawn), 16)]
            self._traces.extend(many[1:])
            return many[0]


ids = Ids()
