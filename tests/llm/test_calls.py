"""What a model said is bounded and writable before anything is made of it."""

from __future__ import annotations

import json

import pytest

import altar
from altar.errors import ConfigurationError
from altar.llm import Text, ToolCall, dump_messages, load_messages
from altar.testing import ScriptedProvider


@pytest.mark.parametrize("shape", ["deep", "cyclic"])
def test_parsed_arguments_without_bound_answer_an_error_and_leave_the_history_whole(shape):
    args: dict = {}
    if shape == "cyclic":
        args["a"] = [args]
    else:
        inner: list = []
        for _ in range(900):
            inner = [inner]
        args["a"] = inner
    model = ScriptedProvider([ToolCall("t", args), "done"])
    reply = altar.generate("q", model=model, tools={"t": lambda a: a})
    assert reply.text == "done"
    assert reply.calls[0].result.error.type == "PARAMETER_VALIDATION_FAILED"
    json.dumps(dump_messages(reply.messages))


def test_what_utf8_cannot_write_never_reaches_the_history():
    model = ScriptedProvider(
        [
            [Text("x\ud800"), ToolCall("t\udfff", {"a\ud800": ["\ud83d\ude00"]})],
            [ToolCall("t", None, raw_args='{"a": "\ud800"}')],
            "done \ud800",
        ]
    )
    reply = altar.generate("q", model=model, tools={"t": lambda a: a})
    assert reply.text == "done \ufffd"
    assert [record.result.ok for record in reply.calls] == [False, False]
    json.dumps(dump_messages(reply.messages), ensure_ascii=False).encode()


def test_load_messages_names_the_form_it_takes():
    for wrong in (None, "[]", {"role": "user"}):
        with pytest.raises(ConfigurationError, match="dump_messages"):
            load_messages(wrong)


def test_a_prompt_that_utf8_cannot_write_is_refused_with_the_line_that_cleans_it():
    with pytest.raises(ConfigurationError, match="surrogatepass"):
        altar.generate("q\ud800", model=ScriptedProvider([]))
