"""``altar trace`` shows what a trace file holds, says what is missing from it, and keeps its exit codes."""

from __future__ import annotations

import argparse
import io
import json
import re
import urllib.request
from pathlib import Path

import pytest

from altar.cli import main
from altar.cli._console import Console
from altar.cli._trace import configure, follow
from altar.trace import JsonLinesSink, load
from tests.trace.samples import sample_spans, sample_trace, write_jsonl, write_sqlite


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """A trace, several, several in a database, and some that are still running."""
    here = tmp_path_factory.mktemp("traces")
    several = list(sample_spans(20, spans=150, each=30))
    return {
        "one": write_jsonl(here / "one", sample_trace(21, spans=20)),
        "many": write_jsonl(here / "many", several),
        "base": write_sqlite(here / "base", several),
        "many_more": write_jsonl(here / "many_more", list(sample_spans(1, spans=300, each=4))),
    }


@pytest.fixture
def trace(capsys):
    def run(*words: object) -> tuple[int, str, str]:
        status = main(["trace", *map(str, words)])
        found = capsys.readouterr()
        return status, found.out, found.err

    return run


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    configure(parser)
    return parser.parse_args(words)


def test_a_file_of_one_trace_is_shown_as_its_tree(files, trace):
    status, out, err = trace(files["one"])
    assert (status, err) == (0, "")
    only = load(files["one"]).traces[0]
    assert out.startswith(f"trace {only.id}  ")
    assert sum("━" in line for line in out.splitlines()) == len(only.spans)


@pytest.mark.parametrize("kind", ["many", "base"])
def test_a_file_of_several_is_listed_with_the_newest_last(files, trace, kind):
    status, out, err = trace(files[kind])
    traces = load(files[kind]).traces
    assert (status, err) == (0, "")
    assert re.findall(r"^. ([0-9a-f]{8})  ", out, re.M) == [one.id[:8] for one in traces]


def test_one_of_several_is_shown_by_the_beginning_of_its_id(files, trace):
    chosen = load(files["many"]).traces[1]
    assert trace(files["many"], "--trace", chosen.id[:8])[1].startswith(f"trace {chosen.id}")
    last = load(files["many"]).traces[-1]
    assert trace(files["many"], "--trace", "last")[1].startswith(f"trace {last.id}")
    status, out, err = trace(files["many"], "--trace", "xyz")
    assert (status, out) == (2, "")
    assert "has no trace 'xyz'; it has" in err


def test_only_the_newest_of_many_are_listed_until_all_are_asked_for(files, trace):
    count = len(load(files["many_more"]).traces)
    shown = trace(files["many_more"])[1].splitlines()
    assert shown[1] == f"{count - 50} older traces; --full lists them"
    assert len(shown) == 53
    assert len(trace(files["many_more"], "--full")[1].splitlines()) == count + 2


def test_errors_and_the_slowest_are_found(files, trace):
    traces = load(files["many"]).traces
    failed = [one for one in traces if one.errors]
    assert 0 < len(failed) < len(traces)
    out = trace(files["many"], "--errors")[1]
    assert re.findall(r"^. ([0-9a-f]{8})  ", out, re.M) == [one.id[:8] for one in failed]
    slowest = sorted(traces, key=lambda one: -one.seconds)[:2]
    out = trace(files["many"], "--slowest", 2)[1]
    assert re.findall(r"^. ([0-9a-f]{8})  ", out, re.M) == [one.id[:8] for one in slowest]
    out = trace(files["many"], "--errors", "--trace", failed[0].id)[1]
    assert out.count("✗ ") == 2 * failed[0].errors
    well = next(one for one in traces if not one.errors)
    assert "no span of it has an error" in trace(files["many"], "--errors", "--trace", well.id)[1]


def test_json_has_the_sums_and_of_one_trace_the_spans(files, trace):
    found = json.loads(trace(files["many"], "--json")[1])
    traces = load(files["many"]).traces
    assert [one["id"] for one in found["traces"]] == [one.id for one in traces]
    assert found["traces"][0]["cost"] == str(traces[0].spend.cost)
    assert found["losses"]["unreadable"] == 0
    (one,) = json.loads(trace(files["many"], "--json", "--trace", traces[0].id)[1])["traces"]
    assert [span["depth"] for span in one["tree"]][:3] == [0, 1, 2]
    assert one["tree"][0]["attributes"]["altar.finish"]


