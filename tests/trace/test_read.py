"""A trace file is read as it was written, damaged or growing, and what is missing is told."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.trace import JsonLinesSink, SqliteSink, load
from altar.trace._codec import decode, document, encode
from tests.trace.samples import (
    MS,
    START,
    SampleSpan,
    sample_spans,
    sample_trace,
    write_jsonl,
    write_sqlite,
)

WRITERS = [write_jsonl, write_sqlite]
HEADER = b'{"altar_trace":1,"process":1,"started":1,"altar":"0.1.0"}\n'


def span(
    name: str, id: int, parent: int = 0, *, at: int = 0, took: int = 10, **fields
) -> SampleSpan:
    kind = fields.pop("kind", "custom")
    made = SampleSpan(name, kind, (0xABC, id, parent), START + at * MS)
    made.ended = made.started + took * MS
    for key, value in fields.items():
        setattr(made, key, value)
    return made


def usage(tokens: int, cost: str | None = None) -> dict:
    found = {
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 1,
    }
    return {**found, "altar.cost": cost} if cost else found


def read(tmp_path: Path, *spans: SampleSpan):
    path = tmp_path / "one.jsonl"
    path.unlink(missing_ok=True)
    return load(write_jsonl(path, list(spans)))


def tree(file) -> list[tuple[int, str]]:
    return [(depth, one.name) for depth, one in file.traces[0].rows()]


@pytest.mark.parametrize("write", WRITERS)
def test_both_formats_hold_the_same_object_of_a_span(write, tmp_path):
    spans = list(sample_spans(1, spans=120))
    found = load(write(tmp_path / "trace", spans))
    assert [one.document for one in found.spans] == [json.loads(encode(one, 1)) for one in spans]
    assert len(found.traces) == len({one.trace_id for one in spans})
    assert not found.losses
    assert found.losses.tell() == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(st.text(max_size=6), json_values, max_size=3)


@given(
    ids=st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1)),
    times=st.tuples(st.integers(0, 2**62), st.integers(0, 2**40)),
    texts=st.tuples(st.text(), st.text(max_size=5), st.text()),
    attributes=objects,
    events=st.lists(st.tuples(st.text(max_size=5), st.integers(0, 2**62), objects), max_size=2),
    failed=st.booleans(),
)
def test_a_span_survives_the_round_trip(ids, times, texts, attributes, events, failed):
    made = SampleSpan(texts[0], texts[1], ids, times[0])
    made.ended = times[0] + times[1]
    made.attributes, made.events, made.thread = attributes, events, texts[2]
    made.error = (texts[1], texts[0]) if failed else None
    line = encode(made, 1)
    found, doc = decode(line), document(line)
    assert "\n" not in line
    assert (int(found.trace, 16), int(found.span, 16), int(found.parent or "0", 16)) == ids
    assert (found.name, found.kind, found.thread) == texts
    assert (found.start, found.end, found.error) == (made.started, made.ended, made.error)
    assert (doc.get("attributes", {}), found.process) == (attributes, made.process)
    told = [(one["name"], one["time"], one.get("attributes", {})) for one in doc.get("events", [])]
    assert told == events


WHOLE = [f"{encode(one, 1)}\n".encode() for one in sample_trace(5, spans=14)]
BYTES = HEADER + b"".join(WHOLE)


@given(length=st.integers(0, len(BYTES)))
def test_any_beginning_of_a_file_gives_every_whole_line_of_it(tmp_path_factory, length):
    path = _file(tmp_path_factory, BYTES[:length])
    found = load(path)
    whole = BYTES[:length].count(b"\n")
    ends_whole = BYTES[length : length + 1] == b"\n"  # but for its end, the last line is there too
    assert len(found.spans) == max(0, whole - 1 + (ends_whole and whole > 0))
    assert found.losses.cut == (
        not ends_whole and not BYTES[:length].endswith(b"\n") and length > 0
    )


@settings(max_examples=200)
@given(
    places=st.lists(
        st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), min_size=1, max_size=8
    )
)
def test_bytes_that_are_damaged_cost_their_own_lines_alone(tmp_path_factory, places):
    damaged = bytearray(BYTES)
    for place, byte in places:
        damaged[place] = byte
    path = _file(tmp_path_factory, bytes(damaged))
    lines = set(bytes(damaged).split(b"\n"))
    intact = [line for line in WHOLE if line.rstrip(b"\n") in lines]
    try:
        found = load(path)
    except ConfigurationError as error:  # the version of the header was damaged, no more
        assert "version" in str(error)
        return
    ids = {one.span for one in found.spans}
    assert {json.loads(line)["span"] for line in intact} <= ids
    assert len(found.losses.problems) <= 20


def _file(factory, content: bytes) -> Path:
    path = factory.getbasetemp() / f"damaged-{os.getpid()}.jsonl"
    path.write_bytes(content)
    return path


def test_a_damaged_line_is_told_with_its_number(tmp_path):
    path = tmp_path / "t"
    bad = [
        b"rubbish\n",
        b"[1]\n",
        b"{}\n",
        b'{"trace":"xyz"}\n',
        b"\xff\xfe\n",
        b'{"a":' * 9000 + b"\n",
        b"\n",
    ]
    path.write_bytes(HEADER + WHOLE[0] + b"".join(bad) + WHOLE[1])
    found = load(path)
    assert len(found.spans) == 2
    told = found.losses.tell()
    assert told[0] == "6 lines are damaged"
    assert [line.split(":")[0].strip() for line in told[1:]] == [f"line {n}" for n in range(3, 9)]


def test_of_a_file_of_rubbish_lines_the_first_are_told(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(HEADER + b"x\n" * 1000)
    told = load(path).losses.tell()
    assert (len(told), told[0], told[-1]) == (22, "1,000 lines are damaged", "  and 980 more")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trace", "0" * 31), ("trace", "g" * 32), ("trace", 5), ("trace", "00 " * 10 + "00"), ("span", None), ("parent", "1"),
        ("name", 5), ("kind", None), ("start", -1), ("start", True), ("end", 1.5), ("end", 2**63),
        ("attributes", [1]), ("events", {"a": 1}), ("error", "bad"),
    ],
)  # fmt: skip
def test_a_span_with_a_wrong_field_is_a_damaged_line(field, value):
    doc = json.loads(WHOLE[0])
    with pytest.raises(ValueError, match="its "):
        decode(json.dumps({**doc, field: value}))


def test_unknown_fields_and_odd_values_of_known_ones_are_no_damage():
    doc = json.loads(WHOLE[0]) | {
        "new": 1,
        "process": "x",
        "thread": None,
        "events": [3, {"time": "x"}],
    }
    doc["attributes"] = {
        "gen_ai.request.model": 7, "gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": True,
        "altar.cost": "1e99999999", "gen_ai.tool.name": [], "altar.finish": {},
    }  # fmt: skip
    found = decode(json.dumps(doc))
    assert (found.model, found.input_tokens, found.output_tokens, found.cost) == (
        "",
        None,
        None,
        None,
    )
    assert (found.process, found.thread) == (0, "")


def test_a_span_that_ends_before_it_began_took_no_time():
    doc = json.loads(WHOLE[0]) | {"start": 50, "end": 10}
    assert decode(json.dumps(doc)).seconds == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b'{"altar_trace":7,"altar":"9.0"}\n',
            "written by altar 9.0 in version 7; this altar reads 1",
        ),
        (b"hello\nworld\n", "no trace file of altar.*JsonLinesSink or SqliteSink"),
        (b"hello", "no trace file of altar"),
        (b'{"a": 1}\n', "no trace file of altar"),
        (gzip.compress(BYTES), "gunzip it first"),
    ],
)
def test_another_version_and_another_file_are_refused_with_what_to_do(tmp_path, content, said):
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        load(tmp_path / "t")


def test_a_foreign_database_and_one_of_another_version_are_refused(tmp_path):
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE spans(x)")
    other.close()
    with pytest.raises(ConfigurationError, match="is a database, but no trace file"):
        load(tmp_path / "other")
    path = write_sqlite(tmp_path / "t", sample_trace(1))
    changed = sqlite3.connect(path)
    changed.execute("PRAGMA user_version = 7")
    changed.close()
    with pytest.raises(ConfigurationError, match="version 7; this altar reads 1"):
        load(path)
    (tmp_path / "cut").write_bytes(path.read_bytes()[:600])
    with pytest.raises(ConfigurationError, match="cannot be read as a database"):
        load(tmp_path / "cut")


def test_a_damaged_database_gives_what_can_be_read(tmp_path):
    path = write_sqlite(tmp_path / "t", list(sample_spans(1, spans=300)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = b"\xff" * 9000
    path.write_bytes(content)
    found = load(path)
    assert found.losses.unreadable or len(found.spans) < 300
    assert sum(bool(one.document) for one in found.spans) <= 300


def test_a_row_that_is_no_span_is_told(tmp_path):
    path = write_sqlite(tmp_path / "t", sample_trace(1, spans=5))
    count = len(load(path).spans)
    changed = sqlite3.connect(path)
    changed.execute("UPDATE spans SET doc = 'x' WHERE seq = 1")
    changed.execute("UPDATE spans SET doc = NULL WHERE seq = 2")
    changed.execute("UPDATE spans SET doc = x'ff00' WHERE seq = 3")
    changed.commit()
    changed.close()
    found = load(path)
    assert (len(found.spans), found.losses.unreadable) == (count - 3, 3)


def test_a_missing_file_is_an_os_error_and_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="is no file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="is no file"):
        load(tmp_path / "pipe")


def test_lines_of_a_later_run_in_another_version_are_left_out_and_told(tmp_path):
    (tmp_path / "t").write_bytes(
        HEADER + WHOLE[0] + b'{"altar_trace":2}\n' + WHOLE[1] + HEADER + WHOLE[2]
    )
    found = load(tmp_path / "t")
    assert len(found.spans) == 2
    assert found.losses.problems[0] == "line 3: written in version 2; this altar reads 1"
    assert found.losses.unreadable == 2


def test_a_byte_order_mark_and_foreign_line_ends_are_passed_over(tmp_path):
    (tmp_path / "t").write_bytes(b"\xef\xbb\xbf" + BYTES.replace(b"\n", b"\r\n"))
    assert len(load(tmp_path / "t").spans) == len(WHOLE)


def test_a_span_that_stands_there_twice_counts_once(tmp_path):
    (tmp_path / "t").write_bytes(BYTES + WHOLE[3])
    found = load(tmp_path / "t")
    assert (len(found.spans), found.losses.repeated) == (len(WHOLE), 1)
    assert found.losses.tell() == ["1 span was left out: they are in the file twice"]


def test_no_more_spans_are_kept_than_asked_for(tmp_path):
    (tmp_path / "t").write_bytes(BYTES)
    found = load(tmp_path / "t", max_spans=5)
    assert (len(found.spans), found.losses.left_out) == (5, len(WHOLE) - 5)


@pytest.mark.parametrize("kind", [JsonLinesSink, SqliteSink])
def test_a_file_that_grows_is_read_on(kind, tmp_path):
    path = tmp_path / "t"
    path.touch()
    file = load(path)
    assert (len(file.spans), file.generation) == (0, 0)
    sink = kind(path)
    spans = sample_trace(1, spans=9)
    sink.write(spans[:4])
    assert (file.refresh(), file.refresh()) == (4, 0)
    before = file.traces[0].end
    sink.write(spans[4:])
    sink.close()
    assert file.refresh() == len(spans) - 4
    assert file.traces[0].end > before
    assert [one.attributes for one in file.spans] == [
        one.document.get("attributes", {}) for one in file.spans
    ]
    assert (file.generation, len(file.spans), len(file.runs)) == (0, len(spans), 1)


def test_a_last_line_is_read_when_it_is_whole(tmp_path):
    path = tmp_path / "t"
    half = len(WHOLE[1]) // 2
    path.write_bytes(HEADER + WHOLE[0] + WHOLE[1][:half])
    file = load(path)
    assert (len(file.spans), file.losses.cut) == (1, True)
    with path.open("ab") as more:
        more.write(WHOLE[1][half:])
    assert file.refresh() == 1
    assert not file.losses


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_was_replaced_is_read_anew(write, tmp_path):
    path = write(tmp_path / "t", sample_trace(1))
    file = load(path)
    old = file.spans[0]
    path.unlink()
    assert file.refresh() == 0
    write(path, sample_trace(2, spans=5))
    assert file.refresh() == len(sample_trace(2, spans=5))
    assert file.generation == 1
    assert old.trace not in {one.trace for one in file.spans}


def test_a_file_that_was_cut_or_written_over_is_read_anew(tmp_path):
    path = tmp_path / "t"
    path.write_bytes(BYTES)
    file = load(path)
    with path.open("r+b") as same:
        same.truncate(len(HEADER) + len(WHOLE[0]))
    assert (file.refresh(), file.generation) == (1, 1)
    with path.open("r+b") as same:
        same.write(HEADER + b"".join(reversed(WHOLE)))
    assert (file.refresh(), file.generation) == (len(WHOLE), 2)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_database_on_a_read_only_disk_is_read(tmp_path):
    path = write_sqlite(tmp_path / "t", sample_trace(1))
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert load(path).spans
    finally:
        tmp_path.chmod(0o700)


def test_a_trace_is_found_by_the_beginning_of_its_id(tmp_path):
    file = load(write_jsonl(tmp_path / "t", list(sample_spans(1, spans=80))))
    newest = file.traces[-1]
    assert (
        file.trace(newest.id[:9]) is file.trace(newest.id.upper()) is file.trace("last") is newest
    )
    with pytest.raises(ConfigurationError, match="has no trace 'zz'"):
        file.trace("zz")
    with pytest.raises(ConfigurationError, match="has no trace ''"):
        file.trace("")


def test_an_id_that_several_traces_begin_with_is_refused(tmp_path):
    a, b = span("a", 1), span("b", 2)
    b.trace_id = a.trace_id + 1
    with pytest.raises(ConfigurationError, match="2 traces .* begin with '0000'; give more"):
        read(tmp_path, a, b).trace("0000")


def test_children_stand_below_their_parents_in_the_order_they_began(tmp_path):
    found = read(tmp_path, span("late", 3, 1, at=5), span("early", 2, 1, at=1), span("root", 1))
    assert tree(found) == [(0, "root"), (1, "early"), (1, "late")]
    trace = found.traces[0]
    assert (trace.name, trace.status, trace.running, trace.errors) == ("root", "ok", False, 0)
    assert [one.name for one in trace.children(trace.root)] == ["early", "late"]


def test_what_has_not_ended_stands_there_as_running(tmp_path):
    found = read(
        tmp_path, span("first", 3, 2, at=1), span("round 1", 2, 1), span("second", 5, 4, at=20)
    )
    assert tree(found) == [
        (0, "(running)"),
        (1, "round 1"),
        (2, "first"),
        (1, "(running)"),
        (2, "second"),
    ]
    trace = found.traces[0]
    assert (trace.status, trace.running, trace.root.placeholder) == ("running", True, True)
    assert trace.seconds == pytest.approx(0.03)


def test_a_parent_that_never_came_is_lost_when_the_root_has_ended(tmp_path):
    found = read(tmp_path, span("leaf", 3, 2, at=1), span("root", 1))
    assert tree(found) == [(0, "root"), (1, "(lost)"), (2, "leaf")]


def test_a_span_of_another_process_stands_below_its_parent_or_is_a_root(tmp_path):
    worker = span("work", 2, 1, at=1, remote=True, process=99)
    assert tree(read(tmp_path, worker, span("root", 1))) == [(0, "root"), (1, "work")]
    alone = read(tmp_path, worker).traces[0]
    assert (alone.name, alone.running) == ("work", False)


def test_spans_that_are_each_others_parents_are_shown_once(tmp_path):
    found = read(
        tmp_path,
        span("a", 1, 2),
        span("b", 2, 1, at=1),
        span("self", 3, 3, at=2),
        span("c", 4, 1, at=3),
    )
    assert sorted(name for _, name in tree(found)) == ["a", "b", "c", "self"]


def test_a_chain_of_20000_spans_is_no_trouble(tmp_path):
    found = read(tmp_path, *(span("n", n + 1, n, attributes=usage(1)) for n in range(20_000)))
    assert list(found.traces[0].rows())[-1][0] == 19_999
    assert found.traces[0].spend.input_tokens == 1


def test_an_error_below_a_root_that_went_well_is_counted_and_no_more(tmp_path):
    found = read(tmp_path, span("t", 2, 1, error=("TIMEOUT", "")), span("root", 1)).traces[0]
    assert (found.status, found.errors) == ("ok", 1)
    found = read(tmp_path, span("root", 1, error=("X", "y"))).traces[0]
    assert (found.status, found.errors) == ("error", 1)


def test_a_run_and_its_requests_tell_the_same_tokens_and_count_once(tmp_path):
    found = read(
        tmp_path,
        span("chat", 3, 2, kind="model", attributes=usage(10, "0.1")),
        span("round 1", 2, 1, kind="round"),
        span("chat", 5, 4, kind="model", attributes=usage(20, "0.2")),
        span("round 2", 4, 1, kind="round"),
        span("run", 1, kind="generate", attributes=usage(30, "0.3")),
    ).traces[0]
    assert (found.spend.input_tokens, found.spend.cost) == (30, Decimal("0.3"))
    assert found.spend_of(found.spans[1]).input_tokens == 10


def test_a_run_within_a_tool_counts_beside_the_run_that_called_it(tmp_path):
    found = read(
        tmp_path,
        span("chat", 5, 4, kind="model", attributes=usage(7)),
        span("inner", 4, 3, kind="generate", attributes=usage(7, "0.07")),
        span("ask", 3, 1, kind="tool"),
        span("chat", 2, 1, kind="model", attributes=usage(30)),
        span("run", 1, kind="generate", attributes=usage(30, "0.3")),
    ).traces[0]
    assert (found.spend.input_tokens, found.spend.cost) == (37, Decimal("0.37"))
    assert found.spend_of(found.spans[2]).input_tokens == 7


def test_requests_count_while_their_run_has_not_ended_and_a_run_without_requests_counts(tmp_path):
    chat = span("chat", 2, 1, kind="model", attributes=usage(10))
    assert read(tmp_path, chat).traces[0].spend.input_tokens == 10
    run = span("run", 1, kind="generate", attributes=usage(25, "0.5"))
    assert read(tmp_path, chat, run).traces[0].spend.input_tokens == 25
    assert read(tmp_path, span("x", 1)).traces[0].spend.cost is None


def test_a_line_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr("altar.trace._read_jsonl._LONGEST", 2000)
    long = b'{"x":"' + b"y" * 5_000_000 + b'"}\n'
    (tmp_path / "t").write_bytes(HEADER + WHOLE[0] + long + WHOLE[2] + long[:-1])
    found = load(tmp_path / "t")
    assert [one.document["name"] for one in found.spans] == [
        json.loads(WHOLE[n])["name"] for n in (0, 2)
    ]
    assert found.losses.unreadable == 2
