"""Spans: what they belong to, what they say, and what happens where nothing is traced."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from altar import trace
from altar.trace._clock import Anchor


@pytest.fixture
def traced():
    memory = trace.MemorySink()
    with trace.Tracer(memory, interval=60) as tracer:
        yield lambda: (tracer.flush(), memory.spans)[1]


def test_where_nothing_is_traced_a_span_keeps_nothing():
    with trace.span("work") as span:
        span.set("a", 1)
        span.event("b")
        span.fail("c")
        trace.event("d")
        assert trace.current_span.get() is None
    assert (span.attributes, span.events, span.error, span.trace_id) == ({}, (), None, 0)


def test_a_span_belongs_to_the_current_one_and_is_current_inside_with(traced):
    with trace.span("outer") as outer:
        with trace.span("inner", kind="tool", attributes={"a": 1}) as inner:
            trace.event("retry", {"attempt": 1})
        trace.event("late")
    kept = traced()
    assert [span.name for span in kept] == ["inner", "outer"]
    assert inner.trace_id == outer.trace_id != 0
    assert (inner.parent_id, outer.parent_id) == (outer.span_id, 0)
    assert [(name, attributes) for name, _, attributes in inner.events] == [
        ("retry", {"attempt": 1})
    ]
    assert outer.events[0][0] == "late"
    assert outer.started <= inner.started <= inner.ended <= outer.ended
    assert inner.thread == threading.current_thread().name


def test_spans_of_unlike_roots_are_of_unlike_traces(traced):
    for _ in range(200):
        trace.span("root").finish()
    kept = traced()
    assert len({span.trace_id for span in kept}) == 200
    assert len({span.span_id for span in kept}) == 200


def test_an_exception_is_the_span_s_error_and_goes_on(traced):
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    with pytest.raises(KeyError), trace.span("a"):
        raise KeyError("x")
    with pytest.raises(Mute), trace.span("b"):
        raise Mute
    with pytest.raises(ValueError, match="y"), trace.span("c") as span:
        span.fail("TIMEOUT", "own words")
        raise ValueError("y")
    assert [span.error for span in traced()] == [
        ("KeyError", "'x'"),
        ("Mute", ""),
        ("TIMEOUT", "own words"),
    ]


def test_finishing_twice_records_once(traced):
    with trace.span("a") as span:
        span.finish()
    assert len(traced()) == 1


def test_a_span_may_end_in_another_thread_and_another_context(traced):
    span = trace.span("a")
    worker = threading.Thread(target=span.finish, name="elsewhere")
    worker.start()
    worker.join(60)

    other = trace.span("b")
    contextvars.copy_context().run(other.__enter__)
    other.__exit__(None, None, None)  # the token is another context's
    assert trace.current_span.get() is None
    assert {span.name: span.thread for span in traced()}["a"] == "elsewhere"


def test_tasks_inherit_the_span_they_were_made_in(traced):
    async def work(name):
        with trace.span(name):
            await asyncio.sleep(0)

    async def main():
        with trace.span("main"):
            await asyncio.gather(work("x"), work("y"))

    asyncio.run(main())
    x, y, main_ = traced()
    assert x.parent_id == y.parent_id == main_.span_id


def test_times_never_go_back_whatever_the_wall_clock_does():
    wall = [1_000]
    ticks = [0]
    clock = Anchor(wall=lambda: wall[0], ticks=lambda: ticks[0])
    first = clock.read()
    wall[0], ticks[0] = 500, 10  # set back
    assert clock.read() == first
    wall[0], ticks[0] = 5_000, 20  # set forward
    assert clock.read() + ticks[0] == 5_000


def test_a_span_that_is_entered_twice_is_left_once():
    with trace.Tracer(trace.MemorySink(), interval=60), trace.span("work") as span:
        with span:
            assert trace.current_span.get() is span
    assert trace.current_span.get() is None


def test_one_bad_event_spoils_no_other():
    memory = trace.MemorySink()
    with trace.Tracer(memory, interval=60), trace.span("work") as span:
        span.event("bad", 3)
        span.event("good", {"a": 1})
    assert [name for name, _, _ in memory.spans[0].events] == ["event", "good"]
