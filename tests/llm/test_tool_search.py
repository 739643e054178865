"""Tools on demand: two declarations instead of all, and every rule of a call holds for both."""

from __future__ import annotations

import asyncio
import json
from typing import Literal

import pytest

import altar
from altar.adm import FunctionCall, FunctionDeclaration, ToolConfig
from altar.errors import ConfigurationError
from altar.llm import (
    Capabilities,
    Limits,
    Options,
    Pending,
    Text,
    ToolCall,
    ToolSearch,
    check_history,
)
from altar.llm._shelf import Shelf
from altar.testing import ScriptedProvider


def get_weather(city: str) -> str:
    """Current weather for a city.

    Args:
        city: Name of the city.
    """
    return f"{city}: sunny"


def send_invoice(customer: str, amount: int = 1) -> str:
    """Send an invoice to a customer."""
    return f"{customer} owes {amount}"


def cancel_order(number: int) -> str:
    """Cancel an order that was placed."""
    return f"{number} is gone"


TOOLS = [get_weather, send_invoice, cancel_order]
ON = Options(tool_search=ToolSearch())


def ask(*replies, options=ON, tools=TOOLS, can=None, **given):
    """A run whose history can be sent, the same in every driver; its reply, its requests."""

    def fresh():
        return ScriptedProvider(replies, capabilities=can)

    model = fresh()
    reply = altar.generate("go", model=model, tools=tools, options=options, **given)
    model.finished()
    check_history(reply.messages)
    asked = {"tools": tools, "options": options, **given}
    events = list(altar.stream("go", model=fresh(), **asked))

    async def collect():
        return [event async for event in altar.astream("go", model=fresh(), **asked)]

    later = asyncio.run(collect())
    assert [event.kind for event in later] == [event.kind for event in events]
    for other in (events[-1].reply, later[-1].reply):
        assert other.finish == reply.finish
        assert [r.result.content for r in other.calls] == [r.result.content for r in reply.calls]
    return reply, model.requests


def search(query):
    return ToolCall("search_tools", {"query": query})


def call(name, arguments=None, **more):
    return ToolCall("call_tool", {"name": name, "arguments": arguments, **more}, wire_id="w1")


def names(request):
    return [one.name for one in request.tools]


def error_of(reply, index=0):
    return reply.calls[index].result.error


def test_a_model_searches_and_calls_what_it_found():
    reply, requests = ask(search("weather in a city"), call("get_weather", {"city": "Oslo"}), "ok")
    assert [names(request) for request in requests] == [["search_tools", "call_tool"]] * 3
    found, ran = reply.calls
    (tool,) = found.result.content["tools"]
    assert tool["name"] == "get_weather"
    assert tool["parameters"]["properties"]["city"]["description"] == "Name of the city."
    assert (ran.call.name, ran.call.args) == ("get_weather", {"city": "Oslo"})
    assert ran.result.content == "Oslo: sunny"
    assert reply.adaptations == ()


def test_what_a_model_wrote_goes_back_as_it_wrote_it():
    reply, _ = ask(call("get_weather", {"city": "Oslo"}), "ok")
    _, said, told, _ = reply.messages
    assert (said.parts[0].name, said.parts[0].wire_id) == ("call_tool", "w1")
    assert said.parts[0].args == {"name": "get_weather", "arguments": {"city": "Oslo"}}
    assert (told.parts[0].name, told.parts[0].value) == ("call_tool", "Oslo: sunny")


def test_the_events_tell_the_tool_that_runs():
    model = ScriptedProvider([call("get_weather", {"city": "Oslo"}), "ok"])
    events = list(altar.stream("go", model=model, tools=TOOLS, options=ON))
    told = [event.call.name for event in events if event.kind in ("tool_call", "tool_result")]
    assert told == ["get_weather", "get_weather"]


@pytest.mark.parametrize(
    "arguments", ['{"city": "Oslo"}', "{'city': 'Oslo',}"], ids=["text", "broken text"]
)
def test_arguments_may_come_as_text(arguments):
    reply, _ = ask(call("get_weather", arguments), "ok")
    assert reply.calls[0].result.content == "Oslo: sunny"
    assert len(reply.adaptations) == (0 if arguments[1] == '"' else 1)


