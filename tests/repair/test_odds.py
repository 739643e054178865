"""Rows of commas, lost brackets, dashes, asides and escapes: read right wherever they stand."""

from __future__ import annotations

import json

import pytest

from altar.repair import parse
from tests.repair.judge import replay

ADA, BOB = {"name": "Ada", "age": 3}, {"name": "Bob", "age": 4}
ODDS = [
    ("- name: Ada\n  age: 3\n- name: Bob\n  age: 4", [ADA, BOB]),
    (
        "- name: Ada\n  age: 3\n  city: Rome\n- name: Bob\n  age: 4\n",
        [{**ADA, "city": "Rome"}, BOB],
    ),
    ("- a\n- b\n- c", ["a", "b", "c"]),
    ('- "a"\n- 2\n- true', ["a", 2, True]),
    ("[1,,,2]", [1, 2]),
    ('{"a": 1,,,"b": 2,,}', {"a": 1, "b": 2}),
    ("[1, , ,]", [1]),
    ('{"a": [1,, ,], "b": 2,,}', {"a": [1], "b": 2}),
    ("[[1,2],, ,[3]]", [[1, 2], [3]]),
    ('{"a": 1,, , }', {"a": 1}),
    ("[1,,\n,]", [1]),
    ('["a",,"b",,,]', ["a", "b"]),
    ('{"a": 1,\n,"b": {"c": 2,,}}', {"a": 1, "b": {"c": 2}}),
    ("[, ,1]", [1]),
    ('{"a": "x",, }', {"a": "x"}),
    ("[1,2,,3}", [1, 2, 3]),
    ('{"t": "a" /* c */ + "b"}', {"t": "ab"}),
    ('{"t": "a" + /* c */ "b" + \'c\'}', {"t": "abc"}),
    ('{"a": [1, 2,], , "b": 3}', {"a": [1, 2], "b": 3}),
    ('{"rows": [[1,2],3,4],,[5,6]]}', {"rows": [[1, 2], [3, 4], [5, 6]]}),
    ('[{"a": 1,},, {"a": 2},]', [{"a": 1}, {"a": 2}]),
    ('{"a": 1; "b": 2;; }', {"a": 1, "b": 2}),
    ('{"a": {"b": 1, ,}, ,}', {"a": {"b": 1}}),
    ("['a', , 'b', ]", ["a", "b"]),
    ('{"a": 1 "b": 2 , , "c": 3}', {"a": 1, "b": 2, "c": 3}),
    ('[{"a": 1} {"a": 2},, {"a": 3}]', [{"a": 1}, {"a": 2}, {"a": 3}]),
    ('{"a": [1,, "b": 2}', {"a": [1], "b": 2}),
    ('{"a": [1, , "b": 2}', {"a": [1], "b": 2}),
    ('{"a": ["x",,\n, "b": 2}', {"a": ["x"], "b": 2}),
    ('{"a": [1,/* c */, "b": 2}', {"a": [1], "b": 2}),
    ('{"a": [{"x": 1},, "b": 2}', {"a": [{"x": 1}], "b": 2}),
    ('{"a": ["x" , , , "b": {"c": 1}}', {"a": ["x"], "b": {"c": 1}}),
    ('{"items": {"id": 1}, {"id": 2}], "n": 1}', {"items": [{"id": 1}, {"id": 2}], "n": 1}),
    ('{"key": [], ["a"], "n": 1}', {"key": ["a"], "n": 1}),
    ('{"m": [[1, 0], 0, 1], [1, 1]], "n": 2}', {"m": [[1, 0], [0, 1], [1, 1]], "n": 2}),
    ('{"m": [[1, 0]], [0, 1]], "n": 2}', {"m": [[1, 0], [0, 1]], "n": 2}),
    ("{[1], [2]}", [[1], [2]]),
    ('// note\n// {"x": 1}\n{"a": 1}\n// end {"y": 2}', {"a": 1}),
    ('/* {"old": 1} */ {"a": 1} /* {"z": 2} */', {"a": 1}),
    ('/* never closed {"a": 1}', {"a": 1}),
    ('<think>{"x": 1}</think><think>no</think>{"a": 1}', {"a": 1}),
    ('<think>a</think> text <thinking>{"x": 2}</thinking>{"a": 1}', {"a": 1}),
    ('see // not {"a": 1}', {"a": 1}),
    ('{"t": "\\x41\\u00e9\\U0001F600 \\q", n: 1}', {"t": "Aé😀 \\q", "n": 1}),
    ('{"t": "\\ud83d\\ude00", n: 1}', {"t": "😀", "n": 1}),
    ('{"t": "tab\there\x01", n: 1}', {"t": "tab\there\x01", "n": 1}),
    ('{"t": "a\\\nb", n: 1}', {"t": "a\nb", "n": 1}),
    ('{"t": "\\u12", n: 1}', {"t": "\\u12", "n": 1}),
    ('{"t": "\\U00110000", n: 1}', {"t": "\\U00110000", "n": 1}),
]


@pytest.mark.parametrize(("text", "value"), ODDS)
def test_odd_texts_read_right_and_their_log_mends_them(text, value):
    """The value is what was meant, and the fixes, done one by one, give the mended text."""
    found = parse(text)
    assert found.value == value
    assert replay(text, found.fixes) == found.text
    assert json.loads(found.text) == value
