"""Host time is known within its uncertainty, whatever the network and the clocks did."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("msgpack")

from altar_extras.grid.wire import HostClock  # noqa: E402 - the library above may be missing

spans = st.floats(0, 5)
trips = st.lists(st.tuples(spans, spans, spans), min_size=1, max_size=30)


class Here:
    """A clock of this process that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@given(trips, st.floats(-1e9, 1e9), st.floats(0, 3600))
def test_host_time_lies_within_the_uncertainty(trips, ahead, later):
    here = Here()
    clock = HostClock(here)
    for pause, there, back in trips:
        here.time += pause
        sent = here.time
        here.time += there
        host_ms = (here.time + ahead) * 1000
        here.time += back
        clock.sample(sent, host_ms, here.time)
    here.time += later
    true_ms = (here.time + ahead) * 1000
    slack = 1e-3 + abs(true_ms) * 1e-12  # what floats of this size leave open
    assert abs(clock.now_ms() - true_ms) <= clock.uncertainty_ms() + slack


@given(trips)
def test_the_uncertainty_grows_with_age_and_a_newer_sample_takes_over(trips):
    here = Here()
    clock = HostClock(here)
    for pause, there, back in trips:
        here.time += pause
        sent = here.time
        here.time += there + back
        clock.sample(sent, 0.0, here.time)
    before = clock.uncertainty_ms()
    here.time += 86_400
    grown = clock.uncertainty_ms()
    assert grown > before
    clock.sample(here.time, 0.0, here.time)
    assert clock.uncertainty_ms() == 0.0


def test_without_a_sample_nothing_is_known():
    clock = HostClock()
    assert not clock.is_known
    assert clock.now_ms() is None
    assert clock.uncertainty_ms() == math.inf


def test_an_answer_before_its_question_is_no_sample():
    clock = HostClock()
    clock.sample(2.0, 0.0, 1.0)
    assert not clock.is_known
