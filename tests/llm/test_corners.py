"""The corners of the loop's parts: what each does with the input that hardly ever comes."""

from __future__ import annotations

from decimal import Decimal

import pytest

import altar
from altar.adm import (
    FunctionCall,
    FunctionDeclaration,
    Problem,
    Schema,
    ToolConfig,
    ToolContract,
    canonical_bytes,
)
from altar.adm._adm10 import _guess, _kind_among, render_adm10
from altar.adm._adopt import _adopt_schema
from altar.adm._diff import _declaration_changes
from altar.adm._fields import check_extensions
from altar.adm._flatten import _both, _both_types
from altar.adm._formats import _is_a_label
from altar.adm._keywords import subschemas
from altar.adm._uri import join_uri
from altar.cli._caret import _picture
from altar.cli._tools import _meaning, _object_in
from altar.errors import CanonicalError, InvalidDataError, UnsupportedError
from altar.llm import BaseProvider, Message, Text, ToolCall, ToolResultPart, Usage, prices
from altar.llm._calls import _kind, inner_call
from altar.llm._clean import sound_args
from altar.llm._failures import _clean
from altar.llm._fallback_answer import _without
from altar.llm._history import drop_orphans
from altar.llm._ranking import takes_null
from altar.llm._structured import _is_text, _takes_any_text
from altar.llm._tally import Tally
from altar.llm.openai_compatible import ChatDialect, ChatReader
from altar.testing import ScriptedProvider
from tests.llm.test_chat_wire import HOME, TOOLS, answered, asked, messages, result, sent


def test_an_answer_is_a_text_only_where_its_schema_says_so():
    text_or_null = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert [_is_text(one) for one in (True, {"enum": ["a"]}, text_or_null)] == [False, False, True]


def test_the_schema_true_takes_any_text_and_the_schema_false_none():
    assert _takes_any_text(True)
    assert not _takes_any_text(False)


def test_a_name_required_twice_is_written_once_in_adm_10():
    document = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "a"]}
    assert render_adm10(document).document["required"] == ["a"]


def test_a_whole_float_is_an_integer_where_only_integers_are_named():
    assert _kind_among(1.0, ["integer", "string"]) == "integer"
    assert _kind_among(1.5, ["integer", "string"]) == "number"


def test_a_schema_without_a_type_is_an_array_where_it_speaks_of_items():
    assert _guess({"minItems": 1}) == "array"


def test_a_reference_to_the_schema_true_adds_nothing():
    flat = render_adm10({"$defs": {"any": True}, "type": "string", "$ref": "#/$defs/any"})
    assert flat.document["type"].lower() == "string"
    assert flat.losses == ()


def test_a_number_that_may_be_an_integer_is_a_number():
    assert _both_types(["number", "integer"], ["integer", "number"]) == "number"


def test_nothing_passes_both_a_schema_and_false():
    assert _both(False, {"type": "string"}) is False
    assert _both({"type": "string"}, False) is False


@pytest.mark.parametrize(
    "document", [{"properties": {"\ud800": {}}}, {"const": {"\ud800": 1}}, {"$anchor": "\u00e9"}]
)
def test_a_schema_with_a_name_that_cannot_be_one_is_refused(document):
    with pytest.raises(InvalidDataError) as caught:
        Schema.from_dict(document)
    assert len(caught.value.problems) == 1


def test_a_choice_of_all_tools_drops_none_where_the_server_takes_no_choice():
    choice = ToolConfig(mode="ANY", allowed_function_names=tuple(tool.name for tool in TOOLS))
    dialect = ChatDialect(allowed_tools=False)
    body, notes = sent(asked(tools=TOOLS, tool_choice=choice), dialect)
    assert len(body["tools"]) == len(TOOLS)
    assert "tools" not in notes


def test_results_find_their_calls_in_any_order_and_keep_their_id_without_one():
    calls = [ToolCall("add", {}, id="a", wire_id="w1"), ToolCall("add", {}, id="b", wire_id="w2")]
    said = Message(role="assistant", parts=tuple(calls), origin=HOME)
    back = Message(role="user", parts=(result("b"), result("a"), result("z")))
    sent_back = [one for one in messages(Message.user("hi"), said, back) if one["role"] == "tool"]
    assert [one["tool_call_id"] for one in sent_back] == ["w2", "w1", "z"]


