"""Whoever waits for another thread's loop is answered, also where that loop ends just then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

from altar.adm import FunctionCall
from altar.errors import ClosedError, ConfigurationError
from altar.runtime import CallContext
from altar_extras.grid.client import CallOptions, GridClient, _portal, _waiting
from altar_extras.grid.client._portal import Portal
from altar_extras.grid.wire import executed_of
from tests.grid.client.grids import client_credentials
from tests.waiting import PATIENCE, soon

CALL = FunctionCall(name="wait")


class Slow:
    """A way to a grid that leads nowhere."""

    async def connect(self, **how: Any) -> Any:
        await asyncio.Event().wait()


@contextmanager
def deaf(portal: Portal) -> Iterator[threading.Event]:
    """The portal's loop in its last moment: it takes what it is told, and does nothing of it.
    It is closed when the event is set.
    """
    loop = portal.loop
    close, over, ending = loop.close, threading.Event(), threading.Event()

    def slowly() -> None:
        ending.set()
        over.wait(PATIENCE)
        close()

    loop.close = slowly  # type: ignore[method-assign]
    loop.call_soon_threadsafe(loop.stop)
    assert ending.wait(PATIENCE)
    try:
        yield over
    finally:
        over.set()
        portal.close()
        assert soon(lambda: not portal.is_alive)


async def forever() -> None:
    await asyncio.Event().wait()


def test_what_a_loop_was_told_in_its_last_moment_is_told_closed():
    portal = Portal()
    with deaf(portal) as over:
        told = [portal.begin(forever()) for _ in range(3)]
        over.set()
        for one in told:
            with pytest.raises(ClosedError):
                one.result(PATIENCE)
    with pytest.raises(ClosedError):
        portal.run(forever())


def test_what_is_under_way_as_a_loop_ends_is_told_closed_to_threads_and_to_loops():
    portal = Portal()

    async def across() -> None:
        with pytest.raises(ClosedError):
            await portal.arun(forever())

    async def main() -> None:
        waiting = asyncio.create_task(across())
        thread = asyncio.create_task(asyncio.to_thread(refused))
        while len(portal._under_way) < 2:
            await asyncio.sleep(0.001)
        portal.close()
        await asyncio.gather(waiting, thread)
        gone = asyncio.create_task(portal.arun(forever()))
        with pytest.raises(ClosedError):
            await gone

    def refused() -> None:
        with pytest.raises(ClosedError):
            portal.run(forever(), PATIENCE)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_what_takes_its_cancellation_for_itself_keeps_no_loop_from_its_end(monkeypatch):
    monkeypatch.setattr(_portal, "_ENDING", 0.05)
    portal = Portal()
    begun = threading.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await forever()
        except asyncio.CancelledError:
            await forever()

    told = portal.begin(stubborn())
    assert begun.wait(PATIENCE)
    portal.close()
    assert soon(told.done)
    assert soon(lambda: not portal.is_alive)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_task_that_ends_the_loop_leaves_nobody_waiting():
    portal = Portal()
    other = portal.begin(forever())

    async def leave() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        portal.run(leave(), PATIENCE)
    with pytest.raises((ClosedError, CancelledError)):
        other.result(PATIENCE)
    assert soon(lambda: not portal.is_alive)


@pytest.mark.parametrize("from_a_loop", [False, True])
def test_a_call_that_a_loop_took_in_its_last_moment_is_answered(monkeypatch, from_a_loop):
    monkeypatch.setattr(_waiting, "_LOOK", 0.01)
    client = GridClient(connector=Slow(), credentials=client_credentials())
    engine = client._engine()
    found: list[Any] = []

    def call() -> None:
        if from_a_loop:
            carried = _waiting.carry_across(engine, CALL, CallContext(), CallOptions())
            found.append(asyncio.run(carried))
        else:
            found.append(_waiting.carry_in_thread(engine, CALL, CallContext(), CallOptions()))

    with deaf(client._portal) as over:
        told = len(engine.loop._ready)
        calling = threading.Thread(target=call, daemon=True)
        calling.start()
        assert soon(lambda: len(engine.loop._ready) > told)
        over.set()
        assert soon(lambda: not calling.is_alive())
    call()  # now that it has ended
    assert [(one.error.details["reason"], executed_of(one)) for one in found] == [
        ("closed", "no"),
        ("closed", "no"),
    ]
    client.close()


def test_a_client_that_another_thread_closed_says_so_whatever_it_is_asked():
    client = GridClient(connector=Slow(), credentials=client_credentials())
    client._engine()
    client._portal.close()  # as where the other thread is just that far
    with pytest.raises(ClosedError):
        client.tools()
    with pytest.raises(ClosedError):
        asyncio.run(client.atools())
    assert client.call("wait").error.details["reason"] == "closed"
    client.close()


def test_a_client_whose_address_is_none_leaves_no_thread():
    pytest.importorskip("nats")
    client = GridClient("nats://grid.example:4222", credentials=client_credentials())
    before = set(threading.enumerate())
    with pytest.raises(ConfigurationError):
        client.call("wait")
    left = [one for one in set(threading.enumerate()) - before if one.name == "altar-grid"]
    assert soon(lambda: not any(one.is_alive() for one in left))
    client.close()
