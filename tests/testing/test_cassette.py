"""Cassettes: what was recorded comes back, and whatever differs is told."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import subprocess
import sys
import threading
from contextlib import aclosing, closing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import altar
from altar import Options, errors
from altar.errors import CassetteError, ConfigurationError, ProviderError, RateLimitError
from altar.llm import (
    Adaptation,
    Attempt,
    BaseProvider,
    BlobPart,
    Capabilities,
    Clock,
    Delta,
    End,
    Limits,
    Message,
    Opaque,
    Origin,
    PartEnd,
    PartStart,
    Price,
    Request,
    Response,
    Retry,
    Sampling,
    Start,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Usage,
    fold,
    unfold,
)
from altar.runtime import Cancellation
from altar.testing import (
    FunctionProvider,
    ScriptedProvider,
    _cassette_file,
    _cassette_match,
    _cassette_play,
    cassette,
)
from altar.testing._cassette_file import Exchange
from altar.testing._redaction import Secrets
from tests.strategies.conversations import conversations, responses

ATTEMPT = Attempt(number=1, deadline=None, cancelled=Cancellation())


def asked(*messages: Message | str, **more: object) -> Request:
    history = tuple(Message.user(one) if isinstance(one, str) else one for one in messages)
    fields = {
        "model": "script",
        "messages": history,
        "instructions": None,
        "tools": (),
        "tool_choice": None,
        "output": None,
        "sampling": Sampling(),
        "settings": {},
    }
    return Request(**{**fields, **more})


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def look_up(word: str) -> str:
    """Look a word up."""
    return {"altar": "a raised place", "tool": "something that helps"}[word]


def conversation(model) -> list[str]:
    """Two rounds with parallel calls, under ids that are new in every run."""
    reply = altar.generate("What are an altar and a tool?", model=model, tools=[look_up])
    more = [*reply.messages, Message.user("Thanks.")]
    return [reply.text, altar.generate(more, model=model, tools=[look_up]).text]


def script() -> ScriptedProvider:
    calls = [ToolCall("look_up", {"word": "altar"}), ToolCall("look_up", {"word": "tool"})]
    return ScriptedProvider([["I look.", *calls], "Both are known.", "You are welcome."])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "talk.jsonl"


@pytest.fixture(autouse=True)
def _nobody_says_record(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ALTAR_RECORD", raising=False)


# -- how it grows ------------------------------------------------------------------------


def test_each_message_of_a_long_conversation_is_read_a_bounded_number_of_times(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Recording, writing, reading and replaying grow with the messages, not with their square."""
    counts: dict[str, int] = {}

    def count(module, name: str) -> None:
        real = getattr(module, name)

        def counted(*args):
            counts[name] = counts.get(name, 0) + 1
            return real(*args)

        monkeypatch.setattr(module, name, counted)

    count(_cassette_match, "_portable")
    count(_cassette_match, "_digest")
    count(_cassette_play, "difference")
    turns = 40
    calls = [ToolCall("look_up", {"word": "altar"}) for _ in range(turns)]
    for _ in ("recorded", "replayed"):
        with cassette(path, ScriptedProvider([*calls, "Done."])) as model:
            reply = altar.generate(
                "?",
                model=model,
                tools=[look_up],
                options=Options(limits=Limits(rounds=None, repeats=None)),
            )
        assert len(reply.messages) == 2 * turns + 2
        assert max(counts.values()) <= 10 * turns, counts
        counts.clear()


@given(st.lists(st.tuples(st.lists(st.sampled_from("ab"), max_size=4), st.sampled_from("ab"))))
def test_an_exchange_continues_the_longest_beginning_and_its_answer_before_others(asked_and_said):
    """The one with most in common; then one answered as the history says; then the latest."""

    def message(text: str) -> dict:
        return {"role": "assistant", "parts": [{"kind": "text", "text": text}]}

    earlier = _cassette_file._Earlier(_cassette_match.Digests())
    before: list[tuple[list[str], str, Exchange]] = []
    for texts, said in asked_and_said:
        one = Exchange({"messages": [*map(message, texts)]}, {"message": message(said)})
        ranks = [
            (len(known), texts[: len(known) + 1] == [*known, answer], at)
            for at, (known, answer, _) in enumerate(before)
            if known and texts[: len(known)] == known
        ]
        best = max(ranks, default=None)
        expected = (None, False) if best is None else (before[best[2]][2], best[1])
        assert earlier.parent(one) == expected
        before.append((texts, said, one))


# -- record, then replay -----------------------------------------------------------------


