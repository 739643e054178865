"""Tracers: sinks that fail, a second tracer, other processes, forks, the end of a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from textwrap import dedent
from time import monotonic

import pytest

from altar import trace
from altar.errors import ClosedError, ConfigurationError
from tests.waiting import PATIENCE, soon


class Sink:
    """Does as it is told: nothing, block, or raise."""

    def __init__(self, error=None, gate=None):
        self.error = error
        self.gate = gate
        self.begun = threading.Event()  # that something is being written
        self.spans = []
        self.told = []
        self.is_closed = False

    def write(self, spans):
        self.begun.set()
        if self.gate is not None:
            self.gate.wait(2 * PATIENCE)
        if self.error is not None:
            raise self.error
        self.spans += spans

    def losses(self, found):
        self.told.append(dict(found))

    def close(self):
        self.is_closed = True


def record(spans):
    for number in range(spans):
        trace.span(str(number)).finish()


def test_a_sink_that_raises_loses_its_own_and_says_so_once(caplog):
    bad, good = Sink(error=OSError("disk full: token sk-abcdefgh12345678")), Sink()
    with trace.Tracer(bad, good, interval=60) as tracer:
        for _ in range(3):
            record(5)
            assert tracer.flush()
        bad.error = None
        record(2)
        tracer.flush()
    assert len(good.spans) == 17
    assert len(bad.spans) == 2
    lost = list(tracer.counts.lost.values())
    assert lost == [15, 0]
    assert tracer.counts.drained == 17
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1
    assert "OSError" in caplog.text
    assert sum(told["sink_lost"] for told in bad.told) == 15
    assert good.told == []
    assert bad.is_closed
    assert good.is_closed


def test_even_an_exit_out_of_a_sink_is_the_sink_s_own():
    bad, good = Sink(error=SystemExit(3)), Sink()
    with trace.Tracer(bad, good, interval=60):
        record(1)
    assert len(good.spans) == 1


def test_a_sink_that_blocks_holds_up_neither_the_others_nor_the_end():
    gate = threading.Event()
    stuck, good = Sink(gate=gate), Sink()
    tracer = trace.Tracer(stuck, good, interval=60).start()
    try:
        record(3)
        assert not tracer.flush(0.02)
        assert soon(lambda: len(good.spans) == 3)
        record(4)
        assert not tracer.flush(0.02)
        assert soon(lambda: len(good.spans) == 7)
        tracer.close(0.02)
        assert soon(lambda: good.is_closed)
        assert list(tracer.counts.lost.values()) == [7, 0]
    finally:
        gate.set()


def test_what_finds_no_room_in_a_sink_s_queue_is_lost_there_alone(monkeypatch):
    monkeypatch.setattr("altar.trace._tracer._ROOM", 10)
    gate = threading.Event()
    stuck, good = Sink(gate=gate), Sink()
    with trace.Tracer(stuck, good, interval=60) as tracer:
        for rounds in range(1, 6):
            record(4)
            tracer.flush(0.005)
            assert soon(lambda: len(good.spans) == 4 * rounds)  # or what waits is one batch
        gate.set()
        assert tracer.flush()
    lost = tracer.counts.lost["Sink"]
    assert lost == 12  # 4 in hand, 4 in the queue
    assert len(stuck.spans) == 8
    assert len(good.spans) == 20


def test_a_sink_s_own_thread_records_nothing():
    class Talking(Sink):
        def write(self, spans):
            super().write(spans)
            trace.span("of the sink").finish()

    sink = Talking()
    with trace.Tracer(sink, interval=60) as tracer:
        record(2)
        tracer.flush()
        tracer.flush()
    assert [span.name for span in sink.spans] == ["0", "1"]


def test_losses_are_told_when_they_change():
    sink = Sink()
    with trace.Tracer(sink, capacity=2, interval=60) as tracer:
        for spans in (2, 5, 0, 3):
            with tracer._drain.lock:
                record(spans)
            tracer.flush()
    assert [told["dropped"] for told in sink.told] == [3, 1]


def test_a_second_tracer_takes_the_place_of_the_first_and_gives_it_back():
    first, second, third = Sink(), Sink(), Sink()
    with trace.Tracer(first) as one, trace.span("outer") as outer:
        two = trace.Tracer(second).start()
        three = trace.Tracer(third).start()
        with trace.span("inner") as inner:
            pass
        two.close()  # out of order
        assert trace.switch.tracer is three
        three.close()
        assert trace.switch.tracer is one
    assert trace.switch.tracer is None
    assert [span.name for span in first.spans] == ["outer"]
    assert (len(second.spans), len(third.spans)) == (0, 1)
    assert inner.parent_id == outer.span_id
    assert inner.trace_id == outer.trace_id


def test_a_closed_tracer_is_not_started_again():
    tracer = trace.Tracer()
    with tracer:
        tracer.start()
    tracer.close()
    with pytest.raises(ClosedError, match="make another one"):
        tracer.start()


def test_a_path_is_a_sink(tmp_path):
    lines, database = tmp_path / "run.jsonl", tmp_path / "run.db"
    with trace.Tracer(lines, str(database)):
        record(2)
    assert len(lines.read_text().splitlines()) == 3
    assert database.read_bytes().startswith(b"SQLite")
    with pytest.raises(ConfigurationError, match=r"run\.jsonl"):
        trace.Tracer(tmp_path / "run.txt")
    with pytest.raises(ConfigurationError, match="write"):
        trace.Tracer(object())


@pytest.mark.parametrize(
    "options",
    [
        {"capacity": 1},
        {"capacity": True},
        {"interval": 0},
        {"interval": float("nan")},
        {"max_value": 1},
        {"redact": "all"},
    ],
)
def test_an_option_that_cannot_work_is_refused_with_what_to_type(options):
    with pytest.raises(ConfigurationError, match=r"type Tracer\("):
        trace.Tracer(**options)


DOC = {
    "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span": "00f067aa0ba902b7",
    "name": "work",
    "kind": "tool",
    "start": 5,
    "end": 9,
    "attributes": {"password": "hunter2", "n": 1},
    "events": [{"name": "e", "time": 6, "attributes": {"a": 1}}, {"name": "f", "time": 7}],
    "error": {"type": "X", "message": "m"},
    "thread": "main",
    "process": 77,
}


def test_spans_of_another_process_are_taken_as_they_are_and_cleaned():
    sink = Sink()
    with trace.Tracer(sink) as tracer:
        child = {**DOC, "span": "1" * 16, "parent": "2" * 16, "remote": True}
        assert tracer.adopt([DOC, child]) == 2
    root, child = sink.spans
    assert f"{root.trace_id:032x}" == DOC["trace"]
    assert f"{root.span_id:016x}" == DOC["span"]
    assert (root.parent_id, root.remote, root.kind) == (0, False, "tool")
    assert (root.started, root.ended, root.process, root.thread) == (5, 9, 77, "main")
    assert root.attributes == {"password": "[secret]", "n": 1}
    assert root.events == [("e", 6, {"a": 1}), ("f", 7, None)]
    assert root.error == ("X", "m")
    assert child.remote


@pytest.mark.parametrize(
    "change",
    [
        {"trace": "0" * 32},
        {"trace": "A" * 32},
        {"trace": 5},
        {"span": "1"},
        {"parent": None},
        {"name": 5},
        {"start": 10},
        {"start": 1.5},
        {"end": 1 << 64},
        {"attributes": "ab"},
        {"attributes": [1]},
        {"events": {"a": 1}},
        {"events": [{"name": "e"}]},
        {"error": "bad"},
        {"thread": 5},
        {"process": -1},
    ],
)
def test_a_document_that_breaks_the_format_is_left_out(change):
    sink = Sink()
    with trace.Tracer(sink) as tracer:
        assert tracer.adopt([{**DOC, **change}, DOC, None, "text", []]) == 1
    assert len(sink.spans) == 1


def test_adopted_spans_share_the_fate_of_the_trace_they_belong_to():
    for fails in (False, True):
        sink = Sink()
        with trace.Tracer(sink, sampling=trace.Sampling(0), interval=60) as tracer:
            with trace.span("root") as root:
                doc = {key: value for key, value in DOC.items() if key != "error"}
                doc["trace"] = f"{root.trace_id:032x}"
                doc["parent"] = f"{root.span_id:016x}"
                assert tracer.adopt([doc]) == 1
                if fails:
                    root.fail("X")
        assert [span.name for span in sink.spans] == (["work", "root"] if fails else [])
        assert tracer.counts.recorded == 2


def test_ids_are_random_even_of_a_tracer_that_is_never_started():
    code = """
        from altar.trace import Tracer
        span = Tracer().span("a")
        print(span.trace_id, span.span_id)
        """
    ids = {number for _ in range(2) for number in run(code).split()}
    assert len(ids) == 4
    assert min(map(int, ids)) > 1 << 32


def run(code, *args):
    """What a program prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines_of(path):
    found = [json.loads(line) for line in path.read_text().splitlines()]
    spans = [one for one in found if "span" in one]
    losses = [one["altar_trace_loss"] for one in found if "altar_trace_loss" in one]
    return spans, losses


