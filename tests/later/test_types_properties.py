"""What must hold for every signature: schema, loader, fast path and dumper agree."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from altar.later._binding import BindError, Bound, compile_binder
from altar.later._declare import parameters_text
from altar.later._signature import read_signature
from altar.later.hints._build import Builder
from altar.later.hints._dump import dump
from altar.later.hints._report import Report
from altar.later.hints._resolve import Scope
from tests.strategies.signatures import functions, json_values, typed

modest = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MISSED = object()


def fast_of(binder: Any) -> Any:
    """The emitted fast path, compiled: the arguments for the function, or MISSED."""
    emitted = binder.emit()
    lines = "\n".join(emitted.lines)
    namespace = dict(emitted.namespace)
    exec(f"def fast(args):\n{lines}\n    return {emitted.call},", namespace)  # noqa: S102

    def fast(args: dict[str, Any]) -> Any:
        out = namespace["fast"](args)
        return MISSED if out is None else out[0]

    return fast


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same classes throughout."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if hasattr(left, "__dataclass_fields__"):
        return same(vars(left), vars(right))
    return bool(left == right)


def bound_or_none(binder: Any, args: Any, **options: Any) -> Bound | None:
    try:
        return binder.bind(args, **options)  # type: ignore[no-any-return]
    except BindError as error:
        assert error.problems
        return None


@modest
@given(functions(), st.data())
def test_arguments_that_fit_are_taken_without_coercion(made: Any, data: Any) -> None:
    fn, fitting = made
    signature = read_signature(fn)
    binder = compile_binder(signature)
    schema = json.loads(parameters_text(signature))
    Draft202012Validator.check_schema(schema)
    args = data.draw(fitting)
    assert Draft202012Validator(schema).is_valid(args)
    bound = binder.bind(args, strict=True)
    assert not bound.coercions


@modest
@given(functions(), st.data())
def test_the_fast_path_misses_or_equals_the_general_way(made: Any, data: Any) -> None:
    fn, fitting = made
    binder = compile_binder(read_signature(fn))
    fast = fast_of(binder)
    names = st.sampled_from(["p0", "p1", "p2", "p3"])
    for args in (data.draw(fitting), data.draw(st.dictionaries(names, json_values, max_size=3))):
        found = fast(args)
        bound = bound_or_none(binder, args)
        if found is MISSED:
            continue
        assert bound is not None
        assert not bound.coercions
        assert same(found, fn(*bound.args, **bound.kwargs))


@modest
@given(functions(), st.data())
def test_the_schema_accepts_exactly_what_is_taken_without_coercion(made: Any, data: Any) -> None:
    fn, fitting = made
    signature = read_signature(fn)
    binder = compile_binder(signature)
    judge = Draft202012Validator(json.loads(parameters_text(signature)))
    names = st.sampled_from(["p0", "p1", "p2", "p3"])
    args = data.draw(fitting | st.dictionaries(names, json_values, max_size=3))
    assert judge.is_valid(args) == (bound_or_none(binder, args, strict=True) is not None)


@modest
@given(typed, st.data())
def test_what_is_loaded_is_dumped_and_loaded_to_the_same(made: Any, data: Any) -> None:
    node = Builder().node(made.annotation, Scope(globals()))
    report = Report(strict=True)
    value = node.load(data.draw(made.values), None, report)
    assert not report.problems
    dumped = dump(value, max_bytes=10**7)
    json.dumps(dumped.content, allow_nan=False).encode()
    again = node.load(dumped.content, None, report)
    if not report.problems:  # a field left out has the default None, which its type may refuse
        assert same(value, again)


@modest
@given(typed, json_values)
def test_loading_never_raises_and_refusals_name_a_path(made: Any, value: Any) -> None:
    node = Builder().node(made.annotation, Scope(globals()))
    for strict in (False, True):
        report = Report(strict=strict)
        node.load(value, None, report)
        for problem in report.problems:
            assert problem.path.startswith("$")
            assert problem.expected
            json.dumps(problem.to_dict(), allow_nan=False).encode()
