"""Threads: one registers, one lists, one calls, and nobody sees half of a change."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

import altar
from altar import Context, Registry, Session


def make(n):
    def numbered(x: int = 0) -> int:
        return n + x

    numbered.__qualname__ = numbered.__name__ = f"tool_{n}"
    return numbered


@pytest.fixture
def quick_switches():
    """Threads change places every 10 us; unmeasured, for a tracer's installing is no atom then."""
    before, trace = sys.getswitchinterval(), threading.gettrace()
    threading.settrace(None)
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)
    threading.settrace(trace)


def together(seconds, *bodies):
    """Run each body over and over in a thread of its own; the first error is raised."""
    stop, errors = threading.Event(), []

    def loop(body):
        count = 0
        try:
            while not stop.is_set():
                body(count)
                count += 1
        except BaseException as error:
            errors.append(error)
            stop.set()

    threads = [threading.Thread(target=loop, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    stop.wait(seconds)
    stop.set()
    for thread in threads:
        thread.join(120)
    if errors:
        raise errors[0]


def race(seconds):
    registry, session = Registry(), Session(tools=[{"steady": make(7)}])
    registry.register(make(0))

    def register(n):
        at = n % 50 + 1
        registry.register(make(at))
        if n % 50 == 49:
            for name in registry.names()[1:]:
                registry.remove(name)

    def add(n):
        name = f"extra_{n % 5}"
        session.add({name: make(n % 5)})
        session.remove(name)

    def list_all(n):
        for source in (registry, session):
            declared = source.declarations()
            names = [declaration.name for declaration in declared]
            assert len(set(names)) == len(names)
            assert names[0] in ("tool_0", "steady")
        assert len(session.declarations()) <= 2

    def call(n):
        assert session.execute("steady", {"x": n}).content == 7 + n
        result = session.execute(f"extra_{n % 5}", {"x": 1})
        assert result.content == n % 5 + 1 or result.error.type in (
            "TOOL_NOT_FOUND",
            "PERMISSION_DENIED",
        )
        if n % 10 == 0:
            whole = Session(tools=registry)
            assert whole.execute("tool_0").content == 0

    together(seconds, register, add, list_all, call)


def test_registering_listing_and_calling_at_once(quick_switches):
    """No error and no torn view while the tables change."""
    race(1.0)


@pytest.mark.slow
def test_registering_listing_and_calling_at_once_for_long(quick_switches):
    """The same for four seconds."""
    race(4.0)


def test_sessions_of_eight_threads_stay_apart(quick_switches):
    """Each thread's session sees its own tools, dependencies and call ids."""

    def whoami(ctx: Context[int]) -> int:
        return ctx.deps

    failures = []

    def one(number):
        session = Session(tools=[whoami, {"own": make(number)}], deps=number)
        for n in range(150):
            seen = (
                session.execute("whoami").content,
                session.execute("whoami", call_id=str(n)).content,
                session.execute("own", {"x": 1}).content - 1,
            )
            if seen != (number,) * 3:
                failures.append((number, seen))
        if asyncio.run(session.aexecute("whoami")).content != number:
            failures.append(number)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures


def test_one_session_serves_many_threads_and_loops(quick_switches):
    """Sync callers and event loops of several threads share a session until it closes."""

    async def nap(x: int) -> int:
        await asyncio.sleep(0)
        return x

    session = Session(tools=[nap, {"own": make(1)}])
    wrong = []

    def sync():
        for n in range(60):
            if session.execute("nap", {"x": n}).content != n:
                wrong.append(n)

    def loop():
        async def main():
            made = await session.aexecute_many([("nap", {"x": n}) for n in range(60)])
            wrong.extend(r for n, r in enumerate(made) if r.content != n)

        asyncio.run(main())

    threads = [threading.Thread(target=target) for target in (sync, loop, sync, loop)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong
    assert not session._local._tasks.running


def test_closing_from_another_thread_leaves_nothing_running(quick_switches):
    """However the closing falls, every call is answered, and no task stays cancelled."""

    async def nap(forever: bool = False):
        if forever:
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    for warm in (0, 3):
        for _ in range(30):
            session = Session(tools=[nap])
            answered = []

            async def main(session=session, answered=answered, warm=warm):
                for _ in range(warm):
                    await session.aexecute("nap")
                closer = threading.Thread(target=session.close)
                closer.start()
                for _ in range(4):
                    answered.append(await session.aexecute("nap", {"forever": True}))
                    await asyncio.sleep(0)
                closer.join(60)
                assert asyncio.current_task().cancelling() == 0

            asyncio.run(main())
            kinds = {result.error.type for result in answered}
            assert kinds <= {"CANCELLED", "INVALID_STATE"}


def test_the_default_registry_is_one_for_all_threads():
    """What one thread registers another finds."""
    thread = threading.Thread(target=lambda: altar.registry.register(make(3)))
    thread.start()
    thread.join(60)
    assert Session(tools=["tool_3"]).execute("tool_3").content == 3
    assert time.monotonic() > 0
