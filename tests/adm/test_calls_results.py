"""Calls, results and their ids: what is checked, replaced, accepted and refused."""

from __future__ import annotations

import os
import signal
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import ErrorObject, FunctionCall, ResultStatus, ToolResult
from altar.adm._ids import is_call_id, new_call_id
from altar.errors import ErrorType, InvalidDataError, ToolCallError
from tests.strategies.nouns import json_objects
from tests.waiting import PATIENCE


def paths_of(make):
    with pytest.raises(InvalidDataError) as caught:
        make()
    return [problem.path for problem in caught.value.problems]


def test_a_call_says_every_wrong_field_at_once():
    assert paths_of(lambda: FunctionCall(name=5, args=[], call_id="ü", extensions={"y": 1})) == [
        "$.name",
        "$.args",
        "$.call_id",
        "$.y",
    ]


@given(st.text(max_size=40), json_objects())
def test_a_call_carries_any_name_a_model_may_say(name, args):
    try:
        name.encode()
    except UnicodeEncodeError:
        assert paths_of(lambda: FunctionCall.from_dict({"name": name})) == ["$.name"]
    else:
        call = FunctionCall.from_dict({"name": name, "args": args})
        assert (call.name, call.args) == (name, args)


@pytest.mark.parametrize("bad", ["", "ü", "a\n", "x" * 129, 5, None, ["id"]])
def test_an_id_that_breaks_the_rule_is_replaced_when_reading(bad):
    call = FunctionCall.from_dict({"name": "f", "call_id": bad})
    assert is_call_id(call.call_id)
    assert call.call_id == call.call_id != bad
    assert not call.supplied
    result = ToolResult.from_dict({"name": "f", "call_id": bad, "status": "SUCCESS"})
    assert is_call_id(result.call_id)


def test_a_legal_id_is_kept_and_counts_as_supplied():
    call = FunctionCall.from_dict({"name": "f", "args": {}, "call_id": "toolu_01 ~"})
    assert call.call_id == "toolu_01 ~"
    assert call.supplied
    assert not FunctionCall(name="f").supplied


def test_args_read_from_json_are_refused_where_they_are_no_json_of_ours():
    document = {"name": "f", "args": {"a": [float("inf"), 2**63], "b": {"\udc00": "\ud800"}}}
    assert paths_of(lambda: FunctionCall.from_dict(document)) == [
        "$.args.a[0]",
        "$.args.a[1]",
        "$.args.b['\\udc00']",
        "$.args.b['\\udc00']",
    ]
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    assert len(paths_of(lambda: FunctionCall.from_dict({"name": "f", "args": {"a": deep}}))) == 1
    assert paths_of(lambda: FunctionCall.from_dict({"args": "x"})) == ["$.name", "$.args"]


def test_a_result_holds_content_or_an_error():
    error = ErrorObject(message="no")
    assert paths_of(lambda: ToolResult(name="f", content=1, error=error)) == ["$"]
    wrong = {"name": 5, "call_id": "", "error": "no", "metadata": [], "extensions": {"q": 1}}
    assert paths_of(lambda: ToolResult(**wrong)) == [
        "$.name",
        "$.call_id",
        "$.error",
        "$.metadata",
        "$.q",
    ]
    success = ToolResult(name="f")
    assert (success.ok, success.status, success.content) == (True, ResultStatus.SUCCESS, None)
    assert success.to_dict()["content"] is None
    assert success.unwrap() is None


def test_unwrap_of_an_error_raises_from_the_tool_s_own_exception():
    result = ToolResult(name="f", error=ErrorObject(message="no", type=ErrorType.TIMEOUT))
    cause = ValueError("inside")
    object.__setattr__(result, "cause", cause)
    with pytest.raises(ToolCallError, match="f: TIMEOUT: no") as caught:
        result.unwrap()
    assert caught.value.__cause__ is cause
    assert caught.value.error is result.error


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"content": "boom", "is_error": True}, "boom"),
        (
            {"content": [{"type": "text", "text": "boom"}], "is_error": True},
            '[{"type":"text","text":"boom"}]',
        ),
        ({"is_error": True}, "the tool failed and gave no reason"),
        ({"content": " ", "is_error": True}, "the tool failed and gave no reason"),
        ({"name": "f", "status": "error", "error": "boom"}, "boom"),
        ({"name": "f", "error": {"message": "boom"}}, "boom"),
    ],
)
def test_errors_are_read_in_every_form_in_use(document, message):
    result = ToolResult.from_dict(document)
    assert result.status is ResultStatus.ERROR
    assert result.content is None
    assert (result.error.message, result.error.type) == (message, "TOOL_EXECUTION_FAILED")