def test_the_whole_call_may_come_as_broken_text():
    text = "{'name': 'get_weather', 'arguments': {'city': 'Oslo'},}"
    reply, _ = ask(ToolCall("call_tool", raw_args=text), "ok")
    assert reply.calls[0].result.content == "Oslo: sunny"
    assert reply.messages[1].parts[0].args["arguments"] == {"city": "Oslo"}


def test_a_tool_without_parameters_needs_no_arguments():
    def now() -> int:
        """What time it is."""
        return 7

    reply, _ = ask(ToolCall("call_tool", {"name": "now"}), call("now"), "ok", tools=[now])
    assert [record.result.content for record in reply.calls] == [7, 7]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (call("get_wether", {"city": "Oslo"}), "Did you mean 'get_weather'?"),
        (call("get_weather", {"town": "Oslo"}), "town"),
        (call("get_weather", [1]), "must be a JSON object"),
        (call("get_weather", "{"), "not valid JSON"),
        (call("", {}), "'search_tools' finds tools"),
        (call(3, {}), "'search_tools' finds tools"),
        (search(""), "needs a 'query'"),
        (search(None), "needs a 'query'"),
        (ToolCall("search_tools", raw_args="{"), "not valid JSON"),
    ],
)
def test_a_bad_call_is_told_what_is_wrong(given, said):
    reply, _ = ask(given, "ok")
    assert said in error_of(reply).message
    assert reply.finish == "stop"


def test_errors_bear_the_real_name():
    reply, _ = ask(call("get_weather", {}), "ok")
    assert reply.calls[0].call.name == reply.calls[0].result.name == "get_weather"


def test_a_tool_that_was_not_found_first_may_be_called_directly():
    reply, _ = ask(ToolCall("get_weather", {"city": "Oslo"}), "ok")
    assert reply.calls[0].result.content == "Oslo: sunny"
    reply, _ = ask(ToolCall("get_weather", raw_args="{'city': 'Oslo',}"), "ok")
    assert reply.calls[0].result.content == "Oslo: sunny"


def test_a_search_may_go_through_call_tool():
    reply, _ = ask(call("search_tools", {"query": "invoice"}), "ok")
    assert [tool["name"] for tool in reply.calls[0].result.content["tools"]] == ["send_invoice"]


def test_a_search_for_a_name_finds_it_and_one_for_nothing_says_so():
    reply, _ = ask(search(" cancel_order "), search("xylophone"), "ok")
    assert reply.calls[0].result.content["tools"][0]["name"] == "cancel_order"
    assert reply.calls[1].result.content["tools"] == []
    assert "other words" in reply.calls[1].result.content["note"]


def test_a_search_finds_so_many_at_most():
    tools = {f"order_{index}": cancel_order for index in range(9)}
    options = Options(tool_search=ToolSearch(limit=3))
    reply, _ = ask(search("order"), "ok", tools=tools, options=options)
    assert len(reply.calls[0].result.content["tools"]) == 3


def test_what_a_search_finds_is_no_more_than_a_result_holds():
    def pick(value: Literal[tuple(f"value {i:06d}" for i in range(9000))]) -> str:  # type: ignore[valid-type]
        """Pick a value."""
        return value

    reply, _ = ask(
        ToolCall("search_tools", {"query": "pick value invoice"}), "x", tools=[*TOOLS, pick]
    )
    assert len(reply.messages[2].parts[0].text) <= 64 * 1024
    found = {one["name"]: one for one in reply.calls[0].result.content["tools"]}
    assert found["pick"]["parameters"]["names"] == ["value"]
    assert found["send_invoice"]["parameters"]["required"] == ["customer"]


def test_of_many_large_tools_those_that_have_room_are_told():
    many = [
        FunctionDeclaration(
            name=f"pick_{i}", description="Pick. " + "long " * 2000, parameters={"type": "object"}
        )
        for i in range(20)
    ]
    shelf = Shelf(tuple(many), ToolSearch(limit=20))
    content = shelf.results(FunctionCall(name="search_tools", args={"query": "pick"}), None).content
    assert len(json.dumps(content)) <= 64 * 1024
    sizes = [len(one["description"]) for one in content["tools"]]
    assert (max(sizes) > 10_000, min(sizes)) == (True, 400)
    assert content["note"].startswith(f"{20 - len(sizes)} more were found")


