"""Shipper: takes the journal's records to a sink in order, each once, whoever dies."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from altar.errors import ConfigurationError
from altar_extras.grid.audit._errors import AuditError, SinkRefused, SinkUnavailable, SpoolBroken
from altar_extras.grid.audit._frames import sequence_of
from altar_extras.grid.wire import AuditBatch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from altar_extras.grid.audit._journal import Journal

__all__ = ["AuditSink", "Batch", "HostSink", "Position", "ShipSettings", "Shipper"]


class Position(NamedTuple):
    """How far a sink has a writer's records; ``head`` is the chain's hash there, if it knows."""

    sequence: int
    head: bytes = b""


class Batch(NamedTuple):
    """Records of one writer as bytes, in order, that follow on the record ``after``."""

    writer: str
    epoch: int
    after: int
    records: tuple[bytes, ...]

    @property
    def last(self) -> int:
        """The number of its last record."""
        return sequence_of(self.records[-1]) if self.records else self.after

    def to_message(self, id: str) -> AuditBatch:  # noqa: A002 - the field's name on the wire
        """The batch as a request to a Host; without records it asks for the position."""
        return AuditBatch(
            id=id,
            writer=self.writer,
            epoch=str(self.epoch),
            first=self.after + 1,
            records=self.records,
        )

    @classmethod
    def from_message(cls, message: AuditBatch) -> Batch:
        """The batch in a request."""
        epoch = int(message.epoch) if message.epoch.isdigit() else 0
        return cls(message.writer, epoch, max(0, message.first - 1), tuple(message.records))


class AuditSink(Protocol):
    """Where records go for good."""

    async def last(self, writer: str) -> Position:
        """How far it has this writer's records. Raises SinkUnavailable."""
        ...

    async def put(self, batch: Batch) -> int:
        """Keep a batch that follows on what it has, and say how far it has them now.

        A batch that does not follow is not kept: the answer says where to go
        on. Raises SinkUnavailable where it is not known, SinkRefused.
        """
        ...


class HostSink:
    """A sink behind a Host: ``ask`` sends a batch (``Batch.to_message``) and returns AuditAck.last.

    A failure of the network is SinkUnavailable, or any exception of ``ask`` but SinkRefused.
    """

    def __init__(self, ask: Callable[[Batch], Awaitable[int]]) -> None:
        self._ask = ask

    async def last(self, writer: str) -> Position:
        """Ask with a batch of no records."""
        return Position(await self.put(Batch(writer, 0, 0, ())))

    async def put(self, batch: Batch) -> int:
        """Send one batch."""
        try:
            return await self._ask(batch)
        except AuditError:
            raise
        except Exception as error:
            raise SinkUnavailable(f"the Host did not take audit records: {error}") from error


_MOST = 1024  # records that an AuditBatch takes
_AGAIN = 0.5  # seconds until a shipper that did not end is told so again


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipSettings:
    """A batch leaves when ``records`` wait or the first of them waited ``linger`` seconds
    (a twentieth of that where calls wait for it, with ``sync``).

    At few calls a second a batch costs the runtime, the Host and the server as
    much as the calls themselves: that is what ``linger`` is for.

    Behind a slow sink it grows to ``most`` records and ``size`` bytes, so that a
    sink that takes 30 ms a batch keeps up with 30,000 records a second.
    """

    records: int = 64
    linger: float = 0.1
    most: int = 1024
    size: int = 256 * 1024
    longest_pause: float = 2.0

    def __post_init__(self) -> None:
        bounded = 1 <= self.records <= self.most <= _MOST
        if not bounded or not 1024 <= self.size <= 900 * 1024:
            raise ConfigurationError(
                f"ship settings: 1 <= records <= most <= {_MOST}, size from 1024 to 921600 bytes"
            )


_DEFAULT = ShipSettings()


class Shipper:
    """Ships a journal from the event loop it is started in; ``fault`` says why it does not."""

    def __init__(
        self, journal: Journal, sink: AuditSink, *, settings: ShipSettings = _DEFAULT
    ) -> None:
        self.fault: AuditError | None = None
        self._journal = journal
        self._sink = sink
        self._settings = settings
        self._more = asyncio.Event()
        self._hurry = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="altar-audit")

    async def drain(self, *, within: float = 10.0) -> bool:
        """Ship what is on disk now, without waiting for more; whether the sink has it all."""
        self._hurry = True
        self._more.set()
        target = self._journal.committed
        try:
            async with asyncio.timeout(within):
                await self._journal.shipped(target)
        except TimeoutError:
            return False
        finally:
            self._hurry = False
        return True

    async def close(self) -> None:
        """Stop; what is not shipped stays on disk for the next start."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            task.cancel()  # again where a sink took one for itself
            await asyncio.wait([task], timeout=_AGAIN)
        self._journal.on_commit(None)
        if task is not None and not task.cancelled():
            task.result()  # it had failed

    async def _run(self) -> None:
        at: int | None = None
        pause = min(0.05, self._settings.longest_pause)
        while True:
            try:
                if at is None:
                    at = await self._resume()
                at = await self._step(at)
                pause, self.fault = min(0.05, self._settings.longest_pause), None
            except (AuditError, OSError) as error:
                self.fault, at = _fault_of(error), None
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - a jitter
                pause = min(pause * 2, self._settings.longest_pause)

    async def _resume(self) -> int:
        """Where the sink stands; refuses a sink that has records this spool never wrote."""
        found = await self._sink.last(self._journal.writer)
        own = self._journal.head_at(found.sequence) if found.sequence and found.head else None
        forked = own is not None and own != found.head
        if forked or found.sequence > self._journal.committed:
            raise SinkRefused(
                f"the sink has other records of writer {self._journal.writer} (up to "
                f"{found.sequence}) than this spool: it was lost or copied; "
                "give the journal a folder and a writer of its own"
            )
        self._journal.acknowledge(found.sequence)
        return found.sequence

    async def _step(self, at: int) -> int:
        """Ship one batch, or wait for one; where the sink stands then."""
        journal, settings = self._journal, self._settings
        if journal.committed - at < settings.records:
            await self._wait(at)
        records = journal.read(at, records=settings.most, size=settings.size)
        if not records:
            if journal.committed > at:
                raise SinkRefused(f"the spool does not hold record {at + 1}, and the sink neither")
            return at
        last = await self._sink.put(Batch(journal.writer, journal.epoch, at, tuple(records)))
        if last < journal.acknowledged:
            raise SinkRefused(f"the sink had record {journal.acknowledged}, and has {last} now")
        journal.acknowledge(last)
        return last

    async def _wait(self, at: int) -> None:
        self._more.clear()
        loop, more = asyncio.get_running_loop(), self._more
        if self._journal.committed <= at:
            self._journal.on_commit(lambda: _ring(loop, more))
            if self._journal.committed <= at:  # or it came before it was asked for
                await more.wait()
        if not self._hurry:
            linger = self._settings.linger
            await asyncio.sleep(linger / 20 if self._journal.settings.sync else linger)


def _fault_of(error: AuditError | OSError) -> AuditError:
    if isinstance(error, AuditError):
        return error
    return SpoolBroken(f"the audit cannot be shipped: {error.strerror or error}")


def _ring(loop: asyncio.AbstractEventLoop, more: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(more.set)
