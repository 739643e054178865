"""The builder: valid JSON in pieces cut anywhere becomes the value json.loads gives."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from altar.repair._build import Builder, build
from tests.repair.views import cut, cuts, is_view, json_texts, json_values, replayed


def built(pieces: list[str]) -> object:
    builder = Builder()
    for piece in pieces:
        builder.feed(piece)
    builder.close()
    return builder.value


def same(one: object, other: object) -> bool:
    """Equal with equal types and order: 1 is not 1.0, true is not 1."""
    return repr(one) == repr(other)


@given(json_texts(), cuts())
@example('"\\ud83d\\ude00\\ud83d\\ud83d\\ude00\\ud83d\\u0041\\ude00\\ud83d\\n"', 1)
@example("-12.5e+3", 1)
@example(' {"a" : [ 1 , 2.0 , -0 , "x\\"" , { } ] , "" : null } \n', 1)
def test_pieces_make_the_value_that_the_whole_text_has(text: str, cutting: object):
    expected = json.loads(text)
    assert same(built(cut(text, cutting)), expected)
    assert same(built([text]), expected)
    assert same(build(text), expected)


@given(json_values(), cuts())
def test_a_long_piece_after_a_cut_is_decoded_at_once_and_right(value: object, cutting: object):
    text = json.dumps([{"rows": [value] * 9}, value, [[value, value]] * 20])
    assert same(built([text[:9], text[9:]]), json.loads(text))
    assert same(built(cut(text, cutting)), json.loads(text))


@given(json_texts(), cuts())
def test_every_view_agrees_with_the_final_value(text: str, cutting: object):
    builder = Builder()
    final = json.loads(text)
    for piece in cut(text, cutting):
        builder.feed(piece)
        assert builder.value is None or is_view(builder.value, final)


@given(json_texts(), cuts(), st.integers(1, 5), st.integers(0, 20))
def test_changes_replayed_on_an_empty_mirror_make_the_live_value(
    text: str, cutting: object, every: int, first: int
):
    builder = Builder()
    mirror: list[object] = []
    for number, piece in enumerate(cut(text, cutting)):
        builder.feed(piece)
        if number >= first and number % every == 0:
            replayed(builder.changes(), mirror)
            assert same(mirror, [builder.value] if builder._holder else [])
    builder.close()
    replayed(builder.changes(), mirror)
    assert same(mirror, [json.loads(text)])


def test_changes_say_what_appeared_and_what_grew():
    builder = Builder()
    told = []
    for piece in ['{"a', '": "x', "y", 'z", "n": 1', '2, "l": [tr', "ue, []", "]}"]:
        builder.feed(piece)
        told.append(list(builder.changes()))
    assert told == [
        [((), ("set", {}))],
        [(("a",), ("set", "x"))],
        [(("a",), ("append", "y"))],
        [(("a",), ("append", "z"))],
        [(("n",), ("set", 12)), (("l",), ("set", []))],
        [(("l", 0), ("set", True)), (("l", 1), ("set", []))],
        [],
    ]


def test_a_name_that_comes_twice_keeps_its_place_and_takes_the_later_value():
    text = '{"a": [1], "b": 2, "a": "x\\u0041y"}'
    assert same(built(list(text)), json.loads(text))
    builder = Builder()
    mirror: list[object] = []
    for piece in text:
        builder.feed(piece)
        replayed(builder.changes(), mirror)
    assert same(mirror, [json.loads(text)])


@pytest.mark.parametrize(
    ("pieces", "views"),
    [
        (['{"a": "', "b"], [{"a": ""}, {"a": "b"}]),
        (['{"a": "\\', "n"], [{"a": ""}, {"a": "\n"}]),
        (['["\\ud83d', "\\ude00"], [[""], ["😀"]]),
        (['["\\ud83d', "x"], [[""], ["\ud83dx"]]),
        (["[1", "2", " "], [[], [], [12]]),
        (["[tru", "e"], [[], [True]]),
        (['{"ab', 'c"', ":", "0}"], [{}, {}, {}, {"abc": 0}]),
        (['{"ab', 'c"', ":", "{"], [{}, {}, {}, {"abc": {}}]),
        (["1", "2"], [None, None]),
        (['"1', "2"], ["1", "12"]),
        (["", " ", "["], [None, None, []]),
    ],
)
def test_only_strings_are_shown_before_they_are_whole(pieces: list[str], views: list[object]):
    builder = Builder()
    for piece, view in zip(pieces, views, strict=True):
        builder.feed(piece)
        assert same(builder.value, view)


def test_one_tree_grows_in_place():
    builder = Builder()
    builder.feed('{"a": {"b": [')
    root = builder.value
    inner = root["a"]["b"]
    builder.feed('1, "x')
    builder.feed('y"]}}')
    assert builder.value is root
    assert inner == [1, "xy"]


@pytest.mark.parametrize("size", [1, 32, 10**9])
@pytest.mark.parametrize(("opener", "inner", "closer"), [("[", "", "]"), ('{"a":', "1", "}")])
def test_100_000_levels_are_read(opener: str, inner: str, closer: str, size: int):
    levels = 100_000
    text = opener * levels + inner + closer * levels
    builder = Builder()
    for at in range(0, len(text), size):
        builder.feed(text[at : at + size])
    builder.close()
    value, depth = builder.value, 0
    while value.__class__ in (list, dict):
        value = next(iter(value.values() if isinstance(value, dict) else value), None)
        depth += 1
    assert depth == levels


def test_a_text_too_deep_for_the_standard_library_is_built_whole():
    value = build("[" * 50_000 + "]" * 50_000)
    while value:
        (value,) = value


def test_changes_deeper_than_256_levels_come_whole_when_they_are():
    levels = 300
    text = "[" * levels + '1, "x"' + "]" * levels
    builder = Builder()
    mirror: list[object] = []
    longest = 0
    for piece in text:
        builder.feed(piece)
        told = list(builder.changes())
        longest = max([longest, *(len(path) for path, _ in told)])
        replayed(iter(told), mirror)
    assert mirror == [json.loads(text)]
    assert longest == 256


def test_an_integer_too_long_for_python_stays_text_and_its_place_is_told():
    digits = "1" * (sys.get_int_max_str_digits() + 1)
    text = f'{{"a": [-{digits}, 7], "b": {digits}}}'
    spans: list[tuple[int, int]] = []
    value = build(text, huge=spans)
    assert value == {"a": ["-" + digits, 7], "b": digits}
    assert [text[start:end] for start, end in spans] == ["-" + digits, digits]
    builder = Builder()
    for at in range(0, len(text), 100):
        builder.feed(text[at : at + 100])
    assert builder.value == value
    assert builder.huge == spans


@pytest.mark.parametrize(
    "text",
    ["", " ", "[", "[1", '"x', '"\\u12', "tru", "[nil]", "-", "[1-]", "[]]", "1 2", '"\\x41"'],
)
def test_text_that_is_no_whole_json_raises_value_error(text: str):
    with pytest.raises(ValueError, match="at character|before character|delimiter|convert"):
        built(list(text))
    with pytest.raises(ValueError, match="."):
        build(text)


class Loud:
    """A hook that shows names and texts in upper case, negates numbers, and holds what it is told."""

    def __init__(self, held: set[object]):
        self.held = held
        self.asked: list[object] = []
        self.depth = 0

    def name(self, name):
        return name.upper()

    def opens(self, step, kind):
        self.asked.append((step, kind))
        if step in self.held:
            return False
        self.depth += kind != "string"
        return True

    def closes(self):
        self.depth -= 1

    def leaf(self, step, value):
        self.asked.append((step, value))
        if isinstance(value, (dict, list)):
            return [value]
        return value.upper() if isinstance(value, str) else -value


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_hook_renames_replaces_and_holds(size: int):
    hook = Loud({"HELD", "WORD"})
    builder = Builder(hook)
    mirror: list[object] = []
    text = '{"a": [1, "two", {"b": 3}], "held": {"c": [4, "x"]}, "word": "long", "d": {"e": "z"}}'
    for at in range(0, len(text), size):
        builder.feed(text[at : at + size])
        held = builder.value.get("HELD") if builder.value else None
        assert held in (None, [{"c": [4, "x"]}])
        assert builder.value is None or builder.value.get("WORD") in (None, "LONG")
        replayed(builder.changes(), mirror)
        assert mirror == ([builder.value] if builder._holder else [])
    builder.close()
    assert builder.value == {
        "A": [-1, "TWO", {"B": -3}],
        "HELD": [{"c": [4, "x"]}],
        "WORD": "LONG",
        "D": {"E": "Z"},
    }
    assert hook.depth == 0
    assert [step for step, _ in hook.asked][:3] == [0, "A", 0]
    assert ("c", [4, "x"]) not in hook.asked
