"""Types and docstrings that are rare, and work all the same."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum, Flag, IntFlag
from typing import Annotated, Any, Dict, List, Literal, Tuple, TypedDict, TypeVar, Union

import pytest

import altar
from altar import Param

T = TypeVar("T", int, str)


class Color(Enum):
    RED = "red"
    BLUE = 2


class Gaps(Flag):
    A = 1
    D = 8


class Many(IntFlag):
    A, B, C, D, E, F, G = 1, 4, 16, 64, 256, 1024, 4096


class Full(IntFlag):
    R = 1
    W = 2


@dataclass
class Sized:
    size: Annotated[int, Param("How big.", examples=[1, 2], ge=1)]


class Bag(TypedDict):
    """A bag.

    Attributes:
        weight: In grams.
    """

    weight: Annotated[int, Param(le=9)]


def schema_of(annotation: Any) -> dict[str, Any]:
    """The schema of a parameter that has this annotation."""
    return parameters_of(annotation)["properties"]["x"]


def parameters_of(annotation: Any) -> dict[str, Any]:
    def probe(x): ...

    probe.__annotations__ = {"x": annotation}
    return altar.declare(probe).to_dict(dialect="json-schema")["parameters"]


def pass_in(annotation: Any, value: Any) -> altar.ToolResult:
    """The result of handing a value to a tool that returns its repr."""

    def probe(x):
        return repr(x)

    probe.__annotations__ = {"x": annotation}
    with altar.Session(tools=[probe]) as session:
        return session.execute("probe", {"x": value})


@pytest.mark.parametrize(
    ("annotation", "value", "received"),
    [
        (Dict, {"a": 1}, "{'a': 1}"),
        (List, [1], "[1]"),
        (Tuple, [1, "a"], "(1, 'a')"),
        (tuple[()], [], "()"),
        (T, "a", "'a'"),
        (Union[T, None], None, "None"),
        (dict[Union[int, str], int], {"1": 2}, "{1: 2}"),
        (dict[Union[int, str], int], {"a": 2}, "{'a': 2}"),
        (dict[Union[Literal["a"], int], int], {"a": 1}, "{'a': 1}"),
        (dict[Color, int], {"red": 1}, "{<Color.RED: 'red'>: 1}"),
        (dict[Color, int], {"RED": 1}, "{<Color.RED: 'red'>: 1}"),
        (Literal[True, 1], True, "True"),
        (Literal[True], "true", "True"),
        (Literal[1, "a"], 1.0, "1"),
        (Literal[Color.RED, Color.BLUE], "BLUE", "<Color.BLUE: 2>"),
        (Color, "RED", "<Color.RED: 'red'>"),
        (Color, 2, "<Color.BLUE: 2>"),
        (Gaps, 9, repr(Gaps.A | Gaps.D)),
        (Full, 3, repr(Full.R | Full.W)),
        (Many, 5, repr(Many.A | Many.B)),
        (Sized, {"size": 1}, "Sized(size=1)"),
        (Bag, {"weight": 9}, "{'weight': 9}"),
        (Annotated[float, Param(le=float("inf"))], 1.5, "1.5"),
        (Annotated[bytes, Param(max_length=3)], b64encode(b"abc").decode(), "b'abc'"),
        (Annotated[Union[int, str], Param(min_length=1)], "a", "'a'"),
    ],
)
def test_a_rare_type_receives_what_it_says(annotation, value, received: str):
    result = pass_in(annotation, value)
    assert result.error is None, result.error
    assert result.content == received


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (tuple[()], [1]),
        (T, 1.5),
        (dict[Union[int, Literal["a"]], int], {"b": 1}),
        (dict[Color, int], {"green": 1}),
        (Literal[True], "yes"),
        (Literal[1, "a"], 2.0),
        (Color, "green"),
        (Color, float("inf")),
        (Gaps, 2),
        (Gaps, 16),
        (Full, 4),
        (Many, 2),
        (Sized, {"size": 0}),
        (Bag, {"weight": 10}),
        (Annotated[bytes, Param(max_length=3)], b64encode(b"abcd").decode()),
        (Annotated[str, Param(pattern="^a")], "b"),
    ],
)
def test_a_rare_type_refuses_what_does_not_fit(annotation, value):
    result = pass_in(annotation, value)
    assert result.error is not None
    assert result.error.type == "PARAMETER_VALIDATION_FAILED"
    assert result.error.details["problems"][0]["path"].startswith("$.x")


def test_a_flag_with_gaps_lists_its_sums_and_one_with_many_bits_its_bounds():
    assert schema_of(Gaps)["enum"] == [0, 1, 8, 9]
    assert schema_of(Full)["maximum"] == 3
    assert schema_of(Many)["maximum"] == sum(Many)


def test_examples_of_a_field_are_in_its_schema():
    field = schema_of(Sized)["properties"]["size"]
    assert field["examples"] == [1, 2]
    assert field["description"] == "How big."


class TestAnnotatedTypes:
    """What the annotated-types package says is understood by its names."""

    at = pytest.importorskip("annotated_types")

    def test_a_predicate_and_its_negation_hold(self):
        even = self.at.Predicate(lambda number: number % 2 == 0)
        assert pass_in(Annotated[int, even], 2).ok
        assert not pass_in(Annotated[int, even], 3).ok
        odd = self.at.Predicate(self.at.Not(lambda number: number % 2 == 0))
        assert pass_in(Annotated[int, odd], 3).ok
        assert not pass_in(Annotated[int, odd], 2).ok

    @pytest.mark.parametrize(
        ("zone", "good", "bad"),
        [
            (None, "2026-01-02T03:04:05", "2026-01-02T03:04:05+01:00"),
            (..., "2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05"),
        ],
    )
    def test_a_time_zone_is_asked_for_or_forbidden(self, zone, good: str, bad: str):
        moment = Annotated[datetime, self.at.Timezone(zone)]
        assert pass_in(moment, good).ok
        assert not pass_in(moment, bad).ok

    def test_a_certain_time_zone_is_asked_for(self):
        moment = Annotated[datetime, self.at.Timezone(timezone.utc)]
        assert pass_in(moment, "2026-01-02T03:04:05+00:00").ok


class TestPydanticField:
    """A Field of pydantic is read as metadata."""

    Field = staticmethod(pytest.importorskip("pydantic").Field)

    def test_its_examples_and_extra_keywords_are_in_the_schema(self):
        field = self.Field(examples=["a"], json_schema_extra={"x-unit": "m"})
        schema = schema_of(Annotated[str, field])
        assert schema["examples"] == ["a"]
        assert schema["x-unit"] == "m"


@pytest.mark.parametrize(
    "line",
    [
        "x: What it is.",
        "x (int): What it is.",
        "x (int, optional): What it is.",
        "x = 3: What it is.",
        "x - What it is.",
        "x -- What it is.",
        "x (dict[str, int]): What it is.",
    ],
)
def test_a_parameter_is_described_in_many_hands(line: str):
    def probe(x=3): ...

    probe.__doc__ = f"Do.\n\nArgs:\n    {line}\n"
    schema = altar.declare(probe).to_dict(dialect="json-schema")["parameters"]
    assert schema["properties"]["x"].get("description") == "What it is."


@pytest.mark.parametrize("line", ["x (int: What it is.", "just a sentence", "x ="])
def test_a_line_that_describes_nothing_does_no_harm(line: str):
    def probe(x=3): ...

    probe.__doc__ = f"Do.\n\nArgs:\n    {line}\n"
    assert altar.declare(probe).description.startswith("Do.")
