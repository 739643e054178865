"""A growing value with a schema: what is shown agrees with what coercion makes at last."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.repair._build import Builder
from altar.repair._build_schema import Fitting
from altar.repair._coerce import coerce
from altar.repair._schema import node_of
from tests.repair.views import cut, cuts, is_view, json_values

SCHEMA = {
    "type": "object",
    "properties": {
        "firstName": {"type": "string"},
        "age": {"type": "integer"},
        "price": {"type": ["number", "null"]},
        "size": {"enum": ["Small", "Large", None]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "done": {"type": "boolean"},
        "who": {
            "anyOf": [
                {"type": "integer"},
                {"type": "object", "properties": {"id": {"type": "integer"}}},
            ]
        },
        "rest": {},
    },
}

CASES = [
    {"first_name": "Ann Lee", "age": "41", "price": "1,234.50"},
    {"FirstName": 7, "size": "small", "tags": "red, green, blue", "done": "yes"},
    {"size": "Large", "tags": ["a", 1, True], "done": False, "rest": {"age": "41", "x": [1]}},
    {"who": {"id": "12"}, "age": "old", "price": "N/A"},
    {"who": "12", "tags": {"0": "a", "1": "b"}, "agee": "5"},
    {"firstName": ["x"], "done": "no", "age": 3.0, "more": {"deep": ["text"]}},
]


def views(text: str, cutting: int, schema: Any) -> tuple[list[Any], Any]:
    node = node_of(schema)
    assert node is not None
    builder = Builder(Fitting(node))
    seen = []
    for piece in cut(text, cutting):
        builder.feed(piece)
        if builder.has_value:
            seen.append(json.loads(json.dumps(builder.value)))
    builder.close()
    return seen, builder.value


@pytest.mark.parametrize("value", CASES, ids=range(len(CASES)))
@pytest.mark.parametrize("cutting", [1, 7, 40, 99])
def test_views_agree_with_the_coerced_value(value: Any, cutting: int):
    final, _ = coerce(value, SCHEMA)
    seen, last = views(json.dumps(value), cutting, SCHEMA)
    assert last == final
    for view in seen:
        assert is_view(view, final)


@given(json_values(), cuts(), st.sampled_from([list[int], dict[str, float], str, list[str]]))
def test_any_value_ends_as_coercion_has_it(value: Any, cutting: int, schema: Any):
    assert repr(views(json.dumps(value), cutting, schema)[1]) == repr(coerce(value, schema)[0])


def test_texts_that_may_stay_texts_are_shown_as_they_grow():
    builder = Builder(Fitting(node_of(SCHEMA)))
    builder.feed('{"first_name": "An')
    assert builder.value == {"firstName": "An"}
    builder.feed('n", "age": "4')
    assert builder.value == {"firstName": "Ann"}
    builder.feed('1", "rest": {"a": "b')
    assert builder.value == {"firstName": "Ann", "age": 41, "rest": {"a": "b"}}
