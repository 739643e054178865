"""declare: names, descriptions, lean wires, and purity."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

import altar
from altar.errors import DeclarationError


def weather(city: str, unit: Literal["c", "f"] = "c", days: int = 3) -> str:
    """Current weather for a city.

    Args:
        city: Name of the city.
        unit: Temperature unit.

    Returns:
        One line of text.
    """
    return city


def test_the_wire_is_minimal_and_lossless() -> None:
    want = {
        "name": "weather",
        "description": "Current weather for a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city."},
                "unit": {
                    "type": "string",
                    "enum": ["c", "f"],
                    "description": "Temperature unit.",
                    "default": "c",
                },
                "days": {"type": "integer", "default": 3},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    assert altar.declare(weather).wire() == json.dumps(want, separators=(",", ":")).encode()


def test_what_comes_back_travels_as_x_returns() -> None:
    document = altar.declare(weather).to_dict()
    assert document["x_returns"] == {"type": "STRING", "description": "One line of text."}


def test_declaring_changes_nothing() -> None:
    before = dict(vars(weather)), dict(weather.__annotations__)
    assert altar.declare(weather) == altar.declare(weather)
    assert (dict(vars(weather)), dict(weather.__annotations__)) == before


@pytest.mark.parametrize(
    ("name", "words"),
    [("get_weather", "Get weather"), ("getHTTPPage", "Get HTTPPage"), ("_x1", "X1")],
)
def test_without_a_docstring_the_name_speaks(name: str, words: str) -> None:
    def fn() -> None: ...

    fn.__name__ = name
    declared = altar.declare(fn)
    assert declared.to_dict()["description"] == words
    assert declared.to_dict("json-schema")["parameters"] == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }


def test_name_and_description_can_be_given() -> None:
    document = altar.declare(weather, name="w", description="Look outside.").to_dict()
    assert (document["name"], document["description"]) == ("w", "Look outside.")


@pytest.mark.parametrize("options", [{"name": "a b"}, {"name": ""}, {"description": " "}])
def test_a_bad_name_or_description_is_refused(options: Any) -> None:
    with pytest.raises(DeclarationError):
        altar.declare(weather, **options)


@pytest.mark.parametrize("name", ["größe", "x" * 80, "1st"])
def test_any_python_name_becomes_a_legal_one(name: str) -> None:
    def fn() -> None: ...

    fn.__name__ = name
    found = altar.declare(fn).to_dict()["name"]
    assert found.isascii()
    assert found.isidentifier()
    assert len(found) <= 64


class Tools:
    """Some tools."""

    def act(self, x: int) -> None:
        """Act."""

    @classmethod
    def make(cls, x: int) -> None:
        """Make."""

    @staticmethod
    def free(x: int) -> None:
        """Free."""

    def __call__(self, x: int) -> None:
        """Call it.

        Args:
            x: An x.
        """


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (Tools().act, "act"),
        (Tools.make, "make"),
        (Tools.free, "free"),
        (Tools(), "Tools"),
        (functools.partial(Tools().act), "act"),
        (functools.lru_cache(Tools.free), "free"),
        (lambda x: x, "lambda_"),
    ],
)
def test_every_kind_of_callable_is_declared(target: Any, name: str) -> None:
    document = altar.declare(target).to_dict("json-schema")
    assert document["name"] == name
    assert list(document["parameters"]["properties"]) == ["x"]


@pytest.mark.parametrize("target", [5, None, Tools.__dict__["make"], Tools.act, max])
def test_what_cannot_be_called_as_a_tool_is_refused(target: Any) -> None:
    with pytest.raises(DeclarationError):
        altar.declare(target)


def test_a_builtin_says_what_it_knows() -> None:
    assert altar.declare(math.sqrt).to_dict("json-schema")["parameters"]["required"] == ["x"]


def test_a_documented_parameter_that_does_not_exist_is_a_warning() -> None:
    def fn(a: int) -> None:
        """Do.

        Args:
            b: Who?
        """

    with pytest.warns(UserWarning, match="'b'"):
        altar.declare(fn)
    with pytest.raises(DeclarationError, match="'b'"):
        altar.declare(altar.tool(strict=True)(fn))


def test_a_generators_return_type_is_not_declared() -> None:
    def fn() -> Iterator[int]:
        yield 1

    assert "x_returns" not in altar.declare(fn).to_dict()


@dataclass
class Options:
    """Options of a search.

    Attributes:
        limit: How many.
    """

    limit: int = 10


@pytest.mark.parametrize(
    ("default", "want"),
    [
        (Options(5), {"limit": 5}),
        ({3, 1}, [1, 3]),
        (float("inf"), None),
        (object(), None),
        (2**70, None),
        ("é", "é"),
    ],
)
def test_a_default_json_can_say_is_told_and_any_other_left_out(default: Any, want: Any) -> None:
    def fn(x=default) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = Options if isinstance(default, Options) else Any
    shown = altar.declare(fn).to_dict("json-schema")["parameters"]["properties"]["x"]
    assert shown.get("default") == want
