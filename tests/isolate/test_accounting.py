"""Each call is answered once, by its own result or a typed error, while workers are killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest

from altar.isolate import ProcessPool
from altar.isolate._worker import STARTING
from altar.runtime import CallContext
from tests.isolate.conftest import aask, ask
from tests.waiting import is_alive, soon

CALLS = 30  # of each thread, and of the loop
EXPECTED = {None, "TOOL_EXECUTION_FAILED", "TIMEOUT"}


@pytest.mark.slow
def test_no_call_is_lost_or_answered_twice_while_workers_are_killed_at_random():
    chance = random.Random(7)
    seen: set[int] = set()
    answers: Counter = Counter()
    wrong: list = []
    stop = threading.Event()
    with ProcessPool(size=3) as pool:

        def note(number: int, result) -> None:
            answers[number] += 1
            kind = result.error and result.error.type
            if kind not in EXPECTED or (kind is None and result.content != number + 1):
                wrong.append(result)

        def sync(start: int) -> None:
            for number in range(start, start + CALLS):
                ctx = CallContext(deadline=time.monotonic() + 20)
                note(number, ask(pool, "add_slowly", {"a": number}, ctx=ctx))

        async def loop() -> None:
            async def one(number: int) -> None:
                ctx = CallContext(deadline=time.monotonic() + 20)
                note(number, await aask(pool, "add_slowly", {"a": number}, ctx=ctx))

            for start in range(10_000, 10_000 + CALLS, 6):
                await asyncio.gather(*map(one, range(start, start + 6)))

        def kill() -> None:
            due = 0
            while not stop.wait(chance.random() * 0.01):
                workers = [*pool._crew._supervisor.workers.values()] if answers else []
                started = [worker.pid for worker in workers if worker.place != STARTING]
                seen.update(worker.pid for worker in workers)
                if started and len(answers) >= due:  # faster than they start, nothing would end
                    due = len(answers) + chance.randrange(8, 30)
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(started), signal.SIGKILL)

        threads = [threading.Thread(target=sync, args=(1000 * at,)) for at in range(4)]
        threads.append(threading.Thread(target=lambda: asyncio.run(loop())))
        killer = threading.Thread(target=kill)
        for thread in [*threads, killer]:
            thread.start()
        for thread in threads:
            thread.join(60)
        stop.set()
        killer.join(60)
        assert not wrong
        assert len(answers) == 5 * CALLS
        assert set(answers.values()) == {1}
        figures = pool.stats()
        assert figures["busy"] == figures["waiting"] == 0
        assert figures["died"] > 0
        assert ask(pool, "add", {"a": 1}).content == 2
    assert soon(lambda: not any(map(is_alive, seen)))
