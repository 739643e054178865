"""Schema and execution agree: what is taken as it stands is valid, and what is valid is taken."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import altar
from tests.probes._row import Row, take_seen
from tests.probes.probes import ROWS

_PALETTE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 7, 1.0, 1.5, "", "a", "1", "red", "RED", "null"),
    *([], {}, [None], [1], ["a"], {"a": 1}, {"": None}, "[]", "{}", 1e300, 10**30, "\ud800"),
)
_LIMIT = 160
# what a schema cannot say about text, or about the class that is built
_BEYOND = {"format", "constructor", "surrogate", "value_error"}


def _mutants(value: Any) -> Iterator[Any]:
    """Every copy of ``value`` with one place changed, emptied or added to."""
    for other in _PALETTE:
        yield other
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
        yield {**value, "zzz": 1}
        for key, inner in value.items():
            for mutant in _mutants(inner):
                yield {**value, key: mutant}
    elif isinstance(value, list):
        yield [*value, *value]
        for at, inner in enumerate(value):
            yield value[:at] + value[at + 1 :]
            for mutant in _mutants(inner):
                yield [*value[:at], mutant, *value[at + 1 :]]


def _calls(row: Row) -> list[dict[str, Any]]:
    seeds = [args for args, _ in row.runs[-2:]]
    found = [m for seed in seeds for m in _mutants(seed) if isinstance(m, dict)]
    step = max(1, len(found) // _LIMIT)
    return found[::step]


def _beyond_adm(value: Any) -> bool:
    """The data model refuses lone surrogates and wide integers; JSON Schema cannot."""
    if isinstance(value, dict):
        return any(map(_beyond_adm, value.values()))
    if isinstance(value, list):
        return any(map(_beyond_adm, value))
    if isinstance(value, str):
        return any("\ud800" <= char <= "\udfff" for char in value)
    return isinstance(value, (int, float)) and abs(value) >= 2**63


# math.comb and math.gcd check for themselves, in C
_TYPED = [row for row in ROWS if not row.id.startswith("builtin")]


@pytest.mark.parametrize("row", _TYPED, ids=[row.id for row in _TYPED])
def test_the_schema_and_the_runtime_agree_on_every_single_fault(row: Row) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = altar.declare(row.fn, name="probe").to_dict(dialect="json-schema")
        tools = altar.Session(tools={"probe": row.fn})
    judge = Draft202012Validator(document["parameters"])
    with tools:
        for args in _calls(row):
            before = copy.deepcopy(args)
            take_seen()
            result = tools.execute("probe", args)
            json.dumps(result.to_dict(), allow_nan=False).encode("utf-8")
            assert _same_json(args, before), f"the caller's arguments were changed: {before!r}"
            valid = judge.is_valid(args)
            if result.ok:
                coerced = (result.metadata or {}).get("coercions")
                assert valid or coerced, f"{args!r} is taken, but the schema refuses it"
            else:
                assert result.error is not None
                assert not take_seen(), f"{args!r} reached the body and was refused"
                assert result.error.type == "PARAMETER_VALIDATION_FAILED", (args, result.error)
                problems = (result.error.details or {})["problems"]
                assert problems
                assert all(p["path"].startswith("$") and p["expected"] for p in problems)
                if valid and not _beyond_adm(args):
                    kinds = {p.get("keyword") for p in problems}
                    hashable = [
                        p["expected"] for p in problems if "members of a set" in p["expected"]
                    ]
                    assert kinds <= _BEYOND or hashable, (
                        f"{args!r} is valid, but refused: {problems!r}"
                    )


def _same_json(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(_same_json(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same_json, left, right))
    return bool(left == right)
