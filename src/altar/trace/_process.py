"""Process: what tracers do when this one is forked, and when it ends."""

from __future__ import annotations

import atexit
import os
import sys
from typing import Protocol

from altar.trace._ids import ids

__all__ = ["leave", "prepare", "watch"]


class _Started(Protocol):
    def forked(self) -> None: ...

    def close(self) -> None: ...


class _Watch:
    """The tracers that are started and not closed."""

    def __init__(self) -> None:
        self.started: dict[_Started, None] = {}
        self.is_set = False

    def set(self) -> None:
        if not self.is_set:
            self.is_set = True
            ids.renew()
            atexit.register(self.end)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self.forked)

    def end(self) -> None:
        for tracer in list(self.started):
            tracer.close()

    def forked(self) -> None:
        ids.renew()
        for tracer in list(self.started):
            tracer.forked()
        # a child of multiprocessing leaves without atexit; it has an end of its own
        util = sys.modules.get("multiprocessing.util")
        if util is not None and self.started:
            util.register_after_fork(self, _Watch._finalized)

    def _finalized(self) -> None:
        util = sys.modules["multiprocessing.util"]
        util.Finalize(None, self.end, exitpriority=-100)


_watch = _Watch()


def prepare() -> None:
    """Draw ids at random, and again in a forked process; before the first span."""
    _watch.set()


def watch(tracer: _Started) -> None:
    """Have it told when the process is forked, and closed when the process ends."""
    _watch.started[tracer] = None


def leave(tracer: _Started) -> None:
    """It is closed."""
    _watch.started.pop(tracer, None)
