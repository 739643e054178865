"""Tail sampling: whole local traces, kept for their draw, their errors, their slowness."""

from __future__ import annotations

from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar import trace
from altar.errors import ConfigurationError
from altar.trace import Sampling

SECOND = 1_000_000_000


@pytest.fixture
def tracing():
    """Start a tracer that drains when it is told to."""
    started = []

    def start(sampling):
        memory = trace.MemorySink()
        tracer = trace.Tracer(memory, sampling=sampling, interval=60).start()
        started.append(tracer)
        return tracer, memory

    yield start
    for tracer in started:
        tracer.close()


def drain(tracer, rounds=1):
    for _ in range(rounds):
        with tracer._drain.lock:
            tracer._drain.round()


def names(tracer, memory):
    for outlet in tracer._outlets:
        outlet.flush(monotonic() + 5)
    return [span.name for span in memory.spans]


def test_a_whole_trace_is_kept_for_one_error(tracing):
    tracer, memory = tracing(Sampling(0))
    for fails in (False, True):
        with trace.span("root"), trace.span("middle"):
            with trace.span("leaf") as leaf:
                if fails:
                    leaf.fail("TIMEOUT")
    tracer.flush()
    assert [span.name for span in memory.spans] == ["leaf", "middle", "root"]
    assert (tracer.counts.sampled_out, tracer.counts.drained) == (3, 3)


def test_errors_count_only_when_they_are_to(tracing):
    tracer, memory = tracing(Sampling(0, errors=False))
    trace.span("root").fail("X")
    with trace.span("root") as span:
        span.fail("X")
    tracer.flush()
    assert memory.spans == []


def test_a_slow_trace_is_kept_and_a_quick_one_is_not(tracing):
    tracer, memory = tracing(Sampling(0, slow=2))
    for name, seconds in (("quick", 1.9), ("slow", 2)):
        with trace.span("child"):
            pass
        with trace.span(name) as root:
            with trace.span(f"{name} child"):
                pass
            root.started -= round(seconds * SECOND)
    tracer.flush()
    assert [span.name for span in memory.spans] == ["slow child", "slow"]


def test_all_is_kept_and_seen_at_once_with_a_share_of_one(tracing):
    tracer, memory = tracing(Sampling(1))
    with trace.span("root"):
        with trace.span("child"):
            pass
        tracer.flush()
        assert [span.name for span in memory.spans] == ["child"]


def test_what_is_drawn_does_not_wait_for_its_root(tracing):
    tracer, memory = tracing(Sampling(0.5))
    header = f"00-{'f' * 32}-{'1' * 16}-01"
    with trace.continued(header), trace.span("root"):
        with trace.span("child"):
            pass
        drain(tracer)
        assert names(tracer, memory) == ["child"]


def test_what_ends_after_its_root_shares_its_fate(tracing):
    tracer, memory = tracing(Sampling(0))
    with trace.span("root"):
        late = trace.span("late")
    drain(tracer, rounds=2)
    late.fail("TOO_LATE")
    late.finish()
    tracer.flush()
    assert memory.spans == []
    assert tracer.counts.sampled_out == 2

    with trace.span("root") as root:
        late = trace.span("late")
        root.fail("X")
    drain(tracer, rounds=2)
    late.finish()
    tracer.flush()
    assert [span.name for span in memory.spans] == ["root", "late"]


def test_a_root_waits_one_round_for_children_of_other_threads(tracing):
    tracer, memory = tracing(Sampling(0))
    with trace.span("root"):
        child = trace.span("child")
    drain(tracer)
    child.fail("X")
    child.finish()  # as one that ended before, in a ring that was looked at before
    drain(tracer, rounds=2)
    assert names(tracer, memory) == ["root", "child"]


def test_what_is_over_the_bound_is_let_go_oldest_first_and_counted(tracing):
    tracer, memory = tracing(Sampling(0, waiting=10))
    with trace.span("old root") as old:
        for _ in range(8):
            trace.span("old").finish()
        drain(tracer)
        assert tracer.counts.waiting == 8
    with trace.continued(None):
        token = trace.current_span.set(None)
        with trace.span("new root"):
            for _ in range(8):
                trace.span("new").finish()
            drain(tracer)
            counts = tracer.counts
            assert counts.waiting <= 10
            assert counts.sampled_out >= 8
            assert counts.recorded == 17
        trace.current_span.reset(token)
    assert old.ended
    tracer.flush()
    assert tracer.counts.sampled_out == 18
    assert memory.spans == []


def test_another_process_s_word_stands_for_the_draw(tracing):
    tracer, memory = tracing(Sampling(0.5))
    for end, flags in (("0" * 14, "01"), ("f" * 14, "00")):
        with trace.continued(f"00-{'1' * 18}{end}-{'1' * 16}-{flags}"), trace.span(flags):
            assert trace.traceparent().endswith(flags)
    tracer.flush()
    assert [span.name for span in memory.spans] == ["01"]


@given(st.integers(1, 2**128 - 1), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_what_a_smaller_one_does(trace_id, one, other):
    small, large = sorted((one, other))
    assert Sampling(large).draws(trace_id) or not Sampling(small).draws(trace_id)


def test_the_ends_of_the_share_are_all_and_none():
    for trace_id in (1, 2**56 - 1, 2**56, 2**128 - 1):
        assert Sampling(1).draws(trace_id)
        assert not Sampling(0).draws(trace_id)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), max_size=40))
def test_every_span_is_accounted_for_and_traces_stay_whole(plan):
    memory = trace.MemorySink()
    tracer = trace.Tracer(memory, sampling=Sampling(0.3, waiting=1_000), interval=60)
    expected = 0
    with tracer:
        for children, fails, drains in plan:
            with trace.span("root") as root:
                for _ in range(children):
                    trace.span("child").finish()
                if drains:
                    drain(tracer)
                if fails:
                    root.fail("X")
            expected += children + 1
    counts = tracer.counts
    assert counts.recorded == expected == counts.drained + counts.sampled_out
    kept = memory.spans
    assert len(kept) == counts.drained
    roots = {span.span_id for span in kept if not span.parent_id}
    assert {span.parent_id for span in kept if span.parent_id} <= roots


@pytest.mark.parametrize(
    "options",
    [{"share": 2}, {"share": True}, {"share": "half"}, {"slow": 0}, {"waiting": 0}],
)
def test_an_option_that_cannot_work_is_refused_with_what_to_type(options):
    with pytest.raises(ConfigurationError, match=r"type Sampling\("):
        Sampling(**options)
