"""Slots: fair, bounded, and none is ever lost, whoever gives up while waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.resilience import Slots, TokenBucket
from altar.runtime import Cancellation
from tests.waiting import PATIENCE


def test_a_free_slot_is_had_at_once_and_a_full_queue_says_so():
    slots = Slots(1, max_queue=1)
    first, second = slots.enter(), slots.enter()
    assert (first.held, second.held, slots.enter()) == (True, False, None)
    assert repr(slots) == "<Slots 1 of 1 held, 1 queued>"
    first.leave()
    assert second.held
    with second:
        pass
    assert (slots.free, slots.queued) == (1, 0)


def test_whoever_came_first_is_served_first():
    slots = Slots(1)
    places = [slots.enter() for _ in range(4)]
    places[1].leave()  # gave up
    order = []
    for _ in range(3):
        held = next(place for place in places if place.held)
        order.append(places.index(held))
        held.leave()
    assert order == [0, 2, 3]


def test_a_slot_handed_to_one_who_gave_up_goes_on_to_the_next():
    slots = Slots(1)
    first, second, third = (slots.enter() for _ in range(3))
    first.leave()
    assert second.held
    second.leave()  # it was cancelled in this very moment
    second.leave()
    assert third.held
    assert slots.free == 0


def test_a_wait_ends_by_itself_by_a_flag_or_with_a_slot():
    slots = Slots(1)
    mine = slots.acquire()
    assert slots.acquire(0.001) is None
    flag = Cancellation()
    flag.cancel()
    assert slots.acquire(cancelled=flag) is None
    threading.Timer(0.005, mine.leave).start()
    with slots.acquire() as place:
        assert place.held
    assert (slots.free, slots.queued) == (1, 0)


def test_a_wait_on_an_event_loop_ends_the_same_ways():
    slots = Slots(1)

    async def main():
        mine = await slots.aacquire()
        assert await slots.aacquire(0.001) is None
        flag = Cancellation()
        asyncio.get_running_loop().call_later(0.002, flag.cancel)
        assert await slots.aacquire(cancelled=flag) is None
        asyncio.get_running_loop().call_later(0.002, mine.leave)
        with await slots.aacquire() as place:
            assert place.held
        mine = slots.acquire()
        waiting = asyncio.create_task(slots.aacquire())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        mine.leave()

    asyncio.run(main())
    assert (slots.free, slots.queued) == (1, 0)


def test_an_interrupted_wait_leaves_the_queue():
    class Interrupted(type(Slots(1).clock)):
        def sleep(self, seconds):
            raise KeyboardInterrupt

    slots = Slots(1, clock=Interrupted())
    slots.enter()
    with pytest.raises(KeyboardInterrupt):
        slots.acquire()
    assert slots.queued == 0


@given(st.integers(1, 3), st.lists(st.integers(0, 20), max_size=60))
def test_slots_held_and_free_are_always_all_there_are(limit, script):
    """However places are taken and left: nobody waits while a slot is free, and the queue is fair."""
    slots = Slots(limit, max_queue=5)
    alive = []
    for step in script:
        if step < 10 or not alive:
            place = slots.enter()
            if place is not None:
                alive.append(place)
        else:
            alive.pop(step % len(alive)).leave()
        held = [place.held for place in alive]
        assert held == sorted(held, reverse=True), "the earlier ones hold the slots"
        assert sum(held) + slots.free == limit
        assert slots.queued == len(alive) - sum(held)
        assert slots.free == 0 or slots.queued == 0


def test_threads_and_event_loops_at_once_never_exceed_the_limit_and_lose_no_slot():
    slots = Slots(3)
    at_work, most, done = [0], [0], []
    lock = threading.Lock()

    def count(by):
        with lock:
            at_work[0] += by
            most[0] = max(most[0], at_work[0])

    def in_threads(number):
        for turn in range(20):
            place = slots.acquire(0.0002 if (number + turn) % 3 == 0 else None)
            if place is None:
                continue
            with place:
                count(1)
                time.sleep(0.0001)
                count(-1)
        done.append(number)

    async def task(number):
        for turn in range(20):
            try:
                limit = 0.0002 if (number + turn) % 3 == 0 else None
                async with asyncio.timeout(limit):  # cancels it, perhaps as it is handed a slot
                    place = await slots.aacquire()
                if place is None:
                    continue
            except TimeoutError:
                continue
            with place:
                count(1)
                await asyncio.sleep(0.0001)
                count(-1)
        done.append(number)

    async def tasks():
        await asyncio.gather(*[task(number) for number in range(6)])

    with ThreadPoolExecutor(6) as pool:
        loops = [pool.submit(lambda: asyncio.run(tasks())) for _ in range(2)]
        threads = [pool.submit(in_threads, number) for number in range(4)]
        for one in (*loops, *threads):
            one.result(timeout=120)
    assert len(done) == 16
    assert most[0] <= 3
    assert slots.free == 3
    assert slots.queued == 0


@pytest.mark.parametrize(("limit", "queue"), [(0, None), (True, None), (1, -1), (1.0, None)])
def test_a_bad_option_is_refused(limit, queue):
    with pytest.raises(ConfigurationError, match=r"Slots\("):
        Slots(limit, max_queue=queue)


def test_a_place_is_left_and_a_token_given_back_wherever_the_collector_runs():
    """It may run in a thread that holds the very lock, and end a call that was thrown away."""
    slots, bucket = Slots(1), TokenBucket(1.0)
    place, reserved = slots.enter(), bucket.reserve(0.0)[1]

    def collect():
        with slots._lock, bucket._lock:
            place.leave()
            bucket.give_back(reserved)

    collecting = threading.Thread(target=collect, daemon=True)
    collecting.start()
    collecting.join(PATIENCE)
    assert not collecting.is_alive()
    assert (slots.free, bucket.take()) == (1, 0.0)
