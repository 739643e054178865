"""What a runtime that is named for one contract tries beyond it, on a real server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar_extras.grid.wire import Subjects, ToolResultMessage, pack, unpack
from tests.grid.host import scenes
from tests.grid.host.scenes import claim, until
from tests.grid.security.attacks import EVIL, FAST, RAN, calling, run, serving, strict


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
            assert (await client.acall("add")).content == 3
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
