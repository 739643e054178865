"""Sinks keep what they are given, whole lines and whole transactions only, and say what they lost."""

from __future__ import annotations

import json
import math
import os
import resource
import sqlite3
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from altar.errors import ClosedError, ConfigurationError
from altar.trace import CallbackSink, JsonLinesSink, MemorySink, SqliteSink, Tracer, _sqlite, load
from tests.trace.samples import SampleSpan, sample_trace

SPANS = sample_trace(3, spans=12)
FILES = [JsonLinesSink, SqliteSink]


@contextmanager
def no_room(beyond: int):
    """A disk on which no file grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (beyond, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def odd(attributes: dict) -> SampleSpan:
    span = SampleSpan("odd", "custom", (5, 6, 0), 1000)
    span.attributes = attributes
    return span


def names(path: Path) -> list[str]:
    return [span.name for span in load(path).spans]


def test_memory_keeps_the_newest_and_forgets_when_told():
    sink = MemorySink(max_spans=5)
    sink.write(SPANS)
    assert sink.spans == SPANS[-5:]
    sink.clear()
    assert sink.spans == []
    sink.write(SPANS[:1])
    sink.close()
    assert sink.spans == SPANS[:1]


def test_a_callback_sees_every_span_even_when_it_fails_for_one():
    seen = []

    def see(span):
        seen.append(span)
        if span is SPANS[1]:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        CallbackSink(see).write(SPANS)
    assert seen == SPANS


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: MemorySink(max_spans=0), "max_spans is 0; give a positive number"),
        (lambda: CallbackSink(7), "give it a function that takes a span"),
        (lambda: JsonLinesSink("t.jsonl", max_bytes=10), "max_bytes is 10; give 4096 or more"),
    ],
)
def test_an_option_that_cannot_work_is_refused_with_what_can(make, said):
    with pytest.raises(ConfigurationError, match=said):
        make()


@pytest.mark.parametrize("kind", FILES)
def test_a_tracer_writes_its_spans_to_a_file(kind, tmp_path):
    path = tmp_path / "trace"
    with Tracer(kind(path)) as tracer, tracer.span("outer", attributes={"a": [1, None, "ä"]}):
        with pytest.raises(KeyError), tracer.span("inner"):
            raise KeyError("x")
    inner, outer = load(path).spans
    assert (inner.name, inner.parent, inner.error) == ("inner", outer.span, ("KeyError", "'x'"))
    assert outer.attributes == {"a": [1, None, "ä"]}
    assert outer.process == os.getpid()
    assert not load(path).losses


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_conversations_is_for_its_owner_alone(kind, tmp_path):
    before = os.umask(0)
    try:
        sink = kind(tmp_path / "trace")
        sink.write(SPANS)
        modes = [stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()]
        sink.close()
    finally:
        os.umask(before)
    assert set(modes) == {0o600}


@pytest.mark.parametrize("kind", FILES)
def test_a_second_run_is_added_to_the_first(kind, tmp_path):
    for spans in (SPANS, sample_trace(4)):
        sink = kind(tmp_path / "trace")
        sink.write(spans)
        sink.close()
        sink.close()
        with pytest.raises(ClosedError, match="make another one"):
            sink.write(spans)
    found = load(tmp_path / "trace")
    assert len(found.runs) == 2
    assert {run["process"] for run in found.runs} == {os.getpid()}
    assert len(found.traces) == 2


@pytest.mark.parametrize("kind", FILES)
def test_values_that_are_no_json_are_written_as_well_as_they_can_be(kind, tmp_path):
    class Bad:
        def __str__(self):
            raise RuntimeError("no text")

    round_about: list = []
    round_about.append(round_about)
    sink = kind(tmp_path / "trace")
    values = {
        "nan": math.nan,
        "set": {1},
        "bad": Bad(),
        "path": Path("a"),
        3: (4,),
        "loop": [round_about],
    }
    sink.write([odd(values), odd({"\ud800": "\udfff\x00"})])
    lone = SampleSpan("\ud800", "custom", (5, 7, 0), 1000)
    lone.error = ("T\ud800", "\x00")
    sink.write([lone])
    sink.close()
    file = load(tmp_path / "trace")
    found = file.spans[0].attributes
    assert found["nan"] is None
    assert found["set"] == [1]
    assert found["bad"] == "<Bad: RuntimeError>"
    assert (found["path"], found["3"]) == ("a", [4])
    assert "..." in str(found["loop"])
    assert len(file.spans) + file.losses.repeated == 3


@pytest.mark.parametrize("kind", FILES)
def test_a_missing_directory_and_a_foreign_file_are_told_when_the_sink_is_made(kind, tmp_path):
    with pytest.raises(ConfigurationError, match="make the directory first|unable to open"):
        kind(tmp_path / "none" / "trace")
    (tmp_path / "notes.txt").write_text("mine\n" * 100)
    with pytest.raises(ConfigurationError, match="name another file"):
        kind(tmp_path / "notes.txt")
    with pytest.raises(ConfigurationError):
        kind(tmp_path)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE mine(x)")
    other.close()
    with pytest.raises(ConfigurationError, match="no trace file of altar"):
        kind(tmp_path / "other.db")
    assert (tmp_path / "notes.txt").read_text() == "mine\n" * 100


def test_a_file_of_another_version_is_not_written_to(tmp_path):
    (tmp_path / "a").write_text('{"altar_trace":7}\n')
    with pytest.raises(ConfigurationError, match="version 7.*name another file"):
        JsonLinesSink(tmp_path / "a")
    sink = SqliteSink(tmp_path / "b")
    sink._database.execute("PRAGMA user_version = 7")
    sink.close()
    with pytest.raises(ConfigurationError, match="version 7.*name another file"):
        SqliteSink(tmp_path / "b")


def test_a_full_disk_tears_no_line_and_what_was_lost_is_told(tmp_path):
    path = tmp_path / "trace"
    sink = JsonLinesSink(path)
    sink.write(SPANS[:4])
    with no_room(path.stat().st_size + 700), pytest.raises(OSError, match="No space|too large"):
        sink.write(SPANS[4:10])
    assert path.read_bytes().endswith(b"}\n")
    sink.write(SPANS[10:])
    sink.close()
    found = load(path)
    assert [span.name for span in found.spans] == [span.name for span in SPANS[:4] + SPANS[10:]]
    assert found.losses.tell() == ["6 spans were lost: they could not be written"]


def test_a_full_disk_leaves_no_half_transaction(tmp_path):
    path = tmp_path / "trace"
    sink = SqliteSink(path)
    sink.write(SPANS[:4])
    with no_room(8192), pytest.raises((OSError, sqlite3.Error)):
        sink.write(SPANS[4:10])
    sink.write(SPANS[10:])
    sink.close()
    found = load(path)
    assert [span.name for span in found.spans] == [span.name for span in SPANS[:4] + SPANS[10:]]
    assert found.losses.sink_lost == 6


@pytest.mark.parametrize("kind", FILES)
def test_a_directory_that_vanishes_loses_spans_until_it_is_back(kind, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    sink = kind(here / "trace")
    sink.write(SPANS[:4])
    here.rename(tmp_path / "there")
    with pytest.raises(OSError, match="No such file"):
        sink.write(SPANS[4:6])
    here.mkdir()
    sink.write(SPANS[6:])
    sink.close()
    found = load(here / "trace")
    assert len(found.spans) == len(SPANS[6:])
    assert len(found.runs) == 1
    assert found.losses.sink_lost == 2


@pytest.mark.parametrize("kind", FILES)
def test_what_the_tracer_counts_as_lost_is_written_once(kind, tmp_path):
    sink = kind(tmp_path / "trace")
    sink._told.lost(3)  # as a write that failed does
    sink.losses({"dropped": 5, "sampled_out": 7, "sink_lost": 3})
    sink.losses({"dropped": 1, "sampled_out": 0, "sink_lost": 0})
    sink.close()
    found = load(tmp_path / "trace").losses
    assert (found.dropped, found.sampled_out, found.sink_lost) == (6, 7, 3)


def test_a_line_that_a_killed_writer_left_is_ended_before_the_next(tmp_path):
    path = tmp_path / "trace"
    sink = JsonLinesSink(path)
    sink.write(SPANS[:2])
    sink.close()
    with path.open("ab") as file:
        file.write(b'{"trace":"00')
    sink = JsonLinesSink(path)
    sink.write(SPANS[2:])
    sink.close()
    found = load(path)
    assert len(found.spans) == len(SPANS)
    assert found.losses.unreadable == 1


def test_a_file_is_moved_away_before_it_grows_too_long(tmp_path):
    path = tmp_path / "trace.jsonl"
    sink = JsonLinesSink(path, max_bytes=8192)
    for seed in range(8):
        sink.write(sample_trace(seed, spans=5))
    sink.close()
    old = tmp_path / "trace.jsonl.1"
    assert path.stat().st_size <= 8192
    assert old.stat().st_size <= 8192
    assert not load(path).losses
    assert not load(old).losses
    newest = {f"{span.trace_id:032x}" for span in sample_trace(7, spans=5)}
    assert newest <= {trace.id for trace in load(path).traces}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_was_moved_away_is_begun_anew(kind, tmp_path):
    sink = kind(tmp_path / "trace")
    sink.write(SPANS[:5])
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_name(file.name.replace("trace", "old")))
    sink.write(SPANS[5:])
    sink.close()
    assert len(load(tmp_path / "trace").spans) == len(SPANS) - 5


def test_two_processes_write_one_file_and_lose_nothing(tmp_path):
    code = """if True:
        import sys
        from altar.trace import JsonLinesSink, SqliteSink, _sqlite
        from tests.trace.samples import sample_trace
        _sqlite._BUSY_SECONDS = 60  # a slow disk is not what this is about
        print(flush=True)
        sys.stdin.readline()
        for kind, name in ((JsonLinesSink, "a"), (SqliteSink, "b")):
            sink = kind(name)
            for seed in range(int(sys.argv[1]), int(sys.argv[1]) + 30):
                sink.write(sample_trace(seed, spans=20))
            sink.close()
    """
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, sys.path)])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(seed)],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, **pipes,
        )
        for seed in (1000, 2000)
    ]  # fmt: skip
    for one in both:
        one.stdout.readline()
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    assert [one.communicate(timeout=200) and one.returncode for one in both] == [0, 0]
    expected = sum(
        len(sample_trace(seed, spans=20))
        for start in (1000, 2000)
        for seed in range(start, start + 30)
    )
    for name in "ab":
        found = load(tmp_path / name)
        assert len(found.spans) == expected
        assert not found.losses
        assert len(found.runs) == 2


@pytest.mark.parametrize("step", range(1, 5))
def test_a_database_that_another_process_makes_meanwhile_is_no_foreign_one(step, tmp_path):
    path = tmp_path / "t"

    class Interrupted(sqlite3.Connection):
        """Somebody else makes the tables before the step of that number."""

        steps = 0

        def execute(self, *given):
            self.steps += 1
            if self.steps == step:
                SqliteSink(path).close()
            return super().execute(*given)

    ours = sqlite3.connect(path, factory=Interrupted)
    _sqlite._prepare(ours, str(path))
    assert ours.execute("SELECT count(*) FROM spans").fetchone() == (0,)
    ours.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("kind", FILES)
def test_a_forked_child_writes_a_run_of_its_own(kind, tmp_path):
    sink = kind(tmp_path / "trace")
    sink.write(SPANS[:3])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sink.forked()
            sink.write(SPANS[3:6])
            sink.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    sink.write(SPANS[6:])
    sink.close()
    found = load(tmp_path / "trace")
    assert len(found.spans) == len(SPANS)
    assert {run["process"] for run in found.runs} == {os.getpid(), child}


def test_a_database_can_be_queried_while_it_is_written(tmp_path):
    sink = SqliteSink(tmp_path / "trace.db")
    sink.write(SPANS)
    reader = sqlite3.connect(tmp_path / "trace.db")
    (count,) = reader.execute("SELECT count(*) FROM spans WHERE kind = 'tool'").fetchone()
    doc = json.loads(reader.execute("SELECT doc FROM spans LIMIT 1").fetchone()[0])
    reader.close()
    sink.close()
    assert count == sum(span.kind == "tool" for span in SPANS)
    assert doc["span"] == f"{SPANS[0].span_id:016x}"
    assert not (tmp_path / "trace.db-wal").exists()


def test_a_database_that_is_locked_now_is_written_later(tmp_path, monkeypatch):
    monkeypatch.setattr("altar.trace._sqlite._BUSY_SECONDS", 0.01)
    SqliteSink(tmp_path / "t").close()
    other = sqlite3.connect(tmp_path / "t", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sink = SqliteSink(tmp_path / "t")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sink.write(SPANS[:3])
    other.execute("COMMIT")
    other.close()
    sink.write(SPANS[3:])
    sink.close()
    found = load(tmp_path / "t")
    assert (len(found.spans), found.losses.sink_lost) == (len(SPANS) - 3, 3)


@pytest.mark.parametrize("kind", [JsonLinesSink, SqliteSink])
def test_losses_that_could_not_be_told_are_told_once(kind, tmp_path, monkeypatch):
    path = tmp_path / "trace"
    sink = kind(path)
    with monkeypatch.context() as full:
        full.setattr(sink, "_tell", lambda: (_ for _ in ()).throw(OSError()))
        for _ in range(3):
            with pytest.raises(OSError):
                sink.losses({"dropped": 5, "sampled_out": 0, "sink_lost": 0})
    sink.losses({"dropped": 7, "sampled_out": 0, "sink_lost": 0})
    sink.close()
    assert load(path).losses.dropped == 7
