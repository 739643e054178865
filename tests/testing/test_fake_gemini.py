"""FakeGemini: generateContent and Interactions as Google's client sees them, rule by rule."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.llm import (
    BlobPart,
    Data,
    Message,
    Opaque,
    Origin,
    Response,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
    Usage,
)
from altar.testing import FakeGemini, Fault
from tests.testing._wire import CITY, connect, gemini_headers, post, send

MODEL = "gemini-3.8-flash"
PATH = f"/v1beta/models/{MODEL}:generateContent"
STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
VERTEX = f"/v1beta1/projects/p/locations/l/publishers/google/models/{MODEL}:generateContent"
WEATHER = {"name": "get_weather", "description": "Weather", "parametersJsonSchema": CITY}
CALLS = [
    Thinking("Two cities, two calls."),
    ToolCall("get_weather", {"city": "Oslo"}),
    ToolCall("get_time", {"city": "Bergen"}),
]
SIGNED = (Opaque(provider="gemini", api="x", kind="thought_signature", data=None),)
QUESTION = {"role": "user", "parts": [{"text": "Weather in Oslo, time in Bergen?"}]}


def body(**more: Any) -> dict[str, Any]:
    functions = [WEATHER, {**WEATHER, "name": "get_time"}]
    return {"contents": [QUESTION], "tools": [{"functionDeclarations": functions}], **more}


def ask(fake: FakeGemini, given: dict[str, Any], path: str = PATH):
    return post(fake, path, given, gemini_headers(fake))


def responses(content: dict[str, Any]) -> dict[str, Any]:
    calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    parts = [
        {"functionResponse": {**{k: call[k] for k in ("id", "name") if k in call}, "response": {}}}
        for call in calls
    ]
    return {"role": "user", "parts": parts}


def answered(fake: FakeGemini, path: str = PATH, **more: Any) -> dict[str, Any]:
    """A body that answers the calls of a first reply, as the vendor wants it."""
    given = body(**more)
    content = ask(fake, given, path).body["candidates"][0]["content"]
    return {**given, "contents": [QUESTION, content, responses(content)]}


# --- with the vendor's own client


def client(fake: FakeGemini, **more: Any) -> Any:
    genai = pytest.importorskip("google.genai")
    options = {"base_url": fake.url, **more.pop("http_options", {})}
    return genai.Client(**({"api_key": fake.key} | more), http_options=options)


def config(**more: Any) -> dict[str, Any]:
    functions = [
        {"name": name, "description": "x", "parameters_json_schema": CITY}
        for name in ("get_weather", "get_time")
    ]
    return {"tools": [{"function_declarations": functions}], "temperature": 0.0, **more}


def reply_to(content: Any) -> Any:
    types = pytest.importorskip("google.genai.types")
    calls = [part.function_call for part in content.parts if part.function_call]
    return types.Content(
        role="user",
        parts=[
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"output": {"celsius": 4}}
                )
            )
            for call in calls
        ],
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_the_vendors_client_goes_through_a_round_of_calls(streamed: bool):
    """Signatures come back in URL-safe base64 and are known; the client mixes both spellings."""
    types = pytest.importorskip("google.genai.types")
    with FakeGemini([CALLS, [Thinking("so"), "4 degrees, noon"]]) as fake:
        own = client(fake)
        contents = [types.Content(role="user", parts=[types.Part(text="Weather?")])]
        given = config(
            system_instruction="be brief",
            thinking_config={"include_thoughts": True, "thinking_level": "LOW"},
        )

        def create() -> Any:
            if not streamed:
                answer = own.models.generate_content(model=MODEL, contents=contents, config=given)
                return answer.candidates[0].content
            parts = []
            for chunk in own.models.generate_content_stream(
                model=MODEL, contents=contents, config=given
            ):
                parts += chunk.candidates[0].content.parts
            return types.Content(role="model", parts=parts)

        first = create()
        contents += [first, reply_to(first)]
        last = create()
        assert "".join([p.text for p in last.parts if not p.thought]) == "4 degrees, noon"
        assert last.parts[-1].thought_signature is not None
        sent = json.dumps(fake.requests[1].body)
        assert "parameters_json_schema" in sent
        assert "-_" in sent or "--" in sent  # the signature, in the other alphabet
        assert [message.role for message in fake.asked[1].messages] == ["user", "assistant", "tool"]
        assert fake.asked[1].sampling.reasoning == "low"


def test_the_vendors_async_client_goes_through_a_round_of_calls():
    """The same from an event loop."""
    types = pytest.importorskip("google.genai.types")

    async def run(fake: FakeGemini) -> str:
        own = client(fake).aio
        contents = [types.Content(role="user", parts=[types.Part(text="Weather?")])]
        answer = await own.models.generate_content(model=MODEL, contents=contents, config=config())
        contents += [answer.candidates[0].content, reply_to(answer.candidates[0].content)]
        text = ""
        async for chunk in await own.models.generate_content_stream(
            model=MODEL, contents=contents, config=config()
        ):
            text += chunk.text or ""
        await own.aclose()
        return text

    with FakeGemini([CALLS, "4 degrees, noon"]) as fake:
        assert asyncio.run(run(fake)) == "4 degrees, noon"


def test_the_vendors_client_finds_the_fake_by_its_environment(monkeypatch):
    """``env`` is all that a program needs to be led here."""
    genai = pytest.importorskip("google.genai")
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with FakeGemini(["hello"]) as fake:
        for name, value in fake.env.items():
            monkeypatch.setenv(name, value)
        with genai.Client() as own:
            answer = own.models.generate_content(model=MODEL, contents="x")
        assert answer.text == "hello"


def test_the_vendors_vertex_client_is_served_too():
    """Its paths name a project, its key is a bearer token."""
    credentials = pytest.importorskip("google.oauth2.credentials")
    with FakeGemini(["hello"]) as fake:
        own = client(
            fake,
            api_key=None,
            vertexai=True,
            project="p1",
            location="europe-west4",
            credentials=credentials.Credentials(fake.key),
        )
        assert own.models.generate_content(model=MODEL, contents="x").text == "hello"
        assert "/projects/p1/locations/europe-west4/publishers/google/" in fake.requests[0].path


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("auth", 400, "INVALID_ARGUMENT"),
        ("permission", 403, "PERMISSION_DENIED"),
        ("unknown_model", 404, "NOT_FOUND"),
        ("quota", 429, "RESOURCE_EXHAUSTED"),
        ("rate_limit", 429, "RESOURCE_EXHAUSTED"),
        ("overloaded", 503, "UNAVAILABLE"),
        ("server_error", 500, "INTERNAL"),
        ("context_length", 400, "INVALID_ARGUMENT"),
    ],
)
def test_the_vendors_client_raises_its_own_errors(kind: Any, status: int, word: str):
    """Before any byte, and in the middle of a stream, where the status was 200."""
    errors = pytest.importorskip("google.genai.errors")
    with FakeGemini([Fault(kind), Fault(kind, after=1)]) as fake:
        own = client(fake)
        with pytest.raises(errors.APIError) as early:
            own.models.generate_content(model=MODEL, contents="x")
        seen = []
        with pytest.raises(errors.APIError) as late:
            for chunk in own.models.generate_content_stream(model=MODEL, contents="x"):
                seen.append(chunk.text)
        assert len(seen) == 1
        for raised in (early, late):
            assert (raised.value.code, raised.value.status) == (status, word)


def test_limits_say_when_to_come_back_and_which_they_are():
    """RetryInfo and a sentence; the quota of a day has its own id."""
    with FakeGemini([Fault("rate_limit", retry_after=38), Fault("quota")]) as fake:
        minute, day = ask(fake, body()).body["error"], ask(fake, body()).body["error"]
    details = {one["@type"].rpartition(".")[2]: one for one in minute["details"]}
    assert details["RetryInfo"]["retryDelay"] == "38s"
    assert "Please retry in 38s." in minute["message"]
    assert "PerMinute" in details["QuotaFailure"]["violations"][0]["quotaId"]
    assert "PerDay" in day["details"][0]["violations"][0]["quotaId"]


# --- what an answer can be


def test_usage_counts_thoughts_beside_the_answer():
    """Candidates without thoughts, the prompt with what was cached, and the total."""
    usage = Usage(input_tokens=27, output_tokens=63, cached_tokens=9, reasoning_tokens=36)
    with FakeGemini([Response(message=Message.assistant("x"), usage=usage)]) as fake:
        assert ask(fake, body()).body["usageMetadata"] == {
            "promptTokenCount": 27,
            "candidatesTokenCount": 27,
            "thoughtsTokenCount": 36,
            "cachedContentTokenCount": 9,
            "totalTokenCount": 90,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 27}],
        }


@pytest.mark.parametrize(
    ("finish", "raw", "reason"),
    [
        ("stop", None, "STOP"),
        ("length", None, "MAX_TOKENS"),
        ("refusal", None, "SAFETY"),
        ("blocked", "RECITATION", "RECITATION"),
        ("malformed", None, "MALFORMED_FUNCTION_CALL"),
        ("paused", None, "CONTINUATION"),
        ("unknown", None, "OTHER"),
        ("unknown", "FROM_THE_FUTURE", "FROM_THE_FUTURE"),
    ],
)
def test_every_end_of_an_answer_can_be_told(finish: Any, raw: str | None, reason: str):
    """finishReason and finishMessage, whole and streamed, with nothing said."""
    reply = Response(
        message=Message("assistant", ()), finish=finish, raw_finish=raw, detail="because"
    )
    with FakeGemini([reply, reply]) as fake:
        for said in (ask(fake, body()).body, ask(fake, body(), STREAM).events[-1][1]):
            candidate = said["candidates"][0]
            assert (candidate["finishReason"], candidate["finishMessage"]) == (reason, "because")
            assert ("continuationToken" in candidate) == (finish == "paused")


@pytest.mark.parametrize(("raw", "reason"), [(None, "SAFETY"), ("JAILBREAK", "JAILBREAK")])
def test_a_blocked_prompt_has_no_candidates(raw: str | None, reason: str):
    """promptFeedback says why, in an answer of status 200."""
    reply = Response(message=Message("assistant", ()), finish="blocked", raw_finish=raw)
    with FakeGemini([reply, reply]) as fake:
        for answer in (ask(fake, body()), ask(fake, body(), STREAM)):
            said = answer.events[0][1] if answer.raw.startswith(b"data") else answer.body
            assert "candidates" not in said
            assert said["promptFeedback"] == {"blockReason": reason}


def test_arguments_nobody_can_read_are_a_malformed_call():
    """The vendor sends no text of them but in finishMessage."""
    with FakeGemini([ToolCall("get_weather", raw_args="{city: Oslo")]) as fake:
        candidate = ask(fake, body()).body["candidates"][0]
    assert candidate == {
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "index": 0,
        "finishMessage": "Malformed function call: get_weather({city: Oslo)",
    }


def test_signatures_stand_where_the_vendor_puts_them():
    """On the first of parallel calls, on the last text after thinking, where a script wants one."""
    script = [CALLS, [Thinking("hm"), "a text"], ["said", Text("", opaque=SIGNED)], "bare"]
    with FakeGemini(script) as fake:
        signed = []
        for _ in script:
            parts = ask(fake, body()).body["candidates"][0]["content"]["parts"]
            signed.append(["thoughtSignature" in part for part in parts])
    assert signed == [[False, True, False], [False, True], [False, True], [False]]


def test_other_parts_are_written_as_the_vendor_has_them():
    """Blobs, JSON as text, unknown parts verbatim, ids as the script or the server gives them."""
    raw = {"executableCode": {"language": "PYTHON", "code": "1"}}
    parts = (
        BlobPart("image/png", b"\xff\xfe"),
        BlobPart("video/mp4", uri="gs://x"),
        Data([1]),
        Unknown(raw),
        ToolCall("f", {}, wire_id="own"),
    )
    origin = Origin(provider="gemini", response_id="rsp-own")
    with FakeGemini([Message("assistant", parts, origin=origin)], ids=False) as fake:
        said = ask(fake, body()).body
    found = said["candidates"][0]["content"]["parts"]
    assert said["responseId"] == "rsp-own"
    assert found[:4] == [
        {"inlineData": {"mimeType": "image/png", "data": "//4="}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://x"}},
        {"text": "[1]"},
        raw,
    ]
    assert found[4]["functionCall"] == {"id": "own", "name": "f", "args": {}}


def test_calls_can_come_without_ids():
    """Then they are matched by their order, and the neutral request still pairs them."""
    with FakeGemini([CALLS, "ok"], ids=False) as fake:
        given = answered(fake)
        assert "id" not in given["contents"][1]["parts"][1]["functionCall"]
        assert ask(fake, given).status == 200
        _, said, results = fake.asked[1].messages
        assert [call.wire_id for call in said.calls] == [None, None]
        paired = [part.call_id for part in results.parts if isinstance(part, ToolResultPart)]
        assert paired == [call.id for call in said.calls]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
PARTS = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Thinking),
    st.builds(Text, TEXTS, opaque=st.just(SIGNED)),
    st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.none()), max_size=3).map(
        lambda args: ToolCall("get_weather", args)
    ),
)


@given(parts=st.lists(PARTS, min_size=1, max_size=5))
def test_a_stream_spells_the_same_parts_as_an_answer_in_one_piece(parts: list[Any]):
    """Texts put together from their pieces, calls whole, and as many signatures."""
    with FakeGemini([parts, parts], ids=False) as fake, closing(connect(fake)) as connection:
        whole = send(connection, PATH, body(), gemini_headers(fake)).body["candidates"][0]
        events = send(connection, STREAM, body(), gemini_headers(fake)).events
    streamed = [part for _, data in events for part in data["candidates"][0]["content"]["parts"]]
    assert _flat(streamed) == _flat(whole["content"]["parts"])
    assert events[-1][1]["candidates"][0]["finishReason"] == whole["finishReason"]


def _flat(parts: list[dict[str, Any]]) -> list[Any]:
    """Parts with neighbouring texts of one kind put together."""
    found: list[Any] = []
    for part in parts:
        sealed = "thoughtSignature" in part
        kind = ("text", part.get("thought")) if "text" in part else ("call", None)
        value = part.get("text", part.get("functionCall"))
        if found and found[-1][0] == kind and kind[0] == "text" and not found[-1][2]:
            found[-1] = (kind, found[-1][1] + value, sealed)
        else:
            found.append((kind, value, sealed))
    return found


# --- the rules of generateContent


def drop(*path: Any):
    """A change that takes out what is at ``path``."""

    def change(given: Any) -> None:
        for step in path[:-1]:
            given = given[step]
        del given[path[-1]]

    return change


def put(*path: Any, value: Any):
    """A change that sets what is at ``path``."""

    def change(given: Any) -> None:
        for step in path[:-1]:
            given = given[step]
        given[path[-1]] = value

    return change


FUNCTIONS = ("tools", 0, "functionDeclarations")


def turn(at: int, kind: str):
    return ("contents", at, "parts", 0, kind)


def swap_signatures(given: Any) -> None:
    first, second = given["contents"][1]["parts"][1:]
    second["thoughtSignature"] = first["thoughtSignature"]


RULES: list[tuple[str, Any, str]] = [
    ("no contents", drop("contents"), "contents is not specified"),
    ("an unknown field", put("prompt", value="x"), 'Unknown name "prompt": Cannot find field.'),
    (
        "an unknown part",
        put("contents", 0, "parts", 0, "word", value="x"),
        "Unknown name \"word\" at 'contents[0].parts[0]'",
    ),
    ("another role", put("contents", 0, "role", value="system"), "Please use a valid role"),
    ("no parts", put("contents", 0, "parts", value=[]), "contents.parts must not be empty"),
    ("an empty part", put("contents", 0, "parts", 0, value={}), "required oneof field 'data'"),
    ("a nameless call", drop("contents", 1, "parts", 1, "functionCall", "name"), "REQUIRED_FIELD"),
    ("a nameless response", drop(*turn(2, "functionResponse"), "name"), "REQUIRED_FIELD_MISSING"),
    (
        "a response that is a text",
        put(*turn(2, "functionResponse"), "response", value="4"),
        "Invalid value at 'contents[2].parts[0].function_response.response'",
    ),
    (
        "the first call unsigned",
        drop("contents", 1, "parts", 1, "thoughtSignature"),
        "missing a thought_signature in functionCall parts. This is required for tools to work",
    ),
    (
        "a signature nobody gave",
        put("contents", 1, "parts", 1, "thoughtSignature", value="AAAA"),
        "Corrupted thought signature.",
    ),
    ("a signature on another call", swap_signatures, "Corrupted thought signature."),
    (
        "a signature of Vertex",
        put("contents", 1, "parts", 1, "thoughtSignature", value=None),
        "Thought signature is not valid.",
    ),
    (
        "a missing response",
        drop("contents", 2, "parts", 1),
        "the number of function response parts",
    ),
    ("no responses", drop("contents", 2), "the number of function response parts is equal"),
    (
        "a response more",
        lambda given: given["contents"][2]["parts"].append(given["contents"][2]["parts"][0]),
        "the number of function response parts is equal",
    ),
    (
        "responses in another order",
        lambda given: given["contents"][2]["parts"].reverse(),
        "expected a function response for `get_weather`, but found `get_time`",
    ),
    (
        "another id",
        put(*turn(2, "functionResponse"), "id", value="call-x"),
        "Function response id `call-x` does not match the function call id",
    ),
    (
        "responses that answer nothing",
        drop("contents", 1),
        "function response turn comes immediately after a function call turn",
    ),
    (
        "responses of the model",
        put("contents", 2, "role", value="model"),
        "function response turn comes immediately after a function call turn",
    ),
    (
        "a call of the user",
        put("contents", 1, "role", value="user"),
        "function call turn comes immediately after a user turn",
    ),
    (
        "a call after the model's own words",
        lambda given: given["contents"].insert(1, {"role": "model", "parts": [{"text": "x"}]}),
        "function call turn comes immediately after a user turn",
    ),
    (
        "a call that comes first",
        drop("contents", 0),
        "function call turn comes immediately after a user turn",
    ),
    ("an illegal name", put(*FUNCTIONS, 0, "name", value="1st"), "Invalid function name."),
    ("a name twice", put(*FUNCTIONS, 1, "name", value="get_weather"), "Duplicate function"),
    (
        "two kinds of schema",
        put(*FUNCTIONS, 0, "parameters", value={"type": "OBJECT"}),
        "mutually exclusive",
    ),
    (
        "JSON Schema in the OpenAPI dialect",
        put(*FUNCTIONS, 0, value={"name": "f", "parameters": {**CITY, "oneOf": []}}),
        "Unknown name \"oneOf\" at 'tools[0].function_declarations[0].parameters'",
    ),
    (
        "JSON Schema deep in the OpenAPI dialect",
        put(
            *FUNCTIONS,
            0,
            value={
                "name": "f",
                "parameters": {
                    "type": "OBJECT",
                    "properties": {
                        "a": {"type": "ARRAY", "items": {"anyOf": [{"$ref": "#"}]}},
                    },
                },
            },
        ),
        "function_declarations[0].parameters.properties[a].items.any_of[0]': Cannot find field.",
    ),
    (
        "JSON Schema as responseSchema",
        put(
            "generationConfig",
            value={"responseMimeType": "application/json", "responseSchema": {"const": 3}},
        ),
        "Unknown name \"const\" at 'generation_config.response_schema'",
    ),
    (
        "a config without functions",
        lambda given: given.update(tools=[], toolConfig={"functionCallingConfig": {}}),
        "set without function_declarations",
    ),
    ("content that is a text", put("contents", 0, value="x"), "Invalid value at 'contents[0]'"),
    (
        "arguments that are a text",
        put("contents", 1, "parts", 1, "functionCall", "args", value="x"),
        "Invalid value at 'contents[1].parts[1].function_call.args'",
    ),
    (
        "a list of types in the OpenAPI dialect",
        put(*FUNCTIONS, 0, value={"name": "f", "parameters": {"type": ["object"]}}),
        "Proto field is not repeating",
    ),
    (
        "a schema of no object",
        put(*FUNCTIONS, 0, "parametersJsonSchema", value={"type": "string"}),
        "schema must be of type object",
    ),
    (
        "513 functions",
        put(*FUNCTIONS, value=[{"name": f"f{n}"} for n in range(513)]),
        "At most 512 function declarations",
    ),
    (
        "a mode nobody knows",
        put("toolConfig", value={"functionCallingConfig": {"mode": "SOME"}}),
        "function_calling_config.mode",
    ),
    (
        "allowed names in AUTO",
        put("toolConfig", value={"functionCallingConfig": {"allowedFunctionNames": ["x"]}}),
        "only be set when the function calling mode is ANY",
    ),
    (
        "an allowed name nobody declared",
        put(
            "toolConfig",
            value={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}},
        ),
        "allowed_function_names contains `x`",
    ),
    (
        "an unknown setting",
        put("generationConfig", value={"heat": 1}),
        "Unknown name \"heat\" at 'generation_config'",
    ),
    (
        "two output schemas",
        put("generationConfig", value={"responseSchema": {}, "responseJsonSchema": {}}),
        "Only one of response_schema and response_json_schema",
    ),
    (
        "an output schema for text",
        put("generationConfig", value={"responseJsonSchema": CITY}),
        "only allowed when response_mime_type is 'application/json'",
    ),
    (
        "budget and level",
        put(
            "generationConfig",
            value={"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}},
        ),
        "only one of thinking budget and thinking level",
    ),
    (
        "a level nobody knows",
        put("generationConfig", value={"thinkingConfig": {"thinkingLevel": "SOME"}}),
        "thinking_config.thinking_level",
    ),
]


@pytest.mark.parametrize(
    ("change", "words"), [(row[1], row[2]) for row in RULES], ids=[row[0] for row in RULES]
)
def test_a_broken_rule_is_refused_in_the_vendors_words(change: Any, words: str):
    """A conversation that is taken as it stands is refused once one thing of it is changed."""
    with FakeGemini([CALLS, CALLS, "taken"]) as fake:
        good = answered(fake)
        foreign = answered(fake, VERTEX)["contents"][1]["parts"][1]["thoughtSignature"]
        broken = json.loads(json.dumps(good))
        change(broken)
        text = json.dumps(broken).replace(
            '"thoughtSignature": null', f'"thoughtSignature": "{foreign}"'
        )
        refused = ask(fake, json.loads(text))
        assert (refused.status, refused.body["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert words in refused.words
        assert ask(fake, good).status == 200


def test_either_spelling_of_the_fields_is_taken():
    """camelCase and snake_case are one; the application's own JSON is left alone."""
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake)
        text = json.dumps(given)
        for plain, snake in (
            ("functionDeclarations", "function_declarations"),
            ("parametersJsonSchema", "parameters_json_schema"),
            ("functionCall", "function_call"),
            ("functionResponse", "function_response"),
            ("thoughtSignature", "thought_signature"),
        ):
            text = text.replace(plain, snake)
        assert ask(fake, json.loads(text)).status == 200
        assert [tool.name for tool in fake.asked[1].tools] == ["get_weather", "get_time"]
        assert fake.asked[1].messages[1].calls[0].args == {"city": "Oslo"}