def test_a_conversation_with_tools_is_recorded_and_comes_back_without_its_model(path: Path):
    with cassette(path, script()) as model:
        said = conversation(model)
    with cassette(path) as model:
        assert conversation(model) == said
        assert (model.name, model.model) == ("scripted", "script")


def watched(model) -> str:
    """A run with tools, read as it comes; the text of its reply."""
    events = list(altar.stream("What are an altar and a tool?", model=model, tools=[look_up]))
    return events[-1].reply.text


async def awaited(model) -> str:
    reply = await altar.agenerate("What are an altar and a tool?", model=model, tools=[look_up])
    return reply.text


ONE_RUN = [
    [Thinking("Hm"), ToolCall("look_up", {"word": "altar"}, wire_id="w1")],
    [ToolCall("look_up", raw_args='{"word": "tool"')],
    "Both are known.",
]


@pytest.mark.parametrize(
    "recording", [watched, lambda model: asyncio.run(awaited(model))], ids=["stream", "agenerate"]
)
def test_a_run_is_recorded_in_one_form_and_replayed_in_another(path: Path, recording):
    """What was answered in a stream is known as an answer in the next request, too."""
    with cassette(path, ScriptedProvider(ONE_RUN)) as model:
        said = recording(model)
    rows = lines(path)
    assert [row.get("continues") for row in rows[1:]] == [None, 1, 2]
    assert rows[2]["request"]["messages"][0] == {"answer": 1}
    for replay in (watched, lambda model: asyncio.run(awaited(model))):
        with cassette(path) as model:
            assert replay(model) == said


def test_the_same_run_writes_the_same_bytes(path: Path):
    """Ids are random and times differ; a recording made again shows no difference."""
    with cassette(path, script()) as model:
        conversation(model)
    first = path.read_bytes()
    with cassette(path, script(), mode="record") as model:
        conversation(model)
    assert path.read_bytes() == first


def test_a_request_that_continues_another_is_recorded_by_what_is_new(path: Path):
    with cassette(path, script()) as model:
        conversation(model)
    head, first, second, third = lines(path)
    assert head["altar-cassette"] == 1
    assert [one.get("continues") for one in (first, second, third)] == [None, 1, 2]
    assert first["request"]["tools"][0]["name"] == "look_up"
    assert second["request"].keys() == {"messages"}
    answered, results = second["request"]["messages"]
    assert answered == {"answer": 1}
    assert [part["call_id"] for part in results["parts"]] == ["call-1", "call-2"]
    assert third["request"]["messages"][1]["parts"] == [{"kind": "text", "text": "Thanks."}]


def test_a_field_that_a_later_request_drops_or_changes_is_recorded(path: Path):
    requests = [
        asked("a", instructions="Be brief.", sampling=Sampling(seed=1)),
        asked("a", Message.assistant("A"), "b", sampling=Sampling(seed=2)),
        asked("a", Message.assistant("A"), "b", Message.assistant("B"), "c"),
    ]
    with cassette(path, ScriptedProvider(["A", "B", "C"])) as model:
        for request in requests:
            model.complete(request, ATTEMPT)
    assert lines(path)[2]["request"]["instructions"] is None
    with cassette(path) as model:
        texts = [model.complete(request, ATTEMPT).message.text for request in requests]
    assert texts == ["A", "B", "C"]


class Whole(BaseProvider):
    name, model = "whole", "script"

    def __init__(self, response: Response) -> None:
        self.response = response

    def complete(self, request, attempt):
        return self.response


class Pieces(BaseProvider):
    name, model = "pieces", "script"

    def __init__(self, events: list, error: ProviderError | None = None) -> None:
        self.events, self.error = events, error

    def stream(self, request, attempt):
        yield from self.events
        if self.error is not None:
            raise self.error


async def _collected(events) -> list:
    return [event async for event in events]


FORMS = {
    "complete": lambda model, request: model.complete(request, ATTEMPT),
    "acomplete": lambda model, request: asyncio.run(model.acomplete(request, ATTEMPT)),
    "stream": lambda model, request: fold(model.stream(request, ATTEMPT)),
    "astream": lambda model, request: fold(
        asyncio.run(_collected(model.astream(request, ATTEMPT)))
    ),
}


@given(
    response=responses, recorded=st.sampled_from(sorted(FORMS)), played=st.sampled_from(sorted(FORMS))
)  # fmt: skip
def test_any_answer_recorded_in_any_form_is_played_in_any_form(
    tmp_path_factory: pytest.TempPathFactory, response: Response, recorded: str, played: str
):
    path = tmp_path_factory.mktemp("any") / "one.jsonl"
    with cassette(path, Whole(response)) as model:
        assert FORMS[recorded](model, asked("?")) == response
    with cassette(path) as model:
        assert FORMS[played](model, asked("?")) == response


