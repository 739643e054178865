"""Deduplication: one run for one supplied call id."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from altar import FunctionCall, Session, ToolError
from altar.later import SessionLimits
from altar.later._dedupe import Ledger, fingerprint
from altar.later._once import aonce
from altar.runtime import CallContext
from tests.waiting import PATIENCE

BIG = 2**53


class Tools:
    """Tools that count their runs."""

    def __init__(self):
        self.runs = 0
        self.begun = threading.Event()
        self.release = threading.Event()

    def work(self, x: int = 0, note: str = "") -> int:
        self.runs += 1
        return self.runs

    async def awork(self, x: int = 0) -> int:
        self.runs += 1
        return self.runs

    def slow(self, x: int = 0) -> int:
        self.runs += 1
        self.begun.set()
        self.release.wait(60)
        return self.runs

    async def aslow(self, x: int = 0) -> int:
        self.runs += 1
        self.begun.set()
        await asyncio.to_thread(self.release.wait, 60)
        return self.runs

    def fail(self) -> None:
        self.runs += 1
        raise ValueError

    def refuse(self) -> None:
        self.runs += 1
        raise ToolError("no", type="PERMISSION_DENIED")

    def large(self) -> str:
        return "x" * 100_000


@pytest.fixture
def tools():
    return Tools()


@pytest.fixture
def session(tools):
    names = ("work", "awork", "slow", "aslow", "fail", "refuse", "large")
    return Session(tools=[getattr(tools, name) for name in names])


def kind_of(result):
    return None if result.error is None else result.error.type


@pytest.mark.parametrize("name", ["work", "awork"])
def test_a_call_sent_twice_runs_once(session, tools, name):
    """The second answer is the first one's, sync and async, however arguments are ordered."""
    first = session.execute(name, {"x": 1}, call_id="a")
    assert session.execute(name, {"x": 1}, call_id="a") == first
    assert asyncio.run(session.aexecute(name, {"x": 1}, call_id="a")) == first
    assert session.execute(FunctionCall(name=name, args={"x": 1}, call_id="a")) == first
    assert (
        session.execute_many([FunctionCall(name=name, args={"x": 1}, call_id="a")] * 3)
        == [first] * 3
    )
    assert tools.runs == 1


def test_only_supplied_ids_count(session, tools):
    """Calls without an id run every time, and so do generated ids."""
    call = FunctionCall(name="work")
    call.call_id  # noqa: B018 - reading the generated id does not make it a supplied one
    for _ in range(3):
        session.execute(call)
        session.execute("work")
    assert tools.runs == 6


@pytest.mark.parametrize(
    ("name", "args"),
    [("work", {"x": 2}), ("work", {}), ("awork", {"x": 1}), ("work", {"x": 1, "note": ""})],
)
def test_another_call_under_the_same_id_is_refused(session, tools, name, args):
    """Name and arguments belong to the id; the first answer stays."""
    session.execute("work", {"x": 1}, call_id="a")
    result = session.execute(name, args, call_id="a")
    assert kind_of(result) == "INVALID_STATE"
    assert session.execute("work", {"x": 1}, call_id="a").content == 1
    assert tools.runs == 1


def test_large_integers_are_told_apart(session):
    """The digest is exact beyond what a double can hold."""
    session.execute("work", {"x": BIG}, call_id="a")
    assert kind_of(session.execute("work", {"x": BIG + 1}, call_id="a")) == "INVALID_STATE"


def test_refusals_are_not_kept(session, tools):
    """A call whose body did not run may be sent again under its id, corrected."""
    assert kind_of(session.execute("work", {"x": []}, call_id="a")) == "PARAMETER_VALIDATION_FAILED"
    assert kind_of(session.execute("nope", call_id="a")) == "TOOL_NOT_FOUND"
    assert session.execute("work", {"x": 1}, call_id="a").content == 1
    assert kind_of(session.execute("work", {"x": float("nan")}, call_id="b")) is not None
    assert tools.runs == 1


@pytest.mark.parametrize("name", ["fail", "refuse"])
def test_failures_of_a_body_are_kept(session, tools, name):
    """The body ran: it does not run again."""
    first = session.execute(name, call_id="a")
    assert session.execute(name, call_id="a") == first
    assert tools.runs == 1


@pytest.mark.parametrize("name", ["slow", "aslow"])
@pytest.mark.parametrize("second", ["sync", "async"])
def test_a_running_twin_is_joined(session, tools, name, second):
    """Whoever comes second waits for the one that runs, in every mixture."""
    made = []

    def run(way):
        if way == "sync":
            made.append(session.execute(name, call_id="a"))
        else:
            made.append(asyncio.run(session.aexecute(name, call_id="a")))

    threads = [threading.Thread(target=run, args=(way,)) for way in ("sync", second, second)]
    threads[0].start()
    assert tools.begun.wait(60)
    for thread in threads[1:]:
        thread.start()
    tools.release.set()
    for thread in threads:
        thread.join(60)
    assert [result.content for result in made] == [1, 1, 1]
    assert tools.runs == 1


