"""ProviderContract: what every Provider must do, as tests that a provider's author runs.

Subclass it under a name your test runner collects, and say how a provider is
made whose model answers with a script, over its own wire:

    class TestMyProvider(ProviderContract):
        def make_provider(self, replies):
            server = MyFake(replies)
            provider = MyProvider("model", url=server.url)
            provider.server = server
            return provider

        def close_provider(self, provider):
            provider.close()
            provider.server.close()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from altar.errors import (
    AuthenticationError,
    OverloadedError,
    ProviderError,
    QuotaError,
    ServerError,
    TransportError,
    UnknownModelError,
)
from altar.later import declare, tool
from altar.llm import (
    Attempt,
    Limits,
    Message,
    Options,
    Origin,
    Pending,
    Provider,
    Request,
    Response,
    Retry,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Usage,
    dump_messages,
    fold,
    load_messages,
)
from altar.runtime import Cancellation
from altar.testing._contract_ways import STREAMED, WAYS, Watch, Ways
from altar.testing._fault import Fault, FaultKind

__all__ = ["ProviderContract"]


@dataclass
class Person:
    """A typed answer."""

    name: str
    age: int


def get_weather(city: str, days: int = 1) -> dict[str, Any]:
    """Weather for a city.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return {"city": city, "celsius": len(city), "days": days}


@tool(approval=True)
def delete_file(path: str) -> str:
    """Delete a file."""
    return f"deleted {path}"