@pytest.mark.parametrize(
    "dummy", ["skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="]
)
def test_the_documented_dummy_is_taken_for_a_foreign_call(dummy: str):
    """As it is, or encoded by a client that encodes every signature."""
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake)
        given["contents"][1]["parts"][1]["thoughtSignature"] = dummy
        assert ask(fake, given).status == 200


def test_the_second_alphabet_of_base64_is_the_same_signature():
    """Its bytes count, not its spelling."""
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake)
        part = given["contents"][1]["parts"][1]
        other = part["thoughtSignature"].replace("+", "-").replace("/", "_").rstrip("=")
        assert other != part["thoughtSignature"]
        part["thoughtSignature"] = other
        assert ask(fake, given).status == 200


def test_only_the_turn_that_goes_on_must_be_signed():
    """Calls before the user's last words may have lost their signatures."""
    with FakeGemini([CALLS, "4 degrees", "ok"]) as fake:
        given = answered(fake)
        content = ask(fake, given).body["candidates"][0]["content"]
        del given["contents"][1]["parts"][1]["thoughtSignature"]
        assert ask(fake, given).status == 400
        given["contents"] += [content, {"role": "user", "parts": [{"text": "thanks"}]}]
        assert ask(fake, given).status == 200


def test_every_step_of_a_turn_must_be_signed():
    """Sequential calls carry one signature each."""
    step = ToolCall("get_weather", {"city": "Oslo"})
    with FakeGemini([step, step, "ok"]) as fake:
        given = answered(fake)
        content = ask(fake, given).body["candidates"][0]["content"]
        given["contents"] += [content, responses(content)]
        broken = json.loads(json.dumps(given))
        del broken["contents"][3]["parts"][0]["thoughtSignature"]
        assert "position 4" in ask(fake, broken).words
        assert ask(fake, given).status == 200


