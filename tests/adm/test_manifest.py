"""Contracts and manifests: their rules, files and digests, and what a diff says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from altar.adm import (
    MANIFEST_VERSION,
    FunctionDeclaration,
    Schema,
    ToolContract,
    ToolManifest,
    digest,
)
from altar.adm._compare import compare_schemas
from altar.errors import InvalidDataError
from tests.strategies import nouns as strategies


def function(name="f", properties=None, required=(), **more):
    parameters = {"properties": properties or {}, "required": list(required)}
    return FunctionDeclaration(name=name, description="d", parameters=parameters, **more)


def contract(*functions, name="c", version="1.0.0", **more):
    fields = {"description": "d", "function_declarations": functions or (function(),)}
    return ToolContract(name=name, version=version, **{**fields, **more})


def manifest(*contracts, **more):
    return ToolManifest(contracts=contracts or (contract(),), **more)


def problems_of(make):
    with pytest.raises(InvalidDataError) as caught:
        make()
    return [problem.path for problem in caught.value.problems]


def test_every_problem_of_a_contract_is_told_at_once():
    wrong = {"name": "a b", "version": "1", "description": "", "extensions": {"q": 1}}
    assert problems_of(lambda: contract(function(), function(), **wrong)) == [
        "$.name",
        "$.description",
        "$.version",
        "$.function_declarations[1].name",
        "$.q",
    ]
    assert contract(version="2.0.1-rc.1+b5").major == 2
    assert problems_of(lambda: contract(version="01.0.0")) == ["$.version"]


def test_every_problem_of_a_manifest_is_told_at_once():
    wrong = {"manifest_version": "1", "global_metadata": {"": "x", "a": 1}, "extensions": {"q": 1}}
    assert problems_of(lambda: ToolManifest(contracts=[contract(), contract(), 5], **wrong)) == [
        "$.manifest_version",
        "$.contracts[1].name",
        "$.contracts[2]",
        "$.global_metadata",
        "$.global_metadata.a",
        "$.q",
    ]
    assert problems_of(lambda: ToolManifest(contracts=[])) == ["$.contracts"]
    assert problems_of(lambda: ToolManifest(contracts=None, global_metadata=5)) == [
        "$.contracts",
        "$.global_metadata",
    ]
    assert problems_of(lambda: manifest(global_metadata={"a": float("nan")})) == [
        "$.global_metadata.a"
    ]


def test_integers_that_canonical_json_would_merge_are_refused_in_manifests():
    big = function(properties={"a": {"type": "integer", "maximum": 2**53}})
    where = "$.function_declarations[0].parameters.properties.a.maximum"
    assert problems_of(lambda: contract(big)) == [where]
    document = {**manifest().to_dict()}
    document["contracts"] = [{**document["contracts"][0], "function_declarations": [big.to_dict()]}]
    assert problems_of(lambda: ToolManifest.from_dict(document)) == ["$.contracts[0]" + where[1:]]
    assert problems_of(lambda: manifest(extensions={"x_sequence": 2**60})) == ["$.x_sequence"]


def test_a_later_minor_version_of_the_format_is_read_and_another_major_one_refused():
    document = manifest().to_dict()
    read = ToolManifest.from_dict({**document, "manifest_version": "1.7.2", "new_field": {}})
    assert read.manifest_version == "1.7.2"
    for version in ("2.0.0", "0.9.0", "1.0", 1, None):
        assert problems_of(
            lambda: ToolManifest.from_dict({**document, "manifest_version": version})
        ) == ["$.manifest_version"]  # noqa: B023
    assert MANIFEST_VERSION == "1.0.0"


def test_a_contract_without_a_version_is_the_first():
    document = contract().to_dict()
    del document["version"]
    assert ToolContract.from_dict(document).version == "1.0.0"
    assert problems_of(lambda: ToolContract.from_dict({})) == [
        "$.name",
        "$.description",
        "$.function_declarations",
    ]


@given(strategies.manifests)
def test_a_manifest_survives_its_text_and_keeps_its_digest(made):
    text = made.dumps()
    back = ToolManifest.loads(text)
    assert back == made
    assert back.dumps() == text
    assert back.digest == made.digest == digest(json.loads(text))
    assert not made.diff(back)
    assert [back.get(item.name) for item in made.contracts] == list(made.contracts)


def test_a_manifest_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "tools.json"
    manifest().write(path)
    assert ToolManifest.read(path) == manifest()
    assert path.read_bytes().endswith(b"}\n")
    before = path.read_bytes()
    broken = manifest(global_metadata={"a": "b"})
    broken.global_metadata["a"] = float("nan")
    with pytest.raises(InvalidDataError):
        broken.write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    path.write_text('{"manifest_version": "1.0.0", "manifest_version": "1.0.0"}')
    with pytest.raises(InvalidDataError, match="each name once"):
        ToolManifest.read(path)


def test_a_diff_names_contracts_and_declarations_added_removed_and_changed():
    old = manifest(contract(function("a"), function("b")), contract(name="gone"))
    new = manifest(
        contract(function("a", {"x": {}}), function("n"), version="1.1.0", description="new"),
        contract(name="fresh"),
    )
    found = old.diff(new)
    assert [(c.kind, c.contract, c.declaration, c.path, c.breaking) for c in found.changes] == [
        ("changed", "c", "", "$.version", False),
        ("changed", "c", "", "$.description", False),
        ("added", "c", "a", "$.parameters.properties.x", False),
        ("removed", "c", "b", "$", True),
        ("added", "c", "n", "$", False),
        ("removed", "gone", "", "$", True),
        ("added", "fresh", "", "$", False),
    ]
    assert found
    assert [change.declaration or change.contract for change in found.breaking] == ["b", "gone"]
    assert found.under_versioned == ("c",)
    assert found.to_dict()["breaking"] is True
    assert "c.b: removed (breaking)" in str(found).splitlines()
    assert "c $.version: '1.0.0' -> '1.1.0'" in str(found).splitlines()
    assert str(old.diff(old)) == "no changes"


def test_a_break_under_a_new_major_version_is_as_it_should_be():
    old, new = contract(function("a")), contract(function("b"), version="2.0.0")
    assert manifest(old).diff(manifest(new)).under_versioned == ()


@pytest.mark.parametrize(
    ("old", "new", "breaking"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}, False),
        ({"type": "integer"}, {"type": "number"}, False),
        ({"type": "number"}, {"type": "integer"}, True),
        ({"type": "string"}, {}, False),
        ({}, {"type": "string"}, True),
        ({"enum": ["a"]}, {"enum": ["b", "a"]}, False),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, True),
        ({}, {"enum": ["a"]}, True),
        ({"enum": ["a"]}, {}, False),
        ({"maximum": 5}, {"maximum": 6}, False),
        ({"maximum": 5}, {"maximum": 4}, True),
        ({}, {"maxLength": 4}, True),
        ({"maxLength": 4}, {}, False),
        ({"minItems": 2}, {"minItems": 1}, False),
        ({"minItems": 1}, {"minItems": 2}, True),
        ({"description": "a"}, {"description": "b", "default": 1, "x_a": 1}, False),
        ({"pattern": "a"}, {}, False),
        ({"pattern": "a"}, {"pattern": "b"}, True),
        ({"items": {"type": "string"}}, {"items": {"type": "integer"}}, True),
        ({"items": {"type": "string"}}, {"items": True}, False),
        ({"items": True}, {"items": {"type": "string"}}, True),
        ({"properties": {"a": {}}}, {"properties": {}}, True),
        ({"properties": {}}, {"properties": {"a": {"type": "string"}}}, False),
        ({"required": ["a"]}, {"required": []}, False),
        ({"required": ["a"]}, {"required": ["a", "b"]}, True),
        ({"additionalProperties": False}, {"additionalProperties": True}, False),
        ({}, {"additionalProperties": False}, True),
        ({"uniqueItems": True}, {"uniqueItems": False}, False),
        ({}, {"uniqueItems": True}, True),
        ({"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}]}, True),
        ({"oneOf": [{"type": "string"}]}, {"oneOf": [{"type": "string"}, {}]}, True),
        ({"const": 1}, {"const": True}, True),
        ({"patternProperties": {}}, {"patternProperties": {"a": {}}}, True),
        (True, {}, False),
        (False, {"type": "string"}, False),
        (True, False, True),
        ({"type": "string"}, {"type": "string"}, None),
    ],
)
def test_a_schema_change_breaks_callers_when_it_may_refuse_what_was_accepted(old, new, breaking):
    found = compare_schemas(old, new)
    if breaking is None:
        assert found == []
    else:
        assert any(change[3] for change in found) is breaking
        assert Schema.from_dict(old) != Schema.from_dict(new)


@given(strategies.schemas, strategies.schemas, strategies.json_values())
def test_whatever_the_old_schema_took_the_new_one_takes_unless_a_break_is_told(old, new, value):
    if any(change[3] for change in compare_schemas(old, new)):
        return
    if not Schema.from_dict(old).check(value):
        assert not Schema.from_dict(new).check(value)


@pytest.mark.parametrize(
    ("old", "new", "breaking"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}, True),
        ({"type": ["string", "null"]}, {"type": "string"}, False),
        ({"properties": {"a": {}}}, {"properties": {"a": {}, "b": {}}}, False),
        ({"properties": {"a": {}}, "required": ["a"]}, {"properties": {}}, True),
        ({"type": "string"}, None, True),
        (None, {"type": "string"}, False),
    ],
)
def test_a_change_of_the_result_breaks_callers_when_it_promises_less(old, new, breaking):
    def with_returns(schema):
        return manifest(contract(function(extensions={"x_returns": schema} if schema else None)))

    found = with_returns(old).diff(with_returns(new))
    assert found
    assert bool(found.breaking) is breaking