def test_damage_is_told_behind_what_could_be_read_and_is_a_code(files, trace, tmp_path):
    content = files["one"].read_bytes().splitlines(keepends=True)
    (tmp_path / "t").write_bytes(
        b"".join(
            [*content[:4], b"x\x1b[0m\n", *content[4:], b'{"altar_trace_loss":{"dropped":3}}\n{"tr']
        )
    )
    status, out, err = trace(tmp_path / "t")
    assert status == 1
    assert out == trace(files["one"])[1]
    assert (
        err.splitlines()[0]
        == "3 spans were dropped: a buffer was full, or they ended after the trace"
    )
    assert "1 line is damaged" in err
    assert "  line 5: " in err
    assert "the last line is cut" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello\n", "is no trace file of altar"),
        (b'{"altar_trace":7}\n', "version 7; this altar reads 1"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_trace_file_is_a_line_and_a_code(trace, tmp_path, content, said):
    if content is not None:
        (tmp_path / "t").write_bytes(content)
    status, out, err = trace(tmp_path / "t")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_file_without_a_span_yet_is_said_to_have_none(trace, tmp_path):
    (tmp_path / "t").touch()
    assert trace(tmp_path / "t")[:2] == (0, f"{tmp_path / 't'}: no span has ended yet\n")


def test_options_that_mean_nothing_are_refused(files, trace):
    assert "give a positive number" in trace(files["one"], "--slowest", 0)[2]
    assert "belong to --serve" in trace(files["one"], "--port", 8000)[2]
    assert "no trace has an error" in trace(_well(files), "--errors")[1]


def _well(files) -> Path:
    path = files["one"].with_name("well")
    if not path.exists():
        write_jsonl(path, [span for span in sample_trace(21, spans=20) if not span.error])
    return path


def test_a_terminal_gets_colour_within_its_width(files, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    from altar.cli._trace import run

    for words in (
        ["many"],
        ["many", "--trace", "last"],
        ["many", "--errors", "--full", "--trace", "last"],
    ):
        out = Terminal()
        run(arguments(str(files[words[0]]), *words[1:]), Console(out, Terminal()))
        assert "\x1b[1m" in out.getvalue()
        plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
        assert max(len(line) for line in plain.splitlines()) <= max(
            80, len(str(files["many"])) + 50
        )
        assert "\x1b" not in plain


def test_an_output_without_unicode_gets_plain_lines(files):
    from altar.cli._trace import run

    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    run(arguments(str(files["many"]), "--trace", "last"), Console(out, io.StringIO()))
    assert b"|-" not in out.buffer.getvalue()
    assert b"==" in out.buffer.getvalue()


def test_following_shows_each_span_once_as_it_ends(tmp_path):
    path = tmp_path / "t"
    spans = sample_trace(21, spans=20)
    sink = JsonLinesSink(path)
    sink.write(spans[:5])
    steps = iter([
        lambda: sink.write(spans[5:]),
        lambda: None,
        lambda: (path.unlink(), sink.write(sample_trace(22, spans=3))),
    ])  # fmt: skip

    def pause(_: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        follow(load(path), Console(out, err), arguments(str(path)), pause=pause)
    sink.close()
    shown = out.getvalue().splitlines()
    assert len(shown) == len(spans) + len(sample_trace(22, spans=3))
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  [0-9a-f]{8}  ", line) for line in shown)
    assert "was written anew" in err.getvalue()


def test_following_takes_the_same_choices(files):
    def end(_: float) -> None:
        raise KeyboardInterrupt

    def lines(*words: str) -> list[str]:
        out = io.StringIO()
        with pytest.raises(KeyboardInterrupt):
            follow(
                load(files["many"]),
                Console(out, io.StringIO()),
                arguments(str(files["many"]), *words),
                pause=end,
            )
        return out.getvalue().splitlines()

    file = load(files["many"])
    assert len(lines("--errors")) == sum(bool(span.error) for span in file.spans)
    first = file.traces[0]
    assert [json.loads(line)["trace"] for line in lines("--json", "--trace", first.id[:8])] == [
        first.id
    ] * len(first.spans)


def test_serving_hands_over_to_the_viewer(files, trace, monkeypatch):
    seen = []

    def look(url: str) -> bool:
        with urllib.request.urlopen(url, timeout=30) as answer:
            seen.append(answer.status)
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", look)
    status, out, _ = trace(files["many"], "--serve")
    assert (status, seen) in ((0, [200]), (130, [200]))
    assert "http://127.0.0.1:" in out


def test_one_trace_is_saved_as_a_page(files, trace, tmp_path):
    page = tmp_path / "out.html"
    last = load(files["many"]).traces[-1].id
    status, out, _ = trace(files["many"], "--trace", "last", "--save", page)
    assert (status, out) == (0, f"{page}: trace {last}\n")
    assert last.encode() in page.read_bytes()
    assert trace(files["one"], "--save", page)[0] == 0
    status, _, err = trace(files["many"], "--save", page)
    assert (status, "--trace last" in err) == (2, True)
    status, _, err = trace(files["one"], "--save", tmp_path / "nowhere" / "out.html")
    assert (status, "cannot be written" in err) == (2, True)


def test_json_rules_no_terminal_whatever_is_in_a_trace(tmp_path):
    from altar.cli._trace import run

    span = sample_trace(1, spans=1)[-1]
    span.name = "a\x9b31m\u202eb"
    path, out = write_jsonl(tmp_path / "t", [span]), Terminal()
    run(arguments(str(path), "--json"), Console(out, Terminal()))
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue())["traces"][0]["name"] == span.name