def test_an_older_model_demands_no_signature():
    """Before Gemini 3 they are welcome and not required; JSON beside functions is refused."""
    path = PATH.replace(MODEL, "gemini-2.5-flash")
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake, path)
        del given["contents"][1]["parts"][1]["thoughtSignature"]
        json_too = {**given, "generationConfig": {"responseMimeType": "application/json"}}
        assert "'application/json' is unsupported" in ask(fake, json_too, path).words
        levels = {**given, "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}
        assert "not supported for this model" in ask(fake, levels, path).words
        assert ask(fake, given, path).status == 200


@pytest.mark.parametrize(
    ("path", "headers", "status", "word", "words"),
    [
        (PATH, {}, 403, "PERMISSION_DENIED", "unregistered callers"),
        (PATH, {"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT", "API key not valid"),
        (VERTEX, {}, 401, "UNAUTHENTICATED", "invalid authentication credentials"),
        (VERTEX, {"authorization": "Bearer x"}, 401, "UNAUTHENTICATED", "invalid authentication"),
    ],
)
def test_a_request_without_its_key_is_refused(path, headers, status, word, words):
    """The Developer API wants a key, Vertex a token."""
    with FakeGemini() as fake:
        refused = post(fake, path, body(), headers)
        assert (refused.status, refused.body["error"]["status"]) == (status, word)
        assert words in refused.words


def test_the_key_may_stand_in_the_query():
    """And is not kept."""
    with FakeGemini(["ok"]) as fake:
        assert post(fake, f"{PATH}?key={fake.key}", body(), {}).status == 200
        assert fake.key not in repr(fake.requests)


@pytest.mark.parametrize(
    "path",
    [
        PATH.replace(MODEL, "gpt-6"),
        PATH.replace(MODEL, "gemini-flash-latest").replace("v1beta", "v1"),
        VERTEX.replace(MODEL, "claude-x"),
    ],
)
def test_a_model_the_vendor_does_not_have_is_not_found(path: str):
    """Aliases that end in -latest are known to v1beta alone."""
    with FakeGemini() as fake:
        refused = ask(fake, body(), path)
        assert (refused.status, "is not found for API version v1" in refused.words) == (404, True)


def test_an_alias_is_known_to_the_beta():
    """It is the version that counts, not the name."""
    with FakeGemini(["ok"]) as fake:
        assert ask(fake, body(), PATH.replace(MODEL, "gemini-flash-latest")).status == 200


def test_a_body_is_read_into_a_neutral_request():
    """Instructions, results with blobs and errors, choice, output schema and sampling."""
    with FakeGemini([CALLS, "ok"]) as fake:
        given = answered(fake)
        first, second = [part["functionResponse"] for part in given["contents"][2]["parts"]]
        first["response"] = {"output": {"c": 4}}
        first["parts"] = [{"inlineData": {"mimeType": "image/png", "data": "eA=="}}]
        second["response"] = {"error": "no clock"}
        given |= {
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "toolConfig": {
                "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_time"]}
            },
            "generationConfig": {
                "temperature": 0.5,
                "maxOutputTokens": 9,
                "topK": 3,
                "seed": 7,
                "stopSequences": ["END"],
                "responseMimeType": "application/json",
                "responseJsonSchema": CITY,
                "thinkingConfig": {"thinkingBudget": 0},
            },
        }
        assert ask(fake, given).status == 200
        asked = fake.asked[1]
    assert asked.instructions == "be brief"
    assert asked.tool_choice is not None
    assert asked.tool_choice.to_dict() == {"mode": "ANY", "allowed_function_names": ["get_time"]}
    assert asked.output is not None
    assert asked.output.schema == CITY
    sampling = asked.sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.top_k, sampling.seed) == (
        0.5,
        9,
        3,
        7,
    )
    assert (sampling.stop, sampling.reasoning) == (("END",), "none")
    one, two = asked.messages[2].parts
    assert isinstance(one, ToolResultPart)
    assert isinstance(two, ToolResultPart)
    assert (one.text, one.is_error, one.blobs) == ('{"c":4}', False, (BlobPart("image/png", b"x"),))
    assert (two.text, two.is_error) == ('"no clock"', True)
    signature = given["contents"][1]["parts"][1]["thoughtSignature"]
    assert asked.messages[1].calls[0].opaque[0].data == signature
