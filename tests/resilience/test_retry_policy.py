"""A retry policy says how long to wait, keeps to hints, and never waits past what it may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.llm import Retry
from altar.resilience import Backoff, Clock, RetryPolicy

seconds = st.floats(0, 1e6)


class Fixed(Clock):
    def __init__(self, share=1.0, now=100.0):
        self.share = share
        self.time = now

    def now(self):
        return self.time

    def jitter(self):
        return self.share


def test_waits_double_up_to_the_cap():
    backoff = Backoff(base=0.5, cap=3)
    assert [backoff.delay(n, Fixed()) for n in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff.delay(10**9, Fixed()) == 3.0


def test_jitter_draws_from_zero_to_the_bound_unless_it_is_off():
    assert Backoff(base=2).delay(1, Fixed(0.25)) == 0.5
    assert Backoff(base=2, jitter=False).delay(1, Fixed(0.25)) == 2.0


@given(st.integers(1, 10_000), seconds, st.floats(0.1, 100), seconds, st.floats(0, 1))
def test_a_wait_is_never_negative_and_never_past_the_cap(attempt, base, factor, cap, share):
    wait = Backoff(base=base, factor=factor, cap=cap).delay(attempt, Fixed(share))
    assert 0 <= wait <= cap


def test_a_hint_is_kept_to_and_one_too_long_ends_the_attempts():
    policy = RetryPolicy(max_delay=10, clock=Fixed())
    assert policy.delay(1, hint=7.5) == 7.5
    assert policy.delay(1, hint=0.0) == 0.0
    assert policy.delay(1, hint=10.5) is None


def test_the_last_attempt_is_followed_by_none():
    policy = RetryPolicy(attempts=2, clock=Fixed())
    assert policy.delay(1) == 0.5
    assert policy.delay(2) is None


@given(
    st.integers(1, 5),
    st.none() | seconds,
    st.none() | st.floats(90, 200),
    st.none() | st.floats(50, 110),
    st.none() | st.floats(0, 100),
)
def test_no_wait_reaches_a_deadline_or_leaves_the_budget(attempt, hint, deadline, started, budget):
    clock = Fixed()
    policy = RetryPolicy(attempts=9, max_delay=1e6, budget=budget, clock=clock)
    wait = policy.delay(attempt, hint=hint, started=started, deadline=deadline)
    if wait is None:
        return
    assert deadline is None or clock.time + wait < deadline
    if budget is not None and started is not None:
        assert max(0.0, clock.time - started) + wait <= budget


def test_the_retries_of_a_model_wait_by_the_same_backoff():
    clock = Fixed()
    assert [Retry(clock=clock).delay(n, None) for n in (1, 2, 5, 6)] == [0.5, 1.0, 8.0, 8.0]
    assert Retry(clock=clock, max_delay=3).delay(1, 7.0) == 3.0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: RetryPolicy(attempts=0), r"RetryPolicy\(attempts=0\): a whole number, 1 or more"),
        (lambda: RetryPolicy(max_delay=-1), "0 or more"),
        (lambda: RetryPolicy(budget=float("nan")), "or None"),
        (lambda: RetryPolicy(backoff=2), "give a Backoff"),
        (lambda: RetryPolicy(clock=2), "give a Clock"),
        (lambda: Backoff(factor=0), "above 0"),
        (lambda: Backoff(base="1"), "0 or more"),
    ],
)
def test_a_bad_option_is_refused_with_what_to_type(make, says):
    with pytest.raises(ConfigurationError, match=says):
        make()