@given(history=conversations())
def test_any_history_is_the_same_request_in_a_replay_with_other_ids(
    tmp_path_factory: pytest.TempPathFactory, history: list[Message]
):
    path = tmp_path_factory.mktemp("any") / "one.jsonl"
    with cassette(path, ScriptedProvider(["yes"])) as model:
        model.complete(asked(*history), ATTEMPT)
    with cassette(path) as model:
        assert model.complete(asked(*renamed(history)), ATTEMPT).message.text == "yes"


def renamed(history: list[Message]) -> list[Message]:
    """The history with other ids of altar's own, and other ids of the responses."""

    def part(one):
        if isinstance(one, ToolCall):
            return ToolCall(one.name, one.args, id=f"new-{one.id}", raw_args=one.raw_args,
                            wire_id=one.wire_id, opaque=one.opaque)  # fmt: skip
        if isinstance(one, ToolResultPart):
            return ToolResultPart(call_id=f"new-{one.call_id}", name=one.name, text=one.text,
                                  is_error=one.is_error, blobs=one.blobs, opaque=one.opaque)  # fmt: skip
        return one

    return [
        Message(
            m.role,
            tuple(map(part, m.parts)),
            origin=m.origin
            and Origin(
                provider=m.origin.provider,
                api=m.origin.api,
                model=m.origin.model,
                response_id="another",
            ),  # fmt: skip
            opaque=m.opaque,
        )
        for m in history
    ]


EVENTS = [
    Start(Origin(provider="pieces", api="x", model="m", response_id="r1")),
    PartStart(0, "thinking"),
    Delta(0, "Hm", kind="thinking"),
    PartStart(1, "tool_call", name="add"),
    Delta(1, '{"a"', kind="args"),
    PartEnd(0, Thinking("Hm", opaque=(Opaque(provider="p", api="x", kind="s", data={"a": [1]}),))),
    Delta(1, ": 1}", kind="args"),
    PartEnd(1, ToolCall("add", {"a": 1}, wire_id="w1")),
    PartStart(2, "text"),
    Delta(2, "\u2028\ud800"),
    PartEnd(2, Text("\u2028\ud800")),
    End(
        usage=Usage(input_tokens=3, reasoning_tokens=0, cost=Decimal("0.10"), raw=({"n": 1},)),
        finish="length",
        raw_finish="MAX",
        detail="cut",
        origin=Origin(provider="pieces", api="x", model="m", response_id="r2"),
        opaque=(Opaque(provider="p", api="x", kind="whole", data="sig"),),
        adaptations=(Adaptation("a", "b"),),
    ),
]


def test_a_stream_comes_back_event_by_event(path: Path):
    with cassette(path, Pieces(EVENTS)) as model:
        assert list(model.stream(asked("?"), ATTEMPT)) == EVENTS
    with cassette(path) as model:
        assert list(model.stream(asked("?"), ATTEMPT)) == EVENTS


def test_what_a_provider_can_do_is_known_without_it(path: Path):
    can = Capabilities(
        native_output=True,
        blobs=("image/png",),
        sampling=frozenset({"seed", "stop"}),
        max_tools=7,
        price=Price(
            input=Decimal("1.25"),
            output=Decimal(10),
            long_above=200_000,
            long=Price(input=Decimal("2.5"), output=Decimal(15)),
        ),
    )
    whole = Whole(Response(message=Message.assistant("hi")))
    whole.capabilities = can
    with cassette(path, whole) as model:
        assert model.capabilities == can
        model.complete(asked("?"), ATTEMPT)
    with cassette(path) as model:
        assert model.capabilities == can
        model.complete(asked("?"), ATTEMPT)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_failure_is_raised_again_with_all_its_facts(path: Path, form: str):
    error = RateLimitError(
        "slow down", provider="x", status=429, code="rate_limit", request_id="r", retry_after=1.5,
        sent=True, in_stream=True, hint="Wait.", raw={"error": {"message": "slow"}},
    )  # fmt: skip
    with cassette(path, Pieces(EVENTS[:3], error)) as model, pytest.raises(RateLimitError):
        FORMS[form](model, asked("?"))
    with cassette(path) as model, pytest.raises(RateLimitError) as caught:
        FORMS[form](model, asked("?"))
    assert vars(caught.value) == vars(error)
    assert str(caught.value) == str(error)


