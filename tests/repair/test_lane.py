"""The quick roads of the scanner read as the careful ones do."""

from __future__ import annotations

from altar.repair import _scan, parse
from altar.repair._damaged import parse_damaged
from tests.repair.cases import CASES
from tests.strategies.json_damage import mutations

TEXTS = [case.input for case in CASES] + [text for _, text, _ in list(mutations())[::3]]


def test_runs_of_members_read_as_single_members_do(monkeypatch):
    """The lane changes the cost of a text, never its value."""
    quick = [_value(text) for text in TEXTS]
    monkeypatch.setattr(_scan, "lane", lambda state: False)
    careful = [_value(text) for text in TEXTS]
    different = [
        (text, one, other)
        for text, one, other in zip(TEXTS, quick, careful, strict=True)
        if one != other
    ]
    assert not different


def test_sound_parts_passed_whole_read_as_their_steps_do():
    """The C scanner over sound parts changes the cost of a text, never its value."""
    different = [
        (text, _value(text), _value(text, quick=False))
        for text in TEXTS
        if _value(text) != _value(text, quick=False)
    ]
    assert not different


def test_a_style_learnt_from_one_member_fits_the_next_of_another():
    """Names in several styles, one after the other, each read as written."""
    text = "{'a': 1, 'b': 2, c: 3, d: 4, \"e\": 5, 'f': [1, 'x', True], g: {h: 1, 'i': None}}"
    assert parse(text).value == {
        "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": [1, "x", True], "g": {"h": 1, "i": None},
    }  # fmt: skip


def _value(text: str, **options: bool) -> object:
    try:
        return parse_damaged(text, **options).value
    except ValueError as error:
        return f"{type(error).__name__}"
