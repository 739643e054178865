"""Outlet: a sink behind a bounded queue and a thread of its own.

A sink that blocks, raises or is slow loses what is its own, and nobody else's.
After a failure the next try waits, twice as long each time; what comes
meanwhile waits in the queue while there is room.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.trace._span import Span

__all__ = ["Outlet", "Sink"]

_FIRST_WAIT, _LONGEST_WAIT = 0.1, 30.0  # seconds between a failure and the next try
_LOSSES = ("dropped", "sampled_out", "sink_lost")


class Sink(Protocol):
    """Where spans go. It is called from one thread of the tracer's, never from the program's.

    A sink with ``before_sampling = True`` is handed every span that was not
    dropped, before any is sampled out. A sink may have two more methods.
    ``losses(found)`` is told, when the tracer is flushed or closed, how many
    spans are missing since it was told last: a mapping with ``dropped``,
    ``sampled_out`` and ``sink_lost``; what it raises then is told again.
    ``forked()`` is called in a process that was forked, before its first span:
    what the sink holds open belongs to the parent.
    """

    def write(self, spans: Sequence[Span]) -> None:
        """Take some ended spans, in the order in which they ended in their thread."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class Outlet:
    """One sink of a tracer; ``lost`` counts the spans that were meant for it and did not arrive."""

    def __init__(self, sink: Sink, room: int, mute: Callable[[], None]) -> None:
        self.sink = sink
        self._room = room
        self._mute = mute
        self._begin()

    def _begin(self) -> None:
        self.lost = 0
        self.error: BaseException | None = None  # the first
        self._changed = threading.Condition(threading.Lock())
        self._batches: deque[Sequence[Span]] = deque()
        self._held = 0  # spans in the queue and in the sink's hands
        self._thread: threading.Thread | None = None
        self._failures = 0  # in a row
        self._is_hurried = self._is_closing = self._is_abandoned = self._is_stuck = False
        self._has_ended = False
        self._news: dict[str, int] | None = None  # what is missing in all, to be told
        self._told = dict.fromkeys(_LOSSES, 0)

    def forked(self) -> None:
        """Begin again in a process that was forked: the thread, and the spans, are the parent's."""
        self._begin()
        self._call("forked")

    @property
    def sees_all(self) -> bool:
        """Whether it is handed spans before they are sampled."""
        return getattr(self.sink, "before_sampling", False) is True

    @property
    def name(self) -> str:
        """What it is called in a count and in the log."""
        return type(self.sink).__name__

    def start(self) -> None:
        """Start the thread, if there is none: early, for none can be started at exit."""
        with self._changed:
            if self._thread is None and not self._has_ended:
                thread = threading.Thread(target=self._run, name=f"altar {self.name}", daemon=True)
                self._thread = thread
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending: close() does the work
                    self._thread = None

    def wait_for_room(self, spans: int, seconds: float) -> None:
        """Wait until there is room; not again for a sink that has just made none."""
        with self._changed:
            if not (self._is_stuck or self._is_abandoned or self._failures):
                self._is_stuck = not self._changed.wait_for(lambda: self.fits(spans), seconds)

    def put(self, spans: Sequence[Span]) -> None:
        """Hand over a batch, or lose it."""
        with self._changed:
            if self._is_abandoned or not self.fits(len(spans)):
                self.lost += len(spans)
            else:
                self._held += len(spans)
                self._batches.append(spans)
                self._changed.notify_all()

    def tell(self, *, dropped: int, sampled_out: int) -> None:
        """Have the sink told what is missing in all, after what was handed over before."""
        missing = {"dropped": dropped, "sampled_out": 0 if self.sees_all else sampled_out}
        with self._changed:
            if self._held == 0 and {**missing, "sink_lost": self.lost} == self._told:
                return
            self._news = dict(missing)
            self._changed.notify_all()

    def flush(self, until: float) -> bool:
        """Wait until all that was handed over is written or lost; False when time ran out."""
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()
            done = self._changed.wait_for(self._is_idle, max(0.0, until - monotonic()))
            self._is_hurried = False
            return done

    def end(self) -> None:
        """Write what is left, close the sink, in its own time."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def close(self, until: float) -> bool:
        """Wait for the end; False when time ran out, and the rest is lost."""
        self.start()  # there is none where nothing was recorded
        with self._changed:
            is_alone = self._thread is None and not self._has_ended and bool(self._batches)
            if self._thread is not None:
                self._changed.wait_for(lambda: self._has_ended, max(0.0, until - monotonic()))
        if is_alone:  # the interpreter is ending, and what was recorded then is to be written
            self._run()
        with self._changed:
            self._is_abandoned = True
            self.lost += self._held
            self._held = 0
            self._batches.clear()
            return self._has_ended

    def fits(self, spans: int) -> bool:
        """Whether so many more would not be lost now."""
        return self._held == 0 or self._held + spans <= self._room

    def _is_idle(self) -> bool:
        return self._held == 0 and self._news is None

    def _run(self) -> None:
        if self._thread is not None:
            self._mute()
        while True:
            with self._changed:
                while not (self._batches or self._news or self._is_closing):
                    self._changed.wait()
                if self._failures and not (self._is_hurried or self._is_closing):
                    wait = min(_FIRST_WAIT * 2 ** min(self._failures - 1, 20), _LONGEST_WAIT)
                    self._changed.wait_for(lambda: self._is_hurried or self._is_closing, wait)
                spans = self._batches.popleft() if self._batches else None
                news = None if spans else self._news
                is_last = self._is_closing and spans is None and news is None
            if spans is not None:
                self._write(spans)
            elif news is not None:
                self._say(news)
            elif is_last:
                break
        self._call("close")
        with self._changed:
            self._thread = None
            self._has_ended = True
            self._changed.notify_all()

    def _write(self, spans: Sequence[Span]) -> None:
        error: BaseException | None = None
        try:
            self.sink.write(spans)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is the sink's own
            error = raised
        with self._changed:
            if not self._is_abandoned:
                self._held -= len(spans)
                self.lost += len(spans) if error is not None else 0
            elif error is None:  # counted as lost when it was left behind, and came to be written
                self.lost -= len(spans)
            self._failures = 0 if error is None else self._failures + 1
            self._is_stuck = False
            self._changed.notify_all()
        if error is not None:
            self._note(error)

    def _say(self, news: dict[str, int]) -> None:
        """Tell the sink what is missing since it was told last."""
        now = {**news, "sink_lost": self.lost}
        found = {what: now[what] - self._told[what] for what in _LOSSES}
        if any(found.values()) and self._call("losses", found):
            self._told = now
        with self._changed:
            if self._news is news:  # else there is more to tell
                self._news = None
            self._changed.notify_all()

    def _call(self, method: str, *args: object) -> bool:
        """Call a method of the sink's, if it has it."""
        try:
            found = getattr(self.sink, method, None)
            if found is not None:
                found(*args)
        except BaseException as error:  # noqa: BLE001
            self._note(error)
            return False
        return True

    def _note(self, error: BaseException) -> None:
        """Keep the first error, and log it: by its class, for its text may hold a secret."""
        if self.error is None:
            self.error = error
            log = logging.getLogger("altar")
            log.warning("trace: %s failed (%s); spans are lost", self.name, type(error).__name__)
            log.debug("trace: %s failed: the traceback", self.name, exc_info=error)