def test_the_error_of_a_plugin_is_raised_as_altars_own_kind(path: Path):
    class Mine(errors.OverloadedError):
        pass

    with cassette(path, ScriptedProvider([Mine("busy", status=503)])) as model:
        with pytest.raises(Mine):
            model.complete(asked("?"), ATTEMPT)
    with cassette(path) as model, pytest.raises(errors.OverloadedError, match="busy") as caught:
        model.complete(asked("?"), ATTEMPT)
    assert type(caught.value) is errors.OverloadedError


class NoWait(Clock):
    """A clock that does not wait."""

    def now(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass

    async def asleep(self, seconds: float) -> None:
        pass


def test_a_retry_is_recorded_and_replayed_in_order(path: Path):
    options = Options(retry=Retry(clock=NoWait()))
    failing = ScriptedProvider([RateLimitError("slow"), RateLimitError("slow"), "done"])
    with cassette(path, failing) as model:
        assert altar.generate("?", model=model, options=options).text == "done"
    assert [one.get("continues") for one in lines(path)[1:]] == [None, 1, 2]
    with cassette(path) as model:
        assert altar.generate("?", model=model, options=options).text == "done"


def test_a_reader_that_stops_in_the_middle_may_stop_there_again_and_read_no_further(path: Path):
    events = list(unfold(Response(message=Message.assistant("word " * 30))))

    def begin(model) -> list:
        with closing(model.stream(asked("?"), ATTEMPT)) as stream:
            return [next(stream) for _ in range(4)]

    with cassette(path, Pieces(events)) as model:
        assert begin(model) == events[:4]
    with cassette(path) as model:
        assert begin(model) == events[:4]
    for form in FORMS.values():
        with cassette(path) as model, pytest.raises(CassetteError, match="stopped here"):
            form(model, asked("?"))


def test_an_async_reader_that_stops_in_the_middle_is_recorded_too(path: Path):
    events = list(unfold(Response(message=Message.assistant("word " * 30))))

    async def begin(model) -> list:
        async with aclosing(model.astream(asked("?"), ATTEMPT)) as stream:
            return [await anext(stream) for _ in range(4)]

    async def twice() -> None:
        async with cassette(path, Pieces(events)) as model:
            assert await begin(model) == events[:4]
        async with cassette(path) as model:
            assert await begin(model) == events[:4]

    asyncio.run(twice())


def test_a_request_that_was_cancelled_before_anything_came_is_left_out(path: Path):
    class Waits(BaseProvider):
        name, model = "waits", "script"

        async def acomplete(self, request, attempt):
            if request.messages[0].text == "wait":
                await asyncio.Event().wait()
            return Response(message=Message.assistant("ok"))

    async def ask(model) -> None:
        waiting = asyncio.ensure_future(model.acomplete(asked("wait"), ATTEMPT))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await model.acomplete(asked("go"), ATTEMPT)

    async def record() -> None:
        async with cassette(path, Waits()) as model:
            await ask(model)

    asyncio.run(record())
    assert [one["request"]["messages"][0]["parts"][0]["text"] for one in lines(path)[1:]] == ["go"]


# -- what the replay is strict about -----------------------------------------------------


@pytest.fixture
def recorded(path: Path) -> Path:
    with cassette(path, script()) as model:
        conversation(model)
    return path


def test_another_question_shows_where_it_differs_and_what_to_type(recorded: Path):
    with pytest.raises(CassetteError) as caught, cassette(recorded) as model:
        altar.generate("What are an altar and a fool?", model=model, tools=[look_up])
    said = str(caught.value)
    assert str(recorded) in said
    assert "exchange 1" in said
    assert "$.messages[0].parts[0].text" in said
    assert 'tool?"' in said
    assert 'fool?"' in said
    assert "ALTAR_RECORD=1" in said
    assert caught.value.path == str(recorded)
    assert isinstance(caught.value, AssertionError)


def test_another_tool_result_is_a_miss(recorded: Path):
    def look_up(word: str) -> str:
        """Look a word up."""
        return "no idea"

    with pytest.raises(CassetteError, match=r"\$\.messages\[2\]\.parts\[0\]\.text"):
        with cassette(recorded) as model:
            altar.generate("What are an altar and a tool?", model=model, tools=[look_up])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"instructions": "Be brief."}, r"\$\.instructions"),
        ({"sampling": Sampling(seed=3)}, r"\$\.sampling"),
        ({"settings": {"x": 1}}, r"\$\.settings"),
        ({"tool_choice": altar.adm.ToolConfig(mode="NONE")}, r"\$\.tool_choice"),
        ({"model": "another"}, r"\$\.model"),
    ],
)
def test_every_field_of_a_request_counts(path: Path, change: dict, where: str):
    with cassette(path, ScriptedProvider(["A"])) as model:
        model.complete(asked("a"), ATTEMPT)
    with pytest.raises(CassetteError, match=where), cassette(path) as model:
        model.complete(asked("a", **change), ATTEMPT)


