"""W3C Trace Context: which headers count, and what travels on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def parent(header, state=None):
    with trace.continued(header, tracestate=state):
        return trace.current_span.get()


def test_a_header_names_the_parent_and_whether_it_is_sampled():
    found = parent(GOOD)
    assert (found.trace_id, found.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert found.sampled
    assert found.remote
    assert not parent(f"00-{TRACE}-{SPAN}-00").sampled
    assert not parent(f"00-{TRACE}-{SPAN}-fe").sampled  # other flags are not ours
    assert parent(f" {GOOD}\t").sampled


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        GOOD.upper(),
        GOOD[:-1],
        GOOD + "0",
        GOOD + "-00",  # version 00 has nothing more
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"0x-{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"01-{TRACE}-{SPAN}-01.more",
        f"00-{TRACE}-{SPAN}-0\u0661",
    ],
)
def test_a_malformed_header_is_ignored(header):
    assert parent(header) is None


def test_what_a_later_version_adds_is_ignored():
    assert parent(f"cc-{TRACE}-{SPAN}-01-what-ever").span_id == int(SPAN, 16)
    assert parent(f"cc-{TRACE}-{SPAN}-01").sampled


@given(st.text(max_size=70))
def test_no_text_raises(header):
    parent(header)


def test_the_header_of_a_span_names_it_and_the_state_travels_unread():
    memory = trace.MemorySink()
    assert trace.traceparent() is None
    assert trace.tracestate() is None
    with trace.Tracer(memory), trace.continued(GOOD, tracestate="a=1,b=2"):
        with trace.span("here") as span:
            assert trace.traceparent() == f"00-{TRACE}-{span.span_id:016x}-01"
            assert trace.tracestate() == "a=1,b=2"
        assert trace.traceparent() == GOOD
    assert trace.current_span.get() is None
    (kept,) = memory.spans
    assert kept.remote
    assert kept.parent_id == int(SPAN, 16)


def test_a_parent_of_this_process_is_not_remote():
    memory = trace.MemorySink()
    with trace.Tracer(memory), trace.continued(GOOD), trace.span("outer") as outer:
        with trace.span("inner"):
            pass
    inner = memory.spans[0]
    assert inner.parent_id == outer.span_id
    assert not inner.remote
    assert outer.remote


@pytest.mark.parametrize("state", ["a=1\r\nSet-Cookie: b=2", "a=\u00e9", "a=1\x00", ""])
def test_a_state_that_may_not_stand_in_a_header_is_not_carried_on(state):
    assert parent(GOOD, state).state is None