def test_the_usage_that_a_server_puts_in_the_choice_is_counted():
    reader = ChatReader(asked())
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    events = reader.feed({"choices": [{"index": 0, "delta": {"content": "a"}, "usage": usage}]})
    events += reader.feed({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    response = altar.llm.fold([*events, *reader.end()])
    assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 2)


def test_a_refusal_among_the_content_is_a_refusal():
    parts = answered({"content": [{"type": "refusal", "refusal": "no"}]}).message.parts
    assert [(type(part).__name__, part.text) for part in parts] == [("Refusal", "no")]


def test_a_thought_that_is_a_plain_text_is_read():
    parts = answered({"content": [{"type": "thinking", "thinking": "hm"}]}).message.parts
    assert [(type(part).__name__, part.text) for part in parts] == [("Thinking", "hm")]


@pytest.mark.parametrize("value", [{1: "a"}, {"a": object()}])
def test_what_is_no_json_has_no_canonical_form(value):
    with pytest.raises(CanonicalError):
        canonical_bytes(value)


def test_extensions_that_are_no_object_are_a_problem():
    (problem,) = check_extensions(["x"])
    assert problem.expected == "an object"


def test_a_description_that_utf8_cannot_write_is_refused_with_its_path():
    with pytest.raises(InvalidDataError) as caught:
        FunctionDeclaration.from_dict({"name": "a", "description": "\ud800"})
    assert "$.description" in [problem.path for problem in caught.value.problems]


def test_a_terminal_is_shown_the_picture_of_delete():
    assert [_picture(char) for char in ("\x7f", "\x1b", "a")] == ["\u2421", "\u241b", "a"]


def test_a_definition_that_refers_to_itself_describes_no_object():
    definitions = {"A": {"$ref": "#/$defs/A"}}
    assert _object_in({"$ref": "#/$defs/A"}, definitions)[0] == {}


def test_the_schema_true_has_no_meaning_to_show():
    assert _meaning(True) == ""


def test_a_call_whose_inner_arguments_are_a_list_is_no_call():
    assert inner_call(FunctionCall(name="call", args={"name": "x", "arguments": [1]})) is None


def test_the_kind_of_none_is_called_null():
    assert [_kind(one) for one in (None, 1.5, [])] == ["null", "a number", "an array"]


def test_a_schema_that_is_true_is_adopted_as_it_stands():
    noted: list[object] = []
    assert _adopt_schema(True, (), lambda *said: noted.append(said)) is True
    assert noted == []


def test_a_contract_keeps_a_list_of_declarations_as_a_tuple():
    contract = ToolContract(name="c", description="d", function_declarations=list(TOOLS))
    assert contract.function_declarations == TOOLS


def test_a_new_description_alone_is_a_change():
    old, new = (FunctionDeclaration(name="a", description=text) for text in ("one", "two"))
    assert [change.path for change in _declaration_changes("c", old, new)] == ["$.description"]


def test_a_label_without_its_prefix_is_no_ascii_form():
    assert not _is_a_label("example")


def test_the_schema_true_holds_no_others():
    assert list(subschemas(True)) == []


def test_a_problem_of_no_keyword_is_told_without_one():
    told = Problem("$", "a", "b").to_dict()
    assert told == {"path": "$", "expected": "a", "got": "b"}


def test_an_empty_reference_is_its_base():
    assert join_uri("http://a/b", "") == "http://a/b"


def test_names_of_arguments_that_utf8_cannot_write_are_cleaned():
    assert sound_args({"\u00e9": 1}) == {"\u00e9": 1}
    assert "\ud800" not in sound_args({"\ud800": 1})


def test_what_a_server_said_is_cut_where_it_is_too_deep():
    said: object = "end"
    for _ in range(100):
        said = [said]
    assert "..." in str(_clean(said))
    assert "end" not in str(_clean(said))


def test_a_message_keeps_its_text_when_its_orphaned_result_is_dropped():
    orphan = ToolResultPart(call_id="a", name="add", text="1")
    kept, dropped = drop_orphans([Message(role="user", parts=(orphan, Text("hi")))])
    assert (kept[0].parts, dropped) == ((Text("hi"),), 1)


def test_prices_are_found_after_more_names_than_are_remembered():
    table = prices()
    known = table.find("openai", "gpt-5.5")
    assert all(table.find("nobody", f"m{at}") is None for at in range(300))
    assert known is not None
    assert table.find("openai", "gpt-5.5") == known


def test_the_schema_true_does_not_ask_for_null():
    assert not takes_null(True)


def test_what_another_model_says_it_cost_is_what_it_cost():
    tally = Tally(ScriptedProvider([]), {})
    usage = Usage(input_tokens=1, cost=Decimal("0.5"))
    assert tally.count_other(usage, ScriptedProvider([])) == Decimal("0.5")


def test_a_provider_that_writes_no_form_has_no_stream():
    with pytest.raises(UnsupportedError, match="astream"):
        next(BaseProvider().stream(asked(), None))


def test_no_choice_stays_no_choice_without_the_answer():
    assert _without(None, "answer") is None