def test_what_the_application_does_to_a_result_changes_no_later_search():
    search = ToolCall("search_tools", {"query": "invoice"})
    agent = altar.Agent(model=ScriptedProvider([search, "x"] * 2), tools=TOOLS, options=ON)
    agent.run("q").calls[0].result.content["tools"][0]["parameters"]["required"] = "CHANGED"
    again = agent.run("q").calls[0].result.content
    assert again["tools"][0]["parameters"]["required"] == ["customer"]


def test_some_tools_are_always_told():
    options = Options(tool_search=ToolSearch(always=("cancel_order", "get_weather")))
    _, requests = ask("ok", options=options)
    assert names(requests[0]) == ["search_tools", "call_tool", "get_weather", "cancel_order"]
    with pytest.raises(ConfigurationError, match="nope.*the tools here are: get_weather"):
        ask("ok", options=Options(tool_search=ToolSearch(always=("nope",))))


def test_few_tools_are_told_as_they_are():
    _, requests = ask("ok", options=Options(tool_search=ToolSearch(above=3)))
    assert names(requests[0]) == ["get_weather", "send_invoice", "cancel_order"]
    _, requests = ask("ok", options=Options(tool_search=ToolSearch(above=2)))
    assert names(requests[0]) == ["search_tools", "call_tool"]
    _, requests = ask("ok", tools=[])
    assert names(requests[0]) == []


def test_more_tools_than_a_model_takes_are_searched_and_it_is_told():
    can = Capabilities(max_tools=2)
    reply, requests = ask(call("get_weather", {"city": "Oslo"}), "ok", options=None, can=can)
    assert names(requests[0]) == ["search_tools", "call_tool"]
    (note,) = reply.adaptations
    assert (note.what, "takes 2 tools, not 3" in note.why) == ("tools", True)
    reply, _ = ask("ok", options=None, can=Capabilities(max_tools=3))
    assert reply.adaptations == ()


def test_the_answer_of_a_typed_run_counts_as_a_tool_too():
    can = Capabilities(max_tools=3)
    final = ToolCall("final_answer", {"value": 3})
    reply, requests = ask(final, options=None, can=can, output=int)
    assert names(requests[0]) == ["search_tools", "call_tool", "final_answer"]
    assert reply.output == 3
    through = call("final_answer", {"value": 3})
    assert ask(through, options=None, can=can, output=int)[0].output == 3


def test_a_tool_of_the_same_name_keeps_it():
    def search_tools(word: str) -> str:
        """Search the garage."""
        return word

    reply, requests = ask(
        ToolCall("search_tools_2", {"query": "garage"}),
        ToolCall("search_tools", {"word": "saw"}),
        "ok",
        tools=[search_tools],
    )
    assert names(requests[0]) == ["search_tools_2", "call_tool"]
    assert reply.calls[0].result.content["tools"][0]["name"] == "search_tools"
    assert reply.calls[1].result.content == "saw"


def test_an_allow_list_holds_for_what_is_searched_and_what_is_called():
    choice = ToolConfig(mode="ANY", allowed_function_names=("get_weather",))
    options = Options(
        tool_search=ToolSearch(always=("get_weather", "cancel_order")), tool_choice=choice
    )
    reply, requests = ask(
        search("order invoice weather"),
        call("cancel_order", {"number": 1}),
        ToolCall("send_invoice", {"customer": "Ada"}),
        call("get_weather", {"city": "Oslo"}),
        "ok",
        options=options,
    )
    assert requests[0].tool_choice.allowed_function_names == (
        "search_tools",
        "call_tool",
        "get_weather",
    )
    assert [request.tool_choice.mode for request in requests[:2]] == ["ANY", "AUTO"]
    assert [tool["name"] for tool in reply.calls[0].result.content["tools"]] == ["get_weather"]
    assert [record.result.ok for record in reply.calls] == [True, False, False, True]
    assert error_of(reply, 1).type == error_of(reply, 2).type == "PERMISSION_DENIED"


def test_no_tool_is_found_where_none_may_be_called():
    options = Options(tool_search=ToolSearch(), tool_choice=ToolConfig(mode="NONE"))
    reply, _ = ask(search("weather"), call("get_weather", {"city": "Oslo"}), "ok", options=options)
    assert reply.calls[0].result.content["tools"] == []
    assert error_of(reply, 1).type == "PERMISSION_DENIED"