def test_a_later_request_of_a_conversation_does_not_come_first(path: Path):
    first, second = asked("a"), asked("a", Message.assistant("A"), "b")
    with cassette(path, ScriptedProvider(["A", "B"])) as model:
        model.complete(first, ATTEMPT)
        model.complete(second, ATTEMPT)
    with pytest.raises(CassetteError, match="exchange 1"), cassette(path) as model:
        model.complete(second, ATTEMPT)


def test_conversations_may_come_in_another_order(path: Path):
    with cassette(path, ScriptedProvider(["A", "B"])) as model:
        model.complete(asked("a"), ATTEMPT)
        model.complete(asked("b"), ATTEMPT)
    with cassette(path) as model:
        assert model.complete(asked("b"), ATTEMPT).message.text == "B"
        assert model.complete(asked("a"), ATTEMPT).message.text == "A"


def test_the_same_question_asked_twice_gets_its_answers_in_order(path: Path):
    with cassette(path, ScriptedProvider(["one", "two"])) as model:
        for _ in range(2):
            model.complete(asked("a"), ATTEMPT)
    with cassette(path) as model:
        texts = [model.complete(asked("a"), ATTEMPT).message.text for _ in range(2)]
    assert texts == ["one", "two"]


def test_one_question_too_many_is_a_miss(recorded: Path):
    with pytest.raises(CassetteError, match="all of its 3 exchanges were played"):
        with cassette(recorded) as model:
            conversation(model)
            altar.generate("More?", model=model)


def test_a_recording_must_be_played_to_its_end(recorded: Path):
    with pytest.raises(CassetteError, match=r"2 of 3 exchanges are left, the first is number 2"):
        with cassette(recorded) as model:
            model.complete(asked_like(recorded), ATTEMPT)


def asked_like(recorded: Path) -> Request:
    return asked("What are an altar and a tool?", tools=(altar.declare(look_up),))


def test_an_error_of_the_block_is_not_hidden_by_what_was_not_played(recorded: Path):
    with pytest.raises(KeyError), cassette(recorded):
        raise KeyError("mine")


def test_a_miss_that_somebody_swallowed_is_raised_at_the_end(path: Path):
    with cassette(path, ScriptedProvider(["A"])) as model:
        model.complete(asked("a"), ATTEMPT)
    with pytest.raises(CassetteError, match="not the one that was recorded"):
        with cassette(path) as model:
            try:
                model.complete(asked("b"), ATTEMPT)
            except CassetteError:
                model.complete(asked("a"), ATTEMPT)


def test_prepare_takes_out_what_changes_from_run_to_run(path: Path):
    def prepare(doc: dict) -> dict:
        return {**doc, "instructions": "Today is (a day)."}

    with cassette(path, ScriptedProvider(["A"]), prepare=prepare) as model:
        model.complete(asked("a", instructions="Today is Monday."), ATTEMPT)
    assert "Monday" not in path.read_text("utf-8")
    with cassette(path, prepare=prepare) as model:
        model.complete(asked("a", instructions="Today is Friday."), ATTEMPT)


