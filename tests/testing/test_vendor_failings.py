"""What the vendors' own clients and tool loops do, each shown with the real client against a fake.

docs/vendor-loops.md cites these tests by name. A test that fails means that a
vendor has changed something: then the table changes too.
"""

from __future__ import annotations

import gc
import time
from importlib.metadata import version
from typing import Any

import pytest

from altar.llm import Message, Response, Thinking, ToolCall, Usage
from altar.testing import FakeAnthropic, FakeGemini, FakeOpenAI, Fault
from tests.testing import _afc_tools as tools
from tests.testing._wire import CITY

GEMINI = "gemini-3.8-flash"
CLAUDE = "claude-opus-5-5"
GPT = "gpt-5.5"
OSLO = ToolCall("get_weather", {"city": "Oslo"})


@pytest.fixture
def naps(monkeypatch) -> list[float]:
    """How long somebody wanted to sleep; nobody does."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


# --- google-genai: automatic function calling


@pytest.fixture(autouse=True)
def _nothing_ran():
    tools.ran.clear()


class Afc:
    """One question to Gemini with Python functions as tools, and what came of it."""

    def __init__(self, fake: FakeGemini) -> None:
        genai = pytest.importorskip("google.genai")
        self.fake = fake
        self.client = genai.Client(api_key=fake.key, http_options={"base_url": fake.url})

    def ask(self, *given: Any, **config: Any) -> Any:
        return self.client.models.generate_content(
            model=GEMINI, contents="x", config={"tools": list(given), **config}
        )

    def answers(self, request: int = 1) -> list[dict[str, Any]]:
        """The functionResponses of a request."""
        parts = self.fake.requests[request].body["contents"][-1]["parts"]
        return [part["functionResponse"] for part in parts]

    def method(self) -> str:
        """A tool that is a bound method."""
        return "fine"


def test_afc_raises_keyerror_for_a_tool_that_does_not_exist():
    """A hallucinated name ends the whole call with a bare KeyError."""
    with FakeGemini([ToolCall("get_whether", {"city": "Oslo"})]) as fake:
        afc = Afc(fake)
        with pytest.raises(KeyError, match="get_whether"):
            afc.ask(tools.get_weather)


def test_afc_answers_without_the_id_of_the_call():
    """Its functionResponse carries the name alone."""
    with FakeGemini([OSLO, "ok"]) as fake:
        afc = Afc(fake)
        afc.ask(tools.get_weather)
        assert fake.requests[1].body["contents"][1]["parts"][0]["functionCall"]["id"]
        assert "id" not in afc.answers()[0]


def test_afc_runs_nothing_when_a_call_lacks_its_args_field():
    """The loop ends without a word: no execution, no text, no error."""
    with FakeGemini([ToolCall("now")]) as fake:
        afc = Afc(fake)
        assert afc.ask(tools.now).text is None
        assert tools.ran == []


def test_afc_hands_a_float_parameter_an_integer():
    """3.0 for ``x: float`` arrives as the int 3."""
    with FakeGemini([ToolCall("half", {"x": 3.0}), "ok"]) as fake:
        afc = Afc(fake)
        afc.ask(tools.half)
        assert [type(x) for x in tools.ran] == [int]


def test_afc_drops_arguments_nobody_declared():
    """The model is never told that it made one up."""
    call = ToolCall("get_weather", {"city": "Oslo", "zip": 1})
    with FakeGemini([call, "ok"]) as fake:
        afc = Afc(fake)
        afc.ask(tools.get_weather)
        assert afc.answers()[0]["response"] == {"result": {"celsius": 4}}


def test_afc_tells_the_model_the_text_of_any_exception():
    """Secrets in an error message leave the machine."""
    with FakeGemini([ToolCall("fail", {}), "ok"]) as fake:
        afc = Afc(fake)
        afc.ask(tools.fail)
        assert "secret=42" in afc.answers()[0]["response"]["error"]


def test_afc_raises_for_a_result_that_json_does_not_know():
    """A Decimal ends the whole call, after the tool has run."""
    with FakeGemini([ToolCall("price", {})]) as fake:
        afc = Afc(fake)
        with pytest.raises(TypeError, match="not JSON serializable"):
            afc.ask(tools.price)


def test_afc_reports_the_usage_of_the_last_request_alone():
    """Two requests were paid for, one is counted."""
    usage = Usage(input_tokens=100, output_tokens=10)
    first = Response(message=Message("assistant", (OSLO,)), usage=usage)
    last = Response(message=Message.assistant("ok"), usage=usage)
    with FakeGemini([first, last]) as fake:
        afc = Afc(fake)
        assert afc.ask(tools.get_weather).usage_metadata.total_token_count == 110
        assert len(fake.requests) == 2


def test_afc_stops_after_ten_requests_with_a_call_left_open():
    """No text, no error, and the last call unanswered."""
    with FakeGemini([OSLO] * 10) as fake:
        afc = Afc(fake)
        answer = afc.ask(tools.get_weather)
        assert (answer.text, len(answer.function_calls), len(tools.ran)) == (None, 1, 9)


def test_afc_is_off_as_soon_as_a_declaration_stands_beside_a_function():
    """The function is declared, called by the model, and not run; a log line says why."""
    declared = {"function_declarations": [{"name": "f", "parameters_json_schema": CITY}]}
    with FakeGemini([OSLO]) as fake:
        afc = Afc(fake)
        assert afc.ask(tools.get_weather, declared).text is None
        assert tools.ran == []


def test_afc_runs_parallel_calls_one_after_another():
    """The second begins when the first has ended."""
    calls = [ToolCall("slow", {"n": 1}), ToolCall("slow", {"n": 2})]
    with FakeGemini([calls, "ok"]) as fake:
        Afc(fake).ask(tools.slow)
    assert tools.ran == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]


def test_afc_copies_the_object_that_a_method_belongs_to():
    """A tool with a lock, a connection or a client in it cannot be a bound method."""
    with FakeGemini() as fake:
        afc = Afc(fake)
        with pytest.raises(TypeError, match="cannot pickle"):
            afc.ask(afc.method)
        assert not fake.requests


def test_afc_of_older_versions_cannot_run_what_postpones_its_annotations():
    """The model is told of isinstance() instead of the result; newer versions run it."""
    pytest.importorskip("google.genai")
    major = int(version("google-genai").partition(".")[0])

    def double(n: int) -> int:
        """Twice a number."""
        return 2 * n

    with FakeGemini([ToolCall("double", {"n": 2}), "ok"]) as fake:
        afc = Afc(fake)
        afc.ask(double)
        response = afc.answers()[0]["response"]
    if major >= 3:
        assert response == {"result": 4}
    else:
        assert "isinstance() arg 2 must be a type" in response["error"]


# --- google-genai: the client


def test_genai_drops_the_message_of_a_malformed_call():
    """finishMessage is on the wire, and not in the answer."""
    reply = Response(
        message=Message("assistant", ()), finish="malformed", detail="Malformed function call: x("
    )
    with FakeGemini([reply]) as fake:
        answer = Afc(fake).ask()
        candidate = answer.candidates[0]
        assert candidate.finish_reason == "MALFORMED_FUNCTION_CALL"
        assert (answer.text, candidate.finish_message) == (None, None)


def test_genai_answers_a_blocked_prompt_with_no_error():
    """text is None, as it is for an answer that was cut off for safety."""
    silence = Message("assistant", ())
    replies = [
        Response(message=silence, finish="blocked"),
        Response(message=silence, finish="refusal"),
    ]
    with FakeGemini(replies) as fake:
        afc = Afc(fake)
        assert [afc.ask().text, afc.ask().text] == [None, None]


def test_genai_sends_further_requests_when_an_answer_is_to_be_continued():
    """One call of the application, two requests, unless it is switched off."""
    paused = Response(message=Message.assistant("one "), finish="paused")
    with FakeGemini([paused, "two", paused]) as fake:
        afc = Afc(fake)
        assert afc.ask().text == "one two"
        assert len(fake.requests) == 2
        afc.ask(automatic_continuation=False)
        assert len(fake.requests) == 3


def test_genai_ignores_when_the_server_asks_to_come_back(naps: list[float]):
    """RetryInfo said 38 seconds; the client's own backoff is some tenths of one."""
    genai = pytest.importorskip("google.genai")
    with FakeGemini([Fault("rate_limit", retry_after=38), "ok"]) as fake:
        options = {"base_url": fake.url, "retry_options": {"attempts": 2, "initial_delay": 0.1}}
        with genai.Client(api_key=fake.key, http_options=options) as client:
            assert client.models.generate_content(model=GEMINI, contents="x").text == "ok"
    assert max(naps) < 5


