"""What a runtime that is named for one contract tries beyond it, on a real server."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar_extras.grid.wire import (
    Credit,
    Part,
    Query,
    Subjects,
    ToolCall,
    ToolResultMessage,
    pack,
    unpack,
)
from tests.grid.host import scenes
from tests.grid.host.scenes import claim, until
from tests.grid.security.attacks import BOB, EVIL, FAST, RAN, calling, run, serving, strict


@pytest.fixture(scope="module")
def node(shared_node):
    return shared_node(callout=True)


@asynccontextmanager
async def lurking(there):
    """A runtime that is let in for "add", and writes down what it is asked."""
    evil = await scenes.runtime(there, EVIL, claim(FAST))
    seen = []

    def take(inbound):
        for call in unpack(inbound.body):
            seen.append((call.invocation_id, inbound.reply))
            result = {"name": "add", "call_id": "c", "status": "SUCCESS", "content": 3}
            answer = ToolResultMessage(
                invocation_id=call.invocation_id, result=result, executed="yes"
            )
            evil.party.transport.publish(inbound.reply, pack(answer))

    await evil.party.transport.subscribe(Subjects.direct(evil.name, "add", 1, "*"), take)
    try:
        yield evil, seen
    finally:
        await evil.close()


def test_a_runtime_that_was_called_once_cannot_answer_the_clients_other_calls(node, tmp_path):
    RAN.clear()

    async def scene():
        async with (
            strict(node, tmp_path) as (host, there),
            lurking(there) as (evil, seen),
            serving(there),
            calling(there) as client,
        ):
            await until(lambda: len(list(host._desks["acme"].tenant.runtimes.present(0))) >= 2)

            async def added():
                return (await client.acall("add")).content == 3

            await until(added)  # the client hears of its runtimes a moment later than the Host
            invocation, reply = seen[0]
            lie = {"name": "upper", "call_id": "c", "status": "SUCCESS", "content": "LIE"}
            inbox, _, token = reply.rpartition(".")

            def forge():
                for step in range(1, 40):
                    for guess in (
                        f"{int(invocation, 16) + step:0{len(invocation)}x}",
                        f"{invocation[:-1]}{step:x}",
                        f"{invocation[:24]}{step:x}",
                    ):
                        answer = ToolResultMessage(invocation_id=guess, result=lie, executed="yes")
                        evil.party.transport.publish(f"{inbox}.0", pack(answer))
                    # what a server says where nobody hears: an empty body
                    evil.party.transport.publish(f"{inbox}.{int(token, 16) + step:x}", b"")

            got = []
            for _ in range(5):
                calls = [asyncio.ensure_future(client.acall("upper")) for _ in range(4)]
                for _ in range(4):
                    await asyncio.sleep(0)
                    forge()
                got += [one.content for one in await asyncio.gather(*calls)]
            assert got == ["TRUE"] * 20
            assert len(RAN) == 20

    run(scene)


def test_a_client_whose_calls_are_refused_by_the_thousand_leaves_the_runtime_to_the_others(
    node, tmp_path
):
    async def scene():
        async with (
            strict(node, tmp_path) as (_, there),
            serving(there, keep_bytes=2 * 1024 * 1024) as good,
            calling(there) as client,
        ):
            evil = await scenes.session(there, BOB)
            subject = Subjects.direct(good.id, "upper", 1, evil.name)
            query = Subjects.control(good.id, "query", evil.name)
            reply, later = f"{evil.requests.inbox}.1", int(time.time() * 1000) + 3_600_000
            for number in range(3000):
                bad = ToolCall(
                    invocation_id=f"{number}",
                    call={"name": "upper", "args": {}, "call_id": 5},
                    expires_ms=later,
                )
                ask = Query(invocation_id=f"q{number}")
                evil.transport.publish(subject, pack(bad), reply=reply, join=True)
                evil.transport.publish(query, pack(ask), reply=reply, join=True)
                if number % 200 == 0:
                    await evil.transport.flush(30.0)
            await evil.transport.flush(30.0)
            book = good._desk._book
            await until(lambda: good._desk.denials["overloaded"] >= 100)
            assert not book.is_full, good._desk.denials
            assert (await client.acall("upper")).content == "TRUE"
            mine = book.query(("ana-s1", "x"), attempt=1, now_ms=0.0, horizon_ms=later)
            assert mine[0] == "never_seen"
            await evil.transport.close()

    run(scene)


def test_large_arguments_that_trickle_end_with_the_calls_deadline_and_leave_room(node, tmp_path):
    async def scene():
        async with strict(node, tmp_path) as (_, there), serving(there, payloads_at_once=4) as good:
            evil = await scenes.session(there, BOB)
            subject = Subjects.direct(good.id, "upper", 1, evil.name)
            told, left = [], asyncio.Event()
            for number in range(3):
                key = f"large{number}"
                evil.requests.expect(key, told.append)
                call = ToolCall(
                    invocation_id=key,
                    call={"name": "upper"},
                    size=1_000_000,
                    sha256="0" * 64,
                    budget_ms=600,
                )
                evil.transport.publish(subject, pack(call), reply=f"{evil.requests.inbox}.1")

            async def trickle():
                for seq in range(1, 1000):
                    part = Part(invocation_id="large0", of="args", seq=seq, data=b"x")
                    evil.transport.publish(subject, pack(part), reply=f"{evil.requests.inbox}.1")
                    if left.is_set():
                        return
                    await asyncio.sleep(0.01)

            await until(lambda: any(isinstance(one, Credit) for one in told))
            trickling = asyncio.ensure_future(trickle())

            def reasons():
                answers = [one for one in told if isinstance(one, ToolResultMessage)]
                return sorted(one.result["error"]["details"]["reason"] for one in answers)

            await until(lambda: len(reasons()) == 3)
            assert reasons() == ["deadline_passed", "deadline_passed", "overloaded"]
            left.set()
            await trickling
            await evil.transport.close()

    run(scene)
