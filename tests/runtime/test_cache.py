"""A cache answers the same call from memory, to nobody who might not have made it."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import Session
from altar.adm import ToolResult
from altar.errors import ConfigurationError
from altar.later import Context
from altar.runtime import Cache, CacheStore, CallContext, ConcurrencyLimit, Wrapper
from tests.runtime._scripted import Hand, Scripted, call, context, error
from tests.waiting import PATIENCE


def EVERY(asked):  # noqa: N802 - a constant, of a kind
    return True


class Slow:
    """Answers when it is let go, each time with the next of ``outcomes``."""

    honours_deadline = True

    def __init__(self, *outcomes):
        self.inner = Scripted(*outcomes)
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)

    def invoke(self, asked, ctx):
        self.begun.release()
        assert self.gate.wait(60)
        return self.inner.invoke(asked, ctx)

    async def ainvoke(self, asked, ctx):
        self.begun.release()
        while not self.gate.is_set():
            await asyncio.sleep(0.001)
        return self.inner.invoke(asked, ctx)


def test_a_hit_is_the_new_calls_own():
    inner = Scripted({"rows": [1]}, "another")
    runtime = Cache(inner, 60, only=EVERY)
    first = runtime.invoke(call(id_="one", x=1), context())
    first.content["rows"].append("mine")
    second = runtime.invoke(call(id_="two", x=1), context())
    second.content["rows"].append("mine too")
    third = runtime.invoke(call(id_="three", x=1), context())
    assert (second.call_id, third.call_id) == ("two", "three")
    assert (third.content, third.value) == ({"rows": [1]}, {"rows": [1]})
    assert inner.ran == 1


def test_metadata_and_extensions_come_along():
    class Rich:
        def invoke(self, asked, ctx):
            return ToolResult(
                name="read", content=None, metadata={"notes": ["n"]}, extensions={"x_a": 1}
            )

        ainvoke = invoke

    runtime = Cache(Rich(), 60, only=EVERY)
    runtime.invoke(call(), context())
    hit = runtime.invoke(call(), context())
    assert (hit.ok, hit.content, hit.metadata, hit.extensions) == (
        True, None, {"notes": ["n"]}, {"x_a": 1},
    )  # fmt: skip


def test_only_a_success_is_kept():
    inner = Scripted(error(), "well")
    runtime = Cache(inner, 60, only=EVERY)
    assert [runtime.invoke(call(), context()).ok for _ in range(3)] == [False, True, True]
    assert inner.ran == 2


def test_the_same_arguments_in_another_order_are_the_same_and_others_are_not():
    inner = Scripted()
    runtime = Cache(inner, 60, only=EVERY)
    for asked in (call(a=1, b=2), call(b=2, a=1), call(a=1, b="2"), call("other", a=1, b=2)):
        runtime.invoke(asked, context())
    assert inner.ran == 3


def test_nobody_sees_what_another_was_allowed_to():
    inner = Scripted()
    runtime = Cache(inner, 60, only=EVERY)
    deps = [object(), object()]
    for fields in (
        {}, {"principal": "ann"}, {"principal": "bob"}, {"deps": deps[0]}, {"deps": deps[1]},
        {"approved": True}, {"principal": "ann", "deps": deps[0]},
    ):  # fmt: skip
        for _ in range(2):
            runtime.invoke(call(), context(**fields))
    assert inner.ran == 7


def test_an_object_that_came_to_have_a_dead_ones_identity_is_another():
    inner = Scripted()
    runtime = Cache(inner, 60, only=EVERY)
    for _ in range(50):
        runtime.invoke(call(), context(deps=object()))
    assert inner.ran == 50


def test_an_answer_is_good_for_its_time_and_a_clock_that_goes_back_ends_it():
    clock = Hand()
    inner = Scripted()
    runtime = Cache(inner, 10, clock=clock, only=EVERY)
    for step, runs in ((0, 1), (9, 1), (2, 2), (-5, 3), (1, 3)):
        clock.time += step
        runtime.invoke(call(), context())
        assert inner.ran == runs


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 300)), max_size=40))
def test_it_never_holds_more_than_it_may(calls):
    store = CacheStore(60, max_entries=4, max_bytes=1500)
    runtime = Cache(Scripted(*["x" * size for _, size in calls]), store, only=EVERY)
    for number, _ in calls:
        runtime.invoke(call(n=number), context())
        assert len(store) <= 4
        assert store._bytes <= 1500
        assert store._bytes == sum(len(one.text) + 256 for one in store._entries.values())
    assert not store._flights
    runtime.clear()
    assert (len(store), store._bytes) == (0, 0)


def test_an_answer_too_large_or_without_a_json_form_is_handed_on_and_not_kept():
    inner = Scripted("x" * 5000, {1, 2}, {1, 2})
    runtime = Cache(inner, 60, max_bytes=1000, only=EVERY)
    assert runtime.invoke(call(), context()).ok
    assert runtime.invoke(call(), context()).content == {1, 2}
    assert runtime.invoke(call(), context()).content == {1, 2}
    assert (inner.ran, len(runtime.store)) == (3, 0)


def test_arguments_that_are_no_json_are_passed_on():
    inner = Scripted()
    runtime = Cache(inner, 60, only=EVERY)
    for _ in range(2):
        runtime.invoke(call(x=float("nan")), context())
    assert inner.ran == 2


def test_only_the_tools_that_are_named_are_answered_from_memory():
    inner = Scripted()
    for only in (["read"], lambda asked: asked.name == "read"):
        runtime = Cache(inner, 60, only=only)
        inner.seen.clear()
        for name in ("read", "read", "write", "write"):
            runtime.invoke(call(name), context())
        assert inner.ran == 3


def test_threads_and_event_loops_share_one_run():
    inner = Slow([1])
    runtime = Cache(inner, 60, only=EVERY)

    async def several():
        return await asyncio.gather(*[runtime.ainvoke(call(), CallContext()) for _ in range(3)])

    with ThreadPoolExecutor(5) as pool:
        leader = pool.submit(runtime.invoke, call(), CallContext())
        assert inner.begun.acquire(timeout=60)
        loops = [pool.submit(lambda: asyncio.run(several())) for _ in range(2)]
        thread = pool.submit(runtime.invoke, call(), CallContext())
        flight = next(iter(runtime.store._flights.values()))
        while flight.slots.queued < 7:
            pass
        inner.gate.set()
        results = [leader.result(60), thread.result(60)]
        results += [result for loop in loops for result in loop.result(60)]
    assert [result.content for result in results] == [[1]] * 8
    assert inner.inner.ran == 1
    assert len({id(result.content) for result in results}) == 8
    assert not runtime.store._flights


@pytest.mark.parametrize("ending", ["fails", "raises", "cancelled"])
def test_a_leader_that_comes_to_nothing_hands_over_to_one_that_waits(ending):
    first = {"fails": error(), "raises": ValueError("a bug"), "cancelled": "never"}[ending]
    inner = Slow("well") if ending == "cancelled" else Slow(first, "well")
    runtime = Cache(inner, 60, only=EVERY)

    async def main():
        leader = asyncio.create_task(runtime.ainvoke(call(), CallContext()))
        await asyncio.sleep(0)
        others = [asyncio.create_task(runtime.ainvoke(call(), CallContext())) for _ in range(3)]
        await asyncio.sleep(0)
        if ending == "cancelled":
            leader.cancel()
        inner.gate.set()
        return await asyncio.gather(leader, *others, return_exceptions=True)

    led, *others = asyncio.run(main())
    assert isinstance(
        led, {"fails": ToolResult, "raises": ValueError}.get(ending, asyncio.CancelledError)
    )
    assert [result.content for result in others] == ["well"] * 3
    assert inner.inner.ran == (1 if ending == "cancelled" else 2)


def test_one_that_waits_may_give_up_alone():
    inner = Slow("well")
    runtime = Cache(inner, 60, only=EVERY)

    async def main():
        leader = asyncio.create_task(runtime.ainvoke(call(), CallContext()))
        await asyncio.sleep(0)
        flag = CallContext()
        stopped = asyncio.create_task(runtime.ainvoke(call(), flag))
        broken = asyncio.create_task(runtime.ainvoke(call(), CallContext()))
        patient = asyncio.create_task(runtime.ainvoke(call(), CallContext()))
        await asyncio.sleep(0)
        flag.cancelled.cancel("enough")
        broken.cancel()
        late = await runtime.ainvoke(call(), context(deadline=0.0))
        first = await stopped
        inner.gate.set()
        return first, late, await leader, await patient

    stopped, late, led, patient = asyncio.run(main())
    assert (stopped.error.type, late.error.type) == ("CANCELLED", "TIMEOUT")
    assert (led.content, patient.content, inner.inner.ran) == ("well", "well", 1)


def test_a_tool_that_calls_itself_with_the_same_arguments_does_not_wait_for_itself():
    sessions = []
    depth = []

    def again() -> str:
        """Call this very tool once more."""
        depth.append(1)
        return "deep" if len(depth) > 2 else sessions[0].execute("again").content

    with Session([again], runtime=lambda local: Cache(local, 60, only=EVERY)) as session:
        sessions.append(session)
        assert session.execute("again", timeout=60).content == "deep"


def test_a_store_may_be_shared():
    store = CacheStore(60)
    first, second = Scripted("a"), Scripted("b")
    Cache(first, store, only=EVERY).invoke(call(), context())
    assert Cache(second, store, only=EVERY).invoke(call(), context()).content == "a"


@pytest.mark.parametrize(
    "options", [{"ttl": 0}, {"ttl": 1, "max_entries": 0}, {"ttl": 1, "only": "read"}, {"ttl": "1"}]
)
def test_a_bad_option_is_refused(options):
    with pytest.raises(ConfigurationError, match=r"Cache\("):
        Cache(Scripted(), **{"only": EVERY, **options})


def test_nothing_is_cached_that_nobody_named():
    with pytest.raises(ConfigurationError, match=r'type Cache\(inner, 60, only=\["price"\]\)'):
        Cache(Scripted(), 60)


def test_calls_that_waited_for_one_that_fails_are_carried_out_side_by_side():
    inner = Slow(*[error() for _ in range(4)])
    runtime = Cache(inner, 60, only=EVERY)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(runtime.invoke, call(), CallContext()) for _ in range(4)]
        assert inner.begun.acquire(timeout=60)
        assert not inner.begun.acquire(blocking=False)
        while len(runtime.store._flights) and _waiting(runtime) < 3:
            time.sleep(0.001)
        first, inner.gate = inner.gate, threading.Event()
        first.set()
        assert all(inner.begun.acquire(timeout=60) for _ in range(3)), "all three at once"
        inner.gate.set()
        assert all(one.result(60).error for one in waiting)


def _waiting(runtime):
    return sum(flight.slots.queued for flight in runtime.store._flights.values())


def test_a_call_that_holds_a_place_waits_for_nobody_who_may_want_it():
    """Or two calls would wait for each other until their patience is over."""

    def work(context: Context, which: str) -> str:
        return f"{which} " + context.session.execute("read", {}).content

    begun, go = threading.Event(), threading.Event()

    def read() -> str:
        return "read"

    class Meeting(Wrapper):
        """The first read waits here, leading its flight, while the other comes."""

        def steps(self, asked, ctx):
            if asked.name == "read" and not begun.is_set():
                begun.set()
                go.wait(60)
            return (yield ctx)

    def stack(local):
        limited = ConcurrencyLimit(local, 1, max_wait=20)
        return Cache(Meeting(limited), 60, only=["read"])

    with Session({"work": work, "read": read}, runtime=stack) as session:
        with ThreadPoolExecutor(2) as pool:
            leader = pool.submit(session.execute, "read", {})
            assert begun.wait(60)
            worker = pool.submit(session.execute, "work", {"which": "mine"})
            assert worker.result(60).content == "mine read"
            go.set()
            assert leader.result(60).content == "read"


def test_a_task_that_a_cached_call_left_behind_waits_as_anybody_does():
    inner = Scripted()

    async def main():
        tasks = []

        class Leaves(Wrapper):
            def steps(self, asked, ctx):
                if asked.name == "outer":
                    tasks.append(asyncio.create_task(later()))
                return (yield ctx)

        runtime = Cache(Leaves(inner), 60, only=EVERY)

        async def later():
            await asyncio.sleep(0)
            flights = [runtime.ainvoke(call("same"), CallContext()) for _ in range(3)]
            return await asyncio.gather(*flights)

        await runtime.ainvoke(call("outer"), CallContext())
        await tasks[0]

    asyncio.run(main())
    assert [asked.name for asked, _ in inner.seen] == ["outer", "same"]


def test_answers_that_are_too_old_keep_nothing_alive():
    clock = Hand()
    store = CacheStore(10, clock=clock)
    runtime = Cache(Scripted(), store, only=EVERY)
    for number in range(3):
        clock.time += 6
        runtime.invoke(call(n=number), context())
    assert len(store) == 2


def test_a_flight_is_left_wherever_the_collector_runs():
    """It may run in a thread that holds the very lock, and end a call that was thrown away."""
    store = CacheStore(60)
    _, flight, place = store.board(("a",), None)

    def collect() -> None:
        with store._lock:
            store.land(flight, place)

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(PATIENCE)
    assert not collecting.is_alive()
    assert not store._flights
    assert place.slots.free == 1
