"""TransportContract: what every Transport must do, as tests that its author runs.

Subclass it under a name your test runner collects, and say how connections are made:

    class TestMyTransport(TransportContract):
        async def make_connector(self):
            return MyConnector()
"""

from __future__ import annotations

import asyncio
import unittest
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from altar.errors import AltarError
from altar_extras.grid.transport import (
    GridTransportError,
    NoRespondersError,
    NotConnectedError,
    Requests,
    TooLargeError,
)
from altar_extras.grid.wire import Hello, pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from altar_extras.grid.transport import Connector, Event, Inbound, Transport

__all__ = ["TransportContract"]

_PATIENCE = 20.0
_PROBE = b"probe"


class TransportContract:
    """The contract of ``altar_extras.grid.transport.Transport``, one test for each promise.

    ``make_connector()`` returns a Connector to a broker. ``cut()`` ends every
    connection from the other side, ``restore()`` lets them come back; a suite
    that leaves them out skips those rows. So does one without
    ``make_narrow()``, a connection that may publish and hear ``open.>`` only.
    """

    async def make_connector(self) -> Connector:
        """Return a Connector to a broker that this test may use."""
        raise NotImplementedError(f"async {type(self).__name__}.make_connector() -> Connector")

    async def make_narrow(self) -> Transport:
        """Return a connection with the right to ``open.>`` alone."""
        raise unittest.SkipTest("no connection with few rights here")

    def cut(self) -> None:
        """End every connection from the other side."""
        raise unittest.SkipTest("connections cannot be cut here")

    def restore(self) -> None:
        """Let them come back."""

    def run_cut(self, test: Callable[[_Ends], Coroutine[Any, Any, None]]) -> None:
        """As ``run``, where connections can be cut."""
        if type(self).cut is TransportContract.cut:
            self.cut()
        self.run(test)

    def run(self, test: Callable[[_Ends], Coroutine[Any, Any, None]]) -> None:
        """Run ``test`` with two connections, and close them."""

        async def main() -> None:
            connector = await self.make_connector()
            ends = _Ends(await connector.connect(name="one"), await connector.connect(name="two"))
            try:
                async with asyncio.timeout(3 * _PATIENCE):
                    await test(ends)
            finally:
                await ends.near.close()
                await ends.far.close()

        asyncio.run(main())

    def test_bodies_for_a_subject_come_in_the_order_in_which_they_were_sent(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.hear()
            for number in range(300):
                reply = f"{ends.subject}.r{number % 3}" if number % 5 == 0 else ""
                ends.near.publish(ends.subject, b"%03d" % number, reply=reply, join=number % 2 == 0)
                if number % 50 == 0:
                    await asyncio.sleep(0)
            await ends.until(lambda: len(b"".join(ends.bodies)) == 900)
            assert b"".join(ends.bodies) == b"".join(b"%03d" % number for number in range(300))

        self.run(test)

    def test_of_a_queue_group_one_member_gets_each_body(self) -> None:
        async def test(ends: _Ends) -> None:
            counts = [0, 0]

            def one(_: Inbound) -> None:
                counts[0] += 1

            def other(_: Inbound) -> None:
                counts[1] += 1

            await ends.listen(ends.far, ends.subject, one, queue="rt")
            await ends.listen(ends.near, ends.subject, other, queue="rt")
            await ends.hear()
            for _ in range(100):
                ends.near.publish(ends.subject, b"x")
            await ends.until(lambda: sum(counts) == 100 and len(ends.bodies) == 100)
            assert all(counts)

        self.run(test)

    def test_the_reply_subject_travels_and_an_answer_reaches_it(self) -> None:
        async def test(ends: _Ends) -> None:
            answers: list[bytes] = []
            await ends.listen(
                ends.near, f"{ends.subject}.in.*", lambda one: answers.append(one.body)
            )
            await ends.listen(
                ends.far,
                ends.subject,
                lambda one: ends.far.publish(one.reply, one.subject.encode()),
            )
            ends.near.publish(ends.subject, b"?", reply=f"{ends.subject}.in.7")
            await ends.until(lambda: answers == [ends.subject.encode()])

        self.run(test)

    def test_bodies_of_one_turn_travel_together_when_they_may(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.hear()
            for number in range(4):
                ends.near.publish(ends.subject, b"%d" % number, reply="a.b", join=True)
            await ends.until(lambda: ends.bodies == [b"0123"])
            assert ends.heard[0].reply == "a.b"

        self.run(test)

    def test_bodies_with_another_reply_and_those_that_may_not_join_travel_alone(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.hear()
            ends.near.publish(ends.subject, b"1", reply="a.b", join=True)
            ends.near.publish(ends.subject, b"2", reply="a.c", join=True)
            ends.near.publish(ends.subject, b"3", reply="a.c")
            ends.near.publish(ends.subject, b"4", reply="a.c", join=True)
            await ends.until(lambda: len(ends.bodies) == 4)
            assert ends.bodies == [b"1", b"2", b"3", b"4"]
            assert [one.reply for one in ends.heard] == ["a.b", "a.c", "a.c", "a.c"]

        self.run(test)

    def test_joined_bodies_stay_below_what_the_other_side_takes(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.hear()
            for _ in range(40):
                ends.near.publish(ends.subject, b"x" * 10_000, join=True)
            await ends.until(lambda: sum(map(len, ends.bodies)) == 400_000)
            assert max(map(len, ends.bodies)) <= 65_536

        self.run(test)

    def test_the_largest_body_arrives_and_a_larger_one_is_refused_before_it_is_sent(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.hear()
            limit = ends.near.max_payload
            for join in (False, True):
                await _raises(
                    TooLargeError, ends.publish, ends.subject, b"x" * (limit + 1), join=join
                )
            ends.near.publish(ends.subject, b"x" * limit)
            ends.near.publish(ends.subject, b"after", join=True)
            await ends.until(lambda: len(ends.bodies) == 2)
            assert [len(body) for body in ends.bodies] == [limit, 5]
            assert not [one for one in ends.events if one.kind != "slow"]

        self.run(test)

    def test_a_text_that_is_no_subject_is_refused(self) -> None:
        async def test(ends: _Ends) -> None:
            for bad in ("", "a b", "a\r\nPUB b 0\r\n", "a..b", "a.", "x" * 5000):
                await _raises(AltarError, ends.publish, bad, b"x")
                await _raises(AltarError, ends.near.subscribe, bad, print)
                if bad:
                    await _raises(AltarError, ends.publish, "a", b"x", reply=bad)

        self.run(test)

    def test_nothing_is_sent_later_that_could_not_be_sent_at_once(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.hear()
            self.cut()
            await ends.until(lambda: not ends.near.is_connected and not ends.far.is_connected)
            for join in (False, True):
                await _raises(NotConnectedError, ends.publish, ends.subject, b"ghost", join=join)
            self.restore()
            await ends.until(lambda: ends.near.is_connected and ends.far.is_connected)
            await ends.settle()  # the other side knows again what is heard
            ends.near.publish(ends.subject, b"alive")
            await ends.until(lambda: bool(ends.bodies))
            await ends.settle()
            assert ends.bodies == [b"alive"]
            kinds = [event.kind for event in ends.events if event.kind != "slow"]
            assert kinds == ["disconnected", "connected"]

        self.run_cut(test)

    def test_questions_under_way_fail_at_once_when_the_connection_is_lost(self) -> None:
        async def test(ends: _Ends) -> None:
            requests = Requests(ends.near, "s1")
            await requests.start()
            await ends.hear()
            lost: list[Exception] = []
            requests.expect("told", print, on_lost=lost.append)
            requests.expect("kept", print)
            task = asyncio.ensure_future(
                requests.ask(ends.subject, Hello(id="q", role="client"), timeout=60)
            )
            await ends.until(lambda: bool(ends.bodies))
            self.cut()
            await ends.until(task.done)
            assert isinstance(task.exception(), NotConnectedError)
            assert [type(one) for one in lost] == [NotConnectedError]
            self.restore()
            await ends.until(lambda: ends.near.is_connected)
            heard: list[object] = []
            requests.expect("again", heard.append)
            ends.near.publish(requests.inbox, _hello("again"))
            await ends.until(lambda: len(heard) == 1)

        self.run_cut(test)

    def test_whoever_asked_is_told_of_a_body_that_did_not_leave(self) -> None:
        async def test(ends: _Ends) -> None:
            unsent: list[Exception] = []
            for _ in range(2):
                ends.near.publish(ends.subject, b"x", join=True, unsent=unsent.append)
            await ends.near.close()
            await ends.until(lambda: len(unsent) == 2)
            assert {type(one) for one in unsent} == {NotConnectedError}

        self.run(test)

    def test_a_handler_that_raises_ends_nothing(self) -> None:
        async def test(ends: _Ends) -> None:
            def raising(_: Inbound) -> None:
                raise ValueError("mine")

            await ends.listen(ends.far, ends.subject, raising)
            await ends.hear()
            for _ in range(3):
                ends.near.publish(ends.subject, b"x")
            await ends.until(lambda: len(ends.bodies) == 3)
            assert ends.far.is_connected

        self.run(test)

    def test_a_listener_that_raises_keeps_no_other_from_hearing(self) -> None:
        async def test(ends: _Ends) -> None:
            def raising(_: Event) -> None:
                raise ValueError("mine")

            heard: list[str] = []
            ends.far.listen(raising)
            ends.far.listen(lambda event: heard.append(event.kind))
            await ends.far.close()
            await ends.until(lambda: heard == ["closed"])

        self.run(test)

    def test_drain_handles_what_came_and_sends_what_waits(self) -> None:
        async def test(ends: _Ends) -> None:
            back: list[bytes] = []
            await ends.listen(ends.near, f"{ends.subject}.back", lambda one: back.append(one.body))
            seen: list[bytes] = []

            def answer(one: Inbound) -> None:
                seen.append(one.body)
                ends.far.publish(f"{ends.subject}.back", b"!", join=True)

            await ends.listen(ends.far, ends.subject, answer, queue="rt")
            # its own bodies have come when its drain begins; from another server they may be
            # under way
            for number in range(200):
                ends.far.publish(ends.subject, b"%d" % number)
            await ends.far.drain()
            assert len(seen) == 200
            await ends.until(lambda: len(b"".join(back)) == 200)
            assert not ends.far.is_connected

        self.run(test)

    def test_a_subscription_that_ended_hears_no_more_and_ends_twice(self) -> None:
        async def test(ends: _Ends) -> None:
            heard: list[Inbound] = []
            for ending in ("drain", "unsubscribe"):
                made = await ends.far.subscribe(ends.subject, heard.append)
                await getattr(made, ending)()
                await getattr(made, ending)()
                ends.near.publish(ends.subject, b"x")
                await ends.settle()
            assert not heard

        self.run(test)

    def test_closing_again_is_nothing_and_is_told_once(self) -> None:
        async def test(ends: _Ends) -> None:
            await ends.near.close()
            await ends.near.close()
            await ends.near.drain()
            assert [event.kind for event in ends.events] == ["closed"]
            await _raises(NotConnectedError, ends.publish, ends.subject, b"x")
            await _raises(NotConnectedError, ends.near.flush)
            await _raises(NotConnectedError, ends.near.subscribe, ends.subject, print)

        self.run(test)

    def test_a_question_that_nobody_hears_is_answered_so(self) -> None:
        async def test(ends: _Ends) -> None:
            requests = Requests(ends.near, "s1")
            await requests.start()
            await _raises(
                NoRespondersError,
                requests.ask,
                ends.subject,
                Hello(id="q", role="client"),
                timeout=60,
            )
            lost: dict[str, Exception] = {}
            for key in ("a", "b"):
                requests.expect(key, print, on_lost=partial(lost.__setitem__, key))
                requests.send(ends.subject, key, b"x")
            requests.expect("other", print, on_lost=partial(lost.__setitem__, "other"))
            await ends.until(lambda: len(lost) == 2)
            assert {key: type(error) for key, error in lost.items()} == {
                "a": NoRespondersError,
                "b": NoRespondersError,
            }

        self.run(test)

    def test_what_a_connection_has_no_right_to_is_told(self) -> None:
        async def test(ends: _Ends) -> None:
            narrow = await self.make_narrow()
            events: list[Event] = []
            narrow.listen(events.append)
            try:
                await narrow.subscribe("open.a", print)
                await _raises(GridTransportError, narrow.subscribe, "shut.a", print)
                narrow.publish("open.a", b"x")
                narrow.publish("shut.b", b"x")
                denied = {"shut.a", "shut.b"}
                await ends.until(
                    lambda: {one.subject for one in events if one.kind == "denied"} == denied
                )
                assert narrow.is_connected
            finally:
                await narrow.close()

        self.run(test)


class _Ends:
    """Two connections of one test, a subject of its own, and what was heard."""

    def __init__(self, near: Transport, far: Transport) -> None:
        self.near = near
        self.far = far
        self.subject = f"t.{token_hex(8)}"
        self.heard: list[Inbound] = []
        self.events: list[Event] = []
        near.listen(self.events.append)

    @property
    def bodies(self) -> list[bytes]:
        """The bodies that ``far`` heard."""
        return [one.body for one in self.heard]

    async def hear(self) -> None:
        """Note what comes to ``far``."""
        await self.listen(self.far, self.subject, self.heard.append)

    async def listen(
        self, end: Transport, subject: str, handler: Callable[[Inbound], None], *, queue: str = ""
    ) -> None:
        """Subscribe; returns when a body of the other end has come: interest takes its time
        from server to server.
        """
        came: list[Inbound] = []

        def hear(inbound: Inbound) -> None:
            (came.append if inbound.body == _PROBE else handler)(inbound)

        await end.subscribe(subject, hear, queue=queue)
        other = self.near if end is self.far else self.far
        while not came:
            other.publish(subject.replace("*", "probe"), _PROBE)
            await other.flush(_PATIENCE)
            await end.flush(_PATIENCE)
            await asyncio.sleep(0.002)

    async def publish(self, subject: str, body: bytes, **options: Any) -> None:
        """Publish from ``near``."""
        self.near.publish(subject, body, **options)

    async def settle(self) -> None:
        """Return when everything published so far has come."""
        await self.near.flush(_PATIENCE)
        await self.far.flush(_PATIENCE)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; fails after twenty seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while not condition():
            assert loop.time() < end, "it never came to that"
            await asyncio.sleep(0.002)


async def _raises(
    kind: type[Exception], call: Callable[..., Awaitable[object]], *args: Any, **options: Any
) -> None:
    try:
        await call(*args, **options)
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def _hello(key: str) -> bytes:
    return pack(Hello(id=key, role="client"))
