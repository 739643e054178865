"""A client when things break: every call is answered, truly, and runs once at most."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("nkeys")

import msgpack

from altar.adm import FunctionCall
from altar.runtime import CallContext, Cancellation
from altar_extras.grid.client import CallOptions, GridClient
from altar_extras.grid.client._session import SessionState
from altar_extras.grid.transport import Event, GridTransportError, NotConnectedError
from altar_extras.grid.wire import (
    ReportLost,
    SessionCreated,
    StreamChunk,
    ToolResultMessage,
    executed_of,
    pack,
    unpack,
)
from tests.grid.client.grids import Grid, client_credentials
from tests.waiting import PATIENCE, asoon

RUNS: Counter[str] = Counter()
GATES: dict[str, asyncio.Event] = {}


async def wait(key: str, seconds: float = 0.05) -> str:
    """Run for a while."""
    RUNS[key] += 1
    if seconds:
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=seconds)
    return key


async def gated(key: str) -> str:
    """Run until the test lets it end."""
    RUNS[key] += 1
    await GATES.setdefault(key, asyncio.Event()).wait()
    return key


async def second(key: str) -> str:
    """End when run once more."""
    RUNS[key] += 1
    if RUNS[key] == 1:
        await asyncio.Event().wait()
    return key


async def forever(key: str) -> str:
    """Run until stopped."""
    RUNS[key] += 1
    try:
        await asyncio.Event().wait()
    finally:
        RUNS[f"{key} stopped"] += 1
    return key


def count(to: int) -> Any:
    """Count."""
    yield from range(to)


def echo(text: str) -> str:
    """Say it back."""
    return text


TOOLS = (wait, gated, second, forever, count, echo)


@pytest.fixture(autouse=True)
def _fresh():
    RUNS.clear()
    GATES.clear()


def using(grid: Grid, program: Any, **settings: Any) -> Any:
    """Run ``program(client)`` on one loop with the whole grid."""

    async def main() -> Any:
        client = grid.client(**settings)
        try:
            await client.aopen()
            return await program(client)
        finally:
            await client.aclose()
            await grid.close()

    return asyncio.run(asyncio.wait_for(main(), 100))


async def until(condition: Any) -> None:
    assert await asoon(condition), "it did not come to pass"


def release(key: str) -> None:
    """Let what is gated end."""
    GATES.setdefault(key, asyncio.Event()).set()


def test_a_call_outlives_its_connection_and_runs_once():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        calls = [asyncio.create_task(client.acall("gated", {"key": f"k{n}"})) for n in range(20)]
        await until(lambda: len(RUNS) == 20)
        grid.broker.disconnect()
        for n in range(20):
            release(f"k{n}")
        await asyncio.sleep(0.02)
        grid.broker.reconnect()
        results = await asyncio.gather(*calls)
        assert [one.content for one in results] == [f"k{n}" for n in range(20)], results
        assert set(RUNS.values()) == {1}

    using(grid, program)


def test_without_a_connection_calls_are_refused_at_once_and_those_on_their_way_are_unknown():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        call = asyncio.create_task(client.acall("gated", {"key": "k"}))
        await until(lambda: RUNS["k"])
        grid.broker.disconnect()
        refused = await client.acall("wait", {"key": "late"})
        assert (refused.error.type, executed_of(refused)) == ("SERVICE_UNAVAILABLE", "no")
        assert refused.error.details["reason"] == "disconnected"
        found = await call
        assert (found.error.type, executed_of(found)) == ("OUTCOME_UNKNOWN", "unknown")
        grid.broker.reconnect()
        await asyncio.sleep(0.02)
        assert RUNS["late"] == 0

    using(grid, program, reattach=0.1)


def test_a_runtime_that_dies_with_a_call_leaves_it_unknown_and_is_reported():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        call = asyncio.create_task(client.acall("forever", {"key": "k"}))
        await until(lambda: RUNS["k"])
        await _die(grid.runtimes[0])
        found = await call
        assert (found.error.type, executed_of(found)) == ("OUTCOME_UNKNOWN", "unknown")
        assert client.status()["counts"]["lost"] == 1

    using(grid, program, query_after=0.05)


def test_an_idempotent_call_goes_to_another_runtime_when_its_own_dies():
    grid = Grid(TOOLS, runtimes=2)

    async def program(client: Any) -> None:
        said: list[ReportLost] = []
        deliver = grid.broker.deliver

        def listening(subject: str, body: bytes, reply: str) -> bool:
            if ".report_lost." in subject:
                said.extend(one for one in unpack(body) if isinstance(one, ReportLost))
            return deliver(subject, body, reply)

        grid.broker.deliver = listening  # type: ignore[method-assign]
        call = FunctionCall(name="second", args={"key": "k"})
        options = CallOptions(idempotent=True)
        task = asyncio.create_task(client.ainvoke(call, CallContext(), options))
        await until(lambda: RUNS["k"])
        own = {one["runtime"] for one in client.status()["runtimes"] if one["own"]}
        await _die(next(one for one in grid.runtimes if one.id in own))
        found = await task
        assert (found.content, RUNS["k"]) == ("k", 2)
        await until(lambda: said)
        assert {said[0].runtime} == own
        assert said[0].epoch, "or the Hosts do not believe it, and a poison call is never known"

    using(grid, program, query_after=0.05)


def test_a_call_finds_the_one_runtime_that_lives_among_more_dead_ones_than_it_has_attempts():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        # who has a call already is asked last
        first = asyncio.create_task(client.acall("gated", {"key": "first"}))
        await until(lambda: RUNS["first"])
        for _ in range(5):
            await grid.add()
        await client._looped.link._fetch_directory()
        assert len(client.status()["runtimes"]) == 6
        for one in grid.runtimes[1:]:
            await _die(one)
        found = await client.acall("wait", {"key": "k", "seconds": 0})
        assert (found.content, RUNS["k"]) == ("k", 1), found
        assert client.status()["counts"]["retries"] == 5
        release("first")
        assert (await first).ok

    using(grid, program, attempts=3, directory_age=600.0, query_after=60.0)


def test_where_the_directory_names_only_dead_runtimes_the_queue_group_is_asked():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver = grid.broker.deliver

        def silent(subject: str, body: bytes, reply: str) -> bool:
            return ".directory." in subject or deliver(subject, body, reply)

        grid.broker.deliver = silent  # type: ignore[method-assign]
        await grid.add()  # which this client is not told of
        await _die(grid.runtimes[0])
        found = await client.acall("wait", {"key": "k", "seconds": 0})
        assert (found.content, RUNS["k"]) == ("k", 1), found
        await _die(grid.runtimes[1])
        found = await client.acall("wait", {"key": "none", "seconds": 0})
        assert (found.error.details["reason"], executed_of(found)) == ("no_runtime", "no")

    using(grid, program, attempts=1, directory_age=600.0, query_after=60.0)


async def _die(runtime: Any) -> None:
    """Its connection is gone, and no more is heard of it."""
    await runtime._transport.close()


def test_a_call_lost_on_its_way_is_sent_again_once_its_runtime_says_so():
    grid = Grid(TOOLS, runtimes=2)
    dropped = []

    async def program(client: Any) -> None:
        deliver = grid.broker.deliver

        def losing(subject: str, body: bytes, reply: str) -> bool:
            if ".wait." in subject and not dropped:
                dropped.append(subject)
                return True
            return deliver(subject, body, reply)

        grid.broker.deliver = losing  # type: ignore[method-assign]
        found = await client.acall("wait", {"key": "k"}, timeout=60)
        assert (found.content, RUNS["k"], len(dropped)) == ("k", 1, 1)
        assert client.status()["counts"]["retries"] == 1

    using(grid, program, query_after=0.05)


def test_answers_that_come_twice_late_or_for_others_are_dropped_and_counted():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver = grid.broker.deliver
        heard: list[tuple[str, bytes]] = []

        def doubling(subject: str, body: bytes, reply: str) -> bool:
            answers = subject.startswith("grid.v1.re.") and body
            if answers and any(isinstance(one, ToolResultMessage) for one in unpack(body)):
                heard.append((subject, body))
                forged = ToolResultMessage(
                    invocation_id="another",
                    result={"call_id": "c", "name": "wait", "status": "SUCCESS", "content": "evil"},
                )
                deliver(subject, pack(forged), "")
                deliver(subject, body, reply)
            return deliver(subject, body, reply)

        grid.broker.deliver = doubling  # type: ignore[method-assign]
        results = [await client.acall("wait", {"key": f"k{n}", "seconds": 0}) for n in range(5)]
        assert [one.content for one in results] == [f"k{n}" for n in range(5)]
        await until(lambda: client.status()["counts"]["stray"] == 10)
        deliver(heard[0][0], b"\xc1 no frame", "")
        assert (await client.acall("wait", {"key": "k", "seconds": 0})).content == "k"

    using(grid, program, query_after=60.0)


def test_a_missing_chunk_breaks_the_stream_and_stops_the_tool():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver = grid.broker.deliver

        def losing(subject: str, body: bytes, reply: str) -> bool:
            if subject.startswith("grid.v1.re.") and body:
                kept = [
                    one
                    for one in unpack(body)
                    if not (isinstance(one, StreamChunk) and one.seq == 5)
                ]
                return not kept or deliver(subject, pack(*kept), reply)
            return deliver(subject, body, reply)

        grid.broker.deliver = losing  # type: ignore[method-assign]
        chunks: list[Any] = []
        ctx = CallContext(emit=chunks.append)
        found = await client.ainvoke(FunctionCall(name="count", args={"to": 500}), ctx)
        assert found.error.type == "STREAM_BROKEN"
        assert chunks == [0, 1, 2, 3]

    using(grid, program)


def test_a_slow_listener_slows_its_tool_and_loses_nothing():
    chunks: list[int] = []

    def listen(chunk: int) -> None:
        if chunk % 50 == 0:
            time.sleep(0.005)
        chunks.append(chunk)

    with Grid(TOOLS).client() as client:
        found = client.invoke(
            FunctionCall(name="count", args={"to": 400}), CallContext(emit=listen)
        )
        assert found.content == list(range(400))
        assert chunks == list(range(400))


def test_large_arguments_and_results_travel_in_parts():
    grid = Grid(TOOLS)
    text = "\u00e5" * 900_000

    async def program(client: Any) -> None:
        call = FunctionCall(name="echo", args={"text": text})
        options = CallOptions(max_result_bytes=4_000_000)
        found = await client.ainvoke(call, CallContext(), options)
        assert found.content == text

    using(grid, program)


def test_cancelling_stops_the_body_and_says_so():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        flag = Cancellation()
        ctx = CallContext(cancelled=flag)
        call = FunctionCall(name="forever", args={"key": "k"})
        task = asyncio.create_task(client.ainvoke(call, ctx))
        await until(lambda: RUNS["k"])
        threading.Thread(target=flag.cancel, args=("enough",)).start()
        found = await task
        assert (found.error.type, RUNS["k stopped"]) == ("CANCELLED", 1)
        lost = asyncio.create_task(client.acall("forever", {"key": "gone"}))
        await until(lambda: RUNS["gone"])
        lost.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lost
        await until(lambda: RUNS["gone stopped"])
        await until(lambda: client.status()["calls"] == 0)

    using(grid, program, stop_wait=60.0)


def test_a_deadline_ends_the_wait_and_the_body():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        for seconds in (0.1, 1.0, 10.0):  # until its body begins in time, on a busy machine too
            found = await client.acall("forever", {"key": "k"}, timeout=seconds)
            assert found.error.type == "TIMEOUT"
            if RUNS["k"]:
                break
        assert executed_of(found) in ("yes", "unknown")
        await until(lambda: RUNS["k stopped"])

    using(grid, program)


def test_a_session_is_renewed_while_calls_go_on_over_a_second_connection():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        session = client.status()["session"]
        link = client._looped.link
        for n in range(3):
            wire = link.wire
            task = asyncio.create_task(client.acall("gated", {"key": f"k{n}"}))
            await until(lambda n=n: RUNS[f"k{n}"])
            link._renew()  # as its timer does at two thirds of the session's time
            await until(lambda wire=wire: link.wire is not wire)
            assert (await client.acall("wait", {"key": "new", "seconds": 0})).ok
            release(f"k{n}")
            assert (await task).content == f"k{n}", "the first connection waits for its calls"
            await until(lambda wire=wire: not wire.transport.is_connected)
        assert client.status()["session"] == session
        assert RUNS == {"k0": 1, "k1": 1, "k2": 1, "new": 3}

    using(grid, program)


def test_a_session_is_renewed_at_two_thirds_of_its_time():
    created = SessionCreated(
        id="1", session="s", token="t", expires_ms=1_030_000, time_ms=1_000_000, tools=()
    )
    state = SessionState(created, 50.0)
    assert (state.renews, state.ends) == (70.0, 80.0)
    assert "t" not in repr(SessionState(replace(created, token="SECRET"), 0.0)).split()


def test_a_session_that_was_ended_is_made_again_for_new_calls():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        session = client.status()["session"]
        await grid.host.revoke("acme", session)
        for transport in list(grid.broker._transports):
            if transport._rights is not None and f"grid.v1.re.{session}.>" in (
                transport._rights.subscribe
            ):
                transport.end("revoked")
        until = time.monotonic() + PATIENCE
        while True:
            found = await client.acall("wait", {"key": "k", "seconds": 0})
            if found.ok or time.monotonic() > until:
                break
            assert executed_of(found) == "no", found
            await asyncio.sleep(0.01)
        assert found.ok, found
        assert client.status()["session"] not in ("", session)

    using(grid, program)


def test_a_full_runtime_is_passed_over():
    grid = Grid(TOOLS, runtimes=2, slots=1, queue=0)

    async def program(client: Any) -> None:
        first = asyncio.create_task(client.acall("gated", {"key": "a"}))
        await until(lambda: RUNS["a"])
        others = [await client.acall("wait", {"key": f"b{n}", "seconds": 0}) for n in range(10)]
        assert all(one.ok for one in others), others
        release("a")
        assert (await first).ok

    using(grid, program)


def test_names_and_rights_are_refused_here_and_nothing_is_sent():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        for _ in range(2):
            found = await client.acall("nothing_like_it")
            assert (found.error.type, executed_of(found)) == ("TOOL_NOT_FOUND", "no")

    using(grid, program)


def test_a_name_that_was_looked_for_as_the_session_ended_is_answered():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver, asked = grid.broker.deliver, []

        def silent(subject: str, body: bytes, reply: str) -> bool:
            if ".directory." in subject:
                asked.append(subject)
                return True
            return deliver(subject, body, reply)

        grid.broker.deliver = silent  # type: ignore[method-assign]
        call = asyncio.create_task(client.acall("nothing_like_it"))
        await until(lambda: asked)
        client._looped.link._refreshing.cancel()  # as where the session's connections end
        found = await call
        assert (found.error.type, executed_of(found)) == ("TOOL_NOT_FOUND", "no")

    using(grid, program, directory_age=600.0)


def test_nobody_at_home_is_told_at_once_and_asked_again_later(monkeypatch):
    monkeypatch.setattr("altar_extras.grid.client._engine._REST", 600.0)

    class Nobody:
        calls = 0

        async def connect(self, **how: Any) -> Any:
            self.calls += 1
            raise NotConnectedError("nobody")

    connector = Nobody()
    with GridClient(connector=connector, credentials=client_credentials()) as client:
        for _ in range(5):
            found = client.call("wait", {"key": "k"})
            assert (found.error.type, executed_of(found)) == ("SERVICE_UNAVAILABLE", "no")
        assert connector.calls == 1
    assert client.call("wait").error.details["reason"] == "closed"


def test_a_connector_that_is_cancelled_leaves_no_call_without_an_answer():
    class Cancelled:
        async def connect(self, **how: Any) -> Any:
            ended = asyncio.get_running_loop().create_future()
            ended.cancel()
            await ended

    with GridClient(connector=Cancelled(), credentials=client_credentials()) as client:
        answers: list[Any] = []
        calling = threading.Thread(target=lambda: answers.append(client.call("wait")), daemon=True)
        calling.start()
        calling.join(PATIENCE)
        (found,) = answers
        assert (found.error.type, executed_of(found)) == ("SERVICE_UNAVAILABLE", "no")

    async def main() -> None:
        client = GridClient(connector=Cancelled(), credentials=client_credentials())
        with pytest.raises(GridTransportError):
            await client.aopen()
        await client.aclose()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_client_says_nothing_of_its_secrets():
    client = Grid(TOOLS).client()
    assert client.credentials.seed not in repr(client) + repr(client.credentials)
    client.close()


def test_a_deadline_holds_while_there_is_no_session_yet():
    class Slow:
        async def connect(self, **how: Any) -> Any:
            await asyncio.Event().wait()

    with GridClient(connector=Slow(), credentials=client_credentials()) as client:
        found = client.call("wait", {"key": "k"}, timeout=0.05)
        assert (found.error.type, executed_of(found)) == ("TIMEOUT", "no")


def test_a_peer_of_level_one_gets_one_message_in_a_body_and_nothing_it_cannot_read():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        for peer in client._looped.link.router.peers.values():
            peer.features = frozenset()
        deliver, bodies = grid.broker.deliver, []

        def listening(subject: str, body: bytes, reply: str) -> bool:
            if ".wait." in subject or ".count." in subject:
                bodies.append(unpack(body))
            return deliver(subject, body, reply)

        grid.broker.deliver = listening  # type: ignore[method-assign]
        calls = [client.acall("wait", {"key": "k", "seconds": 0}) for _ in range(5)]
        assert all([one.ok for one in await asyncio.gather(*calls)])
        chunks: list[Any] = []
        ctx = CallContext(emit=chunks.append)
        found = await client.ainvoke(FunctionCall(name="count", args={"to": 3}), ctx)
        assert (found.content, chunks) == ([0, 1, 2], [])
        assert [len(one) for one in bodies] == [1] * 6
        large = FunctionCall(name="echo", args={"text": "x" * 600_000})
        found = await client.ainvoke(large, CallContext())
        assert (found.error.details["reason"], executed_of(found)) == ("too_large", "no")

    using(grid, program, directory_age=600.0)


def test_a_call_is_asked_for_again_while_its_runtime_is_on_its_way_back_too():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        call = asyncio.create_task(client.acall("gated", {"key": "k"}))
        await until(lambda: RUNS["k"])
        deliver, refused = grid.broker.deliver, []

        def nobody(subject: str, body: bytes, reply: str) -> bool:
            if ".query." in subject and len(refused) < 3:
                refused.append(subject)
                return False  # as where a server has just started, and the runtime is not back
            return deliver(subject, body, reply)

        grid.broker.deliver = nobody  # type: ignore[method-assign]
        grid.broker.disconnect()
        await asyncio.sleep(0.02)
        grid.broker.reconnect()
        await until(lambda: len(refused) == 3)
        release("k")
        found = await call
        assert (found.content, RUNS["k"], len(refused)) == ("k", 1, 3)

    using(grid, program)


def test_failures_while_a_connection_was_lost_open_no_breaker():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver = grid.broker.deliver
        grid.broker.deliver = lambda *_: True  # type: ignore[method-assign]
        lost = [client.acall("wait", {"key": "lost"}, timeout=0.1) for _ in range(10)]
        assert {one.error.type for one in await asyncio.gather(*lost)} == {"TIMEOUT"}
        refused = await client.acall("wait", {"key": "refused"})
        assert refused.error.type == "CIRCUIT_OPEN"
        grid.broker.deliver = deliver  # type: ignore[method-assign]
        grid.broker.disconnect()
        grid.broker.reconnect()
        await until(lambda: client.status()["connected"])
        assert (await client.acall("wait", {"key": "k"})).content == "k"

    using(grid, program)


def test_a_malformed_answer_is_not_asked_for_again():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver, answers = grid.broker.deliver, []

        def garbling(subject: str, body: bytes, reply: str) -> bool:
            if subject.startswith("grid.v1.re.") and body:
                for one in unpack(body):
                    if isinstance(one, ToolResultMessage):
                        answers.append(one)
                        doc = {"type": "ToolResult", "v": 1, "result": 7}
                        doc["invocation_id"] = one.invocation_id
                        return deliver(subject, msgpack.packb(doc), reply)
            return deliver(subject, body, reply)

        grid.broker.deliver = garbling  # type: ignore[method-assign]
        found = await client.acall("wait", {"key": "k", "seconds": 0}, timeout=60)
        assert (found.error.type, executed_of(found)) == ("OUTCOME_UNKNOWN", "unknown")
        assert len(answers) == 1

    using(grid, program, query_after=60.0)


def test_a_host_that_is_silent_does_not_have_the_whole_time_of_a_question():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        deliver, lost = grid.broker.deliver, []

        def silent(subject: str, body: bytes, reply: str) -> bool:
            if ".directory." in subject and len(lost) < 3:
                lost.append(subject)
                return True
            return deliver(subject, body, reply)

        grid.broker.deliver = silent  # type: ignore[method-assign]
        assert (await client.atools())[0].name
        await client._looped.link._fetch_directory()
        assert len(lost) == 3

    using(grid, program, ask_timeout=1.5, directory_age=600.0)


def test_a_server_that_will_stop_is_left_before_it_does():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        link = client._looped.link
        wire = link.wire
        call = asyncio.create_task(client.acall("gated", {"key": "k"}))
        await until(lambda: RUNS["k"])
        link._hear(wire, Event(kind="lame_duck", text="it will stop"))
        await until(lambda: link.wire is not wire)
        assert wire.transport.is_connected, "the call's answer comes by it"
        assert (await client.acall("wait", {"key": "new", "seconds": 0})).ok
        release("k")
        assert (await call).ok
        await until(lambda: not wire.transport.is_connected)

    using(grid, program)


def test_a_question_that_a_silent_server_swallowed_is_asked_again():
    grid = Grid(TOOLS)

    async def program(client: Any) -> None:
        call = asyncio.create_task(client.acall("wait", {"key": "k", "seconds": 0.1}))
        await until(lambda: RUNS["k"])
        deliver, swallowed = grid.broker.deliver, []

        def silent(subject: str, body: bytes, reply: str) -> bool:
            if ".query." in subject and not swallowed:
                swallowed.append(subject)
                return True
            if subject.startswith("grid.v1.re.") and b"ToolResult" in body and len(swallowed) < 1:
                return True
            return deliver(subject, body, reply)

        grid.broker.deliver = silent  # type: ignore[method-assign]
        grid.broker.disconnect()
        grid.broker.reconnect()
        assert (await call).content == "k"

    using(grid, program, query_after=60.0)


def by_the_queue(client: Any) -> None:
    """Forget the runtimes: the next call goes to whichever takes it."""
    client._looped.link.router.learn(())


def losing_calls(grid: Grid, lost: list[str], most: int = 1, of: str = ".call.wait.") -> None:
    """A broker that loses calls for the queue group, or what ``of`` says."""
    deliver = grid.broker.deliver

    def deliver_but(subject: str, body: bytes, reply: str) -> bool:
        if of in subject and len(lost) < most:
            lost.append(subject)
            return True
        return deliver(subject, body, reply)

    grid.broker.deliver = deliver_but  # type: ignore[method-assign]


def test_a_call_that_no_runtime_of_the_queue_group_accepts_is_unknown_long_before_its_deadline():
    grid = Grid(TOOLS, runtimes=2)
    lost: list[str] = []

    async def program(client: Any) -> None:
        losing_calls(grid, lost)
        by_the_queue(client)
        found = await client.acall("wait", {"key": "k"}, timeout=60)
        assert (found.error.type, executed_of(found)) == ("OUTCOME_UNKNOWN", "unknown")
        assert (found.error.details["reason"], len(lost)) == ("not_accepted", 1)
        assert client.status()["counts"].get("retries", 0) == 0
        assert RUNS["k"] == 0

    using(grid, program, reattach=0.1)


def test_an_idempotent_call_that_nobody_accepted_is_sent_again():
    grid = Grid(TOOLS, runtimes=2)
    lost: list[str] = []

    async def program(client: Any) -> None:
        losing_calls(grid, lost)
        by_the_queue(client)
        call = FunctionCall(name="wait", args={"key": "k"})
        options = CallOptions(idempotent=True)
        found = await client.ainvoke(call, CallContext(), options)
        assert (found.content, RUNS["k"], len(lost)) == ("k", 1, 1)

    using(grid, program, reattach=0.2)


def test_a_runtime_whose_acceptance_was_lost_is_found_by_asking_and_answers():
    grid = Grid(TOOLS, runtimes=2)
    lost: list[str] = []

    async def program(client: Any) -> None:
        by_the_queue(client)
        losing_calls(grid, lost, of=f"{client._looped.link.wire.requests.inbox}.0")
        deliver, asked = grid.broker.deliver, []

        def listening(subject: str, body: bytes, reply: str) -> bool:
            if ".query." in subject:
                asked.append(subject)
            return deliver(subject, body, reply)

        grid.broker.deliver = listening  # type: ignore[method-assign]
        call = asyncio.create_task(client.acall("gated", {"key": "k"}, timeout=100))
        await until(lambda: asked)
        release("k")
        found = await call
        assert (found.content, RUNS["k"], len(lost)) == ("k", 1, 1)

    using(grid, program)
