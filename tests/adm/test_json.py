"""loads and dumps: what they refuse, where they say it lies, and that they end in time."""

from __future__ import annotations

import json
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import dumps, json_problems, loads
from altar.adm._locate import locate
from altar.errors import InvalidDataError
from tests.corpus import corpus, corpus_files
from tests.strategies.nouns import json_values

FILES = corpus_files("json_parsing", "test_parsing", pattern="*.json")


def problem_of(text, **options):
    with pytest.raises(InvalidDataError) as caught:
        loads(text, **options)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_published_parsing_files_are_accepted_or_refused_as_they_say(path):
    data = path.read_bytes()
    if path.name.startswith("y_"):
        assert loads(data, duplicates="last") == json.loads(data)
    elif path.name.startswith("n_"):
        with pytest.raises(InvalidDataError):
            loads(data)
    else:  # either is allowed, but nothing else
        try:
            loads(data)
        except InvalidDataError as error:
            assert error.problems


def test_the_parsing_files_are_all_there():
    assert len(list(corpus("json_parsing", "test_parsing").glob("*.json"))) > 300


@given(json_values(integers=st.integers()))
def test_whatever_is_written_reads_back_the_same(value):
    for indent in (None, 2):
        assert loads(dumps(value, indent=indent)) == value
    assert loads(dumps(value).encode()) == value
    assert dumps(value, ascii_only=True).isascii()


@given(json_values().map(dumps), st.data())
def test_a_damaged_text_is_refused_exactly_where_the_standard_decoder_refuses_it(text, data):
    at = data.draw(st.integers(0, len(text)))
    damaged = (
        text[:at]
        + data.draw(st.sampled_from(["", ",", "}", '"', "x", "\x00", "01", "[", "-"]))
        + text[at + 1 :]
    )
    found = locate(damaged, max_depth=128, max_digits=4300)
    try:
        value = json.loads(damaged, parse_constant=lambda word: 1 / 0)
    except (ValueError, ZeroDivisionError):
        assert found is not None
        return
    try:
        assert loads(damaged) == value
    except InvalidDataError:
        assert found is not None
    else:
        assert found is None


@pytest.mark.parametrize(
    ("text", "path", "keyword", "where"),
    [
        ('{"a": [1, NaN]}', "$.a[1]", "syntax", "line 1 column 11 (character 10)"),
        ('{"a": [1,\n -Infinity]}', "$.a[1]", "syntax", "line 2 column 2 (character 11)"),
        ("[1e999]", "$[0]", "maximum", "line 1 column 2"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "$.b.c", "duplicate", "column 24"),
        ('{"a": "\\ud800"}', "$.a", "surrogate", "column 7"),
        ('{"\\udc00": 1}', "$", "surrogate", "column 2"),
        ('["\ud800"]', "$[0]", "surrogate", "column 2"),
        ("[" + "9" * 4301 + "]", "$[0]", "maximum", "column 2"),
        ('{"a": 1', "$.a", "syntax", "the end of the text at line 1 column 8"),
        ("", "$", "syntax", "the end of the text"),
        ("[1, 2] 3", "$", "syntax", "column 8"),
        ("{'a': 1}", "$", "syntax", "column 2"),
        ('["a\nb"]', "$[0]", "syntax", "column 4"),
        ("[1,]", "$[1]", "syntax", "column 4"),
        ("[01]", "$[0]", "syntax", "column 2"),
        ("[tru]", "$[0]", "syntax", "'tru'"),
        ('{"a" 1}', "$.a", "syntax", "column 6"),
    ],
)
def test_a_fault_is_told_with_its_path_and_its_position(text, path, keyword, where):
    problem = problem_of(text)
    assert (problem.path, problem.keyword) == (path, keyword)
    assert where in problem.got


def test_a_name_twice_is_refused_unless_the_last_one_shall_count():
    text = '{"a": 1, "b": 2, "a": 3}'
    assert problem_of(text).keyword == "duplicate"
    assert loads(text, duplicates="last") == {"a": 3, "b": 2}


def test_nesting_is_refused_past_the_bound_and_never_ends_in_a_recursion_error():
    assert loads("[" * 128 + "]" * 128)
    for text in ("[" * 129 + "]" * 129, "[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000):
        problem = problem_of(text)
        assert problem.keyword == "depth"
        assert problem.got.startswith("level 129")
        assert len(problem.path) < 200
    assert loads("[[[]]]", max_depth=3) == [[[]]]
    assert problem_of("[[[]]]", max_depth=2).path == "$[0][0]"


def test_a_text_that_nests_too_deeply_beyond_the_scanned_length_is_refused_too():
    text = "[" * 300 + "]" * 300 + " " * 2_000_000
    assert all(problem.keyword == "depth" for problem in refused(text))


def refused(text):
    with pytest.raises(InvalidDataError) as caught:
        loads(text)
    return caught.value.problems


def test_hostile_texts_of_ten_megabytes_are_answered_in_bounded_memory():
    big = 10_000_000
    tracemalloc.start()
    try:
        assert len(loads('"' + "a" * big + '"')) == big
        for text in ('"' + "a" * big, "9" * big, "[" * big, '{"a":1,' * (big // 20), "\\" * big):
            assert refused(text)
        assert tracemalloc.get_traced_memory()[1] < 12 * big
    finally:
        tracemalloc.stop()


def test_one_name_half_a_million_times_is_refused_in_one_pass():
    text = "{" + '"a":1,' * 500_000 + '"a":1}'
    assert "'a' twice" in problem_of(text).got


def test_a_text_longer_than_the_bound_is_refused_unread():
    assert problem_of("x" * 11, max_chars=10).keyword == "maxLength"


def test_bytes_must_be_utf_8_and_one_byte_order_mark_is_skipped():
    assert loads(b'\xef\xbb\xbf{"a": "\xc3\xbc"}') == {"a": "ü"} == loads('\ufeff{"a": "ü"}')
    assert loads(bytearray(b"[1]")) == [1]
    for data in (b"\xff\xfe[\x001\x00]\x00", b'{"a": "\xed\xa0\x80"}', b"\x80", b'["\xf5"]'):
        assert problem_of(data).keyword == "encoding"


def test_what_is_neither_text_nor_bytes_is_refused():
    for value in (None, 5, ["[]"]):
        assert problem_of(value).keyword == "type"


def test_dumps_names_every_part_that_is_no_json():
    value = {"a": math.inf, "b": {1, 2}, 3: 4, "c": ["\ud800"], "d": (1, 2)}
    with pytest.raises(InvalidDataError) as caught:
        dumps(value)
    assert {problem.path for problem in caught.value.problems} == {"$", "$.a", "$.b", "$.c[0]"}
    assert dumps((1, 2)) == "[1,2]"


def test_a_value_is_checked_for_integers_of_64_bits_unless_told_otherwise():
    value = [2**63 - 1, -(2**63), 2**63, True]
    assert [problem.path for problem in json_problems(value)] == ["$[2]"]
    assert json_problems(value, any_integer=True) == []


def test_a_value_that_shares_its_parts_a_billion_times_is_walked_once():
    shared: list[object] = []
    for _ in range(100):
        shared = [shared, shared]
    assert json_problems(shared) == []
    assert json_problems([math.nan] * 1000)[-1].path == "$[63]"
