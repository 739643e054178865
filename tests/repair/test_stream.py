"""The stream: whatever the chunks, views that agree with the end, and changes that tell them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ClosedError, RepairError
from altar.repair._state import Edit
from altar.repair._stream import Live
from altar.repair._types import Repaired
from tests.repair.views import cut, cuts, is_view, json_texts, json_values, replayed


class Strict:
    """An engine for valid JSON: every character is decided as it comes."""

    def __init__(self):
        self.text = ""
        self.edits: list[Edit] = []
        self.safe = 0

    def feed(self, chunk):
        self.text += chunk
        self.safe = len(self.text)

    def finish(self):
        try:
            return Repaired(json.loads(self.text), self.text)
        except ValueError as error:
            raise RepairError(str(error)) from error


class Scripted(Strict):
    """An engine that is told after each chunk what is decided, and how."""

    def __init__(self, *script: tuple[int, list[Edit]]):
        super().__init__()
        self.script = list(script)

    def feed(self, chunk):
        self.text += chunk
        self.safe, self.edits = self.script.pop(0)

    def finish(self):
        pieces, at = [], 0
        for start, end, after, _ in self.edits:
            pieces += [self.text[at:start], after]
            at = end
        mended = "".join([*pieces, self.text[at:]])
        return Repaired(json.loads(mended), mended)


def shown(live: Live) -> list[Any]:
    builder = live._builder
    return [builder.value] if builder.has_value else []


@given(json_texts(), cuts())
def test_every_view_of_a_valid_document_agrees_with_the_end(text: str, cutting: int):
    final = json.loads(text)
    live = Live(Strict())
    for chunk in cut(text, cutting):
        view = live.feed(chunk)
        assert view is None or is_view(view, final)
    assert repr(live.close().value) == repr(final)


@given(json_values(), cuts())
def test_a_view_shows_all_that_came(value: Any, cutting: int):
    text = json.dumps([value, 0])
    live = Live(Strict())
    for chunk in cut(text[:-1], cutting):
        live.feed(chunk)
    assert repr(live.feed(",")) == repr([value, 0])


@given(json_texts(), cuts(), st.integers(0, 9))
def test_deltas_make_the_view_and_at_last_the_value(text: str, cutting: int, first: int):
    live = Live(Strict())
    mirror: list[Any] = []
    for number, chunk in enumerate(cut(text, cutting)):
        live.feed(chunk)
        if number >= first:
            replayed(live.deltas(), mirror)
            assert repr(mirror) == repr(shown(live))
    value = live.close().value
    replayed(live.deltas(), mirror)
    assert mirror == [value]
    assert not list(live.deltas())


def test_edits_are_made_where_they_stand_and_once():
    text = ["Sure: {'a", "': 1,", " 'b': tr", "ue} bye"]
    quote = [Edit(at, at + 1, '"', "quotes") for at in (7, 9, 15, 17)]
    prose = Edit(0, 6, "", "prose")
    live = Live(
        Scripted(
            (9, [prose, quote[0]]),
            (14, [prose, *quote[:2]]),
            (18, [prose, *quote]),
            (25, [prose, *quote]),
        )
    )
    assert [json.dumps(live.feed(chunk)) for chunk in text] == [
        "{}",
        '{"a": 1}',
        '{"a": 1}',
        '{"a": 1, "b": true}',
    ]


def test_an_insertion_at_the_border_is_made_once_and_a_replacement_across_it_waits():
    first, second, rest = Edit(2, 2, '"a', "x"), Edit(3, 3, '"', "x"), Edit(3, 5, ",1,2", "x")
    live = Live(
        Scripted(
            (2, [first]),
            (3, [first, second, rest]),
            (5, [first, second, rest, Edit(5, 5, "]", "x")]),
        )
    )
    assert live.feed(" [") == ["a"]
    assert live.feed("b.") == ["ab"]
    assert live.feed(".") == ["ab", 1, 2]


def test_a_decision_that_is_taken_back_shows_the_new_reading():
    wrong = Edit(8, 8, '"', "missing_quote")
    live = Live(Scripted((9, [wrong]), (12, []), (13, [Edit(0, 1, "[", "set")])))
    assert live.feed('{"a": "b,') == {"a": "b"}
    assert live.feed(" c ") == {"a": "b, c "}


def test_deltas_tell_the_difference_when_a_view_is_replaced():
    wrong, right = Edit(8, 8, '"', "missing_quote"), Edit(8, 9, ";", "x")
    live = Live(Scripted((9, [wrong]), (12, []), (15, [right])))
    mirror: list[Any] = []
    told = []
    for chunk in ['{"a": "b,', ' c"', ', "d']:
        live.feed(chunk)
        changes = list(live.deltas())
        told.append(repr(changes))
        replayed(iter(changes), mirror)
        assert mirror == shown(live)
    assert told == [
        "[((), ('set', {})), (('a',), ('set', 'b'))]",
        "[(('a',), ('append', ', c'))]",
        "[(('a',), ('set', 'b; c'))]",
    ]


@given(json_values(), json_values(), st.booleans())
def test_any_value_becomes_any_other_by_its_differences(old: Any, new: Any, nested: bool):
    if nested:
        old, new = {"k": [old, {"same": old}]}, {"k": [new, {"same": old}], "more": new}
    text = json.dumps(old) + " "
    live = Live(Strict())
    live.feed(text)
    mirror: list[Any] = []
    replayed(live.deltas(), mirror)
    live._engine.text = json.dumps(new)
    value = live.close().value
    replayed(live.deltas(), mirror)
    assert mirror == [value] == [new]


def test_a_long_text_is_not_built_anew_with_every_change_of_mind():
    body = '["' + "x" * 10_000
    steps = 400
    script = [(len(body) + n, [Edit(0, 1, "[", f"{n}")]) for n in range(steps)]
    live = Live(Scripted(*script))
    live.feed(body)
    builders = {id(live._builder): live._builder}
    for _ in range(1, steps):
        live.feed("y")
        builders[id(live._builder)] = live._builder
    assert len(builders) <= 2
    live._engine.script = [(20_000, [])]
    assert live.feed("z" * 10_000) == [live._engine.text[2:20_000]]


def test_text_that_is_no_json_leaves_the_view_and_raises_at_the_end():
    live = Live(Strict())
    assert live.feed('{"a": 1, ') == {"a": 1}
    assert live.feed("nonsense") == {"a": 1}
    with pytest.raises(RepairError):
        live.close()
    with pytest.raises(RepairError):
        live.close()


def test_a_closed_stream_takes_no_more_and_gives_its_result_again():
    live = Live(Strict())
    live.feed("[1]")
    result = live.close()
    assert live.close() is result
    with pytest.raises(ClosedError, match="closed"):
        live.feed(" ")


def test_deltas_after_the_end_tell_everything_once():
    live = Live(Strict())
    live.feed("[1]")
    live.close()
    assert list(live.deltas()) == [((), ("set", [])), ((0,), ("set", 1))]
    assert list(live.deltas()) == []