class ProviderContract(Ways):
    """The contract of :class:`altar.llm.Provider`, one test for each promise.

    ``make_provider(replies)`` returns a fresh provider whose model gives these
    replies: what :class:`ScriptedProvider` takes and a :class:`Fault`, or a
    function from the Request to one of them. ``close_provider(provider)`` closes
    it, after a test that failed too: override it where more than the provider
    was opened. Each test drives the whole loop
    by ``generate``, ``agenerate``, ``stream`` and ``astream``, and wants the
    same of all four. The tests are plain methods: pytest collects them, and
    anything else can call them.
    """

    streams_faults = True
    """Whether the model can fail in the middle of an answer."""

    # -- what must hold ------------------------------------------------------------------

    def test_it_is_a_provider(self) -> None:
        """It has the methods of the protocol, a name and a model."""
        with self.opened(["ok"]) as provider:
            assert isinstance(provider, Provider)
            assert provider.name
            assert provider.model

    def test_the_golden_path(self) -> None:
        """A call is run, its result is read, and the answer comes with its usage."""
        script = [ToolCall("get_weather", {"city": "Oslo"}), "It is 4 degrees."]
        for reply in self.replies(script, tools=[get_weather]):
            assert (reply.text, reply.finish) == ("It is 4 degrees.", "stop")
            assert reply.calls[0].result.content == {"city": "Oslo", "celsius": 4, "days": 1}
            assert reply.usage.requests == 2
            assert [message.role for message in reply.messages] == [
                "user",
                "assistant",
                "tool",
                "assistant",
            ]
            assert reply.messages[-1].origin is not None

    def test_parallel_calls_are_answered_in_order(self) -> None:
        """The calls of one reply run together and their results go back in its order."""
        cities = ["Oslo", "Rome", "Oslo", "Bergen"]
        script = [[ToolCall("get_weather", {"city": city}) for city in cities], "Done."]
        for reply in self.replies(script, tools=[get_weather]):
            assert reply.text == "Done."
            results = [part for part in reply.messages[2].parts if isinstance(part, ToolResultPart)]
            assert [part.value["city"] for part in results] == cities
            assert [record.call.args["city"] for record in reply.calls] == cities

    def test_text_thinking_and_calls_in_one_reply(self) -> None:
        """Thoughts and words beside a call stay where they were, and go back with it."""
        first = [Thinking("Two cities."), "I look.", ToolCall("get_weather", {"city": "Oslo"})]
        script = [first, ToolCall("get_weather", {"city": "Rome"}), "Cold."]
        for reply in self.replies(script, tools=[get_weather]):
            assert (reply.text, len(reply.calls)) == ("Cold.", 2)
            kinds = [type(part) for part in reply.messages[1].parts]
            assert kinds.index(Text) < kinds.index(ToolCall)

    def test_a_streamed_turn_with_tools(self) -> None:
        """The pieces that are shown spell the answer, and calls and results are told."""
        text = "It is cold in Oslo, so take a coat with you."
        script = [["Let me look. ", ToolCall("get_weather", {"city": "Oslo"})], text]
        events = self.events(script, tools=[get_weather])
        shown = "".join([event.text for event in events if event.kind == "text"])
        assert shown == "Let me look. " + text
        kinds = [event.kind for event in events]
        assert kinds.index("tool_call") < kinds.index("tool_result") < kinds.index("end")
        end = events[-1]
        assert end.kind == "end"
        assert end.reply.text == text

    def test_a_stream_folds_into_the_whole_answer(self) -> None:
        """What complete returns is what the stream spells out, part by part."""
        said = [
            Thinking("Hm."),
            "Words with \u00e9 and \U0001f600.",
            ToolCall("get_weather", {"city": "\u00c5l", "days": 2}),
            ToolCall("get_weather", {}),
        ]
        with self.opened([said]) as whole, self.opened([said]) as streamed:
            request = _request(whole.model)
            complete = whole.complete(request, _attempt())
            folded = fold(streamed.stream(request, _attempt()))
        assert folded.message == complete.message
        assert (folded.finish, folded.usage) == (complete.finish, complete.usage)

    def test_a_typed_answer(self) -> None:
        """The answer is an object of the type that was asked for, in whatever way it is got."""

        def answer(request: Request) -> Any:
            person = {"name": "John", "age": 30}
            for declaration in request.tools:
                if declaration.name == "final_answer":
                    return ToolCall("final_answer", person)
            return '{"name": "John", "age": 30}'

        for reply in self.replies(lambda: answer, "John is 30", output=Person):
            assert reply.output == Person("John", 30)
            assert reply.finish == "stop"

    def test_a_blocked_reply(self) -> None:
        """An answer the provider withholds ends the run with its name and a reason."""
        nothing = Message("assistant", ())
        script = [Response(message=nothing, finish="blocked", detail="SAFETY")]
        for reply in self.replies(script):
            assert reply.finish in ("blocked", "refusal")
            assert reply.detail

    def test_a_malformed_call(self) -> None:
        """A call nobody can read costs one round and no exception."""
        script = [
            ToolCall("get_weather", raw_args='{"city": "Os'),
            ToolCall("get_weather", {"city": "Oslo"}),
            "Cold.",
        ]
        for reply in self.replies(script, tools=[get_weather]):
            assert (reply.text, reply.finish) == ("Cold.", "stop")
            assert reply.calls[-1].result.ok
            assert reply.usage.requests == 3

    def test_an_unknown_tool(self) -> None:
        """A tool that is not there is answered with an error the model can mend."""
        script = [ToolCall("get_wether", {}), ToolCall("get_weather", {"city": "Oslo"}), "Cold."]
        for reply in self.replies(script, tools=[get_weather]):
            assert [record.result.ok for record in reply.calls] == [False, True]
            assert reply.text == "Cold."

    def test_a_rate_limit_with_a_hint(self) -> None:
        """The server's own hint is the wait."""
        for way in WAYS:
            watch = Watch()
            options = Options(retry=Retry(clock=watch))
            with self.opened([Fault("rate_limit", retry_after=2.0), "ok"]) as provider:
                assert way(provider, "hi", {"options": options}).text == "ok"
            assert [round(seconds, 2) for seconds in watch.slept] == [2.0]

    def test_a_server_that_fails_is_asked_again(self) -> None:
        """Faults that pass are retried, a bounded number of times."""
        kinds: tuple[FaultKind, ...] = ("overloaded", "server_error")
        for kind in kinds:
            options = Options(retry=Retry(clock=Watch()))
            for reply in self.replies([Fault(kind), Fault(kind), "ok"], options=options):
                assert (reply.text, reply.usage.requests) == ("ok", 1)
        options = Options(retry=Retry(attempts=2, clock=Watch()))
        for error in self.errors([Fault("overloaded")] * 2, options=options):
            assert isinstance(error, OverloadedError)

    def test_what_waiting_does_not_lift_is_not_asked_again(self) -> None:
        """A wrong key, an unknown model and a spent quota end the run at once."""
        kinds: dict[FaultKind, type[ProviderError]] = {
            "auth": AuthenticationError,
            "unknown_model": UnknownModelError,
            "quota": QuotaError,
        }
        for kind, expected in kinds.items():
            for error in self.errors([Fault(kind)]):
                assert isinstance(error, expected), (kind, error)
                assert str(error)
                assert error.messages[0].text == "Weather?"

    def test_an_overload_in_mid_stream(self) -> None:
        """What was shown is not said twice: the run ends, its history intact."""
        if not self.streams_faults:
            return
        text = "A long answer that is cut by the fault, many words before its end. " * 4
        options = Options(retry=Retry(clock=Watch()))
        script = [Fault("overloaded", after=12, reply=text), "again"]
        for error in self.errors(script, "hi", ways=STREAMED, options=options):
            assert isinstance(error, (OverloadedError, ServerError)), error
            assert error.in_stream
            assert error.messages[-1].text == "hi"

    def test_a_stream_that_ends_early(self) -> None:
        """A connection that closes in mid-stream is a typed error, never half an answer."""
        if not self.streams_faults:
            return
        options = Options(retry=Retry(attempts=1))
        for kind in ("close", "garbage"):
            words = "Some words, and then no more of them at all."
            script = [Fault(kind, after=4, reply=words)]
            for error in self.errors(script, "hi", ways=STREAMED, options=options):
                assert isinstance(error, TransportError), (kind, error)

    def test_answers_that_are_no_answers(self) -> None:
        """A foreign content type and a connection that closes are typed errors."""
        options = Options(retry=Retry(attempts=1))
        for kind in ("close", "content_type", "garbage"):
            for error in self.errors([Fault(kind)], options=options):
                assert isinstance(error, ProviderError), (kind, error)

    def test_a_model_that_never_answers(self) -> None:
        """The run's own time ends the wait."""
        options = Options(limits=Limits(seconds=0.2), retry=Retry(attempts=1))
        for reply in self.replies([Fault("hang")], options=options):
            assert reply.finish == "deadline"

    def test_a_truncated_reply(self) -> None:
        """What was cut off by the token limit is shown, and its calls are not run."""
        said = Message("assistant", (Text("Half a sen"), ToolCall("get_weather", {"city": "Oslo"})))
        script = [Response(message=said, finish="length")]
        for reply in self.replies(script, tools=[get_weather]):
            assert (reply.finish, reply.text) == ("length", "Half a sen")
            assert not any(record.result.ok for record in reply.calls)

    def test_a_resumed_approval(self) -> None:
        """A run that waits for a person is stored, and goes on with another provider object."""
        script = [
            [ToolCall("get_weather", {"city": "Oslo"}), ToolCall("delete_file", {"path": "a"})],
            "Deleted.",
        ]
        tools = [get_weather, delete_file]
        for way in WAYS:
            with self.opened(script) as provider:
                paused = way(provider, "Delete a", {"tools": tools})
                assert paused.finish == "pending_approval"
                assert paused.pending is not None
                pending = Pending.from_dict(paused.pending.to_dict())
                reply = way(provider, pending.approve(), {"tools": tools})
            assert (reply.text, reply.finish) == ("Deleted.", "stop")
            assert [record.result.content for record in reply.calls][-1] == "deleted a"

    def test_a_history_is_stored_and_sent_again(self) -> None:
        """What was dumped and loaded is the same, and its provider takes it back."""
        script = [
            [Thinking("Look."), ToolCall("get_weather", {"city": "Oslo"})],
            [Thinking("Cold."), "It is cold."],
            "As I said.",
        ]
        for way in WAYS:
            with self.opened(script) as provider:
                reply = way(provider, "Weather?", {"tools": [get_weather]})
                again = load_messages(dump_messages(reply.messages))
                assert tuple(again) == reply.messages
                more = way(provider, [*again, Message.user("Sure?")], {"tools": [get_weather]})
            assert more.text == "As I said."
            assert more.messages[: len(again)] == reply.messages

    def test_a_history_of_another_provider(self) -> None:
        """A conversation moves here: calls and results travel, foreign data does not."""
        call = ToolCall("get_weather", {"city": "Oslo"}, id="c-1", wire_id="foreign id!")
        history = [
            Message.user("Weather?"),
            Message(
                "assistant",
                (Thinking("Hm."), Text("I look."), call),
                origin=Origin(provider="elsewhere", api="other", model="m"),
            ),
            Message("tool", (ToolResultPart(call_id="c-1", name="get_weather", text="4"),)),
            Message.assistant("It is 4."),
            Message.user("And now?"),
        ]
        for reply in self.replies(["Still 4."], history, tools=[get_weather]):
            assert reply.text == "Still 4."
            assert reply.messages[:5] == tuple(history)

    def test_usage_is_counted_in_inclusive_buckets(self) -> None:
        """Cached input is input, reasoning is output; all rounds are summed."""
        usage = Usage(input_tokens=100, output_tokens=50, cached_tokens=40, reasoning_tokens=20)
        said = Message("assistant", (ToolCall("get_weather", {"city": "Oslo"}),))
        script = [
            Response(message=said, usage=usage),
            Response(message=Message.assistant("ok"), usage=usage),
        ]
        for reply in self.replies(script, tools=[get_weather]):
            counted = (reply.usage.input_tokens, reply.usage.output_tokens)
            assert counted in ((200, 100), (None, None)), counted
            assert reply.usage.cached_tokens in (80, None)
            assert reply.usage.reasoning_tokens in (40, None)

    def test_sampling_and_instructions_never_break_a_request(self) -> None:
        """Whatever is asked is sent or told as left out."""
        sampling = Sampling(
            max_tokens=100, temperature=0.5, top_p=0.9, stop=("END",), seed=7, reasoning="low"
        )
        options = Options(sampling=sampling)
        for reply in self.replies(["ok"], instructions="Be brief.", options=options):
            assert reply.text == "ok"


def _request(model: str) -> Request:
    return Request(
        model=model,
        messages=(Message.user("Weather?"),),
        instructions=None,
        tools=(declare(get_weather),),
        tool_choice=None,
        output=None,
        sampling=Sampling(),
        settings={},
    )


def _attempt() -> Attempt:
    return Attempt(number=1, deadline=None, cancelled=Cancellation())
