"""The async driver: the event loop tells when the worker's socket is ready; no thread waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from altar.adm import ToolResult
from altar.isolate._hub import Wakeable, hub_of
from altar.isolate._roster import Ticket
from altar.isolate._talk import LONGEST_DEATH
from altar.isolate._wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.isolate._crew import Crew
    from altar.isolate._exchange import Exchange
    from altar.isolate._worker import Worker

__all__ = ["atalk"]

_LOST, _LATE, _STOPPED = "lost", "late", "stopped"
_Outcome: TypeAlias = "ToolResult | WireError | str"


async def atalk(crew: Crew, exchange: Exchange) -> ToolResult:
    """Have a worker answer the call."""
    exchange.loop = asyncio.get_running_loop()
    try:
        return await _talk(crew, exchange)
    except GeneratorExit:  # thrown away: the collector may run where the roster's lock is held
        exchange.over = True
        crew.release_later(exchange)
        raise
    except BaseException:  # the task was cancelled, or worse
        exchange.over = True
        crew.release(exchange)
        raise


async def _talk(crew: Crew, exchange: Exchange) -> ToolResult:
    while True:
        worker = crew.take(exchange)
        if worker is None:
            refusal = await _queue(crew, exchange)
            if refusal is not None:
                return refusal
            worker = exchange.worker
            assert worker is not None
        result = await _Conversation(crew, worker, exchange).run()
        if result is not None:
            return result


async def _queue(crew: Crew, exchange: Exchange) -> ToolResult | None:
    """Wait until the exchange has a worker; else what it is answered."""
    loop = asyncio.get_running_loop()
    woken = loop.create_future()
    wake = _from_any_thread(loop, lambda: _open(woken))
    ticket = Ticket(exchange, wake)
    began = monotonic()
    refusal = crew.queue(ticket)
    if refusal is not None:
        return refusal
    flag = exchange.ctx.cancelled
    flag.on_cancel(wake)
    left = exchange.left()
    timer = None if left is None else loop.call_later(max(0.0, left), wake)
    try:
        await woken
    finally:
        flag.forget(wake)
        if timer is not None:
            timer.cancel()
    return crew.called(ticket, monotonic() - began)


def _open(gate: asyncio.Future[None]) -> None:
    if not gate.done():
        gate.set_result(None)


def _from_any_thread(
    loop: asyncio.AbstractEventLoop, work: Callable[[], object]
) -> Callable[[], None]:
    def call() -> None:
        with suppress(RuntimeError):  # the loop was closed, and nobody waits in it
            loop.call_soon_threadsafe(work)

    return call


class _Conversation:
    """One call with one worker, on the running loop."""

    __slots__ = ("crew", "exchange", "hub", "outcome", "rest", "worker")

    def __init__(self, crew: Crew, worker: Worker, exchange: Exchange) -> None:
        self.crew = crew
        self.worker = worker
        self.exchange = exchange
        loop = asyncio.get_running_loop()
        self.hub = hub_of(loop)
        self.outcome = Wakeable(loop=loop)
        self.rest = memoryview(b"")

    async def run(self) -> ToolResult | None:
        """The answer; None when the worker never began the call."""
        exchange, worker, hub = self.exchange, self.worker, self.hub
        flag = exchange.ctx.cancelled
        stop = self._stop_from_any_thread
        outcome: _Outcome | None = None
        result: ToolResult | None = None
        try:
            if self._send():
                hub.begin(worker.fd, self)
                flag.on_cancel(stop)
            outcome = await self.outcome
        except asyncio.CancelledError:
            if self.outcome.done() and not self.outcome.cancelled():
                outcome = self.outcome.result()
                if outcome is _LOST:  # nobody waits to hear more
                    outcome = None
            else:
                outcome = _STOPPED
            raise
        finally:
            flag.forget(stop)
            hub.end(worker.fd, answered=isinstance(outcome, ToolResult))
            if self.rest:
                with suppress(RuntimeError):  # the loop was closed
                    hub.loop.remove_writer(worker.fd)
            if outcome is not None:  # else it is released
                result = self._end(outcome)
        if outcome is _LOST:
            await self._death()
            return self.crew.mourn(worker, exchange)
        return result

    def _end(self, outcome: _Outcome) -> ToolResult | None:
        crew, worker, exchange = self.crew, self.worker, self.exchange
        if isinstance(outcome, ToolResult):
            crew.settle(worker)
            return outcome
        if isinstance(outcome, WireError):
            return crew.breach(worker, exchange, outcome)
        if outcome is _LATE:
            return crew.expire(worker, exchange)
        if outcome is _STOPPED:
            return crew.stop(worker, exchange)
        crew.lost(worker)
        return None

    async def _death(self) -> None:
        """Wait to hear how the process ended."""
        loop = self.hub.loop
        heard = loop.create_future()
        tell = _from_any_thread(loop, lambda: _open(heard))
        self.worker.gone.on_cancel(tell)
        try:
            async with asyncio.timeout(LONGEST_DEATH):
                await heard
        except TimeoutError:
            pass
        except GeneratorExit:  # thrown away: it is released
            raise
        except BaseException:
            self.crew.mourn(self.worker, self.exchange)
            raise
        finally:
            self.worker.gone.forget(tell)

    def _finish(self, outcome: _Outcome) -> None:
        if not self.outcome.done():
            self.outcome.settle(outcome)

    @property
    def until(self) -> float | None:
        """When its time is over."""
        return self.exchange.until

    def late(self) -> None:
        """Its time is over."""
        self._finish(_LATE)

    def _stop(self) -> None:
        self._finish(_STOPPED)

    def _stop_from_any_thread(self) -> None:
        with suppress(RuntimeError):  # the loop was closed, and nobody waits in it
            self.hub.loop.call_soon_threadsafe(self._stop)

    def _send(self) -> bool:
        """Send the call, as far as it goes; False when the worker is dead."""
        data = self.exchange.frame(self.worker)
        try:
            count = self.worker.sock.send(data)
        except BlockingIOError:
            count = 0
        except OSError:
            self._finish(_LOST)
            return False
        if count == len(data):
            self.exchange.sent = True
        else:
            self.rest = memoryview(data)[count:]
            self.hub.loop.add_writer(self.worker.fd, self._send_rest)
        return True

    def _send_rest(self) -> None:
        try:
            count = self.worker.sock.send(self.rest)
        except BlockingIOError:
            return
        except OSError:
            count = len(self.rest)  # it is dead, as the next read says
        self.rest = self.rest[count:]
        if not self.rest:
            self.exchange.sent = True
            self.hub.loop.remove_writer(self.worker.fd)

    def read(self) -> None:
        """Something came, or the worker has ended."""
        worker, exchange = self.worker, self.exchange
        count = 0
        try:
            count = worker.sock.recv_into(worker.inbox.space())
        except BlockingIOError:
            self.hub.more(worker.fd)
            return
        except OSError as error:
            exchange.broken(error)
        worker.inbox.took(count)
        if count == 0:
            self._finish(_LOST)
        elif not self.outcome.done():  # else whoever drains it reads what came
            self._take_in()

    def _take_in(self) -> None:
        worker, exchange = self.worker, self.exchange
        try:
            result = exchange.read(worker)
        except WireError as error:
            self._finish(error)
        except Exception as error:  # noqa: BLE001 - the awaiting task is where it belongs
            self.outcome.fail(error)
        else:
            if result is not None:
                self.outcome.wake(result)
            elif exchange.is_late():
                self._finish(_LATE if exchange.ctx.cancelled.reason is None else _STOPPED)
            else:
                self.hub.more(worker.fd)
                if exchange.moved:
                    exchange.moved = False
                    self.hub.tell(self)
