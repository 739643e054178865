"""LoopedProvider: sync forms of an async client, whose sockets hear of deadlines and flags."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from contextlib import suppress
from time import monotonic

import pytest

import altar
from altar import Limits, Options
from altar.errors import ClosedError, OverloadedError, ProviderTimeoutError, TransportError
from altar.llm import (
    Attempt,
    Delta,
    End,
    LoopedProvider,
    Message,
    PartEnd,
    PartStart,
    Request,
    Response,
    Sampling,
    Text,
    Usage,
    fold,
)
from altar.runtime import Cancellation
from tests.waiting import PATIENCE

REQUEST = Request(
    model="m",
    messages=(Message.user("hello"),),
    instructions=None,
    tools=(),
    tool_choice=None,
    output=None,
    sampling=Sampling(),
    settings={},
)


def attempt(seconds: float | None = None) -> Attempt:
    deadline = None if seconds is None else monotonic() + seconds
    return Attempt(number=1, deadline=deadline, cancelled=Cancellation())


def threads() -> set[threading.Thread]:
    """Those of all providers here."""
    return {one for one in threading.enumerate() if one.name == "altar-model"}


class Client:
    def __init__(self) -> None:
        self.events = asyncio.get_running_loop()
        self.closed = False


class Echo(LoopedProvider):
    """Answers with the number of the client it used; can be told to wait, or to fail."""

    name = "echo"
    model = "m"

    def __init__(self, wait: bool = False, fail: bool = False) -> None:
        super().__init__()
        self.wait = wait
        self.fail = fail
        self.made: list[Client] = []
        self.broken_off = threading.Event()
        self.working = threading.Event()

    def connect(self) -> Client:
        self.made.append(Client())
        return self.made[-1]

    async def disconnect(self, client: Client) -> None:
        assert client.events is asyncio.get_running_loop()
        client.closed = True

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        await self._work()
        number = self.made.index(self.client())
        return Response(message=Message.assistant(f"client {number}"))

    async def astream(self, request: Request, attempt: Attempt):
        number = (self.client(), len(self.made))[1] - 1
        yield PartStart(0, "text")
        yield Delta(0, "client ")
        await self._work()
        yield Delta(0, str(number))
        yield PartEnd(0, Text(f"client {number}"))
        yield End(usage=Usage())

    async def _work(self) -> None:
        self.client()
        self.working.set()
        if self.fail:
            raise OverloadedError("busy", provider="echo")
        if self.wait:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.broken_off.set()
                raise


def test_the_sync_forms_answer_as_the_async_ones_do():
    provider = Echo()
    assert provider.complete(REQUEST, attempt()).message.text == "client 0"
    assert fold(provider.stream(REQUEST, attempt())).message.text == "client 0"
    assert len(provider.made) == 1
    provider.close()


def test_every_event_loop_has_a_client_of_its_own():
    provider = Echo()
    provider.complete(REQUEST, attempt())

    async def ask() -> str:
        answer = await provider.acomplete(REQUEST, attempt())
        await provider.aclose()
        return answer.message.text

    assert asyncio.run(ask()) == "client 1"
    assert [client.closed for client in provider.made] == [True, True]


def test_close_lets_go_of_the_client_and_of_the_thread():
    before = threads()
    provider = Echo()
    provider.complete(REQUEST, attempt())
    (own,) = threads() - before
    provider.close()
    own.join(PATIENCE)
    assert not own.is_alive()
    assert provider.made[0].closed
    assert provider.complete(REQUEST, attempt()).message.text == "client 1"  # and begins anew
    provider.close()


@pytest.mark.parametrize("form", ["complete", "stream"])
def test_a_failure_is_raised_where_the_answer_is_waited_for(form: str):
    provider = Echo(fail=True)
    with pytest.raises(OverloadedError):
        list(getattr(provider, form)(REQUEST, attempt()) or ())
    provider.close()


@pytest.mark.parametrize("form", ["complete", "stream"])
def test_a_deadline_breaks_off_what_is_under_way(form: str):
    provider = Echo(wait=True)
    with pytest.raises(ProviderTimeoutError):
        list(getattr(provider, form)(REQUEST, attempt(0.02)) or ())
    assert provider.broken_off.wait(PATIENCE)
    provider.close()


@pytest.mark.parametrize("form", ["complete", "stream"])
def test_a_flag_raised_in_another_thread_breaks_off_what_is_under_way(form: str):
    provider = Echo(wait=True)
    tried = attempt()
    threading.Timer(0.02, tried.cancelled.cancel).start()
    with pytest.raises(TransportError):
        list(getattr(provider, form)(REQUEST, tried) or ())
    assert provider.broken_off.wait(PATIENCE)
    provider.close()


def test_closing_a_stream_breaks_off_the_request():
    provider = Echo(wait=True)
    events = provider.stream(REQUEST, attempt())
    assert next(events) == PartStart(0, "text")
    assert next(events) == Delta(0, "client ")
    events.close()
    assert provider.broken_off.wait(PATIENCE)
    provider.close()


def test_a_run_ends_at_its_deadline_although_the_model_says_nothing():
    provider = Echo(wait=True)
    options = Options(limits=Limits(seconds=0.05))
    assert altar.generate("hello", model=provider, options=options).finish == "deadline"
    provider.close()


def test_a_run_ends_when_its_flag_is_raised_although_the_model_says_nothing():
    provider = Echo(wait=True)
    flag = Cancellation()
    threading.Timer(0.02, flag.cancel).start()
    reply = altar.generate("hello", model=provider, options=Options(cancel=flag))
    assert reply.finish == "cancelled"
    provider.close()


def test_the_sync_forms_work_inside_a_running_event_loop():
    provider = Echo()

    async def notebook() -> str:
        return provider.complete(REQUEST, attempt()).message.text

    assert asyncio.run(notebook()) == "client 0"
    provider.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_a_client_and_a_thread_of_its_own():
    provider = Echo()
    provider.complete(REQUEST, attempt())
    child = os.fork()
    if child == 0:
        signal.alarm(int(PATIENCE))  # whatever keeps it, its parent waits no longer
        try:
            text = provider.complete(REQUEST, attempt(PATIENCE)).message.text
            os._exit(0 if text == "client 1" else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    provider.close()


def test_a_loop_that_ends_takes_its_client_with_it():
    provider = Echo()

    async def ask() -> str:
        return (await provider.acomplete(REQUEST, attempt())).message.text

    assert [asyncio.run(ask()) for _ in range(3)] == ["client 0", "client 1", "client 2"]
    assert [client.closed for client in provider.made] == [True, True, True]
    assert not provider._clients


def test_a_loop_closed_by_hand_leaves_no_socket_open(recwarn: pytest.WarningsRecorder):
    class Wired(Echo):
        async def acomplete(self, request: Request, attempt: Attempt) -> Response:
            client = self.client()
            if not hasattr(client, "writer"):
                _, client.writer = await asyncio.open_connection(sock=ours.pop())
            return Response(message=Message.assistant("hello"))

    gc.collect()  # what other tests left to the collector is not this test's
    recwarn.clear()
    pairs = [socket.socketpair() for _ in range(2)]
    ours = [one for one, _ in pairs]
    for one in ours:
        one.setblocking(False)
    provider = Wired()
    for _ in pairs:
        events = asyncio.new_event_loop()
        events.run_until_complete(provider.acomplete(REQUEST, attempt()))
        events.close()
    asyncio.run(provider.aclose())
    gc.collect()
    for _, theirs in pairs:
        theirs.settimeout(PATIENCE)
        assert theirs.recv(1) == b""
        theirs.close()
    assert not [one for one in recwarn if "transport" in str(one.message)]


@pytest.mark.parametrize("form", ["complete", "stream"])
def test_who_waits_when_the_provider_is_closed_is_told_so(form: str):
    provider = Echo(wait=True)
    told: list[BaseException] = []

    def ask() -> None:
        try:
            list(getattr(provider, form)(REQUEST, attempt()) or ())
        except BaseException as error:
            told.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert provider.working.wait(PATIENCE)
    provider.close()
    waiting.join(PATIENCE)
    assert [type(one) for one in told] == [ClosedError]
    assert "'echo:m' was closed" in str(told[0])
    assert provider.made[0].closed


def test_closing_while_others_begin_leaves_nobody_waiting():
    for _ in range(20):
        provider = Echo()
        asking = [
            threading.Thread(target=lambda one=provider: suppressed(one), daemon=True)
            for _ in range(3)
        ]
        for thread in asking:
            thread.start()
        provider.close()
        for thread in asking:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in asking)
        provider.close()


def suppressed(provider: Echo) -> None:
    with suppress(ClosedError):
        provider.complete(REQUEST, attempt())


def test_a_stream_that_outlives_its_provider_leaves_no_thread():
    before = threads()
    provider = Echo(wait=True)
    events = provider.stream(REQUEST, attempt())
    next(events)
    provider.close()
    events.close()
    assert threads() <= before


def test_closing_a_provider_closes_its_client_in_another_running_loop():
    provider = Echo()
    events = asyncio.new_event_loop()
    thread = threading.Thread(target=events.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(provider.acomplete(REQUEST, attempt()), events).result(
        PATIENCE
    )
    provider.close()
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), events).result(PATIENCE)
    assert provider.made[0].closed
    events.call_soon_threadsafe(events.stop)
    thread.join(PATIENCE)
    events.close()


@pytest.mark.parametrize("end", ["flag", "deadline"])
def test_a_failure_of_what_a_run_broke_off_is_no_noise(end: str):
    class Sore(Echo):
        async def astream(self, request: Request, attempt: Attempt):
            yield PartStart(0, "text")
            try:
                await asyncio.Event().wait()
            finally:
                raise TransportError("cut off")

    flag = Cancellation()
    noise: list[object] = []

    async def watch() -> str:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: noise.append(told))
        if end == "flag":
            threading.Timer(0.02, flag.cancel).start()
        limits = Limits(seconds=None if end == "flag" else 0.02)
        options = Options(cancel=flag, limits=limits)
        events = [one async for one in altar.astream("hello", model=Sore(), options=options)]
        gc.collect()
        return events[-1].reply.finish

    assert asyncio.run(watch()) == ("cancelled" if end == "flag" else "deadline")
    assert not noise