def test_repeats_are_counted_under_the_real_name():
    same = {"city": "Oslo"}
    reply, _ = ask(
        call("get_weather", same),
        ToolCall("get_weather", same),
        call("get_weather", '{"city": "Oslo"}'),
        "ok",
    )
    assert "call number 3 in a row of 'get_weather'" in error_of(reply, 2).message
    reply, _ = ask(*[search("weather")] * 4)
    assert reply.finish == "repeated_call"


def test_calls_are_limited_whichever_way_they_come():
    options = Options(tool_search=ToolSearch(), limits=Limits(calls=1))
    two = [call("get_weather", {"city": "Oslo"}), ToolCall("get_weather", {"city": "Bergen"})]
    reply, _ = ask(two, options=options)
    assert (reply.finish, [r.result.ok for r in reply.calls]) == ("max_calls", [True, False])


@altar.tool(approval=True)
def wire_money(amount: int) -> str:
    """Wire money."""
    return f"{amount} gone"


@pytest.mark.parametrize("arguments", [{"amount": 5}, '{"amount": 5}'], ids=["object", "text"])
def test_a_person_decides_on_the_call_that_is_meant(arguments):
    asked = []

    def approve(call):
        asked.append((call.name, call.args))
        return True

    options = Options(tool_search=ToolSearch(), approve=approve)
    model = ScriptedProvider([call("wire_money", arguments), "ok"])
    reply = altar.generate("go", model=model, tools=[wire_money], options=options)
    assert asked == [("wire_money", {"amount": 5})]
    assert reply.calls[0].result.content == "5 gone"


def test_a_run_that_waits_for_a_person_goes_on_in_another_process():
    model = ScriptedProvider([call("wire_money", {"amount": 5}), "ok"])
    asked = {"model": model, "tools": [wire_money], "options": ON}
    waiting = altar.generate("go", **asked)
    (open_call,) = waiting.pending.calls
    assert (open_call.name, open_call.args) == ("wire_money", {"amount": 5})
    stored = json.loads(json.dumps(waiting.pending.to_dict()))
    reply = altar.generate(Pending.from_dict(stored).approve(), **asked)
    assert (reply.text, reply.calls[0].result.content) == ("ok", "5 gone")
    assert reply.messages[1].parts[0].name == reply.messages[2].parts[0].name == "call_tool"
    check_history(reply.messages)
    stored["calls"][0]["args"]["amount"] = 6
    with pytest.raises(altar.errors.InvalidDataError, match="amount"):
        Pending.from_dict(stored)


def test_a_call_in_broken_text_is_put_to_a_person_as_it_was_repaired():
    model = ScriptedProvider([call("wire_money", "{'amount': 5,}")])
    reply = altar.generate("go", model=model, tools=[wire_money], options=ON)
    assert reply.finish == "pending_approval"
    assert [one.args for one in reply.pending.calls] == [{"amount": 5}]


def test_parallel_calls_and_searches_are_answered_in_order():
    reply, _ = ask(
        [Text("so"), call("get_weather", {"city": "Oslo"}), search("invoice"), call("nope", {})],
        "ok",
    )
    assert [record.call.name for record in reply.calls] == ["get_weather", "search_tools", "nope"]


def test_declarations_stay_the_same_through_a_conversation():
    model = ScriptedProvider(
        [search("weather"), call("get_weather", {"city": "Oslo"}), "ok", search("order"), "ok"]
    )
    with altar.Agent(model=model, tools=TOOLS, options=ON).chat() as chat:
        chat.send("a")
        chat.send("b")
    first = [one.wire() for one in model.requests[0].tools]
    assert all([one.wire() for one in request.tools] == first for request in model.requests)


@pytest.mark.parametrize(
    "bad",
    [{"limit": 0}, {"limit": 101}, {"above": -1}, {"always": "name"}, {"always": (1,)}],
    ids=str,
)
def test_a_search_that_cannot_work_is_refused(bad):
    with pytest.raises(ConfigurationError, match=r"ToolSearch\("):
        ToolSearch(**bad)


def test_a_search_of_another_kind_is_refused():
    with pytest.raises(ConfigurationError, match=r"ToolSearch\(\)"):
        Options(tool_search=True)
