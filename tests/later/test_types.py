"""The type table's edges: what is refused, degraded, bounded, and kept alive."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import gc
import socket
import types
import weakref
from collections.abc import Callable, Generator
from typing import Annotated, Any, Literal, Union

import pytest

import altar
from altar.errors import DeclarationError
from altar.later._binding import BindError, Bound, compile_binder
from altar.later._signature import read_signature
from altar.later.hints._report import show

JSON = Union[dict[str, "JSON"], list["JSON"], str, int, None]


def bind(fn: Any, args: Any, **options: Any) -> Bound:
    return compile_binder(read_signature(fn)).bind(args, **options)


def problems(fn: Any, args: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(BindError) as caught:
        bind(fn, args, **options)
    return {problem.path: str(problem) for problem in caught.value.problems}


@dataclasses.dataclass
class Left:
    """One of two untagged records that hold each other."""

    inner: Left | Right | None = None
    other: Left | Right | None = None


@dataclasses.dataclass
class Right:
    inner: Left | Right | None = None
    other: Left | Right | None = None
    extra: int = 0


@dataclasses.dataclass
class Unsayable:
    number: int
    hook: Callable[[int], int]
    wire: socket.socket


@dataclasses.dataclass(frozen=True)
class Picky:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("password=hunter2")


class Access(enum.Flag):
    READ = 1
    WRITE = 2
    RUN = 8


def test_everything_json_cannot_say_is_refused_at_once_with_advice() -> None:
    def fn(
        a: Callable[[int], str],
        b: Generator[int],
        c: types.ModuleType,
        d: type[int],
        e: set[list[int]],
        f: dict[tuple[int, int], str],
        g: Exception,
        h: Literal[1.5],  # type: ignore[valid-type]
        i: int,
    ) -> None: ...

    with pytest.raises(DeclarationError) as caught:
        read_signature(fn)
    found = caught.value.problems
    assert [text.split("'")[1] for text in found] == list("abcdefgh")
    assert all("write " in text and text.endswith(" instead") for text in found)
    assert "fn" in caught.value.function


def test_a_field_json_cannot_say_is_named_with_its_class() -> None:
    def fn(x: Unsayable, y: list[Unsayable]) -> None: ...

    with pytest.raises(DeclarationError) as caught:
        read_signature(fn)
    assert len(caught.value.problems) == 2
    assert "parameter 'x', field 'hook' of" in caught.value.problems[0]


def test_a_sentinel_is_no_alternative_for_a_caller() -> None:
    class Missing:
        pass

    missing = Missing()

    def fn(x: int | Missing = missing) -> None: ...

    fn.__annotations__["x"] = int | Missing
    schema = altar.declare(fn).to_dict("json-schema")["parameters"]
    assert schema["properties"]["x"] == {"type": "integer"}
    assert bind(fn, {}).args == [missing]


def test_an_unknown_name_degrades_only_its_place() -> None:
    def fn(x: list[Nowhere], y: Annotated[Nowhere, "why"], z: int) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    signature = read_signature(fn)
    assert len(signature.warnings) == 2
    with pytest.warns(UserWarning, match="Nowhere"):
        properties = altar.declare(fn).to_dict("json-schema")["parameters"]["properties"]
    assert properties == {
        "x": {"type": "array"},
        "y": {"description": "why"},
        "z": {"type": "integer"},
    }
    with pytest.raises(DeclarationError, match="Nowhere"):
        read_signature(fn, strict=True)


def test_an_annotation_that_does_not_evaluate_is_refused() -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = "1 +"
    with pytest.raises(DeclarationError, match="cannot be evaluated"):
        read_signature(fn)


@pytest.mark.parametrize("depth", [150, 100_000])
def test_hostile_depth_is_a_problem_and_no_recursion_error(depth: int) -> None:
    def fn(x: JSON, y: Any = None) -> None: ...

    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    assert any("levels" in text for text in problems(fn, {"x": deep}).values())
    assert any("levels" in text for text in problems(fn, {"x": 1, "y": deep}).values())


def test_untagged_recursive_unions_take_bounded_time_on_hostile_input() -> None:
    def fn(x: Left | Right) -> None: ...

    value: Any = {}
    for _ in range(60):
        value = {"inner": value, "other": "nonsense"}
    assert problems(fn, {"x": value})


def test_long_lists_of_untagged_unions_are_read_whole() -> None:
    def fn(x: list[Left | Right]) -> None: ...

    (found,) = bind(fn, {"x": [{}, {"extra": 1}] * 10_000}).args
    assert len(found) == 20_000
    assert type(found[1]) is Right


def test_a_constructor_that_refuses_is_a_problem_without_its_text() -> None:
    def fn(x: Picky) -> None: ...

    assert bind(fn, {"x": {"number": 1}}).args == [Picky(1)]
    found = problems(fn, {"x": {"number": -1}})
    assert "ValueError" in found["$.x"]
    assert "hunter2" not in found["$.x"]


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (0, Access(0)),
        (9, Access.READ | Access.RUN),
        ("READ|WRITE", Access(3)),
        (["run"], Access.RUN),
    ],
)
def test_flags_are_sums_or_names(value: Any, want: Access) -> None:
    def fn(x: Access) -> None: ...

    assert bind(fn, {"x": value}).args == [want]


@pytest.mark.parametrize("value", [4, 16, -1, True, "READ|NOPE", ["x"], 1.5, None])
def test_flags_refuse_what_is_no_sum(value: Any) -> None:
    def fn(x: Access) -> None: ...

    assert "$.x" in problems(fn, {"x": value})


def test_a_class_is_not_kept_alive_by_having_been_declared() -> None:
    def declare_local() -> weakref.ref[type]:
        @dataclasses.dataclass
        class Local:
            x: int

        def fn(a: Local) -> None: ...

        fn.__annotations__["a"] = Local
        altar.declare(fn)
        return weakref.ref(Local)

    ref = declare_local()
    gc.collect()
    assert ref() is None


def test_a_recursive_type_is_defined_once_under_its_name() -> None:
    def fn(x: Left, y: list[Right]) -> None: ...

    schema = altar.declare(fn).to_dict("json-schema")["parameters"]
    assert sorted(schema["$defs"]) == ["Left", "Right"]


def test_two_classes_of_one_name_have_definitions_of_their_own() -> None:
    def make() -> type:
        @dataclasses.dataclass
        class Tree:
            children: list[Tree]

        return Tree

    first, second = make(), make()

    def fn(x, y) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__.update(x=first, y=second)
    schema = altar.declare(fn).to_dict("json-schema")["parameters"]
    assert sorted(schema["$defs"]) == ["Tree", "Tree2"]


@pytest.mark.parametrize(
    "metadata", [altar.Param(pattern="("), altar.Param(ge=1, le=3), altar.Param(multiple_of=0.5)]
)
def test_rules_hold_or_are_refused_at_declaration(metadata: Any) -> None:
    def fn(x) -> None: ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = Annotated[str if metadata.pattern else float, metadata]
    if metadata.pattern:
        with pytest.raises(DeclarationError, match="regular expression"):
            read_signature(fn)
    else:
        assert bind(fn, {"x": 2.5}).args == [2.5]
        assert problems(fn, {"x": 0.3})


@pytest.mark.parametrize(
    "options",
    [{"min_length": -1}, {"min_length": 3, "max_length": 2}, {"multiple_of": 0}, {"pattern": 5}],
)
def test_limits_no_value_can_meet_are_refused(options: Any) -> None:
    with pytest.raises(DeclarationError):
        altar.Param(**options)


def test_param_as_a_default_is_told_apart() -> None:
    def fn(x: int = altar.Param("text")) -> None: ...  # type: ignore[assignment]

    with pytest.raises(DeclarationError, match="Annotated"):
        read_signature(fn)


class Priority(enum.Enum):
    """How soon."""

    LOW = 1
    NORMAL = 2
    URGENT = 3


class Plain(enum.IntEnum):
    A = 1
    B = 2


Many = enum.IntEnum("Many", [f"M{n}" for n in range(15)], start=0)
Words = enum.Enum("Words", {"UP": "up", "DOWN": "down"})
LEGEND = "1 = LOW, 2 = NORMAL, 3 = URGENT"


def described(annotation: Any, doc: str | None = None) -> str | None:
    """The description a parameter of this type gets, from its docstring and from its type."""

    def fn(p): ...

    fn.__annotations__ = {"p": annotation}
    fn.__doc__ = None if doc is None else f"F.\n\nArgs:\n    p: {doc}\n"
    return altar.declare(fn).parameters.document["properties"]["p"].get("description")


@pytest.mark.parametrize(
    ("annotation", "doc", "expected"),
    [
        (Plain, None, "1 = A, 2 = B"),
        (Plain | None, "Which", "Which: 1 = A, 2 = B"),
        (Priority, None, f"How soon. {LEGEND}"),
        (Priority, "How urgent.", f"How urgent. {LEGEND}"),
        (Annotated[Priority, altar.Param(description="Soon")], None, f"Soon: {LEGEND}"),
        (Literal[Priority.LOW, 7, "x"], None, "1 = LOW"),
        (Many, None, ", ".join(f"{n} = M{n}" for n in range(10)) + " and 5 more"),
        (Words, None, None),
        (Words, "Where.", "Where."),
        (Literal[1, 2], None, None),
    ],
)
def test_what_the_numbers_of_an_enum_mean_is_told_beside_its_description(annotation, doc, expected):
    assert described(annotation, doc) == expected


def test_the_items_of_an_array_and_of_a_union_tell_what_their_numbers_mean():
    def fn(p: list[Plain], q: Plain | bool) -> Plain: ...

    declaration = altar.declare(fn)
    places = declaration.parameters.document["properties"]
    assert places["p"]["items"]["description"] == "1 = A, 2 = B"
    assert "1 = A, 2 = B" in str(places["q"])
    assert "1 = A, 2 = B" in str(declaration.to_dict()["x_returns"])


def test_a_wrong_member_is_answered_with_values_and_names():
    def fn(p: Priority, q: Literal[Priority.LOW, True] = Priority.LOW): ...

    told = problems(fn, {"p": 9, "q": 3})
    assert told["$.p"] == "$.p: expected one of 1 (LOW), 2 (NORMAL), 3 (URGENT), got integer 9"
    assert "one of 1 (LOW), true, got" in told["$.q"]
    assert "did you mean 'URGENT'?" in problems(fn, {"p": "urgnt"})["$.p"]
    assert "did you mean" not in problems(fn, {"p": "urgnt"}, strict=True)["$.p"]


@pytest.mark.parametrize("annotation", [str, str | int, str | dt.datetime])
def test_a_lone_surrogate_is_told_as_one_whatever_might_stand_there(annotation):
    def fn(p): ...

    fn.__annotations__ = {"p": annotation}
    told = problems(fn, {"p": "a\ud800"})
    assert told == {"$.p": "$.p: expected text without lone surrogates, got a lone surrogate"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", '"abc"'),
        ('{"a": 1}', "'{\"a\": 1}'"),
        ("it's", '"it\'s"'),
        ('it\'s "it"', '"it\'s \\"it\\""'),
        ("a\n", '"a\\n"'),
        ('"a"\n', '"\\"a\\"\\n"'),
        ("é" * 50, f'"{"é" * 40}..."'),
        ("\ud800", '"?"'),
    ],
)
def test_a_text_is_shown_in_quotes_that_do_not_stand_in_it(text, shown):
    assert show(text) == f"string {shown}"
