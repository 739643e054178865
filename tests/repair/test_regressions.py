"""Texts that broke a law once, each with the law it broke."""

from __future__ import annotations

import json

import pytest

from altar import repair
from altar.repair import _scan
from tests.repair.judge import replay

# name of the case, with what broke it: the text
LAWFUL = {
    "a name cut back to its colon: what is mended in it stays once": (
        '{`name\\is x > y? Answer: {"name": "Ada, "age": 36,}: "A\\xdAdAdAda", **t'
    ),
    "a name over lines, cut back: its line's end is mended once": (
        '{\n  - \'\n  - *****zip**: "00100"\n}'
    ),
    "a name in single quotes, cut back behind an escape": '{\\x\\\'a\\\': \\ß": 1, "b"',
    "a space of Unicode right behind a fence is left out": '```\u2028{"a": 1,}\n```',
    "a space of Unicode behind a fence's label is left out": ' ```json\n\u2028"x"',
    "a space of Unicode at the end of what follows a fence": (
        '```json\n{"name": "Kai",\n"age": 9\n```Obj\xa0'
    ),
    "a quote that was doubled belongs to the text it ends after all": (
        '{"t": "\\u!"",\n3d alone", n: 1}'
    ),
    "a space of Unicode behind a comma, in a list without its opener": '"x", \u2028"1_000y"]',
    "quotes in a comment that is found to be content": (
        '{"a": {"n": "x", // r\n // "t": 0.5,\n-->z "}'
    ),
}


@pytest.mark.parametrize("text", LAWFUL.values(), ids=LAWFUL)
def test_fixes_are_in_order_and_give_the_mended_text(text):
    """The fixes come in the order of the text, and replayed they give JSON of the value."""
    found = repair.parse(text)
    assert replay(text, iter(found.fixes)) == found.text
    assert json.loads(found.text) == found.value
    assert repair.parse(found.text).fixes == ()


@pytest.mark.parametrize("text", ["\n\u2028", " \xa0", "\u200b", "\ufeff\u3000"])
def test_white_space_of_any_kind_is_no_text(text):
    """A text of nothing but white space, JSON's or Unicode's, is refused as blank."""
    with pytest.raises(repair.RepairError, match="no text"):
        repair.parse(text)


@pytest.mark.parametrize("text", ['{"n": + 1 next%s', '{a%s"k": 1}', "{%s.: 1}"])
def test_a_long_gap_costs_no_more_than_its_length(text):
    """White space behind a word where a name belongs is looked at once, not in every division."""
    assert repair.parse(text % (" " * 20_000))


@pytest.mark.parametrize("text", ["[]3]]", '{}"-nPnname": "Ada"', "{},{", "[]}"])
@pytest.mark.parametrize("size", [1, 2, 40])
def test_a_stream_that_goes_on_behind_an_empty_value_ends_as_its_whole(text, size):
    """An empty object or array that ends the value leaves nothing open for what follows."""
    parser = repair.StreamParser()
    for at in range(0, len(text), size):
        parser.feed(text[at : at + size])
    assert parser.close().value == repair.loads(text)


@pytest.mark.parametrize("inner", ['["1"', "[1e999, '1'"])
def test_a_deep_value_that_a_schema_changes_is_written(inner):
    """What json cannot write for its depth is written all the same, infinities too."""
    schema = {"type": "array", "items": {"enum": ["x"]}, "minItems": 1}
    found = repair.parse('{"a": ' + "[" * 3000 + inner, {"properties": {"a": schema}})
    assert repair.parse(found.text).text == found.text
    assert {fix.code for fix in found.fixes} > {"truncated"}
    assert repair.parse('{"a": 1}', {"properties": {"a": {"type": "string"}}}).text == '{"a": "1"}'


ALIKE = {
    "a comma before a closer of the wrong kind": "[4, 5, 6, \n}..]",
    "a comma before a closer that closes nothing": '{"a": 1,}\n{"a": 2,]}',
    "an empty name behind a text without its end": (
        '{"t": "wait...n": 1},}, "u":"..x, "": 1{"t": "es'
    ),
    "a space of Unicode at the end of such a text": '{"t": "at 10:3\u2028, "n":’ 1}',
    "a tag behind such a text": '{"a": "x, "<tool_call>b": 1, "c": "y, "d": 2}',
    "a sign that joins texts behind one": '[{"a": "x, " + \r": 1}, {{{',
}


@pytest.mark.parametrize("text", ALIKE.values(), ids=ALIKE)
def test_the_lane_reads_what_the_careful_road_reads(text, monkeypatch):
    """What looks like a plain case of damage, and is none, is left to the careful road."""
    quick = repair.loads(text)
    monkeypatch.setattr(_scan, "lane", lambda state: False)
    assert quick == repair.loads(text)
