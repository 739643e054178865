"""Near decisions: weighed against each other, told as alternatives, decided by a schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar import repair
from altar.repair._state import Edit
from altar.repair._weigh import Variant, best_of, close_to, is_worth_weighing, variants
from tests.repair.cases import CASES

NEAR = '["he said "no", twice", "ok"]'
THREE = {"type": "array", "minItems": 3, "items": {"enum": ['he said "no', "twice", "ok"]}}


def reading(value: Any, *codes: str) -> Variant:
    return Variant([Edit(0, 0, "", code) for code in codes], value)


def codes_of(result: repair.Repaired) -> list[str]:
    return [fix.code for fix in result.fixes]


def test_a_quote_that_may_end_a_string_or_not_gives_another_reading():
    """The other reading is a Repaired of its own, with another value, and lowers confidence."""
    result = repair.parse(NEAR)
    assert result.value == ['he said "no", twice', "ok"]
    assert [other.value for other in result.alternatives] == [['he said "no', "twice", "ok"]]
    other = result.alternatives[0]
    assert codes_of(other) == ["inner_quote", "missing_quote"]
    assert repair.loads(other.text) == other.value
    assert other.alternatives == ()
    assert result.confidence == round((1 - 0.15) * 0.75, 4)


def test_a_schema_decides_between_readings_and_says_so():
    """The reading that fits wins, and the log has the place where it was decided."""
    result = repair.parse(NEAR, THREE)
    assert result.value == ['he said "no', "twice", "ok"]
    choice = next(fix for fix in result.fixes if fix.code == "schema_choice")
    assert choice.start == choice.end
    assert repair.parse(NEAR, {"type": "array"}).value == repair.parse(NEAR).value


def test_an_alternative_keeps_within_the_bound_on_risk():
    """A reading that would need a riskier fix is not told."""
    assert repair.parse(NEAR, max_risk=0.2).alternatives
    assert repair.parse(NEAR, max_risk=0.15).alternatives == ()


def test_in_a_long_text_nothing_is_weighed():
    """The work for other readings is bounded."""
    text = NEAR[:-1] + "," + "1, " * 12_000 + "2]"
    assert repair.parse(text).alternatives == ()
    assert repair.parse(text).value[0] == 'he said "no", twice'


@pytest.mark.parametrize(
    ("doubts", "schema", "expected"),
    [
        ([(1, "wrong")], None, True),
        ([(1, "content")], None, False),
        ([(1, "content")], {}, True),
        ([], None, False),
    ],
)
def test_brackets_are_weighed_always_and_quotes_for_a_schema(doubts, schema, expected):
    """Weighing costs readings, so it is done at once only where it may change the value."""
    assert is_worth_weighing(doubts, schema) is expected


def test_the_lightest_reading_is_the_best():
    """A reading that assumes less wins; one that is as light does not."""
    base = reading({"a": 1}, "missing_closer", "extra_closer")
    light = reading({"b": 1}, "wrong_closer")
    same = reading({"c": 1}, "missing_closer", "extra_closer")
    assert best_of(base, [same, light], None) is light
    assert best_of(base, [same], None) is base


def test_an_irregular_array_weighs_more():
    """Objects of one array have the same names, mostly."""
    odd = reading([{"a": 1}, {"a": 1}, {"b": [1]}], "wrong_closer")
    even = reading([{"a": 1}, {"a": 1}], "missing_closer")
    assert best_of(odd, [even], None) is even


def test_a_schema_outweighs_what_a_reading_assumes():
    """The value that fits is better than the one that assumes less."""
    light = reading("x", "wrong_closer")
    fitting = reading(1, "missing_closer", "missing_closer")
    assert best_of(light, [fitting], {"type": "integer"}) is fitting


def test_close_readings_have_other_values_each_and_come_lightest_first():
    """Readings of one value are told once; heavy ones are not told."""
    chosen = reading(1, "wrong_closer")
    others = [reading(3, "missing_closer", "fence"), reading(2, "missing_closer"), chosen]
    others += [reading(2, "missing_closer"), reading(4, "bare_text")]
    assert [one.value for one in close_to(chosen, others, None)] == [2, 3]


def test_each_near_decision_is_turned_alone():
    """A decision that leads nowhere is passed over; long texts turn fewer."""

    def again(forced):
        if 2 in forced:
            raise ValueError(forced)
        return reading(sorted(forced))

    doubts = [(1, "end"), (2, "end"), (3, "content")]
    found = variants(100, doubts, again)
    assert [one.value for one in found] == [[1], [3]]
    assert [one.decision for one in found] == [(1, "end"), (3, "content")]
    assert len(variants(20_000, doubts, again)) == 1
    assert variants(40_000, doubts, again) == []


@given(st.sampled_from([case.input for case in CASES]))
def test_alternatives_differ_and_are_sound(text):
    """Each has another value than the rest, keeps the laws, and is no riskier than it says."""
    result = repair.parse(text)
    values = [result.value, *(other.value for other in result.alternatives)]
    assert all(one != other for i, one in enumerate(values) for other in values[:i])
    for other in result.alternatives:
        assert repair.loads(other.text) == other.value
        assert 0 <= other.confidence <= 1
