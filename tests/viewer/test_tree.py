"""A trace as text: nothing is wider than the terminal, errors are whole, times and costs line up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from altar.trace import TraceRecord, load
from altar.trace._codec import decode, encode
from altar.viewer._list import ended, listed
from altar.viewer._text import columns, count, cut, duration, money, padded, plain, when, wrapped
from altar.viewer._tree import title, tree
from tests.trace.samples import MS, START, SampleSpan, sample_spans, sample_trace, write_jsonl


def text(lines) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


def loaded(path: Path, spans) -> TraceRecord:
    return load(write_jsonl(path / "t.jsonl", list(spans))).traces[0]


def made(
    name: str, id: int, parent: int = 0, *, at: int = 0, took: int = 10, **fields
) -> SampleSpan:
    span = SampleSpan(name, fields.pop("kind", "tool"), (1, id, parent), START + at * MS)
    span.ended = span.started + took * MS
    for key, value in fields.items():
        setattr(span, key, value)
    return span


def call(name: str, arguments: str, result: str | None = None) -> dict:
    found = {"gen_ai.tool.name": name, "gen_ai.tool.call.arguments": arguments}
    return found if result is None else {**found, "gen_ai.tool.call.result": result}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> TraceRecord:
    return loaded(tmp_path_factory.mktemp("sample"), sample_trace(20 + 1, spans=60))


@pytest.mark.parametrize("width", [30, 50, 64, 80, 120, 200])
@pytest.mark.parametrize("full", [False, True])
def test_no_line_is_wider_than_the_terminal(sample, width, full):
    for lines in (
        tree(sample, width, full=full),
        title(sample, width),
        listed([sample], max(width, 40)),
    ):
        assert max(map(columns, text(lines))) <= max(width, 40)
    assert max(map(columns, text(tree(sample, max(width, 50), full=full)))) <= max(width, 50)


def test_a_tree_shows_calls_with_arguments_results_and_times(tmp_path):
    trace = loaded(tmp_path, [
        made("execute_tool f", 2, 1, at=1, took=40, attributes=call("f", '{"city": "Oslo", "n": 3}', '{"ok": true}')),
        made("execute_tool g", 3, 1, at=2, took=98, attributes=call("g", "{}"), error=("TIMEOUT", "Too slow.")),
        made("run", 1, kind="generate", took=100),
    ])  # fmt: skip
    assert text(tree(trace, 80)) == [
        "run                                                       100 ms  ━━━━━━━━━━━━━━",
        '├ f(city="Oslo", n=3)                                      40 ms  ━━━━━━',
        '│   → {"ok": true}',
        "└ ✗ g                                                      98 ms  ━━━━━━━━━━━━━━",
        "    ✗ TIMEOUT: Too slow.",
    ]


def test_arguments_that_do_not_fit_beside_the_name_stand_below_it(tmp_path):
    trace = loaded(
        tmp_path, [made("execute_tool f", 1, attributes=call("f", json.dumps({"text": "x" * 90})))]
    )
    first, second = text(tree(trace, 80))
    assert first.startswith("f   ")
    assert second.strip().startswith('(text="xxx')
    assert second.endswith("…")
    assert columns(second) == 80


def test_an_error_is_shown_whole_and_broken_between_words(tmp_path):
    message = "word " * 60 + "end"
    trace = loaded(tmp_path, [made("execute_tool f", 1, error=("TOOL_EXECUTION_FAILED", message))])
    lines = text(tree(trace, 60))[1:]
    assert " ".join(" ".join(lines).split()) == f"✗ TOOL_EXECUTION_FAILED: {message}"
    assert all(columns(line) <= 60 for line in lines)


def test_errors_alone_leave_out_what_went_well(tmp_path):
    trace = loaded(tmp_path, [
        made("a1", 3, 2), made("a", 2, 1), made("b1", 5, 4, error=("E", "")), made("b", 4, 1),
        made("c", 6, 1, error=("E", "")), made("root", 1),
    ])  # fmt: skip
    shown = [
        line.split()[-3 if "ms" in line else 0]
        for line in text(tree(trace, 50, errors=True))
        if "ms" in line
    ]
    assert shown == ["root", "b", "b1", "c"]


def test_the_slowest_calls_stand_one_below_the_other(tmp_path):
    trace = loaded(
        tmp_path,
        [made("x", 2, 1, took=5), made("y", 3, 1, took=50), made("z", 4, 1, took=20), made("r", 1)],
    )
    assert [line.split()[0] for line in text(tree(trace, 50, slowest=2))] == ["y", "z"]


def test_retries_caches_and_other_happenings_are_told(tmp_path):
    events = [("retry", START + 5 * MS, {"attempt": 2, "error": "TIMEOUT"}), ("cache", START, None)]
    trace = loaded(tmp_path, [made("f", 1, events=events)])
    assert text(tree(trace, 80))[1:] == [
        '  · retry at 5.0 ms  attempt=2, error="TIMEOUT"',
        "  · cache at 0.0 ms",
    ]


def test_what_has_not_ended_is_marked(tmp_path):
    trace = loaded(tmp_path, [made("f", 2, 1, took=1500)])
    assert text(tree(trace, 60))[0].split() == ["(running)", "1.50", "s+"]
    assert "running" in text(title(trace, 80))[1]
    (line,) = text(listed([trace], 80))[1:]
    assert line.startswith("▸ ")
    assert line.endswith("(running) after f")


def test_everything_is_shown_when_asked_for(sample):
    whole = "\n".join(text(tree(sample, 100, full=True)))
    for span in sample.spans:
        assert span.span in whole
    assert "system: Answer in one sentence." in whole
    assert "…" not in whole


def test_names_and_messages_do_not_rule_the_terminal(tmp_path):
    evil = "a\x1b[31m\x9b\u202eb\r\n\tc\ud800"
    span = made(
        evil,
        1,
        kind="custom",
        error=(evil, evil),
        attributes={evil: evil},
        events=[(evil, START, {evil: evil})],
    )
    span.thread = evil
    trace = loaded(tmp_path, [span])
    for full in (False, True):
        for line in [
            *text(tree(trace, 70, full=full)),
            *text(title(trace, 70)),
            *text(listed([trace], 70)),
        ]:
            assert line.isprintable(), ascii(line)
    assert "".join(text([ended(trace.spans[0], 90)])).isprintable()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["role", "parts", "type", "content", "name", "arguments", "id"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
KEYS = [
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result", "gen_ai.tool.name", "altar.attempt", "gen_ai.response.time_to_first_chunk", "altar.finish",
]  # fmt: skip


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["generate", "model", "tool", "x"]),
    attributes=st.dictionaries(st.sampled_from(KEYS), anything),
    full=st.booleans(),
)
def test_attributes_of_any_shape_are_shown_somehow(kind, attributes, full):
    span = made("n", 1, kind=kind)
    span.attributes = attributes
    line = encode(span, 1)
    record = decode(line)
    record.source = _Line(line)
    trace = TraceRecord(record.trace)
    trace.add(record)
    assert max(map(columns, text(tree(trace, 60, full=full)))) <= 60
    assert text(listed([trace], 80))


class _Line:
    def __init__(self, line: str) -> None:
        self.found = json.loads(line)

    def document(self, place: int):
        return self.found


def test_a_deep_trace_keeps_room_for_its_names(tmp_path):
    trace = loaded(tmp_path, [made(f"step{n}", n + 1, n, error=("E", "why")) for n in range(300)])
    lines = text(tree(trace, 60))
    assert max(map(columns, lines)) <= 60
    assert "step299" in "".join(lines)


def test_a_list_has_a_line_for_each_trace(tmp_path):
    file = load(write_jsonl(tmp_path / "t", list(sample_spans(20, spans=120, each=30))))
    lines = text(listed(file.traces, 100))
    assert len(lines) == len(file.traces) + 1
    for line, trace in zip(lines[1:], file.traces, strict=True):
        assert trace.id[:8] in line
        assert money(trace.spend.cost) in line


def test_dates_are_shown_where_a_list_has_several(tmp_path):
    other = made("b", 2, at=86_400_000)
    other.trace_id = 2
    file = load(write_jsonl(tmp_path / "t", [made("a", 1), other]))
    for line, trace in zip(text(listed(file.traces, 100))[1:], file.traces, strict=True):
        assert when(trace.start) in line


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0.0 ms"), (0.00031, "0.3 ms"), (0.0123, "12 ms"), (0.9994, "999 ms"), (0.9996, "1.00 s"), (59.99, "59.99 s"),
     (185, "3m 05s"), (3660, "1h 01m")],
)  # fmt: skip
def test_times_are_short(seconds, shown):
    assert duration(seconds) == shown


def test_numbers_and_amounts_are_short():
    assert [count(n) for n in (0, 999, 1000, 9999, 12_345, 3_210_000)] == [
        "0",
        "999",
        "1.0k",
        "10.0k",
        "12k",
        "3.2M",
    ]
    amounts = [None, Decimal(0), Decimal("0.00001"), Decimal("0.0123"), Decimal("1234.5")]
    assert [money(one) for one in amounts] == ["", "$0", "<$0.0001", "$0.0123", "$1,234.50"]
    assert when(2**62)


@given(st.text(), st.integers(1, 30))
def test_cut_and_padded_texts_keep_to_their_columns(some, width):
    some = plain(some)
    assert columns(cut(some, width)) <= width
    assert columns(padded(some, width)) == width


@given(st.text(), st.integers(2, 30))
@example(" \u1100", 2)
def test_wrapped_lines_keep_every_word(some, width):
    lines = wrapped(some, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(plain(" ".join(some.splitlines())).split())


def test_a_list_has_the_root_s_name_and_what_was_asked_first_wherever_that_is(tmp_path):
    said = [{"role": "user", "parts": [{"type": "text", "content": "How many pens?"}]}]
    run = made("invoke_agent", 2, 1, kind="generate")
    run.attributes = {"gen_ai.input.messages": said, "gen_ai.request.model": "m"}
    spans = [run, made("GET /pen", 1, kind="custom")]
    (line,) = text(listed([loaded(tmp_path, spans)], 100))[1:]
    assert line.endswith("GET /pen  “How many pens?”")


def test_a_span_of_one_s_own_shows_its_attributes(tmp_path):
    span = made("GET /pen", 1, kind="custom", attributes={"code": 200, "path": "/pen"})
    assert 'code=200, path="/pen"' in text(tree(loaded(tmp_path, [span]), 80))[1]


def test_arguments_shown_in_full_are_closed(tmp_path):
    (called,) = [made("f", 1, attributes=call("f", '{"a": 1}'))]
    lines = text(tree(loaded(tmp_path, [called]), 80, full=True))
    assert [line.strip() for line in lines[1:4]] == ["( {", '"a": 1', "} )"]
