"""Broken JSON in a run: what is repaired, what is asked for again, what another model mends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import pytest

import altar
from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    OverloadedError,
    RepairError,
)
from altar.llm import (
    BaseProvider,
    Capabilities,
    Limits,
    Mender,
    Message,
    Options,
    Price,
    Repair,
    Response,
    Text,
    ToolCall,
    Usage,
    amend,
    check_history,
    dump_messages,
    load_messages,
    mend,
)
from altar.llm._mend_words import says_the_same
from altar.repair import Repaired
from altar.resilience import CircuitBreaker
from altar.testing import FunctionProvider, ScriptedProvider

CUT_OFF = '{"city": "Oslo", "nights": '
RISKY = '{"city":, "nights": 2}'  # the value of city would have to be made up


def book(city: str, nights: int = 1) -> str:
    """Book a room.

    Args:
        city: Where.
        nights: How many.
    """
    return f"{city} for {nights}"


@dataclass
class Room:
    city: str
    nights: int


def call(text):
    return ToolCall("book", raw_args=text)


def ask(*replies, mender=None, output=None, **options):
    """A run of a script; its history is one that can be sent, stored and read again."""
    model = ScriptedProvider(replies, capabilities=Capabilities(native_output=True))
    repair = options.pop("repair", Repair(mender=mender))
    tools = [] if output else [book]
    reply = altar.generate(
        "go", model=model, tools=tools, output=output, options=Options(repair=repair, **options)
    )
    model.finished()
    check_history(reply.messages)
    assert load_messages(json.loads(json.dumps(dump_messages(reply.messages)))) == list(
        reply.messages
    )
    return reply


def mending(*replies):
    """A Mender with a script of its own; each reply is a text, a Response or an error."""
    return Mender(ScriptedProvider(replies, model="mender"))


def asked(mender):
    return mender.provider().requests


def first_error(reply):
    error = reply.calls[0].result.error
    return "" if error is None else error.message


# -- arguments -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Oslo", "nights": 2,}',
        "{'city': 'Oslo', 'nights': 2}",
        '```json\n{"city": "Oslo", "nights": 2}\n```',
        '{"city": "Oslo", "nights": 2,} ',
    ],
)
def test_broken_arguments_are_repaired_run_and_noted(text):
    reply = ask(call(text), "ok")
    assert reply.calls[0].result.content == "Oslo for 2"
    assert reply.messages[1].calls[0].args == {"city": "Oslo", "nights": 2}
    assert reply.messages[1].calls[0].raw_args == text
    (note,) = reply.adaptations
    assert note.what == "arguments"
    assert note.why.startswith("those of the call of 'book' were repaired: ")
    assert " at " in note.why


def test_a_note_names_the_fix_and_its_place():
    reply = ask(call('{"city": "Oslo",}'), "ok")
    assert reply.adaptations[0].why.endswith("repaired: trailing_comma at 15")


def test_a_note_names_the_riskiest_fix_first():
    reply = ask(call("{'city': 'Oslo' 'nights': 2,}"), "ok")
    assert "repaired: missing_comma at 15, quotes at 1, " in reply.adaptations[0].why


def test_arguments_that_are_json_twice_are_read_once_more_and_noted():
    """Once only, and only where the string holds an object, valid as it stands."""
    once = json.dumps({"city": "Oslo", "nights": 2})
    reply = ask(call(json.dumps(once)), "ok")
    assert reply.calls[0].result.content == "Oslo for 2"
    assert reply.adaptations[0].why.endswith("repaired: unwrapped_escapes at 0")
    for text in (json.dumps(json.dumps(once)), json.dumps("[1]"), json.dumps(once[:-3])):
        refused = ask(call(text), "sorry")
        assert first_error(refused) == "the arguments must be a JSON object, not a string"
        assert not refused.adaptations
    assert first_error(ask(call(json.dumps(once)), "no", repair=Repair(max_risk=0.05)))


def test_arguments_without_brackets_are_not_said_to_be_cut_off():
    """Nothing shows where they end, so they are not run."""
    said = first_error(ask(call("city: Oslo\nnights: 2"), "sorry"))
    assert "no brackets stand around the text" in said
    assert "ends early" not in said


def test_valid_arguments_are_left_as_they_are_and_leave_no_note():
    reply = ask(call('{"city": "Oslo"}'), "ok")
    assert reply.adaptations == ()
    assert reply.messages[1].calls[0].args is None


def test_arguments_that_are_cut_off_are_never_run_whatever_the_risk_allowed():
    for text in (CUT_OFF, '{"city": "Os', '{"city": "Oslo"', '{"city": "Oslo", "nig'):
        reply = ask(call(text), "ok", repair=Repair(max_risk=1))
        assert "not valid JSON" in first_error(reply)
        assert "ends early" in first_error(reply)


def test_a_fix_riskier_than_allowed_is_told_with_its_place_and_not_run():
    reply = ask(call(RISKY), "ok")
    assert "not valid JSON" in first_error(reply)
    assert "line 1 column" in first_error(reply)
    assert "guess" in first_error(reply)
    assert reply.messages[1].calls[0].args is None


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "a", "city": "b"}',
        '{"city": "a", "nights": 2, "city": "b",}',
        "{'city': 'a', 'city': 'b'}",
        '{"city": "Oslo", "nights": NaN}',
        '{"city": "Oslo", "nights": NaN,}',
        "{'city': 'Oslo', 'nights': -Infinity}",
        '{"city": "\\ud800"}',
        '{"city": "\\ud800",}',
        '{"city": ' + "[" * 200 + "]" * 200 + ",}",
        '{"city": "Oslo", "nights": 1e999,}',
        '{"city": "Oslo", "nights": ' + "9" * 5000 + "}",
        '"{\\"city\\": \\"Oslo\\",}"',
        "[1, 2,]",
        "",
    ],
)
def test_broken_json_is_not_accepted_where_valid_json_would_be_refused(text):
    reply = ask(call(text), "ok", repair=Repair(max_risk=1))
    assert not reply.calls[0].result.ok


def test_the_schema_changes_no_argument_for_that_is_the_binders_to_judge():
    reply = ask(call('{"city": 5, "nights": "two",}'), "ok", repair=Repair(max_risk=1))
    assert reply.calls[0].call.args == {"city": 5, "nights": "two"}
    assert reply.calls[0].result.error.type == "PARAMETER_VALIDATION_FAILED"


def test_a_text_with_two_readings_is_a_guess_whatever_its_fixes(monkeypatch):
    def two(text, schema, *, coerce):
        other = Repaired({"city": "Rome"}, '{"city": "Rome"}')
        return Repaired({"city": "Oslo"}, '{"city": "Oslo"}', alternatives=(other,))

    monkeypatch.setattr("altar.repair.parse", two)
    reply = ask(call('{"city": "Oslo" or "Rome"}'), "ok")
    assert "more than one way" in first_error(reply)
    reply = ask(call('{"city": "Oslo" or "Rome"}'), "ok", repair=Repair(max_risk=0.25))
    assert reply.calls[0].call.args == {"city": "Oslo"}


def test_no_risk_at_all_repairs_nothing():
    reply = ask(call('{"city": "Oslo",}'), "ok", repair=Repair(max_risk=0))
    assert "not valid JSON" in first_error(reply)


def test_repaired_arguments_are_the_tools_own_to_change():
    def spoil(rows: list[int]) -> int:
        """Empty a list."""
        rows.clear()
        return 0

    model = ScriptedProvider([ToolCall("spoil", raw_args='{"rows": [1, 2,]}'), "ok"])
    reply = altar.generate("go", model=model, tools=[spoil])
    assert reply.messages[1].calls[0].args == {"rows": [1, 2]}


def test_a_call_of_a_tool_nobody_declared_is_repaired_without_a_schema():
    reply = ask(ToolCall("nope", raw_args='{"a": 1,}'), "ok")
    assert reply.calls[0].result.error.type == "TOOL_NOT_FOUND"
    assert reply.calls[0].call.args == {"a": 1}


# -- typed answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Oslo", "nights": 2,}',
        "{'city': 'Oslo', 'nights': 2}",
        '```json\n{"city": "Oslo", "nights": 2}\n```',
        '```\n{"city": "Oslo", "nights": 2,}\n```',
    ],
)
def test_a_broken_answer_is_repaired_and_noted_without_another_request(text):
    reply = ask(text, output=Room)
    assert reply.output == Room("Oslo", 2)
    assert reply.text == '{"city": "Oslo", "nights": 2}'
    assert reply.messages[-1].text == text
    (note,) = reply.adaptations
    assert note.what == "output"
    assert note.why.startswith("the answer was repaired: ")


def test_an_answer_that_is_cut_off_is_asked_for_again():
    reply = ask('{"city": "Oslo", "nights": 2', '{"city": "Oslo", "nights": 21}', output=Room)
    assert reply.output == Room("Oslo", 21)
    assert "ends early" in reply.messages[2].text


def test_an_answer_cut_off_by_the_token_limit_keeps_that_finish():
    cut = Response(message=Message.assistant('{"city": "Oslo", "nights": 2'), finish="length")
    reply = ask(cut, output=Room)
    assert (reply.finish, reply.output) == ("length", None)


def test_an_answer_that_means_the_value_is_read_as_the_schema_says_and_noted():
    @dataclass
    class Price:
        amount: float

    reply = ask('{"amount": "1,200"}', output=Price)
    assert reply.output == Price(1200.0)
    assert "coerced_number" in reply.adaptations[0].why


def test_an_answer_that_does_not_fit_is_told_what_it_wrote():
    reply = ask('{"city": "Oslo", "nights": "many"}', '{"city": "Oslo", "nights": 3}', output=Room)
    assert "$.nights" in reply.messages[2].text
    assert reply.output == Room("Oslo", 3)
    assert reply.adaptations == ()


@pytest.mark.parametrize(
    "kind",
    [str, str | None, altar.adm.Schema.from_dict({"type": ["null", "string"]})],
    ids=["text", "or none", "schema"],
)
def test_where_a_text_is_asked_for_no_word_of_it_is_left_out(kind):
    words = 'Say "hello", not {"a": 1}'
    reply = ask(words, output=kind)
    assert (reply.output, reply.usage.requests) == (words, 1)


def test_where_anything_is_an_answer_no_word_of_it_is_left_out():
    reply = ask('Say "hello", not {"a": 1}', '"hello"', output=Any)
    assert (reply.output, reply.usage.requests) == ("hello", 2)


def test_an_answer_that_fits_in_no_reading_is_told_what_it_wrote():
    @dataclass
    class Pair:
        amount: float
        word: Literal["up", "down"]

    good = '{"amount": 1, "word": "up"}'
    reply = ask('{"amount": "1,200", "word": "sideways"}', good, output=Pair)
    assert "$.amount" in reply.messages[2].text
    assert "sideways" in reply.messages[2].text
    assert reply.output == Pair(1, "up")


def test_a_choice_of_words_may_stand_in_a_fence():
    assert ask('```json\n"up"\n```', output=Literal["up", "down"]).output == "up"


def test_no_risk_at_all_asks_again_for_the_smallest_fault():
    reply = ask(
        '{"city": "Oslo", "nights": 2,}',
        '{"city": "Oslo", "nights": 2}',
        output=Room,
        repair=Repair(max_risk=0),
    )
    assert reply.usage.requests == 2


# -- the last resort -----------------------------------------------------------------------

MENDED = '{"city": "Oslo", "nights": 2}'
BROKEN = 'city = "Oslo" & nights = 2'


def test_arguments_nobody_could_read_are_mended_by_another_model_and_run():
    mender = mending(MENDED)
    reply = ask(call(BROKEN), "ok", mender=mender)
    assert reply.calls[0].result.content == "Oslo for 2"
    part = reply.messages[1].calls[0]
    assert (part.args, part.raw_args) == ({"city": "Oslo", "nights": 2}, BROKEN)
    assert part.id == reply.messages[2].parts[0].call_id == reply.calls[0].call.call_id
    (note,) = reply.adaptations
    assert note.why == "those of the call of 'book' were mended by scripted:mender"
    assert reply.usage.requests == 3


def test_the_mender_is_told_the_text_its_problems_and_the_schema_and_has_no_tools():
    mender = mending(MENDED)
    ask(call(BROKEN), "ok", mender=mender)
    (request,) = asked(mender)
    text = request.messages[0].text
    assert BROKEN in text
    assert "expected a JSON value" in text
    assert '"nights"' in text
    assert request.tools == ()
    assert "no explanation" in request.instructions


def test_a_typed_answer_nobody_could_read_is_mended():
    mender = mending(f"```json\n{MENDED}\n```")
    reply = ask(BROKEN, output=Room, mender=mender)
    assert reply.output == Room("Oslo", 2)
    assert json.loads(reply.text) == {"city": "Oslo", "nights": 2}
    assert reply.messages[-1].text == BROKEN
    assert reply.adaptations[0].why == "the answer was mended by scripted:mender"
    assert reply.usage.requests == 2


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"city": "Oslo", "note": "del\n```',
        '<tool_call>{"city": "Oslo", "nights": 12</tool_call>',
        '{"city": "Oslo", "nights": 12\n\nDone.',
        '{"city": "Oslo", "nights": 12\n```\nDone.',
        '{"city": "Oslo", ...}',
        '{"city": "Oslo", "nights": [1, 2\n```',
        '{"city": "Oslo", "note": "del</tool_call>',
    ],
)
def test_a_call_that_is_cut_off_is_not_run_whatever_follows_the_cut(text):
    mender = mending()
    reply = ask(call(text), "ok", mender=mender)
    assert "something is missing" in first_error(reply)
    assert asked(mender) == []


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot.",
        '{"city": "Oslo", "nights": ',
        '{"city": "Paris", "nights": 2}',
        '{"city": "Oslo", "nights": 3}',
        '{"city": "Oslo", "nights": 2, "breakfast": "none"}',
        Response(message=Message.assistant(MENDED), finish="length"),
        Response(message=Message("assistant", (ToolCall("book", {}),))),
        OverloadedError("busy"),
        AuthenticationError("no key"),
    ],
    ids=["prose", "cut", "place", "number", "name", "length", "call", "busy", "key"],
)
def test_a_mender_that_fails_or_invents_changes_nothing_of_the_usual_way(answer):
    mender = mending(answer)
    reply = ask(call(BROKEN), "sorry", mender=mender)
    assert not reply.calls[0].result.ok
    assert (reply.finish, reply.adaptations) == ("stop", ())
    mender.provider().finished()
    reply = ask(BROKEN, MENDED, output=Room, mender=mending(answer))
    assert reply.output == Room("Oslo", 2)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("name = Caf\\u00e9 & note = a\\nb", '{"name": "Café", "note": "a\\nb"}'),
        ("path = C:\\new & size = 1,200", '{"path": "C:\\\\new", "size": 1200}'),
        ("temp = -5.50 & ok = yes", '{"temp": -5.5, "ok": true}'),
        ("wort = 东京天气 & n = 1_000", '{"wort": "东京天气", "n": 1000}'),
    ],
)
def test_what_is_written_another_way_is_no_invention(text, answer):
    assert mend(text, model=ScriptedProvider([answer])).value == json.loads(answer)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"amount": 5 & "a": "b"', {"amount": -5, "a": "b"}),
        ('{"amount": -5 & "a": "b"', {"amount": 5, "a": "b"}),
        ('{"ok": false & "a": 1', {"ok": True, "a": 1}),
        ('{"from": "Ann" & "to": "Bob"', {"to": "Ann", "from": "Bob"}),
        ('{"from": "Ann" & "to": "Bob"', {"from": "Bob", "to": "Ann"}),
        ('{"a": 1 & "b": 2', {}),
        ('{"a": 1 & "b": 2', {"a": 1}),
        ('{"a": "keep"', {"a": None}),
        ('{"a": "none" & "b": 1', {"a": None, "b": 1}),
        ("[5]", [5, 5, 5]),
        ("[5 & 6]", [6, 5]),
        ("[1,200 & 3]", [1200, 3]),
        ('Copy /etc. {"path": "/tmp" & "n": 1}', {"path": "/etc", "n": 1}),
        ('{"path": "/tmp/a" & "n": 1} // or /etc/b', {"path": "/etc/b", "n": 1}),
        ("city: Oslo, rooms: {2}", {"rooms": 2}),
        ('{"a": 12345678901234567890 & 1', {"a": 12345678901234567891, "b": 1}),
        ('{"a": "Oslo" & 1}', ["a", "oslo", 1]),
        ('{"url": "http://a.b/c" & 1}', ["url", "http:", 1]),
        ("Pay 3 times: {5 & 6}", [5, 6]),
    ],
)
def test_a_mender_may_not_change_what_is_said(text: str, value: object):
    assert not says_the_same(value, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Sure! Here it is:\n```json\n{"a": 1 & "b": -2}\n```\nDone.', {"a": 1, "b": -2}),
        ('{"a": 1, // the first\n"b": None}', {"a": 1, "b": None}),
        ("a=True & b=07 & c=x", {"a": True, "b": 7, "c": "x"}),
        ("cityOslo", {"city": "Oslo"}),
        ("10-20 & 2024-01-31", ["10-20", "2024-01-31"]),
    ],
)
def test_a_mender_may_leave_out_prose_and_comments_and_mend_signs(text: str, value: object):
    assert says_the_same(value, text)


def test_a_mended_answer_that_does_not_fit_is_asked_for_again():
    reply = ask(BROKEN, MENDED, output=Room, mender=mending('{"city": "Oslo"}'))
    assert reply.output == Room("Oslo", 2)
    assert reply.usage.requests == 3


def test_mended_arguments_pass_the_checks_of_any_call():
    choice = altar.adm.ToolConfig(allowed_function_names=("book",))
    reply = ask(call("nights & city"), "ok", mender=mending('["nights", "city"]'))
    assert "not valid JSON" in first_error(reply)
    reply = ask(call(BROKEN), "ok", mender=mending('{"city": ["Oslo", 2]}'), tool_choice=choice)
    assert reply.calls[0].result.error.type == "PARAMETER_VALIDATION_FAILED"


def test_the_mender_is_never_asked_for_what_repair_can_do_or_must_not():
    mender = mending()
    ask(call('{"city": "Oslo",}'), "ok", mender=mender)
    ask(call(MENDED), "ok", mender=mender)
    ask(call(CUT_OFF), "ok", mender=mender)
    ask(call('{"city": "a", "city": "b"}'), "ok", mender=mender)
    ask(call("[1]"), "ok", mender=mender)
    ask(call("&" * 70_000), "ok", mender=mender)
    ask(ToolCall("nope", raw_args=BROKEN), "ok", mender=mender)
    ask('{"city": "Oslo"}', MENDED, output=Room, mender=mender)
    cut = Response(message=Message("assistant", (call(BROKEN),)), finish="length")
    ask(cut, mender=mender)
    assert asked(mender) == []


def test_a_run_asks_its_mender_twice_at_most():
    mender = mending(MENDED, "no", "never asked")
    ask([call(BROKEN), call(BROKEN + "!"), call(BROKEN + "?")], "ok", mender=mender)
    assert len(asked(mender)) == 2


def test_the_breaker_outlives_the_run_and_leaves_a_failing_mender_alone():
    breaker = CircuitBreaker(failures=2, wait=3600)
    mender = Mender(ScriptedProvider(["no", "no", "never asked"]), breaker=breaker)
    for _ in range(3):
        ask(call(BROKEN), "ok", mender=mender)
    assert len(asked(mender)) == 2
    assert breaker.state == "open"


def test_mending_counts_as_a_request_and_never_takes_the_last_one():
    mender = mending(MENDED)
    model = ScriptedProvider([call(BROKEN), "ok"])
    options = Options(repair=Repair(mender=mender), limits=Limits(rounds=2))
    reply = altar.generate("go", model=model, tools=[book], options=options)
    assert (reply.text, asked(mender)) == ("ok", [])
    options = Options(repair=Repair(mender=mender), limits=Limits(rounds=3))
    model = ScriptedProvider([call(BROKEN), call(MENDED), "never asked"])
    reply = altar.generate("go", model=model, tools=[book], options=options)
    assert (reply.finish, reply.usage.requests) == ("max_rounds", 3)


def test_a_mender_costs_its_own_price_and_a_limit_needs_to_know_it():
    tokens = Usage(input_tokens=1000, output_tokens=1000)

    def said(text):
        return Response(message=Message.assistant(text), usage=tokens)

    mender = Mender(ScriptedProvider([said(MENDED)] * 2, model="mender"))
    model = [said(BROKEN)]
    prices = {"scripted:script": Price(input=Decimal(1000), output=Decimal(1000))}
    reply = ask(*model, output=Room, mender=mender, prices=prices)
    assert reply.usage.cost is None
    cheap = {**prices, "scripted:mender": Price(input=Decimal(10), output=Decimal(10))}
    reply = ask(*model, output=Room, mender=mender, prices=cheap)
    assert reply.usage.cost == Decimal("2.02")
    assert reply.usage.input_tokens == 2000
    with pytest.raises(ConfigurationError, match="scripted:mender"):
        ask(output=Room, mender=mender, prices=prices, limits=Limits(cost=Decimal(9)))


def test_tokens_of_a_mender_count_towards_the_limit():
    tokens = Usage(input_tokens=500, output_tokens=500)
    answer = Response(message=Message.assistant(MENDED), usage=tokens)
    model = ScriptedProvider([call(BROKEN)])
    options = Options(
        repair=Repair(mender=Mender(ScriptedProvider([answer]))), limits=Limits(tokens=600)
    )
    reply = altar.generate("go", model=model, tools=[book], options=options)
    assert reply.finish == "budget"
    assert not reply.calls[0].result.ok


def test_every_driver_mends_alike_and_shows_nothing_of_it():
    def options():
        return Options(repair=Repair(mender=mending(MENDED)))

    def script():
        return ScriptedProvider([[Text("I book."), call(BROKEN)], "done"])

    async def drive():
        reply = await altar.agenerate("go", model=script(), tools=[book], options=options())
        events = altar.astream("go", model=script(), tools=[book], options=options())
        return reply, [event async for event in events]

    whole = altar.generate("go", model=script(), tools=[book], options=options())
    shown = list(altar.stream("go", model=script(), tools=[book], options=options()))
    awaited, ashown = asyncio.run(drive())
    for events in (shown, ashown):
        text = "".join(event.text for event in events if event.kind == "text")
        assert text == "I book.done"
        assert [event.call.args for event in events if event.kind == "tool_call"] == [
            {"city": "Oslo", "nights": 2}
        ]
    replies = (whole, awaited, shown[-1].reply, ashown[-1].reply)
    assert {reply.calls[0].result.content for reply in replies} == {"Oslo for 2"}
    assert {reply.usage.requests for reply in replies} == {3}


def test_a_run_that_is_over_while_the_mender_works_blames_nobody_and_runs_nothing():
    flag = altar.runtime.Cancellation()

    def slow(request):
        flag.cancel("enough")
        raise OverloadedError("broken off")

    breaker = CircuitBreaker(failures=1)
    mender = Mender(FunctionProvider(slow), breaker=breaker)
    model = ScriptedProvider([call(BROKEN)])
    options = Options(repair=Repair(mender=mender), cancel=flag)
    reply = altar.generate("go", model=model, tools=[book], options=options)
    assert (reply.finish, reply.detail) == ("cancelled", "enough")
    assert breaker.state == "closed"
    assert not reply.calls[0].result.ok


class Closing(BaseProvider):
    """A provider that says whether it was closed."""

    name, model = "closing", "one"

    def __init__(self):
        self.closed = 0

    def complete(self, request, attempt):
        return Response(message=Message.assistant(MENDED))

    def close(self):
        self.closed += 1

    async def aclose(self):
        self.closed += 1


def test_a_mender_loads_a_named_model_once_and_closes_what_it_loaded(monkeypatch):
    made = []

    def load(name):
        made.append(Closing())
        return made[-1]

    monkeypatch.setattr("altar.plugins.load_provider", load)
    with Mender("offline:") as mender:
        assert made == []
        assert mender.provider() is mender.provider()
    mender.close()

    async def within():
        async with Mender("offline:") as mender:
            mender.provider()
        await mender.aclose()

    asyncio.run(within())
    assert [one.closed for one in made] == [1, 1]
    own = Closing()
    with Mender(own) as mender:
        mender.provider()
    assert own.closed == 0


@pytest.mark.parametrize("wrong", [3, None, Closing, "nobody:x", "name"])
def test_a_mender_that_is_no_model_is_refused_at_once(wrong):
    with pytest.raises(ConfigurationError):
        Mender(wrong)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_risk": 2}, "a number from 0 to 1; type Repair(max_risk=0.2)"),
        ({"max_risk": None}, "type Repair(max_risk=0.2)"),
        ({"max_risk": True}, "type Repair(max_risk=0.2)"),
        ({"max_risk": float("nan")}, "type Repair(max_risk=0.2)"),
        ({"mender": "local:x"}, 'type Repair(mender=Mender("prefix:name"))'),
    ],
)
def test_a_repair_that_cannot_work_is_refused_with_the_line_to_type(given, said):
    with pytest.raises(ConfigurationError) as caught:
        Repair(**given)
    assert said in str(caught.value)


def test_options_take_a_repair_alone():
    with pytest.raises(ConfigurationError, match=r"type Options\(repair=Repair\(max_risk=0.1\)\)"):
        Options(repair=0.1)


# -- mend, for users of repair alone -------------------------------------------------------


def test_mend_asks_nobody_where_repair_is_enough():
    model = ScriptedProvider([])
    found = mend('{"a": 1,}', model=model)
    assert found.value == {"a": 1}
    assert [fix.code for fix in found.fixes] == ["trailing_comma"]
    assert model.requests == []


@pytest.mark.parametrize("verb", [mend, lambda *a, **k: asyncio.run(amend(*a, **k))])
def test_mend_asks_the_model_once_and_logs_what_it_did(verb):
    model = ScriptedProvider([MENDED])
    found = verb(BROKEN, model=model)
    assert found.value == json.loads(found.text) == {"city": "Oslo", "nights": 2}
    (fix,) = found.fixes
    assert (fix.code, fix.start, fix.end, fix.before) == ("model", 0, len(BROKEN), BROKEN)
    assert found.confidence == 0.5
    assert len(model.requests) == 1
    assert verb('{"a": 1,}', model=ScriptedProvider([])).value == {"a": 1}


@pytest.mark.parametrize("verb", [mend, lambda *a, **k: asyncio.run(amend(*a, **k))])
def test_mend_raises_what_repair_says_when_the_model_is_of_no_use(verb):
    breaker = CircuitBreaker(failures=2, wait=3600)
    model = ScriptedProvider(["no", OverloadedError("busy")])
    with pytest.raises(RepairError, match="a model was asked to mend it, and its answer 'no'"):
        verb(BROKEN, model=model, breaker=breaker)
    with pytest.raises(OverloadedError):
        verb(BROKEN, model=model, breaker=breaker)
    assert breaker.state == "open"
    with pytest.raises(RepairError) as caught:
        verb(BROKEN, model=model, breaker=breaker)
    assert "left alone" in caught.value.__notes__[0]
    for hopeless in ("", CUT_OFF):
        with pytest.raises(RepairError):
            verb(hopeless, model=ScriptedProvider([]))


def test_mend_takes_the_schema_in_every_form_repair_takes():
    schema = altar.adm.Schema.from_dict({"type": "object", "properties": {"city": {}}})
    model = ScriptedProvider([MENDED])
    assert mend(BROKEN, schema, model=model).value == {"city": "Oslo", "nights": 2}
    assert "It is meant to fit" in model.requests[0].messages[0].text


def test_a_run_of_valid_json_loads_nothing_of_repair():
    code = (
        "import sys, altar\n"
        "from altar.llm import ToolCall\n"
        "from altar.testing import ScriptedProvider\n"
        "model = ScriptedProvider([ToolCall('t', raw_args='{}'), 'ok'])\n"
        "reply = altar.generate('q', model=model, tools={'t': lambda: 1})\n"
        "print(reply.calls[0].result.ok, 'altar.repair' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["True", "False"]