def test_genai_retries_the_quota_of_a_day(naps: list[float]):
    """Each attempt is refused as the first was."""
    genai = pytest.importorskip("google.genai")
    with FakeGemini([Fault("quota")] * 3) as fake:
        options = {"base_url": fake.url, "retry_options": {"attempts": 3, "initial_delay": 0.1}}
        with genai.Client(api_key=fake.key, http_options=options) as client:
            with pytest.raises(genai.errors.ClientError):
                client.models.generate_content(model=GEMINI, contents="x")
        assert len(fake.requests) == 3


def test_genai_interactions_retry_although_nobody_asked_them_to(naps: list[float]):
    """generateContent makes one attempt by default, interactions make more."""
    genai = pytest.importorskip("google.genai")
    with FakeGemini([Fault("overloaded"), Fault("overloaded"), "ok"]) as fake:
        with genai.Client(api_key=fake.key, http_options={"base_url": fake.url}) as client:
            with pytest.raises(genai.errors.ServerError):
                client.models.generate_content(model=GEMINI, contents="x")
            assert client.interactions.create(model=GEMINI, input="x").status == "completed"
        assert len(fake.requests) == 3


def test_genai_interactions_have_errors_of_their_own():
    """What catches the errors of generateContent does not catch these."""
    genai = pytest.importorskip("google.genai")
    with FakeGemini([Fault("auth"), Fault("auth")]) as fake:
        with genai.Client(api_key=fake.key, http_options={"base_url": fake.url}) as client:
            with pytest.raises(genai.errors.APIError):
                client.models.generate_content(model=GEMINI, contents="x")
            with pytest.raises(Exception, match="API key not valid") as raised:
                client.interactions.create(model=GEMINI, input="x")
    assert not isinstance(raised.value, genai.errors.APIError)


