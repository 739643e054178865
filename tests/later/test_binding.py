"""Binding: coercions, every violation at once, defaults, and how arguments are passed."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from altar.later._binding import BindError, compile_binder
from altar.later._signature import read_signature


@dataclass
class Item:
    name: str
    count: int = 1
    tags: list[str] = field(default_factory=list)


def order(
    item: Item,
    unit: Literal["kg", "lb"] = "kg",
    express: bool = False,
    limit: float | None = None,
    ids: list[int] = [],  # noqa: B006 - what is tested
) -> None: ...


def bind(fn: Any, args: Any, **options: Any) -> Any:
    return compile_binder(read_signature(fn)).bind(args, **options)


def refused(fn: Any, args: Any, **options: Any) -> dict[str, Any]:
    with pytest.raises(BindError) as caught:
        bind(fn, args, **options)
    return {problem.path: problem for problem in caught.value.problems}


def test_every_violation_is_told_at_once_with_path_and_nearest() -> None:
    found = refused(
        order,
        {"item": {"nam": "x", "count": "many"}, "unit": "KGS", "expres": True, "ids": [1, None]},
    )
    assert set(found) == {
        "$.item.name",
        "$.item.nam",
        "$.item.count",
        "$.unit",
        "$.expres",
        "$.ids[1]",
    }
    assert found["$.item.nam"].nearest == "name"
    assert found["$.expres"].nearest == "express"
    assert found["$.unit"].nearest == "kg"
    assert found["$.item.name"].keyword == "required"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"item": '{"name": "x"}'}, "$.item"),
        ({"item": {"name": "x", "count": "42"}}, "$.item.count"),
        ({"item": {"name": "x", "count": 3.0}}, "$.item.count"),
        ({"item": {"name": "x"}, "express": "true"}, "$.express"),
        ({"item": {"name": "x"}, "unit": "KG"}, "$.unit"),
        ({"item": {"name": "x"}, "limit": "2.5"}, "$.limit"),
        ({"item": {"name": "x"}, "ids": "[1, 2]"}, "$.ids"),
    ],
)
def test_safe_coercions_are_made_listed_and_stopped_by_strict(args: Any, told: str) -> None:
    bound = bind(order, args)
    assert [coercion["path"] for coercion in bound.coercions] == [told]
    assert refused(order, args, strict=True)


@pytest.mark.parametrize(
    "value",
    ["042", "+1", "4 2", "", "1e3", "0x10", "-0", " 1", "1_000", "٣", True, 1.5, None, 2**63],
)
def test_what_only_looks_like_an_integer_is_refused(value: Any) -> None:
    def fn(x: int) -> None: ...

    assert refused(fn, {"x": value})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "nan", "Infinity", True, "1_0", ".", "1."]
)
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    def fn(x: float) -> None: ...

    assert refused(fn, {"x": value})


def test_a_text_is_never_read_as_json_where_a_text_belongs() -> None:
    def fn(x: str, y: str | list[int]) -> None: ...

    bound = bind(fn, {"x": '{"a": 1}', "y": "[1]"})
    assert bound.args == ['{"a": 1}', "[1]"]
    assert not bound.coercions


def test_lone_surrogates_are_refused_everywhere() -> None:
    def fn(x: str, y: Any, z: dict[str, int]) -> None: ...

    args = {"x": "\ud800", "y": [{"\udfff": 1}], "z": {"\ud800": 1}}
    assert {path[:3] for path in refused(fn, args)} == {"$.x", "$.y", "$.z"}


def test_values_that_are_not_json_are_refused() -> None:
    def fn(x: Any, y: int) -> None: ...

    assert set(refused(fn, {"x": object(), "y": 1j})) == {"$.x", "$.y"}


@pytest.mark.parametrize("args", [None, 5, "x", [1]])
def test_arguments_must_be_an_object(args: Any) -> None:
    assert "$" in refused(order, args)


def test_a_hundred_problems_are_enough() -> None:
    def fn(x: list[int]) -> None: ...

    assert len(refused(fn, {"x": ["a"] * 10_000})) == 100


@pytest.mark.parametrize(
    "text", ['{"name": "a", "name": "b"}', '{"name": "a", "tags": [], "tags": ["x"]}']
)
def test_a_name_twice_in_a_json_text_is_refused(text: str) -> None:
    assert "$.item" in refused(order, {"item": text})


def test_problems_beyond_those_kept_are_counted() -> None:
    def fn(alpha: int = 0) -> None: ...

    with pytest.raises(BindError) as caught:
        bind(fn, {f"k{i}": 1 for i in range(1000)})
    assert len(caught.value.problems) == 100
    assert caught.value.missed == 900


def test_the_nearest_name_is_looked_for_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from altar.later.hints import _report

    looked: list[object] = []

    def near(name: object, known: Any) -> str | None:
        looked.append(name)
        return found(name, known)

    found = _report.nearest_of
    monkeypatch.setattr(_report, "nearest_of", near)

    def fn(alpha: int = 0, kind: list[Literal["a", "b"]] = []) -> None: ...  # noqa: B006

    problems = refused(fn, {f"alphb{i}": 1 for i in range(200)})
    assert problems["$.alphb0"].nearest == "alpha"
    refused(fn, {"kind": ["c"] * 1000})
    assert len(looked) <= 16


def test_mutable_defaults_are_copied_for_each_call_and_others_are_not() -> None:
    marker = object()

    def fn(a={"k": [1]}, b=marker, c=bytearray(b"x")) -> None: ...  # type: ignore[no-untyped-def]  # noqa: B006, B008

    first, second = bind(fn, {}).args, bind(fn, {}).args
    assert first == second
    assert first[0] is not second[0]
    assert first[0]["k"] is not second[0]["k"]
    assert first[2] is not second[2]
    assert first[1] is marker


def test_the_body_owns_the_containers_it_receives() -> None:
    def fn(a: list[int], b: Any, c: dict[str, list[int]]) -> None: ...

    args = {"a": [1], "b": {"x": [1]}, "c": {"k": [1]}}
    a, b, c = bind(fn, args).args
    a.append(2)
    b["x"].append(2)
    c["k"].append(2)
    assert args == {"a": [1], "b": {"x": [1]}, "c": {"k": [1]}}


def test_all_kinds_of_parameters_are_passed_as_python_passes_them() -> None:
    def fn(a: int, b: int = 2, /, c: int = 3, *rest: int, d: int, e: int = 5, **more: float) -> Any:
        return a, b, c, rest, d, e, more

    bound = bind(fn, {"a": 1, "rest": [7, 8], "d": 4, "x": 1})
    assert fn(*bound.args, **bound.kwargs) == (1, 2, 3, (7, 8), 4, 5, {"x": 1.0})
    assert set(refused(fn, {"a": 1, "d": 1, "x": "q", "rest": 5})) == {"$.x", "$.rest"}


def test_partials_hide_what_they_bind() -> None:
    def fn(a: int, b: int, c: int = 3) -> Any:
        return a, b, c

    part = functools.partial(fn, 1, c=9)
    bound = bind(part, {"b": 2})
    assert part(*bound.args, **bound.kwargs) == (1, 2, 9)
    assert refused(part, {"a": 1, "b": 2})


def test_no_fast_path_is_offered_for_open_names() -> None:
    def fn(**names: int) -> None: ...

    assert compile_binder(read_signature(fn)).emit() is None
