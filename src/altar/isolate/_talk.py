"""The sync driver: the caller's own thread sends, waits at the socket and receives."""

from __future__ import annotations

import select
from time import monotonic
from typing import TYPE_CHECKING

from altar.isolate._roster import Ticket
from altar.isolate._wire import WireError
from altar.runtime._pool import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.isolate._crew import Crew
    from altar.isolate._exchange import Exchange
    from altar.isolate._worker import Worker

__all__ = ["LONGEST_DEATH", "talk"]

LONGEST_DEATH = 5.0  # seconds in which a worker that closed its socket is gone, or never
_READY, _LATE, _STOPPED, _DEAD = range(4)


def talk(crew: Crew, exchange: Exchange) -> ToolResult:
    """Have a worker answer the call."""
    try:
        return _talk(crew, exchange)
    except BaseException:  # KeyboardInterrupt, wherever it came
        exchange.over = True
        crew.release(exchange)
        raise


def _talk(crew: Crew, exchange: Exchange) -> ToolResult:
    while True:
        worker = crew.take(exchange)
        if worker is None:
            refusal = _queue(crew, exchange)
            if refusal is not None:
                return refusal
            worker = exchange.worker
            assert worker is not None
        flag, ring = exchange.ctx.cancelled, worker.bell.ring
        flag.on_cancel(ring)
        try:
            result = _converse(crew, worker, exchange)
        finally:
            flag.forget(ring)
        if result is not None:
            return result


def _queue(crew: Crew, exchange: Exchange) -> ToolResult | None:
    """Wait until the exchange has a worker; else what it is answered."""
    gate = Gate()
    ticket = Ticket(exchange, gate.open)
    began = monotonic()
    refusal = crew.queue(ticket)
    if refusal is not None:
        return refusal
    flag = exchange.ctx.cancelled
    flag.on_cancel(gate.open)
    try:
        gate.wait(exchange.left())
    finally:
        flag.forget(gate.open)
    return crew.called(ticket, monotonic() - began)


def _converse(crew: Crew, worker: Worker, exchange: Exchange) -> ToolResult | None:
    """The answer of this worker; None when it was dead before it had the call."""
    state = _send(worker, exchange)
    if state != _READY:
        return _given_up(crew, worker, exchange, state)
    poll, sock, inbox = worker.poll.poll, worker.sock, worker.inbox
    while True:
        state = _wait(poll, worker, exchange)
        if state != _READY:
            return _given_up(crew, worker, exchange, state)
        try:
            count = sock.recv_into(inbox.space())
            if count == 0:
                return _lost(crew, worker, exchange)
            inbox.took(count)
            result = exchange.read(worker)
        except BlockingIOError:
            continue
        except OSError as error:
            exchange.broken(error)
            return _lost(crew, worker, exchange)
        except WireError as error:
            return crew.breach(worker, exchange, error)
        if result is not None:
            crew.settle(worker)
            return result
        state = _still_wanted(exchange)  # chunks may come without a pause
        if state != _READY:
            return _given_up(crew, worker, exchange, state)


def _wait(
    poll: Callable[[int | None], list[tuple[int, int]]], worker: Worker, exchange: Exchange
) -> int:
    """Wait until the socket is ready, the time is over or the call is cancelled."""
    while True:
        events = poll(exchange.wait_ms())
        for fd, _ in events:
            if fd != worker.bell.fd:
                return _READY
        if events:
            worker.bell.hush()
        state = _still_wanted(exchange)
        if state != _READY:
            return state


def _still_wanted(exchange: Exchange) -> int:
    if exchange.ctx.cancelled.reason is not None:
        return _STOPPED
    left = exchange.left()
    return _READY if left is None or left > 0 else _LATE


def _send(worker: Worker, exchange: Exchange) -> int:
    """Send the CALL: in one piece, but for large arguments."""
    data = exchange.frame(worker)
    try:
        count = worker.sock.send(data)
    except BlockingIOError:
        count = 0
    except OSError:
        return _DEAD
    state = _READY
    if count < len(data):
        state = _send_rest(worker, exchange, data[count:])
    exchange.sent = state == _READY
    return state


def _send_rest(worker: Worker, exchange: Exchange, data: bytes) -> int:
    """Send what did not fit at once."""
    rest = memoryview(data)
    poll = select.poll()
    poll.register(worker.fd, select.POLLOUT)
    poll.register(worker.bell.fd, select.POLLIN)
    while rest:
        state = _wait(poll.poll, worker, exchange)
        if state != _READY:
            return state
        try:
            rest = rest[worker.sock.send(rest) :]
        except BlockingIOError:
            continue
        except OSError:
            return _DEAD
    return _READY


def _given_up(crew: Crew, worker: Worker, exchange: Exchange, state: int) -> ToolResult | None:
    if state == _DEAD:
        return _lost(crew, worker, exchange)
    return crew.expire(worker, exchange) if state == _LATE else crew.stop(worker, exchange)


def _lost(crew: Crew, worker: Worker, exchange: Exchange) -> ToolResult | None:
    """The socket has ended: wait to hear how the process did."""
    crew.lost(worker)
    gate = Gate()
    worker.gone.on_cancel(gate.open)
    gate.wait(LONGEST_DEATH)
    return crew.mourn(worker, exchange)
