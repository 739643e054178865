"""What a caller gets: values by policy, words a schema asks for, names that come twice."""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import repair
from altar.repair._duplicates import dropped
from altar.repair._guided import Origins, is_asked_for
from altar.repair._state import Edit
from tests.strategies.nouns import json_values

SEVERAL = 'Like {"x": 1,}? No: {"answer": 42}\n```json\n{"x": 2}\n```'
ANSWER = {"type": "object", "required": ["answer"]}


def codes_of(result: repair.Repaired) -> list[str]:
    return [fix.code for fix in result.fixes]


@pytest.mark.parametrize(
    ("policy", "schema", "expected"),
    [
        ("best", None, {"x": 2}),
        ("best", ANSWER, {"answer": 42}),
        ("first", None, {"x": 1}),
        ("first", ANSWER, {"x": 1}),
        ("last", ANSWER, {"x": 2}),
        ("all", None, [{"x": 1}, {"answer": 42}, {"x": 2}]),
        ("best", {"type": "array", "items": {"required": ["x"]}}, [{"x": 2}]),
    ],
)
def test_the_policy_says_which_of_several_values_counts(policy, schema, expected):
    """The others are in the log, each whole."""
    result = repair.parse(SEVERAL, schema, policy=policy)
    assert result.value == expected
    left = " ".join(fix.before for fix in result.fixes)
    kept = json.dumps(result.value)
    assert all(word in left + kept for word in ("answer", "42", "1", "2"))


def test_of_values_that_fit_alike_the_last_counts_and_all_where_an_array_is_asked_for():
    """What is written later is written in the light of what came before."""
    text = '{"n": 1} {"n": 2,}'
    assert repair.loads(text, {"type": "object", "required": ["n"]}) == {"n": 2}
    items = {"type": "array", "items": {"type": "object"}}
    assert repair.loads(text, items) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("yes", bool, True),
        ("No.", bool, False),
        ("high", Literal["low", "high"], "high"),
        ("**High**", Literal["low", "high"], "high"),
        ("12 kg", float, 12),
        ("N/A", int | None, None),
    ],
)
def test_words_that_the_schema_asks_for_are_no_guess(text: str, schema: Any, value: Any):
    """They pass a bound on risk that plain text does not pass."""
    result = repair.parse(text, schema, max_risk=0.2)
    assert result.value == value
    assert codes_of(result)[0] == "asked_text"
    assert codes_of(repair.parse(text, schema, coerce=False))[0] == "asked_text"


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("Paris", Literal["low", "high"]),
        ("I would say high.", Literal["low", "high"]),
        ("not high", Literal["low", "high"]),
        ("I cannot help.", str),
        ("red, green", list[str]),
        ("some words", bool),
        ("some words", dict[str, int]),
    ],
)
def test_other_words_are_a_guess(text: str, schema: Any):
    """Sentences, words that do not fit, and words where any would do."""
    assert "bare_text" in codes_of(repair.parse(text, schema))
    with pytest.raises(repair.RepairError) as raised:
        repair.parse(text, schema, max_risk=0.2)
    assert raised.value.code == "bare_text"


def test_what_is_no_plain_text_is_not_asked_for():
    """Only a text without any JSON is looked at so."""
    assert not is_asked_for([], "yes", {"type": "boolean"})
    assert is_asked_for([Edit(0, 3, '"yes"', "bare_text")], "yes", {"type": "boolean"})


def test_a_name_that_comes_twice_is_logged_and_no_risk():
    """The value that was dropped is in the log, at its place in the input."""
    text = "{'a': 1, b: {c: 2, c: 3}, 'a': 4}"
    result = repair.parse(text, max_risk=0.02)
    assert result.value == {"a": 4, "b": {"c": 3}}
    twice = [fix for fix in result.fixes if fix.code == "duplicate_key"]
    assert [fix.before for fix in twice] == ["'a': 1", "c: 2"]
    assert result.confidence == 0.8


@given(json_values())
def test_names_that_come_once_drop_nothing(value):
    """Valid JSON that was written from a value has each name once."""
    assert dropped(json.dumps(value)) == []


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8), st.booleans())
def test_of_every_name_all_but_the_last_are_dropped(names, nested):
    """The spans are those of the members that reading loses."""
    body = ", ".join(f'"{name}": {i}' for i, name in enumerate(names))
    text = f'[{{"x": {{{body}}}}}]' if nested else f"{{{body}}}"
    lost = [f'"{name}": {i}' for i, name in enumerate(names) if name in names[i + 1 :]]
    assert [text[start:end] for start, end in dropped(text)] == lost


def test_names_are_the_same_however_they_are_escaped():
    """Strings with brackets and quotes in them are passed whole."""
    text = r'{"a": "}, {\" [", "\u0061": [{}, [], "a"], "a": 1}'
    assert [text[start:end] for start, end in dropped(text)] == [
        r'"a": "}, {\" ["',
        r'"\u0061": [{}, [], "a"]',
    ]


def test_what_is_deep_or_no_json_has_no_names_looked_at():
    """Nothing is raised for it."""
    assert dropped("[" * 100_000 + "]" * 100_000) == []
    assert dropped("{") == []


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 1), (0, 1)), ((1, 4), (1, 4)), ((1, 2), (1, 4)), ((5, 6), (5, 6)), ((4, 7), (4, 9))],
)
def test_a_span_of_mended_text_is_carried_back(span, expected):
    """What was replaced counts as a whole, what was added as nothing."""
    edits = [Edit(1, 4, '"x"', "quotes"), Edit(6, 9, "7", "number")]
    assert Origins(edits).span(*span) == expected


def test_a_coercion_is_placed_where_the_input_has_its_value():
    """Behind the edits of a mended text too."""
    text = "Sure: {count: '1,200', 'Name': x}"
    schema = {"properties": {"count": {"type": "integer"}, "name": {"type": "string"}}}
    result = repair.parse(text, schema)
    assert result.value == {"count": 1200, "name": "x"}
    found = {fix.code: fix.before for fix in result.fixes}
    assert found["coerced_number"] == "'1,200'"
    assert found["renamed_key"] == "'Name'"


def test_what_is_too_large_for_a_float_is_written_as_json_all_the_same():
    """A coerced value with an infinity in it still is JSON text."""
    schema = {"properties": {"n": {"type": "integer"}}}
    text = '{"n": "1,200", "big": [1e999, -1e999, {"x": 1e999}]}'
    result = repair.parse(text, schema)
    assert result.value["n"] == 1200
    assert result.value["big"][:2] == [math.inf, -math.inf]
    assert repair.loads(result.text) == result.value
    assert "Infinity" not in result.text


def test_a_coercion_over_the_bound_on_risk_is_refused():
    """The error names the fix that it would have needed."""
    with pytest.raises(repair.RepairError) as raised:
        repair.parse('{"n": "1,200"}', {"properties": {"n": {"type": "integer"}}}, max_risk=0.01)
    assert raised.value.code == "coerced_number"


def test_a_result_shows_how_sure_it_is():
    """Its repr has the confidence and the codes."""
    assert repr(repair.parse("[1]")) == "<Repaired 100%: valid JSON>"
    assert repr(repair.parse("[1,]")) == "<Repaired 99%: trailing_comma>"
