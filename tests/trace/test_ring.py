"""Rings: one writer, one reader, a bound, and exact counts whatever the threads do."""

from __future__ import annotations

import gc
import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from altar import trace
from tests.waiting import PATIENCE


def test_a_full_ring_drops_the_newest_and_counts_it():
    memory = trace.MemorySink()
    with trace.Tracer(memory, capacity=4, interval=60) as tracer:
        with tracer._drain.lock:  # nobody drains
            for number in range(10):
                trace.span(str(number)).finish()
        tracer.flush()
        trace.span("again").finish()
    assert [span.name for span in memory.spans] == ["0", "1", "2", "3", "again"]
    assert (tracer.counts.dropped, tracer.counts.recorded) == (6, 11)


def test_a_ring_that_is_half_full_wakes_the_drainer():
    class Seen:
        def __init__(self):
            self.event = threading.Event()

        def write(self, spans):
            self.event.set()

        def close(self):
            pass

    seen = Seen()
    with trace.Tracer(seen, capacity=10, interval=600):
        for _ in range(6):
            trace.span("a").finish()
        assert seen.event.wait(PATIENCE)


def test_the_ring_of_a_dead_thread_is_drained_then_forgotten_and_its_counts_kept():
    memory = trace.MemorySink()

    def work():
        with tracer._drain.lock:
            for _ in range(5):
                trace.span("a").finish()

    with trace.Tracer(memory, capacity=2, interval=60) as tracer:
        for _ in range(3):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(60)
        gc.collect()
        tracer.flush()
        assert tracer.rings.all() == []
        assert (tracer.counts.dropped, len(memory.spans)) == (9, 6)


def test_what_ends_after_the_end_is_dropped_and_counted():
    with trace.Tracer(interval=60) as tracer:
        span = trace.span("a")
        trace.span("b").finish()
    span.finish()
    counts = tracer.counts
    assert (counts.recorded, counts.drained, counts.dropped) == (2, 1, 1)


class Accounting(RuleBasedStateMachine):
    """Threads record, and start and end, while spans are drained: nothing is lost uncounted."""

    def __init__(self):
        super().__init__()
        self.memory = trace.MemorySink(max_spans=None)
        self.tracer = trace.Tracer(self.memory, capacity=8, interval=60).start()
        self.recorded = 0

    @rule(spans=st.integers(1, 12))
    def record(self, spans):
        for _ in range(spans):
            self.tracer.span("a").finish()
        self.recorded += spans

    @rule(spans=st.integers(1, 12))
    def record_in_a_thread_that_ends(self, spans):
        def work():
            for _ in range(spans):
                self.tracer.span("a").finish()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
        self.recorded += spans

    @rule()
    def drain(self):
        assert self.tracer.flush()
        counts = self.tracer.counts
        assert counts.recorded == counts.drained + counts.dropped == self.recorded
        assert len(self.memory.spans) == counts.drained

    @invariant()
    def all_is_counted(self):
        assert self.tracer.counts.recorded == self.recorded

    def teardown(self):
        self.tracer.close()
        counts = self.tracer.counts
        assert counts.drained + counts.dropped == self.recorded
        assert len(self.memory.spans) == counts.drained


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=15, stateful_step_count=15)


def test_eight_threads_lose_nothing_uncounted():
    each, threads = 4_000, 8
    memory = trace.MemorySink(max_spans=None)

    def work():
        with trace.span("root"):
            for _ in range(each - 1):
                with trace.span("a"):
                    pass

    with trace.Tracer(memory, capacity=256, interval=0.001) as tracer:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert tracer.flush(30)
        counts = tracer.counts
    assert counts.recorded == each * threads == counts.drained + counts.dropped
    assert len(memory.spans) == counts.drained
    assert len({span.span_id for span in memory.spans}) == counts.drained