@pytest.mark.parametrize(
    ("document", "content"),
    [
        ({"content": {"a": 1}, "is_error": False}, {"a": 1}),
        ({"name": "f", "content": [2**70], "status": "success"}, [2**70]),
        ({"name": "f", "status": "SUCCESS", "content": None, "error": None}, None),
        ({"name": "f", "content": None}, None),
    ],
)
def test_successes_are_read_in_every_form_in_use(document, content):
    result = ToolResult.from_dict(document)
    assert result.ok
    assert result.content == content


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"name": "f", "status": "ERROR"}, ["$.error"]),
        ({"name": "f", "status": "SUCCESS", "error": {"message": "x"}}, ["$.error"]),
        ({"name": "f", "status": "ERROR", "content": 1, "error": "x"}, ["$.content"]),
        ({"name": "f", "status": "MAYBE"}, ["$.status"]),
        ({"name": "f", "status": 1, "is_error": "yes"}, ["$.status", "$.is_error"]),
        ({"status": "SUCCESS"}, ["$.name"]),
        ({"name": "f", "content": float("nan")}, ["$.content"]),
        ({"name": "f", "error": {"message": "", "x_a": "\ud800"}}, ["$.error.x_a"]),
        (
            {"name": "f", "error": {"details": [], "retry_after_ms": True}},
            ["$.error.message", "$.error.details", "$.error.retry_after_ms"],
        ),
        ({"name": "f", "error": {"message": "x", "type": " "}}, ["$.error.type"]),
    ],
)
def test_a_result_that_contradicts_itself_is_refused_with_paths(document, paths):
    assert paths_of(lambda: ToolResult.from_dict(document)) == paths


def test_metadata_travels_as_an_extension():
    result = ToolResult(name="f", content=1, metadata={"notes": ["x"]}, extensions={"x_b": 2})
    document = result.to_dict()
    assert document["x_metadata"] == {"notes": ["x"]}
    back = ToolResult.from_dict(document)
    assert back.metadata == {"notes": ["x"]}
    assert back.extensions == {"x_b": 2}
    odd = ToolResult.from_dict({"name": "f", "content": 1, "x_metadata": "text"})
    assert (odd.metadata, odd.extensions) == (None, {"x_metadata": "text"})


def test_generated_ids_are_uuid4_in_form_and_never_repeat():
    made = [new_call_id() for _ in range(2000)]
    assert len(set(made)) == len(made)
    for text in made[:300]:
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_threads_never_share_an_id():
    made: list[list[str]] = [[] for _ in range(8)]

    def work(into):
        into.extend(new_call_id() for _ in range(500))

    threads = [threading.Thread(target=work, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({text for into in made for text in into}) == 4000


def test_threads_that_read_a_call_s_id_first_see_one():
    for noun in (FunctionCall(name="f"), ToolResult(name="f")):
        seen: list[str] = []
        threads = [threading.Thread(target=lambda: seen.append(noun.call_id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(seen)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_never_hands_out_its_parent_s_ids():
    new_call_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(int(PATIENCE))  # whatever keeps it, its parent waits no longer
        os.write(writer, "".join(new_call_id() for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    text = os.read(reader, 50 * 36).decode()
    os.close(reader)
    theirs = {text[at : at + 36] for at in range(0, len(text), 36)}
    assert len(theirs) == 50
    assert not theirs & {new_call_id() for _ in range(300)}


@pytest.mark.parametrize("doc", [{"name": "x"}, {"name": "x", "eror": {"message": "boom"}}])
def test_a_result_without_any_outcome_is_refused(doc):
    with pytest.raises(InvalidDataError, match="a status, content or an error"):
        ToolResult.from_dict(doc)


def test_a_result_may_say_its_outcome_in_any_of_its_fields():
    assert ToolResult.from_dict({"name": "x", "content": None}).ok
    assert ToolResult.from_dict({"name": "x", "status": "SUCCESS"}).ok
    assert not ToolResult.from_dict({"content": "no", "is_error": True}).ok
