"""What trips a fresh user is told before it costs anything, with what to type instead."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module
from threading import Event, get_ident
from typing import Any

import pytest

import altar
from altar.errors import ConfigurationError
from altar.llm import (
    Clock,
    Limits,
    Options,
    Price,
    Retry,
    ToolCall,
    check_history,
    dump_messages,
)
from altar.runtime import Cancellation
from altar.testing import FunctionProvider, ScriptedProvider

PATIENCE = 10.0  # of a test that would hang for ever


@altar.tool(approval=True)
def pay_out(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


def paused(*replies):
    model = ScriptedProvider([ToolCall("pay_out", {"amount": 7}), *replies])
    return model, altar.generate("Pay 7.", model=model, tools=[pay_out]).pending


def test_an_approval_is_not_spent_where_the_tool_was_forgotten():
    model, pending = paused("done")
    with pytest.raises(ConfigurationError, match=r"'pay_out'.*tools=\[pay_out\]"):
        altar.generate(pending.approve(), model=model)
    with pytest.raises(ConfigurationError, match="'pay_out'"):
        altar.generate(pending, model=model)
    assert len(model.requests) == 1
    reply = altar.generate(pending.approve(), model=model, tools=[pay_out])
    assert [record.result.content for record in reply.calls] == ["paid 7"]


def test_a_denied_call_needs_no_tool():
    model, pending = paused("so be it")
    assert altar.generate(pending.deny(), model=model).text == "so be it"


@pytest.mark.parametrize("many", [1, 2])
@pytest.mark.parametrize(
    "way", [altar.generate, lambda *a, **k: list(altar.stream(*a, **k))[-1].reply]
)
def test_a_raised_flag_leaves_a_sync_tool_that_does_not_listen(way, many):
    flag, ended = Cancellation(), Event()

    @altar.tool
    def dig(hole: int) -> str:
        """Dig."""
        flag.cancel("enough")
        ended.wait(PATIENCE)
        return "dug"

    model = ScriptedProvider([[ToolCall("dig", {"hole": n}) for n in range(many)], "done"])
    try:
        reply = way("Dig.", model=model, tools=[dig], options=Options(cancel=flag))
        assert not ended.is_set()
    finally:
        ended.set()
    assert (reply.finish, reply.detail) == ("cancelled", "enough")
    assert {record.result.error.type for record in reply.calls} == {"CANCELLED"}


def test_a_tool_hears_of_the_flag_and_an_inline_one_stays_in_its_thread():
    flag, heard = Cancellation(), Event()
    threads = []

    @altar.tool
    def listen(context: altar.Context) -> None:
        """Listen."""
        flag.cancel()
        while not context.cancelled:
            pass
        heard.set()

    @altar.tool(inline=True)
    def quick() -> None:
        """Be quick."""
        threads.append(get_ident())

    model = ScriptedProvider([ToolCall("quick", {}), ToolCall("listen", {}), "done"])
    reply = altar.generate("?", model=model, tools=[listen, quick], options=Options(cancel=flag))
    assert reply.finish == "cancelled"
    assert heard.wait(PATIENCE)
    assert threads == [get_ident()]


@pytest.mark.parametrize("stored", [list, dump_messages, tuple])
def test_a_chat_goes_on_from_a_history(stored):
    with altar.Agent(model=ScriptedProvider(["Hello Ada."])).chat() as chat:
        chat.send("I am Ada.")
    before = chat.messages
    model = ScriptedProvider(["You are Ada."])
    with altar.Agent(model=model).chat(history=stored(before)) as chat:
        assert chat.messages == before
        chat.send("Who am I?")
    assert model.requests[0].messages[:2] == before
    assert len(chat.messages) == 4


def test_a_history_with_open_calls_can_be_gone_on_from():
    _, pending = paused()
    with altar.Agent(model=ScriptedProvider(["fine"])).chat(history=pending.messages) as chat:
        assert chat.send("Leave it.").text == "fine"
    check_history(chat.messages)


@pytest.mark.parametrize("history", ["hello", ["hello"], 7, [None], {"a": 1}])
def test_what_is_no_history_is_refused_with_what_to_type(history):
    with pytest.raises(ConfigurationError):
        altar.Agent(model=ScriptedProvider([])).chat(history=history)


def refusal(act):
    with pytest.raises(ConfigurationError) as caught:
        act()
    return str(caught.value)


def test_a_reason_in_the_place_of_an_id_is_told_where_it_goes():
    _, pending = paused()
    assert "a reason goes as reason=" in refusal(lambda: pending.deny("the only copy"))
    assert "reason=" not in refusal(lambda: pending.approve("the only copy"))


@pytest.mark.parametrize("stored", [dict, json.dumps])
def test_a_stored_pending_is_no_prompt(stored):
    _, pending = paused()
    said = refusal(lambda: altar.generate(stored(pending.to_dict()), model=ScriptedProvider([])))
    assert "Pending.from_dict(" in said


def test_a_text_that_only_looks_like_one_is_a_prompt():
    for text in ('{"trace_id": ', '{"trace_id": 1}', "{}"):
        assert altar.generate(text, model=ScriptedProvider(["ok"])).text == "ok"


def test_an_empty_text_is_refused_as_an_empty_list_is():
    empty = refusal(lambda: altar.generate([], model=ScriptedProvider([])))
    assert refusal(lambda: altar.generate("", model=ScriptedProvider([]))) == empty


def test_sampling_among_the_settings_is_told_where_it_goes():
    given: Any = {"temperature": 1}
    assert "Options(sampling=Sampling(temperature=1))" in refusal(lambda: Options(settings=given))
    given = {"service_tier": "flex"}
    assert "{'service_tier': 'flex'}}" in refusal(lambda: Options(settings=given))


def test_a_price_under_a_name_with_a_slip_is_named():
    price = Price(input=Decimal(1), output=Decimal(1))
    options = Options(limits=Limits(cost=Decimal(1)), prices={"scripted:scrip": price})
    said = refusal(lambda: altar.generate("Hi", model=ScriptedProvider([]), options=options))
    assert "the nearest you gave is 'scripted:scrip'" in said


def test_a_name_one_package_further_down_is_pointed_at():
    with pytest.raises(AttributeError, match=r"altar has no Retry; it is altar\.llm\.Retry"):
        altar.Retry  # noqa: B018
    for name, home in altar._BELOW.items():  # noqa: SLF001
        assert hasattr(import_module(home), name)
        assert not hasattr(altar, name)


class Stepping(Clock):
    """A clock that the test moves."""

    time = 0.0

    def now(self) -> float:
        return self.time


@pytest.mark.parametrize(("took", "late"), [(2.0, True), (0.1, False)])
def test_an_answer_that_came_too_late_is_kept_and_told(took, late):
    clock = Stepping()

    def slow(request):
        clock.time += took
        return "here it is"

    options = Options(limits=Limits(seconds=0.3), retry=Retry(clock=clock))
    reply = altar.generate("Hi", model=FunctionProvider(slow), options=options)
    assert (reply.finish, reply.text) == ("stop", "here it is")
    assert [note.what for note in reply.adaptations] == ["deadline"] * late
