"""``altar repair`` is a filter: JSON comes out, and what was changed is told beside it."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from altar.cli import main
from altar.cli._caret import Excerpts
from altar.cli._console import Console
from altar.repair import Fix, Repaired


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
):
    """Run the command on a text or bytes as its standard input."""
    monkeypatch.chdir(tmp_path)

    def go(given: str | bytes, *words: str) -> Ran:
        data = given if isinstance(given, bytes) else given.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        status = main(["repair", *words])
        out, err = capsysbinary.readouterr()
        return Ran(status, out.decode(), err.decode())

    return go


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ("{'a': 'b'}", {"a": "b"}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ('{"a": "東京"}', {"a": "東京"}),
        ('\ufeff{"a": 1}', {"a": 1}),
    ],
)
def test_broken_json_comes_out_as_json_on_lines_of_its_own(repair, text: str, value: object):
    ran = repair(text)
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out) == value
    assert ran.out.endswith("\n")
    assert not ran.out.endswith("\n\n")


def test_valid_json_comes_out_as_it_is(repair):
    text = '{ "a" : 1.50,\n  "b": "\\u00e9" }\n'
    assert repair(text).out == text
    assert repair(text, "-").out == text


def test_a_file_is_read_instead_of_standard_input(repair):
    Path("broken.json").write_text("[1, 2,]")
    assert repair("", "broken.json").out == "[1, 2]\n"


def test_other_encodings_of_json_are_read_and_utf8_is_written(repair):
    assert json.loads(repair('{"a": "é",}'.encode("utf-16")).out) == {"a": "é"}


def test_what_is_no_text_ends_with_the_place_and_exit_code_1(repair):
    ran = repair(b'{"a": "\xff"}')
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("altar: error: byte ")


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_at_all_ends_with_the_reason_and_exit_code_1(repair, text: str):
    ran = repair(text)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("altar: error: 1:")


def test_a_fix_above_the_risk_ends_with_a_caret_under_its_place(repair):
    Path("in.json").write_text('{"a": 1,\n "b": 2\n "c": 3}')
    ran = repair("", "in.json", "--max-risk", "0.01")
    assert (ran.status, ran.out) == (1, "")
    error, line, caret = ran.err.splitlines()
    assert error.startswith("altar: error: in.json:2:")
    assert line == '  2 |  "b": 2'
    assert caret.strip("| ") == "^"
    assert repair("", "in.json", "--max-risk", "0.9").status == 0


@pytest.mark.parametrize("risk", ["2", "-0.1", "nan", "much"])
def test_a_risk_that_is_none_is_refused(repair, risk: str):
    ran = repair("[]", f"--max-risk={risk}")
    assert ran.status == 2
    assert f"a risk is a number from 0 to 1, not '{risk}'" in ran.err


def test_explain_shows_each_fix_with_its_line_and_a_caret_under_it(repair):
    ran = repair('{\n  "a": [1, 2,],\n  "b": True\n}', "--explain")
    assert json.loads(ran.out) == {"a": [1, 2], "b": True}
    assert ran.err.splitlines() == [
        "2:13 trailing_comma (risk 0.01): a comma before a closer was left out",
        '  2 |   "a": [1, 2,],',
        "    |             ^  , -> (nothing)",
        "3:8 literal (risk 0.02): a literal of another language was replaced",
        '  3 |   "b": True',
        "    |        ^~~~  True -> true",
        "2 fixes, confidence 98%",
    ]


def test_explain_of_valid_json_says_that_there_was_nothing_to_do(repair):
    ran = repair("[1]", "--explain")
    assert (ran.out, ran.err) == ("[1]\n", "valid JSON, nothing to repair\n")


def test_explain_lists_40_fixes_and_counts_the_rest(repair):
    ran = repair("[" + "True, " * 1000 + "1]", "--explain")
    assert ran.err.count(" literal (risk") == 40
    assert "and 960 more\n1,000 fixes, " in ran.err


def test_explain_tells_of_other_readings(repair, monkeypatch: pytest.MonkeyPatch):
    other = Repaired([2], "[2]")
    found = Repaired([1], "[1]", fixes=(Fix("own", 0, 1, "a", "b", 0.1),), alternatives=(other,))
    monkeypatch.setattr("altar.cli._repair.parse", lambda *given, **options: found)
    lines = repair("a", "--explain").err.splitlines()
    assert lines[0] == "1:1 own (risk 0.1): a change"
    assert lines[-2:] == ["1 fix, confidence 68%", "or, 100%: [2]"]


def test_a_long_line_is_shown_around_the_place_alone(repair):
    text = "[" + "1, " * 5000 + "True, " + "2, " * 5000 + "3]"
    ran = repair(text, "--explain")
    _, line, caret, _ = ran.err.splitlines()
    assert len(line) <= 100
    assert line.startswith("  1 | ...")
    assert line.endswith("...")
    assert line[caret.index("^") :].startswith("True")


def test_what_a_terminal_obeys_is_shown_and_never_sent(repair):
    ran = repair('\t{"a": "x\x1b[31m\x07", \u202e"b": True,}', "--explain")
    assert not [
        char for char in ran.err if unicodedata.category(char) in {"Cc", "Cf"} and char != "\n"
    ]
    assert "␉" in ran.err
    assert "␛[31m" in ran.err


def test_the_caret_stands_right_under_wide_and_combining_characters(repair):
    ran = repair('{"東京": "e\u0301", "b": True}', "--explain")
    _, line, caret, _ = ran.err.splitlines()
    before = line[: line.index("True")]
    columns = sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in before
    )
    assert caret.index("^") == columns


@pytest.mark.parametrize("inline", [True, False])
def test_a_schema_in_a_file_or_typed_in_decides_what_values_mean(repair, inline: bool):
    schema = '{"type": "object", "properties": {"n": {"type": "number"}}}'
    Path("schema.json").write_text(schema)
    ran = repair('{"n": "1,200"}', "--schema", schema if inline else "schema.json", "--explain")
    assert json.loads(ran.out) == {"n": 1200}
    assert "coerced_number" in ran.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{oops", "--schema"),
        ("[1]", "cannot be read"),
        ("list.json", "holds no JSON Schema"),
        ("broken.json", "broken.json"),
    ],
)
def test_a_schema_that_is_none_is_refused_with_exit_code_2(repair, given: str, said: str):
    Path("list.json").write_text("[1]")
    Path("broken.json").write_text("{,}")
    ran = repair("[]", "--schema", given)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_a_file_that_is_not_there_is_refused_with_exit_code_2(repair):
    ran = repair("", "nowhere.json")
    assert ran.status == 2
    assert "nowhere.json cannot be read" in ran.err


def test_a_policy_says_which_of_several_values_is_kept(repair):
    assert json.loads(repair('{"a": 1}\n{"a": 2}', "--policy", "last").out) == {"a": 2}
    assert json.loads(repair('{"a": 1}\n{"a": 2}', "--policy", "all").out) == [{"a": 1}, {"a": 2}]


def test_as_a_process_it_reads_and_writes_bytes_whatever_the_locale():
    done = subprocess.run(
        [sys.executable, "-m", "altar", "repair"],
        input='{"a": "東京",}'.encode(),
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
    )
    assert done.stdout == '{"a": "東京"}\n'.encode()


def test_half_a_surrogate_pair_is_written_as_its_escape(repair):
    assert repair('{"a": "\\ud83d",}').out == '{"a": "\\ud83d"}\n'


@pytest.mark.parametrize("plain", [True, False])
def test_colour_is_shown_on_a_terminal_unless_no_color_is_set(
    plain: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    leader, follower = pty.openpty()
    with open(follower, "w", encoding="utf-8") as terminal:
        excerpts = Excerpts("[" + "1, " * 90 + "]", Console(terminal, terminal))
        assert excerpts.width == 40
        excerpts.show(200, 203, "a remark")
        terminal.flush()
        shown = ""
        while "a remark" not in shown:  # a terminal gives what it has, line by line
            shown += os.read(leader, 65536).decode()
    os.close(leader)
    assert ("\x1b[31;1m^~~\x1b[0m" in shown) != plain
    if plain:
        assert max(len(line) for line in shown.splitlines()) <= 40


def test_json_on_a_terminal_holds_nothing_that_a_terminal_obeys():
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "altar", "repair"],
        input='{"a": "\x9b31m",}'.encode(),
        stdout=follower,
        stderr=subprocess.PIPE,
        timeout=60,
        check=True,
        env={**os.environ, "TERM": "xterm", "PYTHONUTF8": "1"},
    )
    os.close(follower)
    shown = ""
    while not shown.endswith("\n"):  # a terminal gives what it has, piece by piece
        shown += os.read(leader, 65536).decode()
    os.close(leader)
    assert done.stderr == b""
    assert json.loads(shown) == {"a": "\x9b31m"}
    assert "\x9b" not in shown


def test_it_has_help_like_every_command(repair):
    ran = repair("", "--help")
    assert ran.status == 0
    assert "usage: altar repair" in ran.out


def told(text: str | None, start: int, end: int, said: str = "") -> list[str]:
    err = io.StringIO()
    Excerpts(text, Console(io.StringIO(), err)).show(start, end, said)
    return err.getvalue().splitlines()


def test_a_remark_that_does_not_fit_beside_the_caret_stands_below_it():
    line = "x" * 90
    assert told(line, 80, 82, "a longer remark") == [
        f"  1 | {line}",
        f"    | {' ' * 80}^~",
        "    | a longer remark",
    ]


def test_a_fix_that_goes_on_below_is_marked_to_the_end_of_its_line():
    assert told("ab\r\ncd", 1, 6) == ["  1 | ab", "    |  ^"]


def test_what_is_no_text_has_no_excerpt():
    assert told(None, 3, 3) == []


def test_a_long_piece_is_told_by_its_ends():
    quoted = Excerpts("", Console(io.StringIO(), io.StringIO())).quoted("a" * 50 + "b" * 50)
    assert quoted == "a" * 14 + "..." + "b" * 14


def test_another_reading_is_shown_without_what_a_terminal_obeys(repair):
    ran = repair('["he said "no", \u202etwice\x9b", "ok"]', "--explain")
    assert "or, " in ran.err
    assert not [char for char in ran.err if char in "\u202e\x9b"]


def test_a_refusal_at_the_end_shows_the_last_line_that_says_something(repair):
    """The caret stands behind it, not on an empty line."""
    ran = repair('{"a": 1\n\n', "--max-risk", "0.1")
    assert ran.status == 1
    assert "error: 1:8: a closing bracket" in ran.err
    assert ran.err.splitlines()[1:] == ['  1 | {"a": 1', "    |        ^"]


def _altar(script: str, given: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell, in which $ALTAR stands for the command."""
    line = script.replace("$ALTAR", f'"{sys.executable}" -m altar')
    return subprocess.run(
        ["sh", "-c", line], input=given, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("output", "said"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_an_output_that_takes_nothing_is_said_to_be_so(output: str, said: str):
    """It is no bug of altar."""
    ran = _altar(f"$ALTAR repair {output}", "{a: 1}")
    assert ran.returncode == 2
    assert ran.stderr == f"altar: error: standard output cannot be written: {said}\n"


def test_text_of_signs_that_no_text_has_is_no_json(repair):
    """Bytes of nothing but zeros, of a file that was never written, hold no value."""
    ran = repair("\0" * 100_000)
    assert (ran.status, ran.out) == (1, "")
    assert "there is no text to read JSON from" in ran.err
    assert json.loads(repair("\1\1\1" + '{"a": 1}').out) == {"a": 1}


def test_no_line_of_an_explanation_is_wider_than_the_terminal(repair, monkeypatch):
    """What was done goes on below where it does not fit."""
    monkeypatch.setattr("altar.cli._caret._width", lambda _: 50)
    ran = repair('{"a": "say "hi" \u202e now", b: [1, 2,, 3', "--explain")
    assert max(map(len, ran.err.splitlines())) <= 50
    assert "\u202e" not in ran.err
