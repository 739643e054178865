"""Tracer: takes the spans of this process while it is active, and hands them to its sinks."""

from __future__ import annotations

import os
from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING, Any, Literal, Self

from altar.errors import ClosedError, ConfigurationError
from altar.trace._active import switch
from altar.trace._checks import number, whole
from altar.trace._clock import anchor
from altar.trace._counts import Counts
from altar.trace._drain import Drain
from altar.trace._ids import ids
from altar.trace._local import Local
from altar.trace._outlet import Outlet, Sink
from altar.trace._process import leave, prepare, watch
from altar.trace._ring import VOID, Here, Ring, Rings
from altar.trace._sampling import Sampler, Sampling
from altar.trace._span import Kind, Parent, Span, current_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = ["Sink", "Tracer"]

_ROOM = 65_536  # spans that wait for a sink
_SINKS = {
    ".jsonl": ("altar.trace._jsonl", "JsonLinesSink"),
    ".ndjson": ("altar.trace._jsonl", "JsonLinesSink"),
    ".db": ("altar.trace._sqlite", "SqliteSink"),
    ".sqlite": ("altar.trace._sqlite", "SqliteSink"),
    ".sqlite3": ("altar.trace._sqlite", "SqliteSink"),
}


class Tracer:
    """Records spans while it is active: inside ``with``, or from ``start`` to ``close``.

    ``sinks`` are sinks, or paths: ``.jsonl`` is a file of JSON lines, ``.db`` an
    SQLite database. A tracer that is started while another is active takes its
    place, and gives it back when it is closed.

    ``sampling`` says which traces are kept. ``content="none"`` leaves out what
    was said: messages, arguments, results and the texts of errors. Secrets are
    always taken out; ``redact(key, value)`` returns what is to stand for the
    value besides. It is
    called for every text and number: ``value`` may be a part of an attribute, and
    ``key`` is what that part is called, the name of the nearest field around it,
    or else of the attribute. A text that is JSON is given as a whole, and then
    what is in it. Other keys are ``span.name``, ``event.name``,
    ``attribute.name`` (fields within values, too), ``exception.type``,
    ``exception.message`` and ``thread.name``. A value of which it fails is
    hidden. ``max_value`` is how many bytes of a value
    are kept. Where a sink has a function ``outer``, it is asked for the parent of
    each root: a :class:`Parent` of another library's traces, or None.

    Each thread has room for ``capacity`` ended spans, and drops the newest when
    it is full; they are drained every ``interval`` seconds, and sooner when
    half of the room is used. A span without attributes is about 250 bytes, so
    that 16,384 of them are 4 MB for a thread that nobody drains.
    """

    here: Here

    def __init__(
        self,
        *sinks: Sink | str | os.PathLike[str],
        sampling: Sampling | None = None,
        content: Literal["redacted", "none"] = "redacted",
        redact: Callable[[str, Any], Any] | None = None,
        max_value: int = 65_536,
        capacity: int = 16_384,
        interval: float = 0.2,
    ) -> None:
        if content not in ("redacted", "none"):
            raise ConfigurationError(
                f'Tracer(content={content!r:.60}): "redacted" or "none"; secrets are never written'
            )
        if redact is not None and not callable(redact):
            raise ConfigurationError(
                f"Tracer(redact={redact!r:.60}): a function of a key and a value; "
                "type Tracer(redact=lambda key, value: value)"
            )
        whole("Tracer", "max_value", max_value, least=64)
        whole("Tracer", "capacity", capacity, least=2)
        number("Tracer", "interval", interval, example=0.2)
        self.content = content
        self._options = (redact, max_value, capacity, float(interval))
        self._sampling = _rule(sampling)
        self._sinks = [_sink(sink) for sink in sinks]
        asked: list[Any] = [getattr(sink, "outer", None) for sink in self._sinks]
        self.outer: Callable[[], Parent | None] | None = next(
            (one for one in asked if one is not None), None
        )
        self._before: Tracer | None = None
        self._is_closed = False
        prepare()
        self._begin()

    def _begin(self) -> None:
        """Everything that a process has of its own."""
        from altar.trace._redact import Cleaner  # noqa: PLC0415 - re, only where spans are taken

        redact, max_value, capacity, interval = self._options
        self.process = os.getpid()
        self._anchor = anchor.read()
        self.rings = Rings(capacity, self._wake)
        self.here = self.rings.here
        self._outlets = [Outlet(sink, _ROOM, self.rings.mute) for sink in self._sinks]
        self._sampler = Sampler(self._sampling)
        cleaner = Cleaner(has_content=self.content != "none", redact=redact, max_value=max_value)
        self._drain = Drain(self.rings, self._sampler, cleaner, self._outlets, interval=interval)

    def __repr__(self) -> str:
        sinks = ", ".join([repr(sink) for sink in self._sinks])
        return f"Tracer({sinks}{', closed' if self._is_closed else ''})"

    def span(
        self, name: str, *, kind: Kind = "custom", attributes: dict[str, Any] | None = None
    ) -> Span:
        """A span that began now; its parent is the current one. ``attributes`` are copied."""
        return Span(self, name, kind, dict(attributes) if attributes else None)

    def begin(self, parent: Span | Parent | None, span_id: int) -> Local:
        """What a local root and the spans below it share; ``parent`` is no span of this tracer."""
        local = Local(
            self.here,
            self._enter,
            trace_id=ids.trace() if parent is None else parent.trace_id,
            root_id=span_id,
            anchor=self._anchor,
            process=self.process,
        )
        if isinstance(parent, Span):  # of another tracer, or of the process that forked this one
            local.sampled = parent.sampled
            local.state = parent.state
            local.remote_id = parent.span_id if parent.process != self.process else 0
        elif parent is not None and parent.remote:
            local.sampled = parent.sampled
            local.state = parent.state
            local.remote_id = parent.span_id
        else:
            local.sampled = self._sampling.draws(local.trace_id)
        if self._sampling.share >= 1:
            local.sampled = True
        return local

    def _wake(self) -> None:
        self._drain.wake()

    def _enter(self, here: Here) -> Ring:
        """The ring of this thread, for its first span."""
        if here is not self.here:  # it was begun before a fork, and is the parent's
            here.ring = VOID
            return VOID
        ring = self.rings.enter()
        if not self._is_closed:
            self._drain.start()
        return ring

    def now(self) -> int:
        """Nanoseconds since the epoch; never goes back."""
        return self._anchor + perf_counter_ns()

    def adopt(self, docs: Iterable[object]) -> int:
        """Take spans that another process ended, as documents of the file format.

        They are checked: one that breaks the format, or its bounds, is left
        out. Returns how many were taken.
        """
        from altar.trace._adopt import adopted  # noqa: PLC0415 - only where there are processes

        count = 0
        for span in adopted(self, current_span.get(), docs):
            self.record(span)
            count += 1
        return count

    def record(self, span: Span) -> None:
        """Take an ended span."""
        try:
            ring = self.here.ring
        except AttributeError:
            ring = self._enter(self.here)
        ring.spill(span)

    @property
    def counts(self) -> Counts:
        """What became of every span so far; exact after a flush, and when it is closed."""
        is_locked = self._drain.lock.acquire(timeout=0.1)
        try:
            waiting = self.rings.held + self._drain.held
            dropped = self.rings.dropped + self._drain.spoiled
            if self._is_closed:  # nobody will take them any more
                waiting, dropped = 0, dropped + waiting
            lost: dict[str, int] = {}
            for outlet in self._outlets:
                name = outlet.name
                while name in lost:
                    name += "'"
                lost[name] = outlet.lost
            return Counts(
                drained=self._drain.drained,
                sampled_out=self._sampler.sampled_out,
                dropped=dropped,
                waiting=waiting,
                lost=lost,
            )
        finally:
            if is_locked:
                self._drain.lock.release()

    def start(self) -> Self:
        """Become the tracer of this process."""
        if self._is_closed:
            raise ClosedError(f"{self!r} was closed; make another one")
        if switch.tracer is not self:
            before = switch.tracer
            self._before = before if isinstance(before, Tracer) else None
            watch(self)
            switch.tracer = self
        return self

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was recorded before has reached the sinks, or is counted as lost.

        A trace whose root has not ended is decided by what is known of it. False
        when ``timeout`` seconds were not enough.
        """
        until = monotonic() + timeout
        is_drained = self._settle(until)
        late = [outlet for outlet in self._outlets if not outlet.flush(until)]
        return is_drained and not late

    def close(self, timeout: float = 5.0) -> None:
        """Stop recording, hand on what was recorded, close the sinks.

        A sink that takes longer than ``timeout`` seconds is left behind; what it
        did not take is counted as lost. It happens at exit, too.
        """
        if self._is_closed:
            return
        until = monotonic() + timeout
        self._is_closed = True
        leave(self)
        if switch.tracer is self:
            switch.tracer = self._earlier()
            self._before = None
        self.rings.shut()
        self._settle(until)
        self._drain.stop()
        for outlet in self._outlets:
            outlet.end()
        for outlet in self._outlets:
            outlet.close(until)

    def _earlier(self) -> Tracer | None:
        """The tracer whose place this one took, if it is open."""
        before = self._before
        while before is not None and before._is_closed:  # noqa: SLF001 - its own kind
            before = before._before  # noqa: SLF001
        return before

    def _settle(self, until: float) -> bool:
        """Drain all there is, and have the sinks told what is missing."""
        if not self._drain.settle(until):
            return False
        counts = self.counts
        for outlet in self._outlets:
            outlet.tell(dropped=counts.dropped, sampled_out=counts.sampled_out)
        return True

    def forked(self) -> None:
        """Begin again in a forked process: what was recorded is the parent's."""
        self.here.ring = VOID
        self._begin()
        for outlet in self._outlets:
            outlet.forked()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _rule(given: object) -> Sampling:
    if given is None:
        return Sampling()
    if not isinstance(given, Sampling):
        share = given if isinstance(given, (int, float)) and 0 <= given <= 1 else 0.1
        raise ConfigurationError(
            f"Tracer(sampling={given!r:.60}): a Sampling, altar.trace.Sampling; "
            f"type Tracer(sampling=Sampling(share={share!r}))"
        )
    return given


def _sink(sink: Sink | str | os.PathLike[str]) -> Sink:
    """A sink, or the one for a path."""
    if not isinstance(sink, (str, os.PathLike)):
        if not all(callable(getattr(sink, name, None)) for name in ("write", "close")):
            raise ConfigurationError(
                f"Tracer({sink!r:.60}): a sink has write(spans) and close(); or give a path, "
                'Tracer("run.jsonl")'
            )
        return sink
    path = os.fspath(sink)
    home = _SINKS.get(os.path.splitext(path)[1].lower())  # noqa: PTH122 - pathlib is not loaded
    if home is None:
        raise ConfigurationError(
            f'Tracer({path!r}): a path ends in {", ".join(_SINKS)}; type Tracer("run.jsonl")'
        )
    module, name = home
    made: Sink = getattr(__import__(module, fromlist=[name]), name)(path)
    return made
