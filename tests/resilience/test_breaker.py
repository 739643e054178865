"""A circuit breaker leaves alone what fails, and finds out by one trial when it is well again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from altar.errors import ConfigurationError
from altar.resilience import CircuitBreaker
from tests.waiting import PATIENCE


class Hand:
    """A clock that a test turns."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


def opened(clock, **options):
    breaker = CircuitBreaker(failures=2, wait=10, clock=clock, **options)
    for _ in range(2):
        assert breaker.allow()
        breaker.fail()
    return breaker


def test_it_opens_after_that_many_failures_in_a_row():
    breaker = CircuitBreaker(failures=2, clock=Hand())
    breaker.fail()
    breaker.succeed()
    breaker.fail()
    assert (breaker.state, breaker.allow()) == ("closed", True)
    breaker.fail()
    assert (breaker.state, breaker.allow()) == ("open", False)
    assert repr(breaker) == "<CircuitBreaker open>"


def test_after_the_wait_one_trial_is_let_through():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 9.9
    assert not breaker.allow()
    clock.time = 10
    assert breaker.state == "half_open"
    assert [breaker.allow() for _ in range(3)] == [True, False, False]


def test_a_trial_that_works_closes_it_and_the_count_begins_anew():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 10
    assert breaker.allow()
    breaker.succeed()
    breaker.fail()
    assert breaker.state == "closed"


def test_a_trial_that_fails_opens_it_for_another_wait():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 10
    assert breaker.allow()
    breaker.fail()
    clock.time = 19
    assert (breaker.state, breaker.allow()) == ("open", False)
    clock.time = 20
    assert breaker.allow()


def test_a_trial_nobody_reports_on_does_not_block_it_for_ever():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 10
    assert breaker.allow()
    clock.time = 20
    assert [breaker.allow(), breaker.allow()] == [True, False]


def test_an_outcome_from_before_it_opened_changes_nothing():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 5
    breaker.succeed()
    breaker.fail()
    assert breaker.state == "open"
    clock.time = 10
    assert breaker.allow()


def test_of_many_threads_one_gets_the_trial():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 10
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: breaker.allow(), range(64))) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"failures": 0}, {"failures": True}, {"failures": 1.5}, {"wait": -1}, {"wait": "1"}, {"wait": float("nan")}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_with_the_line_to_type(wrong):
    with pytest.raises(ConfigurationError, match=r"type CircuitBreaker\((failures|wait)="):
        CircuitBreaker(**wrong)


def test_a_trial_that_was_broken_off_is_anothers_at_once():
    clock = Hand()
    breaker = opened(clock)
    clock.time = 10
    ticket = breaker.enter()
    assert (ticket > 0, breaker.enter()) == (True, 0)
    breaker.leave(ticket)
    assert breaker.enter() > 0


def test_what_was_begun_before_the_breaker_opened_says_nothing_of_the_trial():
    clock = Hand()
    breaker = CircuitBreaker(failures=1, wait=10, clock=clock)
    slow, broken = breaker.enter(), breaker.enter()
    breaker.fail(broken)
    clock.time = 10
    trial = breaker.enter()
    breaker.succeed(slow)
    breaker.leave(slow)
    assert (breaker.state, breaker.enter()) == ("half_open", 0)
    breaker.fail(slow)
    breaker.succeed(trial)
    assert (breaker.state, breaker.pristine) == ("closed", True)


def test_a_clock_that_goes_back_begins_the_wait_anew():
    clock = Hand()
    clock.time = 1000
    breaker = opened(clock)
    clock.time = 0
    assert breaker.retry_after == 10
    clock.time = 10
    assert breaker.allow()


def test_a_report_may_come_while_the_same_thread_asks():
    """As that of a stream that the collector ends there and then."""

    def clock() -> float:
        breaker.succeed()
        return 0.0

    breaker = CircuitBreaker(failures=1, clock=clock)
    failing = threading.Thread(target=breaker.fail, daemon=True)
    failing.start()
    failing.join(PATIENCE)
    assert not failing.is_alive()
    assert breaker.state == "open"
