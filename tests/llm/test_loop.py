"""The loop: what it runs, where it stops, what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.adm import Blob, ErrorObject, FunctionDeclaration, ToolConfig, ToolResult
from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    OverloadedError,
    RateLimitError,
    TransportError,
)
from altar.llm import (
    BaseProvider,
    Clock,
    Delta,
    End,
    Limits,
    Message,
    Opaque,
    Options,
    PartEnd,
    Price,
    Response,
    Retry,
    Start,
    Task,
    Text,
    Thinking,
    ToolCall,
    Usage,
    arun,
    astream,
    check_history,
    dump_messages,
    load_messages,
    run,
    stream,
    unfold,
)
from altar.runtime import Cancellation
from altar.testing import FunctionProvider, ScriptedProvider
from tests.llm._table import Chunks, FakeClock, Table, told
from tests.waiting import PATIENCE, soon


def add(a, b):
    return a + b


def script(*replies):
    return ScriptedProvider(replies)


def task(provider, **options):
    return Task(provider, [Message.user("go")], options=Options(**options))


def play(provider, table=None, **options):
    """Run a script to its end; its history must be one that can be sent."""
    reply = run(task(provider, **options), table or Table(add=add))
    check_history(reply.messages)
    if isinstance(provider, ScriptedProvider):
        provider.finished()
    return reply


ADD = ToolCall("add", {"a": 1, "b": 2})


def results(reply):
    return [
        part.value for message in reply.messages if message.role == "tool" for part in message.parts
    ]


# -- turns -------------------------------------------------------------------------------


def test_a_tool_turn_answers_the_call_and_asks_again():
    provider = script(ADD, "it is 3")
    reply = play(provider)
    assert (reply.text, reply.finish, reply.usage.requests) == ("it is 3", "stop", 2)
    assert [record.result.content for record in reply.calls] == [3]
    assert [message.role for message in provider.requests[1].messages] == [
        "user",
        "assistant",
        "tool",
    ]


def test_parallel_calls_are_answered_in_their_order():
    reply = play(script([ToolCall("add", {"a": i, "b": 0}) for i in range(20)], "ok"))
    assert results(reply) == list(range(20))


def test_what_a_provider_said_goes_back_as_it_came():
    mark = Opaque(provider="p", api="x", kind="signature", data="s==")
    parts = [
        Thinking("", opaque=(mark,)),
        Text("", opaque=(mark,)),
        ToolCall("add", {"a": 1, "b": 2}, wire_id="w1", opaque=(mark,)),
        Text("after"),
    ]
    provider = script(parts, "ok")
    play(provider)
    back = provider.requests[1].messages[1].parts
    assert [type(part) for part in back] == [Thinking, Text, ToolCall, Text]
    assert [part.opaque for part in back] == [(mark,), (mark,), (mark,), ()]
    assert back[2].wire_id == "w1"


def test_the_loop_issues_its_own_ids_and_keeps_the_providers():
    twins = [
        ToolCall("add", {"a": 1, "b": 1}, id="same"),
        ToolCall("add", {"a": 2, "b": 2}, id="same"),
    ]
    reply = play(script(twins, "ok"))
    first, second = reply.messages[1].calls
    assert len({first.id, second.id, "same"}) == 3
    assert (first.wire_id, second.wire_id) == ("same", "same")
    assert [record.call.call_id for record in reply.calls] == [first.id, second.id]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (ToolCall("add", raw_args='{"a": 1, "b":'), "not valid JSON"),
        (ToolCall("add", raw_args="[1, 2]"), "an array"),
        (ToolCall("add", raw_args='"text"'), "a string"),
        (ToolCall("add", [1, 2]), "an array"),
        (ToolCall("add", raw_args="[" * 100_000), "nesting"),
        (ToolCall("add", raw_args='{"a": NaN}'), "NaN"),
        (ToolCall("x" * 100_000, {}), "name of a tool"),
        (ToolCall("nope", {}), "no tool"),
    ],
)
def test_a_bad_call_becomes_an_error_the_model_can_mend(call, said):
    table = Table(add=add)
    reply = play(script(call, ADD, "ok"), table)
    assert said in results(reply)[0]["error"]["message"]
    assert results(reply)[1] == 3
    assert reply.finish == "stop"
    assert not reply.calls[0].result.ok


def test_what_a_tool_does_to_its_arguments_does_not_change_the_history():
    def spoil(rows):
        rows[0]["n"] = 99
        rows.clear()

    reply = play(script(ToolCall("spoil", {"rows": [{"n": 1}]}), "ok"), Table(spoil=spoil))
    assert reply.messages[1].calls[0].args == {"rows": [{"n": 1}]}


def test_a_history_with_bad_calls_can_be_stored():
    bad = [ToolCall("add", [1, 2]), ToolCall("add", raw_args="{"), ToolCall("add", {1, 2})]
    reply = play(script(bad, "ok"))
    stored = json.loads(json.dumps(dump_messages(reply.messages)))
    assert load_messages(stored) == list(reply.messages)


def test_an_ending_nobody_knows_is_told_in_the_providers_words():
    odd = Response(message=Message.assistant("so"), finish="unknown", raw_finish="ESCALATION")
    reply = play(script(odd))
    assert reply.finish == "malformed"
    assert reply.detail == "the reply ended as 'ESCALATION', which does not say that it is whole"


def test_a_call_without_any_argument_text_has_no_arguments():
    table = Table(now=lambda: "noon")
    play(script(ToolCall("now", raw_args=""), ToolCall("now"), "ok"), table)
    assert table.ran == [("now", {}), ("now", {})]


def test_results_reach_the_model_as_json():
    table = Table(
        text=lambda: "a\u2028b", nothing=lambda: None, broken=lambda: {1, 2}, odd=lambda: "\ud800"
    )
    reply = play(script([ToolCall(name) for name in table.functions], "ok"), table)
    text, nothing, broken, odd = results(reply)
    assert (text, nothing, odd) == ("a\u2028b", None, "\ud800")
    assert "not JSON" in broken["error"]["message"]


def test_blobs_travel_beside_the_text():
    class Camera(Table):
        def invoke(self, call, ctx):
            blob = Blob("image/png", b"123")
            value = [blob, "x"] if call.args else blob
            content = [blob.to_dict(), "x"] if call.args else blob.to_dict()
            return ToolResult(name=call.name, call_id=call.call_id, content=content, value=value)

    reply = play(script([ToolCall("snap"), ToolCall("snap", {"n": 2})], "ok"), Camera())
    one, two = reply.messages[2].parts
    assert one.blobs[0].data == two.blobs[0].data == b"123"
    assert one.value == {"mime": "image/png", "bytes": 3}
    assert two.value == [{"mime": "image/png", "bytes": 3}, "x"]


def test_a_paused_reply_is_sent_again_as_it_stands():
    pause = Response(message=Message.assistant("thinking on"), finish="paused")
    provider = script(pause, "done")
    assert play(provider).finish == "stop"
    assert provider.requests[1].messages[-1] == pause.message


# -- where it stops ----------------------------------------------------------------------


@pytest.mark.parametrize("finish", ["length", "refusal", "blocked", "malformed"])
def test_calls_of_a_reply_that_was_cut_off_are_not_run(finish):
    table = Table(add=add)
    cut = Response(message=Message("assistant", (ADD,)), finish=finish, detail="why")
    reply = play(script(cut), table)
    assert (reply.finish, table.ran, reply.detail) == (finish, [], "why")
    assert "not run" in results(reply)[0]["error"]["message"]
    assert len(reply.calls) == 1


def endless():
    """A model that never stops, and never repeats itself."""
    return FunctionProvider(lambda request: ToolCall("add", {"a": len(request.messages), "b": 0}))


def test_the_default_limit_is_25_rounds():
    reply = play(endless())
    assert (reply.finish, reply.usage.requests) == ("max_rounds", 25)
    assert "max_rounds" in results(reply)[-1]["error"]["message"]


def test_calls_beyond_the_limit_are_not_run():
    table = Table(add=add)
    many = [ToolCall("add", {"a": i, "b": 0}) for i in range(5)]
    reply = play(script(many), table, limits=Limits(calls=3))
    assert (reply.finish, len(table.ran), len(reply.calls)) == ("max_calls", 3, 5)


def test_the_token_limit_stops_before_the_next_call():
    table = Table(add=add)
    dear = Response(
        message=Message("assistant", (ADD,)), usage=Usage(input_tokens=60, output_tokens=50)
    )
    reply = play(script(dear), table, limits=Limits(tokens=100))
    assert (reply.finish, table.ran, reply.usage.total_tokens) == ("budget", [], 110)


def test_a_token_limit_without_counts_is_estimated_and_said_so():
    silent = Response(message=Message("assistant", (Text("x" * 4000), ADD)))
    reply = play(script(silent), limits=Limits(tokens=100))
    assert reply.finish == "budget"
    assert reply.usage.input_tokens is None
    assert [adaptation.what for adaptation in reply.adaptations] == ["limits.tokens"]


def test_cost_is_counted_with_the_applications_prices():
    dear = Response(
        message=Message("assistant", (ADD,)),
        usage=Usage(input_tokens=1_000_000, cached_tokens=500_000, output_tokens=100_000),
    )
    prices = {"script": Price(input=Decimal(2), cached=Decimal(1), output=Decimal(10))}
    reply = play(script(dear), limits=Limits(cost=Decimal(2)), prices=prices)
    assert (reply.finish, reply.usage.cost) == ("budget", Decimal("2.5"))


def test_an_unknown_price_is_none_and_never_zero():
    assert play(script("hi")).usage.cost is None


def test_a_cost_limit_without_a_price_is_refused_at_once():
    provider = script("hi")
    with pytest.raises(ConfigurationError, match=r"prices=.*scripted:script"):
        run(task(provider, limits=Limits(cost=Decimal(1))), Table())
    assert provider.requests == []


def test_the_deadline_stops_the_run_between_rounds():
    clock = FakeClock()

    def slow(request):
        clock.time += 4
        return ToolCall("add", {"a": clock.time, "b": 0})

    options = {"limits": Limits(seconds=10), "retry": Retry(clock=clock)}
    reply = play(FunctionProvider(slow), **options)
    assert (reply.finish, reply.usage.requests) == ("deadline", 3)


def test_polling_survives_and_a_repeat_does_not():
    state = iter(range(100))
    polled = play(script(*[ToolCall("poll")] * 8, "ok"), Table(poll=lambda: next(state)))
    assert polled.finish == "stop"
    stuck = play(script(*[ToolCall("poll")] * 4), Table(poll=lambda: "pending"))
    assert stuck.finish == "repeated_call"
    answers = results(stuck)
    assert answers[:2] == ["pending", "pending"]
    assert "number 3 in a row" in answers[2]["error"]["message"]


def test_a_repeat_that_changes_its_mind_in_time_goes_on():
    poll, other = ToolCall("poll"), ToolCall("poll", {"n": 1})
    table = Table(poll=lambda n=0: "pending")
    assert play(script(poll, poll, poll, other, poll, poll, "ok"), table).finish == "stop"


def test_siblings_of_one_reply_are_no_repeat():
    assert play(script([ADD] * 6, [ADD] * 6, "ok")).finish == "stop"


def test_a_malformed_call_over_and_over_is_a_repeat():
    assert play(script(*[ToolCall("add", raw_args="{")] * 4)).finish == "repeated_call"


def test_blanks_in_the_text_of_arguments_make_no_other_call():
    calls = [ToolCall("add", raw_args='{"a": 1,%s "b": 2}' % (" " * at)) for at in range(4)]
    assert play(script(*calls)).finish == "repeated_call"


def test_a_repeat_is_noticed_whatever_the_arguments_hold():
    odd = ToolCall("poll", {"n": {1, 2}})
    assert play(script(*[odd] * 4), Table(poll=lambda n: "same")).finish == "repeated_call"


def test_limits_can_be_lifted():
    free = Limits(rounds=None, calls=None, repeats=None)
    assert play(script(*[ADD] * 40, "ok"), limits=free).finish == "stop"


@pytest.mark.parametrize(
    "bad", [{"rounds": 0}, {"seconds": -1}, {"repeats": 1}, {"max_concurrency": 0}]
)
def test_a_limit_that_cannot_work_is_refused(bad):
    with pytest.raises(ConfigurationError, match=next(iter(bad))):
        Limits(**bad)


def counted(*parts):
    usage = Usage(input_tokens=40, output_tokens=20)
    return Response(message=Message("assistant", parts), usage=usage)


@pytest.mark.parametrize(
    ("replies", "limits", "finish", "said"),
    [
        ([ADD, ADD], {"rounds": 2}, "max_rounds", "asked its model 2 times.*rounds=4"),
        ([[ADD, ADD]], {"calls": 1}, "max_calls", "more than 1 tool calls.*calls=2"),
        ([counted(ADD)], {"tokens": 50}, "budget", "took 60 tokens.*tokens=100"),
        ([counted(ADD)], {"cost": Decimal("0.1")}, "budget", r"cost 0.2.*cost=Decimal\('0.2'\)"),
        ([Response(message=Message("assistant", (ADD,)))], {"cost": Decimal(9)}, "budget",
         "without its token counts"),
        ([ADD] * 4, {}, "repeated_call", "'add' was called 4 times in a row.*repeats=6"),
    ],
)  # fmt: skip
def test_a_limit_that_ends_a_run_is_named_with_the_line_that_raises_it(
    replies, limits, finish, said
):
    price = Price(input=Decimal(4000), output=Decimal(2000))
    reply = play(script(*replies), limits=Limits(**limits), prices={"script": price})
    assert reply.finish == finish
    assert re.search(f"{said}.*=None", reply.detail)


def test_a_deadline_names_its_seconds():
    clock = FakeClock()

    def slow(request):
        clock.time += 6
        return ToolCall("add", {"a": clock.time, "b": 0})

    limits = Limits(seconds=5)
    late = play(FunctionProvider(slow), limits=limits, retry=Retry(clock=clock))
    assert late.finish == "deadline"
    assert "all the time it had: Limits(seconds=5). For more type" in late.detail
    busy = script(RateLimitError("slow down", retry_after=7.0))
    waiting = play(busy, limits=limits, retry=Retry(clock=FakeClock()))
    assert waiting.finish == "deadline"
    assert "(slow down): Limits(seconds=5). For more type" in waiting.detail


def test_a_call_that_needs_approval_pauses_the_run():
    need = ErrorObject(message="ask a person", type="APPROVAL_REQUIRED")
    reply = run(task(script([ADD, ToolCall("pay")])), Table(add=add, pay=lambda: need))
    assert (reply.finish, results(reply)) == ("pending_approval", [3])
    assert [record.call.name for record in reply.calls] == ["add"]
    assert [call.name for call in reply.pending.calls] == ["pay"]


def test_a_raised_flag_ends_the_run_as_cancelled():
    flag = Cancellation()

    def stop(**_):
        flag.cancel("enough")
        return 1

    reply = play(script(ADD), Table(add=stop), cancel=flag)
    assert (reply.finish, reply.detail) == ("cancelled", "enough")
    assert results(reply) == [1]


def test_a_tool_choice_holds_whatever_the_model_does():
    declared = tuple(
        FunctionDeclaration(name=name, description=name, parameters={"type": "object"})
        for name in ("add", "drop")
    )
    table = Table(add=add, drop=lambda: "gone")
    given_task = Task(
        script([ToolCall("drop"), ADD], "ok"),
        [Message.user("go")],
        declarations=declared,
        options=Options(tool_choice=ToolConfig(allowed_function_names=("add",))),
    )
    reply = run(given_task, table)
    assert [name for name, _ in table.ran] == ["add"]
    assert results(reply)[0]["error"]["type"] == "PERMISSION_DENIED"


def test_a_call_is_demanded_once_or_the_run_would_never_end():
    provider = script(ADD, "ok")
    play(provider, tool_choice=ToolConfig(mode="ANY"))
    assert [request.tool_choice.mode for request in provider.requests] == ["ANY", "AUTO"]


def test_a_tool_choice_that_names_no_tool_is_refused():
    choice = ToolConfig(allowed_function_names=("nope",))
    with pytest.raises(ConfigurationError, match="nope"):
        run(task(script("hi"), tool_choice=choice), Table())


# -- retries -----------------------------------------------------------------------------


def test_a_retryable_failure_is_sent_again_after_the_servers_hint():
    clock = FakeClock()
    busy = RateLimitError("slow down", retry_after=7.0)
    far = RateLimitError("slow down", retry_after=600.0)
    provider = script(busy, far, OverloadedError("full"), "ok")
    assert play(provider, retry=Retry(clock=clock)).text == "ok"
    assert clock.slept == [7.0, 60.0, 2.0]


def test_the_systems_clock_waits_and_jitters():
    clock = Clock()
    before = clock.now()
    clock.sleep(0.001)
    asyncio.run(clock.asleep(0.001))
    assert clock.now() > before
    assert 0 <= clock.jitter() <= 1
    with pytest.raises(ConfigurationError):
        Retry(attempts=0)


def test_backoff_doubles_to_a_cap():
    retry = Retry(clock=FakeClock())
    assert [retry.delay(number, None) for number in range(1, 7)] == [0.5, 1, 2, 4, 8, 8]
    assert [retry.delay(1, hint) for hint in (-1.0, float("nan"), float("inf"))] == [0.5, 0.5, 60]


def test_a_failure_that_stays_raises_with_the_history_so_far():
    clock = FakeClock()
    provider = script(ADD, *[OverloadedError("full")] * 4)
    with pytest.raises(OverloadedError) as caught:
        run(task(provider, retry=Retry(clock=clock)), Table(add=add))
    check_history(caught.value.messages)
    assert [message.role for message in caught.value.messages] == ["user", "assistant", "tool"]
    assert len(clock.slept) == 3
    provider.finished()


def test_what_waiting_does_not_help_is_not_retried():
    with pytest.raises(AuthenticationError):
        play(script(AuthenticationError("bad key"), "never"), retry=Retry(clock=FakeClock()))


def test_a_wait_past_the_deadline_is_not_begun():
    clock = FakeClock()
    limits = Limits(seconds=5)
    reply = play(
        script(RateLimitError("x", retry_after=9.0)), limits=limits, retry=Retry(clock=clock)
    )
    assert (reply.finish, clock.slept) == ("deadline", [])


TORN = [Start(), Delta(0, "so"), OverloadedError("full")]
EARLY = [Start(), OverloadedError("full")]


def test_a_stream_that_breaks_before_anything_was_seen_is_retried():
    provider = script(EARLY, "ok")
    events = list(stream(task(provider, retry=Retry(clock=FakeClock())), Table()))
    assert [event.kind for event in events] == ["round", "retry", "text", "end"]
    assert (events[1].attempt, events[1].delay) == (1, 0.5)


def test_nothing_is_retried_after_a_visible_delta():
    provider = script(TORN, "never")
    with pytest.raises(OverloadedError):
        list(stream(task(provider, retry=Retry(clock=FakeClock())), Table()))
    with pytest.raises(OverloadedError):
        asyncio.run(collect(task(script(TORN, "never"), retry=Retry(clock=FakeClock())), Table()))


def test_a_stream_that_ends_too_early_is_a_transport_error():
    with pytest.raises(TransportError, match="stopped"):
        list(stream(task(script([Start(), Delta(0, "so")]), retry=Retry(attempts=1)), Table()))


# -- drivers -----------------------------------------------------------------------------


async def collect(given_task, table):
    return [event async for event in astream(given_task, table)]


REPLIES = st.sampled_from(
    [
        ADD,
        [Text("let me see"), ADD],
        ToolCall("nope"),
        ToolCall("add", raw_args="{"),
        ToolCall("count"),
        [Thinking("hm"), Text("so"), ToolCall("count")],
        Response(message=Message("assistant", (ADD,)), finish="length"),
        Response(message=Message.assistant("wait"), finish="paused"),
        OverloadedError("full"),
        EARLY,
        "done",
    ]
)


@given(st.lists(REPLIES, max_size=6))
def test_every_driver_takes_the_same_decisions(replies):
    def fresh():
        provider = ScriptedProvider([*replies, "the end"])
        options = {"retry": Retry(clock=FakeClock(), attempts=9), "limits": Limits(rounds=5)}
        table = Table(add=add, count=lambda: Chunks([1, 2, 3]))
        return task(provider, **options), table

    streamed = list(stream(*fresh()))
    assert told(asyncio.run(collect(*fresh()))) == told(streamed)
    whole, awaited = run(*fresh()), asyncio.run(arun(*fresh()))
    check_history(whole.messages)
    last = streamed[-1].reply
    for one in (awaited, last):
        assert (one.text, one.finish, results(one)) == (whole.text, whole.finish, results(whole))
        assert one.usage.requests == whole.usage.requests


def test_a_streaming_tool_is_heard_while_it_runs():
    heard = []

    class Slow(Table):
        def invoke(self, call, ctx):
            ctx.emit("first")
            soon(lambda: heard)
            return ToolResult(name=call.name, call_id=call.call_id, content=list(heard))

    events = []
    for event in stream(task(script(ToolCall("slow"), "ok")), Slow()):
        events.append(event)
        if event.kind == "tool_progress":
            heard.append(event.value)
    result = next(event for event in events if event.kind == "tool_result")
    assert result.result.content == ["first"]


def test_closing_a_stream_ends_the_run_and_leaves_a_history_that_can_be_sent():
    given_task = task(script([ADD, ToolCall("add", {"a": 3, "b": 3})], "never"))
    events = stream(given_task, Table(add=add))
    for event in events:
        if event.kind == "tool_call":
            break
    events.close()
    check_history(given_task.messages)
    assert [part.name for part in given_task.messages[-1].parts] == ["add", "add"]
    assert given_task.cancelled


def test_a_cancelled_task_leaves_a_history_that_can_be_sent_and_keeps_what_was_done():
    class Hanging(Table):
        async def ainvoke(self, call, ctx):
            if call.args["a"] == 1:
                return self.invoke(call, ctx)
            await asyncio.Event().wait()

    given_task = task(script([ADD, ToolCall("add", {"a": 3, "b": 3})], "never"))

    async def main():
        running = asyncio.create_task(arun(given_task, Hanging(add=add)))
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    check_history(given_task.messages)
    done, lost = (part.value for part in given_task.messages[-1].parts)
    assert done == 3
    assert "not known" in lost["error"]["message"]


class Hangs(BaseProvider):
    name = "hangs"

    async def acomplete(self, request, attempt):
        await asyncio.Event().wait()

    async def astream(self, request, attempt):
        yield Delta(0, "so")
        await asyncio.Event().wait()


@pytest.mark.parametrize("streamed", [False, True])
def test_an_async_run_ends_at_its_deadline_while_the_model_hangs(streamed):
    given_task = task(Hangs(), limits=Limits(seconds=0.03))
    if streamed:
        reply = asyncio.run(collect(given_task, Table()))[-1].reply
    else:
        reply = asyncio.run(arun(given_task, Table()))
    assert reply.finish == "deadline"


@pytest.mark.parametrize("streamed", [False, True])
def test_an_async_run_ends_when_the_flag_is_raised_while_the_model_hangs(streamed):
    flag = Cancellation()
    given_task = task(Hangs(), cancel=flag)

    async def main():
        asyncio.get_running_loop().call_later(0.01, flag.cancel, "the client left")
        if streamed:
            return (await collect(given_task, Table()))[-1].reply
        return await arun(given_task, Table())

    reply = asyncio.run(main())
    assert (reply.finish, reply.detail) == ("cancelled", "the client left")


def test_a_bug_of_the_program_propagates_and_the_history_stays_whole():
    class Broken(Table):
        def invoke(self, call, ctx):
            raise KeyboardInterrupt

    for parallel in (1, 3):
        given_task = task(script([ADD] * parallel))
        with pytest.raises(KeyboardInterrupt):
            run(given_task, Broken())
        check_history(given_task.messages)
        given_task = task(script([ADD] * parallel))
        with pytest.raises(KeyboardInterrupt):
            list(stream(given_task, Broken()))
        check_history(given_task.messages)


def test_a_history_with_lost_results_is_mended_and_said_so():
    lost = [Message.user("go"), Message("assistant", (ToolCall("add", {}, id="c1"),))]
    provider = script("ok")
    reply = run(Task(provider, lost, options=Options()), Table())
    check_history(provider.requests[0].messages)
    assert [adaptation.what for adaptation in reply.adaptations] == ["history"]


@given(st.lists(REPLIES, max_size=5), st.integers(0, 12))
def test_wherever_a_stream_is_abandoned_the_history_can_be_sent(replies, after):
    given_task = task(
        ScriptedProvider([*replies, "the end"]), retry=Retry(clock=FakeClock(), attempts=9)
    )
    events = stream(given_task, Table(add=add, count=lambda: Chunks([1, 2])))
    for _, _ in zip(range(after), events, strict=False):
        pass
    events.close()
    check_history(given_task.messages)


def test_a_provider_event_with_the_whole_call_needs_no_deltas():
    events = [Start(), PartEnd(0, ADD), End(usage=Usage())]
    seen = list(stream(task(script(events, "ok")), Table(add=add)))
    assert [event.kind for event in seen] == [
        "round", "tool_call", "tool_result", "round", "text", "end",
    ]  # fmt: skip


# -- runs that are left ------------------------------------------------------------------


def test_a_stream_that_is_closed_keeps_the_results_that_are_there():
    over = threading.Event()

    class Told(Table):
        """Says when every call has its result, and its result was handed on."""

        def invoke(self, call, ctx):
            if call.args["n"] == 2:
                over.set()
            return super().invoke(call, ctx)

    asked = task(script([ToolCall("pay", {"n": n}) for n in range(3)]), limits=ONE_AT_A_TIME)
    events = stream(asked, Told(pay=lambda n: f"paid {n}"))
    for event in events:
        if event.kind == "tool_result":
            break
    assert over.wait(PATIENCE)
    events.close()
    said = [part.value for part in asked.messages[-1].parts]
    assert said[:2] == ["paid 0", "paid 1"]  # the third may be on its way yet
    check_history(asked.messages)


def test_an_async_stream_that_is_closed_keeps_the_results_that_are_there():
    asked = task(script([ToolCall("pay", {"n": n}) for n in range(3)]))

    async def main():
        over = asyncio.Event()

        class Told(Table):
            async def ainvoke(self, call, ctx):
                if call.args["n"] == 2:
                    over.set()
                return super().invoke(call, ctx)

        events = astream(asked, Told(pay=lambda n: f"paid {n}"))
        async for event in events:
            if event.kind == "tool_result":
                break
        await over.wait()
        await events.aclose()

    asyncio.run(main())
    said = [part.value for part in asked.messages[-1].parts]
    assert said == ["paid 0", "paid 1", "paid 2"]


ONE_AT_A_TIME = Limits(max_concurrency=1)


def test_a_raised_flag_ends_the_wait_between_two_attempts():
    flag = Cancellation()
    busy = RateLimitError("busy", retry_after=50.0)

    def answer(request):
        threading.Timer(0.02, flag.cancel).start()
        raise busy

    before = time.monotonic()
    reply = run(task(FunctionProvider(answer), cancel=flag), Table())
    assert reply.finish == "cancelled"
    assert time.monotonic() - before < 40  # far from both: the wait is 50 s


def test_a_flag_that_was_raised_before_ends_the_wait_at_once():
    flag = Cancellation()
    flag.cancel()
    Clock().wait(50.0, flag)
    clock = FakeClock()
    clock.wait(50.0, flag)
    assert clock.slept == [50.0]  # a clock of one's own passes its time itself


def test_a_flag_that_is_raised_while_a_run_ends_harms_nobody():
    heard = []

    class Notes(BaseProvider):
        name = model = "notes"

        async def acomplete(self, request, attempt):
            heard.extend(attempt.cancelled._listeners)
            return Response(message=Message.assistant("ok"))

    assert asyncio.run(arun(task(Notes(), cancel=Cancellation()), Table())).text == "ok"
    assert heard
    for listener in heard:
        listener()  # as a thread does that took it just before the end


@pytest.mark.parametrize("form", ["whole", "events"])
def test_a_provider_that_will_not_be_cancelled_is_left_at_the_deadline(form):
    class Stubborn(BaseProvider):
        name = model = "stubborn"

        async def acomplete(self, request, attempt):
            for _ in range(2):  # the loop's cancellation, and one more
                with suppress(asyncio.CancelledError):
                    await freed.wait()
            return Response(message=Message("assistant", (Text("late"),)))

        async def astream(self, request, attempt):
            for event in unfold(await self.acomplete(request, attempt)):
                yield event

    async def main():
        nonlocal freed
        freed = asyncio.Event()
        asked = task(Stubborn(), limits=Limits(seconds=0.02))
        if form == "whole":
            reply = await arun(asked, Table())
        else:
            reply = [event async for event in astream(asked, Table())][-1].reply
        freed.set()
        await asyncio.sleep(0)
        return reply

    freed = None
    assert asyncio.run(asyncio.wait_for(main(), PATIENCE)).finish == "deadline"