def test_a_twin_on_the_same_loop_is_joined(session, tools):
    """Two tasks of one loop share one run."""

    async def main():
        tasks = [asyncio.create_task(session.aexecute("aslow", call_id="a")) for _ in range(3)]
        await asyncio.to_thread(tools.begun.wait, 60)
        tools.release.set()
        return await asyncio.gather(*tasks)

    assert [result.content for result in asyncio.run(main())] == [1, 1, 1]


def test_waiting_for_a_twin_is_bounded(session, tools):
    """A timeout ends the wait, closing ends it too, and the run itself goes on."""
    thread = threading.Thread(target=session.execute, args=("slow",), kwargs={"call_id": "a"})
    thread.start()
    assert tools.begun.wait(60)
    assert kind_of(session.execute("slow", call_id="a", timeout=0.01)) == "TIMEOUT"
    assert kind_of(asyncio.run(session.aexecute("slow", call_id="a", timeout=0.01))) == "TIMEOUT"
    made = []
    waiter = threading.Thread(target=lambda: made.append(session.execute("slow", call_id="a")))
    waiter.start()
    while not session._closing._listeners:  # until it waits
        pass
    session.close()
    waiter.join(60)
    assert kind_of(made[0]) == "CANCELLED"
    tools.release.set()
    thread.join(60)
    assert tools.runs == 1


def test_a_twin_takes_over_when_the_first_is_cancelled(session, tools):
    """Nobody has the answer, so the one that waits runs the call."""

    async def main():
        first = asyncio.create_task(session.aexecute("aslow", call_id="a"))
        await asyncio.to_thread(tools.begun.wait, 60)
        second = asyncio.create_task(session.aexecute("aslow", call_id="a"))
        await asyncio.sleep(0.002)
        first.cancel()
        await asyncio.sleep(0.002)
        tools.release.set()
        return await second

    assert asyncio.run(main()).content == 2


def test_a_tool_that_waits_for_itself_is_told():
    """The same id from inside its own body would never end."""

    def again() -> str:
        return session.execute("again", call_id="a").error.type

    async def aagain() -> str:
        return (await session.aexecute("aagain", call_id="b")).error.type

    session = Session(tools=[again, aagain])
    assert session.execute("again", call_id="a").content == "INVALID_STATE"
    assert session.execute("again", call_id="a", timeout=60).content == "INVALID_STATE"
    assert asyncio.run(session.aexecute("aagain", call_id="b")).content == "INVALID_STATE"


def test_the_newest_are_kept():
    """Older ids are forgotten, so that memory is bounded."""
    tools = Tools()
    session = Session(tools=[tools.work], limits=SessionLimits(max_remembered=10))
    for n in range(25):
        session.execute("work", call_id=str(n))
    assert len(session._ledger) == 10
    assert session.execute("work", call_id="24").content == 25
    assert session.execute("work", call_id="14").content == 26
    assert SessionLimits().max_remembered == 1024


def test_what_is_too_large_for_a_model_is_not_kept_whole(session):
    """A remembered result keeps its content, not a value without bound."""
    first = session.execute("large", call_id="a")
    again = session.execute("large", call_id="a")
    assert len(first.value) == 100_000
    assert again.content == first.content == again.value
    assert again == first


def test_it_stands_outside_the_runtime():
    """Wrappers, retries included, see one call."""
    seen = []

    class Counting:
        def __init__(self, inner):
            self.inner = inner

        def invoke(self, call, ctx):
            seen.append(call.call_id)
            return self.inner.invoke(call, ctx)

        async def ainvoke(self, call, ctx):
            return await self.inner.ainvoke(call, ctx)

    session = Session(tools=[Tools().work], runtime=Counting)
    call = FunctionCall(name="work", call_id="a")
    for _ in range(3):
        session.invoke(call, CallContext())
    assert seen == ["a"]


def test_a_call_that_was_thrown_away_leaves_its_id_wherever_the_collector_runs():
    """It may run in a thread that holds the very lock, and never in the context of the call."""
    ledger, call = Ledger(10), FunctionCall(name="slow", call_id="a")

    class Never:
        def __await__(self):
            yield

    async def run():
        await Never()

    thrown_away = aonce(ledger, call, CallContext(), run)
    contextvars.copy_context().run(thrown_away.send, None)
    assert ledger.claim("a", fingerprint(call))[1] is False, "it runs"

    def collect() -> None:
        with ledger._lock:
            thrown_away.close()

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(PATIENCE)
    assert not collecting.is_alive()
    assert ledger.claim("a", fingerprint(call))[1] is True, "another may try"