def test_genai_yields_an_error_in_an_interactions_stream_as_an_event():
    """Nothing is raised: who looks for text alone sees a short answer."""
    genai = pytest.importorskip("google.genai")
    with FakeGemini([Fault("overloaded", after=3)]) as fake:
        with genai.Client(api_key=fake.key, http_options={"base_url": fake.url}) as client:
            events = list(client.interactions.create(model=GEMINI, input="x", stream=True))
    assert [event.event_type for event in events][-1] == "error"


def test_genai_closes_a_client_that_nobody_holds_any_more():
    """Its parts do not keep it alive: ``Client().interactions`` is closed at once."""
    genai = pytest.importorskip("google.genai")
    with FakeGemini() as fake:
        part = genai.Client(api_key=fake.key, http_options={"base_url": fake.url}).interactions
        gc.collect()
        with pytest.raises(RuntimeError, match="client has been closed"):
            part.create(model=GEMINI, input="x")
        assert not fake.requests


# --- anthropic


def claude(fake: FakeAnthropic, **more: Any) -> Any:
    anthropic = pytest.importorskip("anthropic")
    return anthropic.Anthropic(api_key=fake.key, base_url=fake.url, **more)


def asked(**more: Any) -> dict[str, Any]:
    question = {"role": "user", "content": "x"}
    return {"model": CLAUDE, "max_tokens": 1000, "messages": [question], **more}


def runner(fake: FakeAnthropic, function: Any, **more: Any) -> Any:
    anthropic = pytest.importorskip("anthropic")
    client = claude(fake, max_retries=0)
    return client.beta.messages.tool_runner(tools=[anthropic.beta_tool(function)], **asked(**more))


def stateless() -> dict[str, Any]:
    """What switches server-side threads off, where the client has them."""
    anthropic = pytest.importorskip("anthropic")
    has_threads = hasattr(anthropic.lib, "threads")
    return {"thread": False} if has_threads else {}


def get_weather(city: str) -> Any:
    """The weather of a city."""
    if city == "secret":
        raise ValueError("secret=42")
    return {"celsius": 4, "wind": "calm"} if city == "dict" else "4"


def results(fake: FakeAnthropic, request: int = 1) -> list[dict[str, Any]]:
    return fake.requests[request].body["messages"][-1]["content"]


def test_anthropic_raises_an_overload_in_a_stream_as_status_200():
    """No OverloadedError, status 200, and no retry although two are allowed."""
    anthropic = pytest.importorskip("anthropic")
    with FakeAnthropic([Fault("overloaded", after=3)]) as fake:
        client = claude(fake, max_retries=2)
        with pytest.raises(anthropic.APIStatusError) as raised:
            with client.messages.stream(**asked()) as stream:
                stream.get_final_message()
        assert type(raised.value) is anthropic.APIStatusError
        assert (raised.value.status_code, len(fake.requests)) == (200, 1)


def test_anthropic_sleeps_as_long_as_the_server_asks(naps: list[float]):
    """Retry-After has no bound: an hour and more is slept."""
    with FakeAnthropic([Fault("rate_limit", retry_after=5000), "ok"]) as fake:
        assert claude(fake).messages.create(**asked()).content[0].text == "ok"
    assert max(naps) == 5000


def test_anthropic_retries_a_spent_budget(naps: list[float]):
    """A spend limit is a 429, and is asked for three times."""
    anthropic = pytest.importorskip("anthropic")
    with FakeAnthropic([Fault("quota")] * 3) as fake:
        with pytest.raises(anthropic.RateLimitError):
            claude(fake).messages.create(**asked())
        assert len(fake.requests) == 3


