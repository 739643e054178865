"""The parts of a connection that decide without doing: life, the outbox, deadlines, asking."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar_extras.grid.transport import AnswerTimeoutError, LoopbackBroker, RemoteError, Requests
from altar_extras.grid.transport._heed import heeded
from altar_extras.grid.transport._nats_link import LifeCheck, header_size
from altar_extras.grid.transport._outbox import Outbox
from altar_extras.grid.transport._requests_deadlines import Deadlines
from altar_extras.grid.wire import Ack, Error, Hello, pack


def turns(life, until, *, start=0.0, count=0):
    """The states of regular turns up to a time, each with when it was."""
    found, now = [], start
    while now < until:
        now += life.interval
        found.append((round(now, 3), life.turn(now, count)))
    return found


def test_silence_asks_for_a_ping_and_then_counts_as_death_within_two_and_a_half_seconds():
    life = LifeCheck(0.0, dead_after=1.75)
    states = turns(life, 2.6)
    assert [when for when, state in states if state == "quiet"][0] <= 0.75
    dead = [when for when, state in states if state == "dead"]
    assert 1.75 <= dead[0] <= 2.25


def test_messages_and_pongs_are_signs_of_life():
    life = LifeCheck(0.0, dead_after=1.75)
    for number in range(1, 40):
        assert life.turn(number * 0.25, number) == ""
    for number in range(40, 80):
        life.pong(number * 0.25)
        assert life.turn(number * 0.25 + 0.01, 39) != "dead"


def test_a_loop_that_stood_still_does_not_make_the_other_side_dead():
    life = LifeCheck(0.0, dead_after=1.75)
    turns(life, 1.0)
    assert life.turn(9.0, 0) != "dead"
    assert life.lateness > 7
    assert [state for _, state in turns(life, 12.0, start=9.0)].count("dead") > 0


def test_headers_are_counted_as_the_server_counts_them():
    assert header_size(None) == 0
    wire = b"NATS/1.0\r\na: b\r\nname: value\r\n\r\n"
    assert header_size({"a": "b", "name": "value"}) == len(wire)


def test_the_outbox_joins_neighbours_and_never_lets_a_body_overtake():
    outbox = Outbox(10)
    told = []

    def put(subject, body, reply="", join=True):
        return outbox.add(subject, body, reply, join=join, unsent=told.append)

    assert put("a", b"1")
    assert not put("b", b"2")
    put("a", b"3")
    put("a", b"4", "r")
    put("a", b"5")
    put("a", b"6", join=False)
    put("a", b"7")
    put("b", b"123456789")
    put("b", b"x")
    parcels = outbox.take()
    assert [(one.subject, one.body, one.reply) for one in parcels] == [
        ("a", b"13", ""),
        ("b", b"2123456789", ""),
        ("a", b"4", "r"),
        ("a", b"5", ""),
        ("a", b"6", ""),
        ("a", b"7", ""),
        ("b", b"x", ""),
    ]
    assert sum(len(one.unsent) for one in parcels) == 9
    assert not len(outbox)
    assert put("a", b"1"), "the first of another turn"


@pytest.mark.parametrize("error", [None, ConnectionError("closed")])
def test_a_cancellation_that_a_library_took_for_itself_counts_all_the_same(error):
    async def library(begun):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if error is not None:
                raise error from None

    async def watch(begun):
        while True:
            with suppress(ConnectionError), heeded():
                await library(begun)

    async def main():
        begun = asyncio.Event()
        task = asyncio.ensure_future(watch(begun))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionError), heeded():
            raise ConnectionError("of its own")
        with pytest.raises(TimeoutError), heeded():  # a bound within is none from without
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_many_deadlines_share_a_timer_and_are_never_early():
    async def main():
        loop = asyncio.get_running_loop()
        begin, rang = loop.time(), {}
        deadlines = Deadlines(loop, lambda key: rang.update({key: loop.time() - begin}))
        for number in range(1000):
            deadlines.add(str(number), 0.02)
        deadlines.add("later", 60)
        deadlines.drop("7")
        deadlines.drop("never there")
        passed = loop.time() - begin  # a busy machine may stand still among them
        assert len(deadlines._timers) <= 3 + passed * 64
        while len(rang) < 999:
            await asyncio.sleep(0.002)
        assert "7" not in rang
        assert min(rang.values()) >= 0.02
        deadlines.clear()
        assert not deadlines._timers

    asyncio.run(asyncio.wait_for(main(), 60))


def test_an_answer_in_time_an_error_and_no_answer_are_told_apart():
    async def main():
        broker = LoopbackBroker()
        client, host = await broker.connect(), await broker.connect()

        def answer(inbound):
            key = {"one": Ack(id="one"), "two": Error(id="two", error={"message": "no"})}
            for name, message in key.items():
                if name.encode() in inbound.body:
                    host.publish(inbound.reply, pack(Hello(id="stray", role="x"), message))

        await host.subscribe("grid.v1.host.hello.s1", answer)
        requests = Requests(client, "s1")
        await requests.start()

        async def ask(key, timeout=30.0):
            question = Hello(id=key, role="client")
            return await requests.ask("grid.v1.host.hello.s1", question, timeout=timeout)

        assert isinstance(await ask("one"), Ack)
        with pytest.raises(RemoteError, match="no"):
            await ask("two")
        with pytest.raises(AnswerTimeoutError):
            await ask("three", timeout=0.03)
        assert requests.stray == 2
        client.publish(requests.inbox, b"\xff no frame")
        await client.flush()
        assert isinstance(await ask("one"), Ack), "what is no frame ends nothing"
        waiting = asyncio.ensure_future(ask("three"))
        await asyncio.sleep(0)
        await requests.close()
        with pytest.raises(Exception, match="closed"):
            await waiting
        await requests.close()

    asyncio.run(asyncio.wait_for(main(), 60))