def test_at_the_end_of_a_program_every_span_is_written_or_counted(tmp_path):
    path = tmp_path / "run.jsonl"
    run(
        """
        import sys, threading
        from altar import trace

        tracer = trace.Tracer(sys.argv[1], capacity=64, interval=60).start()

        def work():
            for _ in range(500):
                with trace.span("a"):
                    pass

        for _ in range(8):
            threading.Thread(target=work).start()
        """,
        path,
    )
    spans, losses = lines_of(path)
    assert len(spans) + sum(loss["dropped"] for loss in losses) == 4_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_begins_with_nothing_and_records_its_own(tmp_path):
    path = tmp_path / "run.jsonl"
    out = run(
        """
        import os, sys
        from altar import trace

        tracer = trace.Tracer(sys.argv[1], interval=60).start()
        with trace.span("parent's"):
            trace.span("before").finish()
            child = os.fork()
            if child == 0:
                assert tracer.counts.recorded == 0
                with trace.span("child's"):
                    pass
            else:
                os.waitpid(child, 0)
        print(os.getpid(), trace.switch.tracer is tracer, tracer.flush(), tracer.counts.recorded)
        """,
        path,
    )
    spans, _ = lines_of(path)
    by_name = {span["name"]: span for span in spans}
    assert len(spans) == len(by_name) == 3
    child, parent = by_name["child's"], by_name["parent's"]
    assert child["trace"] == parent["trace"]
    assert child["parent"] == parent["span"]
    assert child["remote"]
    assert child["process"] != parent["process"] == by_name["before"]["process"]
    assert len({span["span"] for span in spans}) == 3
    assert sorted(line.split()[1:] for line in out.splitlines()) == [
        ["True", "True", "1"],
        ["True", "True", "2"],
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_multiprocessing_writes_what_it_recorded_before_it_leaves(tmp_path):
    path = tmp_path / "run.jsonl"
    run(
        """
        import multiprocessing, sys
        from altar import trace

        def work():
            trace.span("child's").finish()

        trace.Tracer(sys.argv[1], interval=60).start()
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        """,
        path,
    )
    assert [span["name"] for span in lines_of(path)[0]] == ["child's"]


def test_a_sink_that_blocks_does_not_keep_a_program_from_ending():
    out = run(
        """
        import threading, time
        from altar import trace

        begun = threading.Event()

        class Stuck:
            def write(self, spans):
                begun.set()
                threading.Event().wait()

            def close(self):
                pass

        tracer = trace.Tracer(Stuck(), interval=60).start()
        trace.span("a").finish()
        tracer.flush(0.05)
        begun.wait()
        tracer.close(0.05)
        print(tracer.counts.lost)
        """
    )
    assert out == "{'Stuck': 1}\n"


def test_closing_a_sink_that_blocks_holds_up_no_end_even_where_nothing_was_recorded():
    gate = threading.Event()

    class Stuck(Sink):
        def close(self):
            gate.wait(2 * PATIENCE)
            self.is_closed = True

    for spans in (0, 1):
        stuck = Stuck()
        tracer = trace.Tracer(stuck, Sink(), interval=60).start()
        record(spans)
        tracer.close(0.05)
        assert not stuck.is_closed
    gate.set()


def test_a_sink_is_closed_once_whichever_ends_first():
    closed = []

    class Counting(Sink):
        def close(self):
            closed.append(self)

    gate = threading.Event()
    slow, quick = Counting(gate=gate), Counting()
    tracer = trace.Tracer(slow, quick, interval=60).start()
    record(1)
    threading.Timer(0.02, gate.set).start()
    tracer.close()
    assert sorted(map(id, closed)) == sorted([id(slow), id(quick)])


def test_a_forked_child_tells_its_sinks_so(tmp_path):
    run = """
        import os
        from altar import trace

        class Sink:
            def write(self, spans): pass
            def close(self): pass
            def forked(self): print("forked", flush=True)

        metrics = trace.Metrics()
        with trace.Tracer(Sink(), metrics) as tracer:
            trace.span("parent's").finish()
            tracer.flush()
            metrics._lock.acquire()  # as a thread of the parent's may have
            child = os.fork()
            if child == 0:
                print("ok" if "altar_spans_total{" not in metrics.text() else "counted", flush=True)
                os._exit(0)
            metrics._lock.release()
            os.waitpid(child, 0)
    """
    made = subprocess.run(
        [sys.executable, "-c", dedent(run)], capture_output=True, text=True, timeout=60, check=True
    )
    assert made.stdout.split() == ["forked", "ok"]


@pytest.mark.parametrize(
    ("given", "typed"), [(0.1, "share=0.1"), (5, "share=0.1"), (trace.Sampling, "share=0.1")]
)
def test_sampling_is_a_sampling_and_the_error_says_how_to_type_it(given, typed):
    with pytest.raises(ConfigurationError, match=rf"Tracer\(sampling=Sampling\({typed}\)\)"):
        trace.Tracer(sampling=given)


def test_what_a_sink_that_was_left_behind_writes_after_all_is_not_lost():
    gate = threading.Event()
    sink = Sink(gate=gate)
    tracer = trace.Tracer(sink, interval=60).start()
    record(3)
    assert not tracer.flush(0.02)
    assert sink.begun.wait(PATIENCE)
    tracer.close(0.02)
    assert tracer.counts.lost == {"Sink": 3}
    gate.set()
    assert soon(lambda: sink.is_closed)
    assert (len(sink.spans), tracer.counts.lost) == (3, {"Sink": 0})


def test_a_flush_after_the_end_waits_for_nobody():
    with trace.Tracer(Sink(), interval=60) as tracer:
        record(1)
    began = monotonic()
    assert tracer.flush(2 * PATIENCE)
    assert monotonic() - began < PATIENCE