TOOLS = [{"name": "get_weather", "input_schema": CITY}]


def test_anthropic_raises_for_malformed_arguments_in_the_middle_of_a_stream():
    """The answer, with whatever else was in it, is lost."""
    call = ToolCall("get_weather", raw_args="{city: Oslo}")
    with FakeAnthropic([["Let me look.", call]]) as fake:
        with pytest.raises(ValueError, match="Unable to parse tool parameter JSON"):
            with claude(fake).messages.stream(**asked(tools=TOOLS)) as stream:
                stream.get_final_message()


def test_anthropic_turns_arguments_that_broke_off_into_none():
    """A call whose text stops in the middle of a value comes out as {}, as if it were whole."""
    call = ToolCall("get_weather", raw_args='{"city": "Os')
    with FakeAnthropic([call]) as fake:
        with claude(fake).messages.stream(**asked(tools=TOOLS)) as stream:
            message = stream.get_final_message()
    assert (message.content[0].input, message.stop_reason) == ({}, "tool_use")


def test_anthropic_runner_tells_the_model_the_text_of_any_exception():
    """Secrets in an error message leave the machine."""
    with FakeAnthropic([ToolCall("get_weather", {"city": "secret"}), "ok"]) as fake:
        runner(fake, get_weather, **stateless()).until_done()
        assert results(fake)[0]["content"] == "ValueError('secret=42')"


def test_anthropic_runner_does_not_say_which_argument_is_wrong():
    """The model reads the function's name, and nothing of the field."""
    with FakeAnthropic([ToolCall("get_weather", {"city": 3}), "ok"]) as fake:
        runner(fake, get_weather, **stateless()).until_done()
        words = results(fake)[0]["content"]
        assert "Invalid arguments for function get_weather" in words
        assert "city" not in words


def test_anthropic_runner_sends_the_keys_of_a_dict_as_its_result():
    """{"celsius": 4, ...} goes out as ["celsius", ...], which the API refuses."""
    anthropic = pytest.importorskip("anthropic")
    with FakeAnthropic([ToolCall("get_weather", {"city": "dict"})]) as fake:
        with pytest.raises(anthropic.BadRequestError, match="tool_result"):
            runner(fake, get_weather, **stateless()).until_done()
        assert results(fake)[0]["content"] == ["celsius", "wind"]


def test_anthropic_runner_has_no_bound_of_its_own():
    """A model that repeats one call is asked for ever; here it gives up after 60."""
    with FakeAnthropic([*[OSLO] * 60, "at last"]) as fake:
        message = runner(fake, get_weather, **stateless()).until_done()
        assert (message.content[0].text, len(fake.requests)) == ("at last", 61)


def test_anthropic_runner_runs_parallel_calls_one_after_another():
    """The second begins when the first has ended."""
    steps: list[tuple[str, int]] = []

    def slow(n: int) -> str:
        """Slow."""
        steps.append(("begin", n))
        time.sleep(0.02)
        steps.append(("end", n))
        return str(n)

    calls = [ToolCall("slow", {"n": 1}), ToolCall("slow", {"n": 2})]
    with FakeAnthropic([calls, "ok"]) as fake:
        runner(fake, slow, **stateless()).until_done()
    assert steps == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]


def test_anthropic_runner_leaves_the_conversation_on_the_server_by_default():
    """The second request of newer clients holds the results alone: a thread of the vendor's."""
    if not stateless():
        pytest.skip("this client is older than message threads")
    with FakeAnthropic([[Thinking("hm"), OSLO], "ok"]) as fake:
        runner(fake, get_weather).until_done()
        sent = fake.requests[1]
        assert len(sent.body["messages"]) == 1
        assert "tools" not in sent.body
        assert sent.body["thread"]["type"] == "continue"
        assert "message-threads" in sent.headers["anthropic-beta"]


# --- openai


def gpt(fake: FakeOpenAI) -> Any:
    openai = pytest.importorskip("openai")
    return openai.OpenAI(api_key=fake.key, base_url=fake.env["OPENAI_BASE_URL"])


def test_openai_retries_a_spent_budget(naps: list[float]):
    """insufficient_quota is a 429, and is asked for three times."""
    openai = pytest.importorskip("openai")
    with FakeOpenAI([Fault("quota")] * 3) as fake:
        with pytest.raises(openai.RateLimitError):
            gpt(fake).responses.create(model=GPT, input="x")
        assert len(fake.requests) == 3


def test_openai_yields_an_error_in_a_responses_stream_as_an_event():
    """Nothing is raised: who looks for text alone sees a short answer."""
    with FakeOpenAI([Fault("overloaded", after=3)]) as fake:
        events = list(gpt(fake).responses.create(model=GPT, input="x", stream=True))
    assert events[-1].type == "error"
