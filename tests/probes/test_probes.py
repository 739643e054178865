"""The type table, judged by an oracle of its own: JSON Schema, and what bodies receive."""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import altar
from altar import adm
from altar.later._mark import MARK_ATTRIBUTE
from tests.probes._row import UNSET, Row, same, take_seen
from tests.probes._schema_paths import adm_faults, nodes
from tests.probes.probes import ROWS, TABLE_HARD, TABLE_SIZE


def _over(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row.id for row in rows])


every = _over(ROWS)
coercing = _over([row for row in ROWS if row.coerced])


def declared(row: Row) -> altar.FunctionDeclaration:
    with warnings.catch_warnings():
        if row.warns:
            warnings.simplefilter("ignore")
        return altar.declare(row.fn, name="probe")


def parameters(row: Row) -> dict[str, Any]:
    return declared(row).to_dict(dialect="json-schema")["parameters"]


def session(row: Row) -> altar.Session:
    with warnings.catch_warnings():
        if row.warns:
            warnings.simplefilter("ignore")
        return altar.Session(tools={"probe": row.fn})


@every
def test_the_schema_accepts_what_the_tool_takes_and_refuses_what_it_does_not(row: Row) -> None:
    schema = parameters(row)
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    judge = Draft202012Validator(schema)
    for args in (*[args for args, _ in row.runs], *row.accept):
        assert judge.is_valid(args), f"too strict: {args!r} against {schema!r}"
    for args in (*row.reject, *row.bad):
        assert not judge.is_valid(args), f"too loose: {args!r} against {schema!r}"


@every
def test_the_schema_says_what_is_optional_described_and_preset(row: Row) -> None:
    document = declared(row).to_dict(dialect="json-schema")
    json.dumps(document, allow_nan=False).encode("utf-8")
    schema = document["parameters"]
    properties = set(schema.get("properties", ()))
    if row.optional is not None:
        assert properties - set(schema.get("required", ())) == row.optional
    assert not properties & set(row.hidden)
    for path, text in row.says.items():
        found = [node.get("description", "") for node in nodes(schema, path)]
        assert any(text in said for said in found), f"{path}: {found!r}"
    for path, kind in row.formats.items():
        assert kind in [node.get("format") for node in nodes(schema, path)], path
    for path, value in row.defaults.items():
        found = [node["default"] for node in nodes(schema, path) if "default" in node]
        assert any(same(one, value) for one in found), f"{path}: {found!r}"


@every
def test_the_description_is_the_text_before_the_sections(row: Row) -> None:
    description = declared(row).to_dict()["description"]
    assert description.strip()
    assert row.summary in description
    for text in row.summary_not:
        assert text not in description


@every
def test_the_body_receives_exactly_the_annotated_objects(row: Row) -> None:
    with session(row) as tools:
        for args, want in (*row.runs, *row.coerced):
            for _ in range(2):  # the second run takes the compiled way
                take_seen()
                result = tools.execute("probe", json.loads(json.dumps(args)))
                assert result.ok, f"{args!r}: {result.error!r} {result.error.details!r}"
                _check(row, args, result, want)


def _check(row: Row, args: Any, result: altar.ToolResult, want: Any) -> None:
    json.dumps(result.content, allow_nan=False).encode("utf-8")
    seen = take_seen()
    if row.content is not UNSET:
        assert result.content == row.content
    if want is not None:
        assert len(seen) == 1, f"{args!r}: the body ran {len(seen)} times"
        assert same(seen[0], want), f"{args!r}: received {seen[0]!r}, wanted {want!r}"


@every
def test_the_async_way_gives_the_body_the_same_objects(row: Row) -> None:
    async def main() -> None:
        async with session(row) as tools:
            for args, want in row.runs[:2]:
                take_seen()
                result = await tools.aexecute("probe", json.loads(json.dumps(args)))
                assert result.ok, f"{args!r}: {result.error!r}"
                _check(row, args, result, want)
            for args in row.bad[:2]:
                result = await tools.aexecute("probe", args)
                assert not result.ok
                assert not take_seen()

    asyncio.run(main())


@every
def test_no_bad_argument_reaches_the_body(row: Row) -> None:
    with session(row) as tools:
        for args in (*row.bad, *row.wrong):
            for _ in range(2):
                take_seen()
                result = tools.execute("probe", args)
                assert not result.ok, f"{args!r} was taken as {take_seen()!r}"
                assert not take_seen(), f"{args!r} reached the body"
                assert result.error is not None
                assert result.error.type == "PARAMETER_VALIDATION_FAILED"
                assert "secret" not in json.dumps(result.to_dict(), allow_nan=False)


@coercing
def test_coercions_are_told(row: Row) -> None:
    with session(row) as tools:
        for args, _ in row.coerced:
            result = tools.execute("probe", args)
            told = (result.metadata or {}).get("coercions")
            assert told or args == {"x": 3.0}, f"{args!r}: {result.metadata!r}"
            take_seen()


@coercing
def test_strict_mode_refuses_coercions(row: Row) -> None:
    strict = altar.tool(strict=True)(row.fn)
    try:
        with altar.Session(tools={"probe": strict}) as tools:
            for args, _ in row.coerced:
                if args == {"x": 3.0}:
                    continue  # JSON has one kind of number
                result = tools.execute("probe", args)
                assert not result.ok, f"{args!r} was taken as {take_seen()!r}"
    finally:
        delattr(row.fn, MARK_ATTRIBUTE)


@every
def test_every_dialect_is_sound(row: Row) -> None:
    declaration = declared(row)
    full = declaration.to_dict(dialect="json-schema")
    assert list(full) == ["name", "description", "parameters"]
    native = declaration.to_dict(dialect="adm")
    assert adm.Schema.from_dict(native["parameters"]) == adm.Schema.from_dict(full["parameters"])
    strict = declaration.to_dict(dialect="adm-1.0")
    assert adm_faults(strict["parameters"]) == []
    assert strict["parameters"]["type"] == "OBJECT"
    for loss in declaration.render("adm-1.0").losses:
        assert loss.path and loss.reason


def test_the_table_is_complete() -> None:
    table = [row for row in ROWS if row.table]
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert len(table) == TABLE_SIZE
    assert sum(row.hard for row in table) == TABLE_HARD
