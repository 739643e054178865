"""A token bucket lets a rate through and a burst at once, whatever its clock does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.resilience import TokenBucket


class Hand:
    def __init__(self):
        self.time = 1000.0

    def __call__(self):
        return self.time


def test_a_burst_goes_at_once_and_the_rest_at_the_rate():
    clock = Hand()
    bucket = TokenBucket(2, 3, clock=clock)
    assert [bucket.take() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.time += 0.5
    assert [bucket.take(), bucket.take()] == [0.0, 0.5]


def test_a_token_that_is_waited_for_is_nobody_elses():
    bucket = TokenBucket(1, 1, clock=Hand())
    assert [bucket.take(5) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert bucket.take(2.5) == 3.0, "too far off: nothing was taken"
    assert bucket.take(5) == 3.0


def test_without_a_burst_it_is_one_seconds_worth():
    assert (TokenBucket(5).burst, TokenBucket(0.5).burst) == (5, 1)
    assert repr(TokenBucket(5)) == "<TokenBucket 5/s, 5 at once>"


def test_a_clock_that_goes_back_neither_gives_tokens_away_nor_locks_them_up():
    clock = Hand()
    bucket = TokenBucket(1, 1, clock=clock)
    assert bucket.take() == 0.0
    clock.time -= 500
    assert bucket.take() == 1.0
    clock.time += 1
    assert bucket.take() == 0.0


@given(
    st.floats(0.1, 1000),
    st.integers(1, 10),
    st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 5)), max_size=60),
)
def test_no_span_of_time_sees_more_than_the_burst_and_the_rate(rate, burst, steps):
    clock = Hand()
    bucket = TokenBucket(rate, burst, clock=clock)
    honest = last = clock.time  # a clock that stands still while the other goes back
    used = []
    for gap, most in steps:
        clock.time += gap
        honest += max(0.0, clock.time - last)
        last = clock.time
        wait = bucket.take(most)
        if wait <= most:
            used.append(honest + wait)
    used.sort()
    for first, begin in enumerate(used):
        for last_one, end in enumerate(used[first:], first):
            assert last_one - first + 1 <= burst + rate * (end - begin) + 1e-6 * rate + 1e-6


def test_threads_share_it_exactly():
    bucket = TokenBucket(1, 50, clock=Hand())
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: bucket.take(), range(200)))
    assert waits.count(0.0) == 50


@pytest.mark.parametrize(
    ("rate", "burst"), [(0, None), (-1, 1), (float("inf"), 1), ("1", 1), (1, 0), (1, 1.5)]
)
def test_a_bad_option_is_refused(rate, burst):
    with pytest.raises(ConfigurationError, match=r"TokenBucket\("):
        TokenBucket(rate, burst)


def test_a_rate_too_small_for_a_number_still_counts():
    bucket = TokenBucket(5e-324, 2, clock=Hand())
    assert [bucket.take(), bucket.take()] == [0.0, 0.0]
    assert 0 < bucket.take() < float("inf")