def test_threads_share_a_recording_and_a_replay(path: Path):
    """Conversations that run at once are told apart by what they ask."""

    def brain(request: Request):
        word = request.messages[0].text
        if request.messages[-1].role == "tool":
            return f"{word}: {request.messages[-1].parts[0].value}"
        return ToolCall("look_up", {"word": "tool"})

    def run(model) -> dict[str, str]:
        said: dict[str, str] = {}

        def ask(word: str) -> None:
            said[word] = altar.generate(word, model=model, tools=[look_up]).text

        threads = [threading.Thread(target=ask, args=(f"question {n}",)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return said

    with cassette(path, FunctionProvider(brain)) as model:
        first = run(model)
    assert len(first) == 12
    assert len(lines(path)) == 25
    with cassette(path) as model:
        assert run(model) == first


# -- modes, models, files ----------------------------------------------------------------


def test_nothing_is_recorded_when_the_block_raises(path: Path):
    with pytest.raises(errors.AuthenticationError) as caught:
        with cassette(path, ScriptedProvider([errors.AuthenticationError("no key")])) as model:
            altar.generate("?", model=model)
    assert not path.exists()
    assert "was not written" in caught.value.__notes__[0]


def test_a_block_that_raises_leaves_an_old_recording_as_it_was(recorded: Path):
    before = recorded.read_bytes()
    with pytest.raises(KeyError), cassette(recorded, script(), mode="record") as model:
        altar.generate("?", model=model)
        raise KeyError
    assert recorded.read_bytes() == before
    assert list(recorded.parent.iterdir()) == [recorded]


@pytest.mark.parametrize(
    ("said", "records"), [("1", True), ("true", True), ("0", False), ("", False)]
)
def test_the_variable_records_again(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, said: str, records: bool
):
    monkeypatch.setenv("ALTAR_RECORD", said)
    assert cassette(recorded).recording is records
    assert cassette(recorded, mode="replay").recording is False
    assert cassette(recorded, mode="record").recording is True


def test_a_missing_recording_is_not_made_in_replay_mode(path: Path):
    with pytest.raises(CassetteError, match="ALTAR_RECORD=1"):
        with cassette(path, script(), mode="replay"):
            pass
    assert not path.exists()


def test_recording_without_a_model_says_what_to_type(path: Path):
    with pytest.raises(CassetteError, match="'prefix:name'"), cassette(path):
        pass


def test_the_configured_model_is_recorded_when_none_is_given(path: Path):
    altar.configure(model="offline:")
    try:
        with cassette(path) as model:
            altar.generate("Hello", model=model)
    finally:
        altar.config.reset()
    assert lines(path)[0]["model"] == "offline:"


def test_another_model_than_the_recorded_one_is_refused(path: Path):
    with cassette(path, "offline:") as model:
        altar.generate("Hello", model=model)
    with pytest.raises(CassetteError, match="'offline:'.*'gemini:x'"), cassette(path, "gemini:x"):
        pass


@pytest.mark.parametrize(
    "given",
    [{"mode": "once"}, {"secrets": "text"}, {"model": ScriptedProvider, "mode": "record"},
     {"model": 3, "mode": "record"}],
)  # fmt: skip
def test_what_cannot_work_is_refused(path: Path, given: dict):
    with pytest.raises(ConfigurationError), cassette(path, **given):
        pass


def test_a_block_is_entered_once(path: Path):
    tape = cassette(path, script())
    with pytest.raises(ConfigurationError), tape, tape:
        pass


class Closes(Whole):
    closed = 0

    def close(self) -> None:
        Closes.closed += 1


def test_a_provider_that_was_given_is_not_closed(path: Path):
    whole = Closes(Response(message=Message.assistant("hi")))
    with cassette(path, whole) as model:
        model.complete(asked("?"), ATTEMPT)
    assert Closes.closed == 0


def test_a_replay_loads_no_provider(path: Path):
    """In a new interpreter: not the recorded one, not a vendor's library, no HTTP, no socket."""
    with cassette(path, "offline:") as model:
        text = altar.generate("Hello", model=model).text
    code = f"""
import sys, altar
from altar.testing import cassette
with cassette({str(path)!r}, "offline:") as model:
    print(altar.generate("Hello", model=model).text == {text!r})
heavy = ("altar.llm._offline", "openai", "anthropic", "google.genai", "http.client", "http.server")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split("\n")[:2] == ["True", "[]"], done.stderr


@pytest.mark.parametrize(
    ("at", "line", "said"),
    [
        (0, "", "line 2"),
        (0, '{"altar-cassette": 2, "provider": {}}', "version 1, not 2"),
        (0, '{"altar-cassette": 1}', "which provider"),
        (1, "{", "line 2: no JSON"),
        (1, "[1]", "line 2: no JSON object"),
        (1, '{"exchange": 1}', "line 2: no exchange"),
        (1, '{"exchange": 2, "request": {"messages": []}, "answer": {"error": {}}}', "number 2"),
        (1, '{"exchange": 1, "request": {"messages": []}, "answer": {}}', "a message, events or"),
        (2, '{"exchange": 2, "continues": 2, "request": {"messages": []}, "answer": {}}', "no exch"),
    ],
)  # fmt: skip
def test_a_broken_file_is_told_with_its_line(recorded: Path, at: int, line: str, said: str):
    text = recorded.read_text("utf-8").splitlines()
    text[at] = line
    recorded.write_text("\n".join(text), "utf-8")
    with pytest.raises(CassetteError, match=said), cassette(recorded):
        pass


def test_an_edited_request_is_told_unless_its_digest_goes_too(path: Path):
    with cassette(path, ScriptedProvider(["A"])) as model:
        model.complete(asked("a"), ATTEMPT)
    path.write_text(path.read_text("utf-8").replace('"text": "a"', '"text": "b"'), "utf-8")
    with pytest.raises(CassetteError, match="digest"), cassette(path):
        pass
    head, line = lines(path)
    del line["digest"]
    path.write_text(f"{json.dumps(head)}\n{json.dumps(line)}\n", "utf-8")
    with cassette(path) as model:
        assert model.complete(asked("b"), ATTEMPT).message.text == "A"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path):
    target = tmp_path / "taken.jsonl"
    with pytest.raises(OSError):
        with cassette(target, ScriptedProvider(["A"]), mode="record") as model:
            model.complete(asked("a"), ATTEMPT)
            target.mkdir()
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("mode", ["auto", "record", "replay"])
def test_a_directory_is_refused_before_anything_is_asked(tmp_path: Path, mode):
    with pytest.raises(ConfigurationError, match=r"name\.jsonl"):
        with cassette(tmp_path, ScriptedProvider(["A"]), mode=mode):
            pytest.fail("the block was entered")


def test_a_file_that_is_no_text_is_told(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CassetteError, match="no text.*ALTAR_RECORD=1") as caught:
        with cassette(path):
            pytest.fail("the block was entered")
    assert caught.value.path == str(path)


def test_a_file_keeps_its_permissions_and_a_link_leads_to_it_still(tmp_path: Path):
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    real.write_text("")
    real.chmod(0o600)
    link.symlink_to(real)
    with cassette(link, ScriptedProvider(["A"]), mode="record") as model:
        model.complete(asked("a"), ATTEMPT)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert len(lines(real)) == 2


@pytest.mark.parametrize("returned", [None, "text", {}])
def test_a_preparation_that_returns_no_request_is_told(path: Path, returned):
    with cassette(path, ScriptedProvider(["A"]), prepare=lambda _: returned) as model:
        with pytest.raises(ConfigurationError, match="End it with: return request"):
            model.complete(asked("a"), ATTEMPT)


def test_a_preparation_may_change_the_request_in_place(path: Path):
    """What a later request has in common with it is prepared from the beginning again."""

    def prepare(request: dict) -> dict:
        for message in request["messages"]:
            for part in message["parts"]:
                part["text"] += "!"
        return request

    history = [Message.user("a"), Message.assistant("A"), Message.user("b")]
    for _ in ("recorded", "replayed"):
        with cassette(path, ScriptedProvider(["A", "B"]), prepare=prepare) as model:
            model.complete(asked("a"), ATTEMPT)
            model.complete(asked(*history), ATTEMPT)
    assert lines(path)[2]["request"]["messages"][-1]["parts"][0]["text"] == "b!"


def test_a_cassette_knows_while_it_runs_whether_it_records(recorded: Path):
    tape = cassette(recorded, script(), mode="record")
    with pytest.raises(KeyError), tape:
        assert tape.recording
        raise KeyError
    tape = cassette(recorded)
    with pytest.raises(KeyError), tape:
        assert not tape.recording
        raise KeyError


# -- secrets -----------------------------------------------------------------------------

KEY = "s3same-open-" + "0123456789"


def test_no_secret_reaches_the_file_and_the_replay_still_matches(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WEATHER_API_KEY", KEY)
    shaped = "sk-" + "abcdefgh12345678"
    request = asked(
        f"Use {KEY} and {shaped}, or named-one.",
        settings={"gemini": {"headers": {"X-Own": "quiet words"}, "api_key": "short"}},
    )
    answer = Response(
        message=Message("assistant", (Text(f"I used {KEY} and {shaped}."),)),
        usage=Usage(raw=({"echo": KEY},)),
    )
    with cassette(path, Whole(answer), secrets=["named-one"]) as model:
        assert model.complete(request, ATTEMPT) == answer
    text = path.read_text("utf-8")
    for secret in (KEY, shaped, "quiet words", '"short"', "named-one"):
        assert secret not in text
    assert "X-Own" in text
    monkeypatch.delenv("WEATHER_API_KEY")
    with cassette(path) as model:
        said = model.complete(request, ATTEMPT).message.text
    assert said == "I used [secret] and [secret]."


def test_a_secret_cut_in_two_by_a_stream_is_found(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WEATHER_API_KEY", KEY)
    events = [
        PartStart(0, "text"),
        *[Delta(0, f"({KEY})"[at : at + 5]) for at in range(0, len(KEY) + 2, 5)],
        PartEnd(0, Text(f"({KEY})")),
        PartStart(1, "text"),
        Delta(1, "two "),
        Delta(1, "pieces"),
        PartEnd(1, Text("two pieces")),
        End(usage=Usage()),
    ]
    with cassette(path, Pieces(events)) as model:
        assert list(model.stream(asked("?"), ATTEMPT)) == events
    assert KEY[:5] not in path.read_text("utf-8")
    with cassette(path) as model:
        played = list(model.stream(asked("?"), ATTEMPT))
    assert played == [
        PartStart(0, "text"),
        Delta(0, "([secret])"),
        PartEnd(0, Text("([secret])")),
        *events[-5:],
    ]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("plainly", [True, False])
@given(
    secret=st.text(st.sampled_from('aZ9"\\\\/\n\té\u2028\U0001f600<=& .'), min_size=4, max_size=12)
)
def test_a_secret_is_found_however_often_json_escaped_it(plainly: bool, depth: int, secret: str):
    text = f"-{secret}-"
    for _ in range(depth):
        text = json.dumps({"pw": text}, ensure_ascii=plainly)
    kept = Secrets([f"-{secret}-"]).answered_text(text)
    for _ in range(depth):
        kept = json.loads(kept)["pw"]
    assert kept == "[secret]"


def test_a_secret_in_a_result_an_argument_or_a_blob_is_not_written(path: Path):
    """A result is JSON text, in which a quote stands escaped; a blob is base64."""
    secret = 'hunter2"quoted\\tail\nand more'
    blob = f"pw={secret}".encode()

    def credentials(of: str) -> dict[str, str]:
        """Give them."""
        return {of: secret}

    said = [[ToolCall("credentials", {"of": secret}), BlobPart("text/plain", blob)], "Fine."]
    told = ScriptedProvider(said, capabilities=Capabilities(blobs=("*/*",)))

    def run(model) -> str:
        prompt = [altar.Blob("text/plain", blob)]
        return altar.generate(prompt, model=model, tools=[credentials]).text

    with cassette(path, told, secrets=[secret]) as model:
        run(model)
    text = path.read_text("utf-8")
    assert "hunter2" not in text
    assert "tail" not in text
    assert base64.b64encode(blob).decode()[:20] not in text
    for known in ([secret], []):  # a replay knows the secret, or another one
        with cassette(path, secrets=known) as model:
            assert run(model) == "Fine."


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("API_KEY", "zzzzzzzzzzzz1", False),
        ("AZURE_OPENAI_KEY", "abcdefghijklmnop", False),
        ("PGPASSWORD", "qwertyuiop123", False),
        ("MYSQL_PWD", "qwertyuiop123", False),
        ("db_passwd", "qwertyuiop123", False),
        ("SERVICE_CREDENTIALS", "user:qwertyuiop123", False),
        ("GITHUB_PAT", "qwertyuiop123", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/keys/me.json", True),
        ("SORT_KEY", "created_at", True),
        ("PGPASSWORD", "postgres", True),
        ("API_KEY", "test", True),
        ("PWD", "qwertyuiop123", True),
        ("MONKEY", "qwertyuiop123", True),
    ],
)  # fmt: skip
def test_a_variable_is_known_for_a_secret_by_its_name_and_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, kept: bool
):
    """A word and a place are none: taken out, they would mark half of a recording as secret."""
    monkeypatch.setenv(name, value)
    assert (Secrets().answered_text(f"({value})") == f"({value})") is kept


def test_an_argument_called_key_is_no_secret_in_an_answer(path: Path):
    """A replay that changed it would call the tool with something else."""
    call = ToolCall("set", raw_args='{"key": "user_profile_settings"}')
    with cassette(path, Whole(Response(message=Message("assistant", (call,))))) as model:
        model.complete(asked("?"), ATTEMPT)
    with cassette(path) as model:
        assert model.complete(asked("?"), ATTEMPT).message.parts == (call,)


def test_a_big_blob_of_a_request_is_recorded_by_its_hash_and_compared_whole(path: Path):
    def ask(data: bytes) -> Request:
        return asked(Message("user", (Text("?"), BlobPart("image/png", data))))

    with cassette(path, ScriptedProvider(["A"])) as model:
        model.complete(ask(b"x" * 5000), ATTEMPT)
    assert path.stat().st_size < 1500
    with cassette(path) as model:
        model.complete(ask(b"x" * 5000), ATTEMPT)
    with pytest.raises(CassetteError, match="sha256"), cassette(path) as model:
        model.complete(ask(b"x" * 4999 + b"y"), ATTEMPT)
