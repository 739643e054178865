"""Corners of repair: what its parts say of odd texts, each asked by itself."""

from __future__ import annotations

from types import SimpleNamespace as Stub
from typing import Any

import pytest

from altar import repair as _repair
from altar.repair import (
    _after,
    _bare,
    _brackets,
    _build,
    _checks,
    _close,
    _coerce_names,
    _coerce_number,
    _coerce_scalar,
    _coerce_shape,
    _coerce_slips,
    _content,
    _find,
    _fit_shapes,
    _gaps,
    _islands,
    _lines,
    _locate,
    _read,
    _reckon,
    _rows,
    _schema_parts,
    _schema_patterns,
    _strings,
    _swallowed,
    _unclosed,
)
from altar.repair._state import State

LONG = "x" * 100_000
ROWS = Stub(stack=[Stub(kind="["), Stub(kind="[")])
SHAPE = Stub(
    types={"object"},
    cache={"shape": {"a": (frozenset({"integer"}), None)}},
    required=(),
    is_open=False,
)
CALLS: list[tuple[Any, tuple[Any, ...], Any]] = [
    (_checks.step_into, ([7, 8], "1", None), 8),
    (_checks.step_into, ([7], "x", None), None),
    (_checks.step_into, (3, "x", None), None),
    (_rows._sign_before, ("a  ", 3), 0),
    (_rows._has_another, ("{}",), False),
    (_fit_shapes._far, ({"a": ("integer", "")}, SHAPE), 0),
    (_fit_shapes._asked, (Stub(key=lambda _: None), "a"), (_fit_shapes.ALL_TYPES, None)),
    (_coerce_slips.is_slip, ("one two", "one"), False),
    (_coerce_slips._is_misspelt, ("yellowish", "mellowish"), False),
    (_coerce_scalar.spelled, (None,), "null"),
    (_coerce_scalar.fits, (3, Stub(sound={int})), True),
    (_coerce_names.Fuzz.member, (None, LONG, None, {}), None),
    (
        _coerce_names.Fuzz.nearest,
        (Stub(left=9999), "abcdeff", "abcdeff", {"abcdef": "abcdef", "abcdfef": "abcdfef"}),
        None,
    ),
    (_coerce_shape._code_for, (frozenset({"null"}),), "coerced_null"),
    (_coerce_shape._numbered, ({"0": 1, "2": 2}, None), None),
    (_coerce_shape._from_pairs, ([["a", 1], ["a", 2]],), None),
    (_close._child_before, (LONG, 0, len(LONG)), -1),
    (_locate._closed, ('["', 0), -1),
    (_gaps._kind, (LONG,), "prose"),
    (_find._is_empty, (LONG, [], 0, len(LONG)), False),
    (_read._scalar_lines, (LONG, 0, len(LONG)), None),
    (_schema_patterns.matches, ("a?" * 13, "a"), False),
    (_lines.dashed_elements, ("- a", 0, 3), None),
    (_lines.dashed_objects, ("- a: 1\n- b: 2", 0, 13), None),
    (_lines.dashed_objects, ("- hello\n- there", 0, 15), None),
    (_reckon.cost_of, ("[", ""), 0.0),
    (_unclosed._odd_backslashes, ("\\\\n", 1, 0), False),
    (_islands._is_odd, ('["\\frac"]', 0, 9), True),
    (_content._pair, (Stub(text="\\" * 4), 0), 4),
    (_content._escape, (State('\\"', 0), 0, 2, 0), (2, False)),
    (_content._hexadecimal, (State("\\UFFFFFFFF", 0), 0, 10, "U"), (2, False)),
    (_bare._sign_alone, (Stub(pos=0, text="-x", stack=[Stub(kind="{")]), 1), False),
    (_build.build, ("1" * 5000,), "1" * 5000),
    (_after._belongs_outside, (ROWS, 0, 1), False),
    (_strings.begin_string, (Stub(text="```\n", pos=0, stack=[]), "`"), False),
    (_brackets.kind_of, ("[2024-01-01 10:00:00] up", 0, 0), (_brackets.DECOY, 21)),
]


@pytest.mark.parametrize(("function", "given", "wanted"), CALLS)
def test_each_part_says_what_is_so(function: Any, given: tuple[Any, ...], wanted: Any) -> None:
    named = {"key": False} if function is _strings.begin_string else {}
    assert function(*given, **named) == wanted


def test_a_long_text_is_no_number() -> None:
    assert _coerce_number.number_of(LONG, whole=True) is None


def test_a_blank_gap_ends_no_string() -> None:
    state: Any = Stub(stack=[Stub(kind="{")])
    assert _swallowed._gap_end(state, None, 0, " ", named=False) is None  # type: ignore[arg-type]


def test_a_triple_quote_may_still_come() -> None:
    state: Any = Stub(text="abc", final=False)
    with pytest.raises(_strings.More):
        _strings._tripled(state, '"""', 3)


def test_only_so_many_names_are_facts() -> None:
    value = {str(i): i for i in range(1000)}
    assert len(_fit_shapes._facts(value, frozenset())) == _fit_shapes._MOST_NAMES


def test_a_reference_must_be_text() -> None:
    with pytest.raises(Exception, match="a reference, such as"):
        _repair.parse("{", schema={"$ref": 5})


def test_null_joins_the_members() -> None:
    parts = _schema_parts.Parts()
    parts.add({"nullable": True, "enum": ["a"]})
    assert parts.enum == ["a", None]
    parts = _schema_parts.Parts()
    parts.add({"enum": ["a"]})
    parts.allow_null()
    assert parts.enum == ["a", None]


def test_a_comma_is_kept_after_all() -> None:
    state = State("1,2", 0)
    state.edit(1, 2, "", "trailing_comma")
    state.keep_comma(1)
    assert state.edits == []


@pytest.mark.parametrize(("after", "wanted"), [('"', True), ("x", False)])
def test_an_added_quote_is_found(after: str, wanted: bool) -> None:
    state = State("abc", 0)
    state.edit(0, 1, after, "quotes")
    assert state.has_quoted(0, 1) is wanted


def test_a_cut_code_is_left_out() -> None:
    state = State("\\u12", 0)
    state.cut = True
    assert _content._hexadecimal(state, 0, 4, "u") == (4, False)
    assert state.edits[0].code == "incomplete"
