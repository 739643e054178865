"""Nouns to JSON and back: tolerant of what is unknown, strict in what is written."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import (
    Blob,
    ErrorObject,
    FunctionCall,
    FunctionDeclaration,
    Problem,
    Schema,
    Tool,
    ToolConfig,
    ToolContract,
    ToolManifest,
    ToolResult,
    decode,
    encode,
    json_path,
)
from altar.errors import ConfigurationError, InvalidDataError
from tests.strategies import nouns as strategies

EVERY_NOUN = st.one_of(
    strategies.calls,
    strategies.results,
    strategies.errors,
    strategies.declarations,
    strategies.tools,
    strategies.configs,
    strategies.contracts,
    strategies.manifests,
    strategies.blobs,
)


@given(EVERY_NOUN)
def test_every_noun_survives_json_pickle_and_copy(noun):
    kind = type(noun)
    text = encode(noun)
    back = decode(kind, text)
    assert back == noun
    assert hash(back) == hash(noun)
    assert encode(back) == text
    assert decode(kind.__name__, json.loads(text)) == noun
    assert pickle.loads(pickle.dumps(noun)) == noun
    assert copy.deepcopy(noun) == noun
    assert noun != object()
    assert repr(noun).startswith(kind.__name__)


@given(
    EVERY_NOUN,
    st.dictionaries(st.sampled_from(["foo", "later", "_x", "X_a", "vendor"]), st.just([1])),
)
def test_unknown_unprefixed_fields_are_ignored(noun, unknown):
    assert decode(type(noun), {**noun.to_dict(), **unknown}) == noun


@given(strategies.calls | strategies.results | strategies.tools | strategies.manifests)
def test_prefixed_fields_are_kept_on_a_round_trip(noun):
    document = {**noun.to_dict(), "x_trace": {"id": [1]}, "vendor_acme": None}
    back = decode(type(noun), document)
    assert back.to_dict() == document
    assert back.extensions["x_trace"] == {"id": [1]}


@given(EVERY_NOUN)
def test_absent_optional_fields_are_omitted_never_null(noun):
    document = noun.to_dict()
    known = {name for name in document if not name.startswith(("x_", "vendor_"))}
    assert all(document[name] is not None for name in known - {"content"})


@given(EVERY_NOUN)
def test_nouns_are_frozen(noun):
    field = next(iter(noun.to_dict()))
    with pytest.raises(AttributeError):
        setattr(noun, field, 1)
    with pytest.raises((AttributeError, TypeError)):
        delattr(noun, field)


@pytest.mark.parametrize(
    "kind",
    [
        Blob,
        FunctionCall,
        FunctionDeclaration,
        Tool,
        ToolConfig,
        ToolContract,
        ToolManifest,
        ToolResult,
    ],
)
@pytest.mark.parametrize("document", [[], "text", 5, None, True])
def test_what_is_no_object_is_refused(kind, document):
    with pytest.raises(InvalidDataError) as caught:
        kind.from_dict(document)
    assert caught.value.problems[0].path == "$"


@given(
    st.sampled_from(
        [
            "FunctionCall",
            "ToolResult",
            "ToolManifest",
            "FunctionDeclaration",
            "Tool",
            "ToolConfig",
            "Blob",
            "ErrorObject",
            "ToolContract",
        ]
    ),
    strategies.json_objects(),
)
def test_any_object_is_read_or_refused_with_problems(kind, document):
    fields = [
        "name",
        "args",
        "content",
        "error",
        "status",
        "contracts",
        "function_declarations",
        "mode",
        "manifest_version",
        "parameters",
        "description",
        "mime",
        "data",
    ]
    mixed = {**document, **dict(zip(fields, document.values(), strict=False))}
    try:
        decode(kind, mixed)
    except InvalidDataError as error:
        assert error.problems
        str(error).encode()


def test_decode_names_the_nouns_when_asked_for_another():
    for kind in ("Call", int, type("FunctionCall", (), {})):
        with pytest.raises(ConfigurationError, match="use one of Blob, ErrorObject, FunctionCall"):
            decode(kind, {})
    assert decode(Schema, '{"type": "STRING"}') == Schema(type="string")


def test_encode_refuses_what_json_cannot_say_and_names_the_place():
    with pytest.raises(InvalidDataError, match=r"\$\.args\.a\[0\]: expected a finite number"):
        encode(FunctionCall(name="f", args={"a": [float("nan")]}))
    assert encode(FunctionCall(name="f", call_id="1"), indent=1).startswith('{\n "call_id": "1"')


def test_a_blob_reads_only_base64():
    assert Blob.from_dict({"mime": "a/b", "data": "aGk="}).data == b"hi"
    for data in ("aGk", "?", "ü", None, 5):
        with pytest.raises(InvalidDataError, match=r"\$\.data"):
            Blob.from_dict({"mime": "a/b", "data": data})


def test_a_blob_needs_a_media_type_and_bytes_and_says_both_at_once():
    with pytest.raises(InvalidDataError) as caught:
        Blob("png", "text")
    assert [problem.path for problem in caught.value.problems] == ["$.mime", "$.data"]
    assert repr(Blob("image/png", bytearray(b"123"))) == "Blob('image/png', 3 bytes)"


def test_a_path_is_printable_whatever_the_names_are():
    assert json_path(["a", 0, "b c", "it's", "\ud800", "l\n"]) == (
        "$.a[0]['b c']['it\\'s']['\\ud800']['l\\u000a']"
    )


def test_problems_compare_by_what_they_say():
    problem = Problem("$.a", "a string", "int 1", keyword="type", nearest="b")
    assert problem == Problem("$.a", "a string", "int 1", keyword="type", nearest="b")
    assert problem != Problem("$.a", "a string", "int 1", keyword="type")
    assert problem != "text"
    assert str(problem) == "$.a: expected a string, got int 1; did you mean 'b'?"
    assert hash(problem) == hash(copy.copy(problem))
    assert problem.to_dict() == {
        "path": "$.a",
        "expected": "a string",
        "got": "int 1",
        "keyword": "type",
        "nearest": "b",
    }


def test_an_error_object_says_every_fault_at_once():
    with pytest.raises(InvalidDataError) as caught:
        ErrorObject(
            message=" ",
            type="",
            details=[],
            retry_allowed=1,
            retry_after_ms=True,
            remediation_steps="no",
            correlation_id=5,
        )
    assert [problem.path for problem in caught.value.problems] == [
        "$.message",
        "$.type",
        "$.details",
        "$.retry_allowed",
        "$.retry_after_ms",
        "$.remediation_steps",
        "$.correlation_id",
    ]


def _deep():
    value = None
    for _ in range(100_000):
        value = {"again": value}
    return value


def _cycle():
    value = []
    value.append(value)
    return value


HOSTILE = [_deep(), _cycle(), ["x"] * 1_000_000, 10**5000, {"k" * 1_000_000: 1}]


@pytest.mark.parametrize(
    "kind",
    [
        noun.__name__
        for noun in (
            ErrorObject,
            FunctionCall,
            FunctionDeclaration,
            Schema,
            Tool,
            ToolConfig,
            ToolContract,
            ToolManifest,
            ToolResult,
        )
    ],
)
@pytest.mark.parametrize("field", ["name", "description", "message", "args", "parameters", "mode"])
@pytest.mark.parametrize("value", HOSTILE, ids=["deep", "cycle", "wide", "big", "long key"])
def test_fields_of_a_hostile_shape_are_invalid_data(kind, field, value):
    doc = {"name": "x", "description": "d", "status": "SUCCESS", field: value}
    try:
        decode(kind, doc)
    except InvalidDataError as error:
        assert len(str(error)) < 20_000
