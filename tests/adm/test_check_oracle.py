"""Checks of generated values against generated schemas agree with an independent library."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from altar.adm._check import Checker
from altar.adm._equal import json_equal
from altar.adm._schema import Schema
from tests.strategies.schemas import documents, json_values, values_for

jsonschema = pytest.importorskip("jsonschema", reason="the oracle needs the jsonschema library")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    document = draw(documents())
    return document, draw(st.lists(values_for(document), min_size=1, max_size=4))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_check_agrees_with_the_oracle(case: tuple[Any, list[Any]]) -> None:
    """For generated schemas and values altar and jsonschema reach the same verdict."""
    document, values = case
    oracle = jsonschema.Draft202012Validator(document)
    checker = Checker(document)
    for value in values:
        note(f"{document!r} on {value!r}: {checker.check(value)}")
        assert checker.ok(value) is oracle.is_valid(value)
        assert (checker.check(value) == ()) is checker.ok(value)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_reading_changes_nothing_in_a_valid_document(document: Any) -> None:
    """What the metaschema accepts is read without a problem, and read as it stands."""
    jsonschema.Draft202012Validator.check_schema(document)
    assert json_equal(Schema.from_dict(document).document, document)


@given(json_values(), json_values())
def test_equality_is_that_of_json(left: Any, right: Any) -> None:
    """Two values are equal for const just when they are equal for the oracle."""
    expected = jsonschema.Draft202012Validator({"const": left}).is_valid(right)
    assert json_equal(left, right) is expected
