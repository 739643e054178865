"""From a generateContent body, in either spelling of its fields, to a neutral Request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.adm import ToolConfig
from altar.errors import InvalidDataError
from altar.llm import (
    BlobPart,
    Message,
    Opaque,
    Origin,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Unknown,
)
from altar.testing._fake_http import compact
from altar.testing._fake_neutral import (
    neutral_request,
    neutral_tool,
    output_spec,
    sampling_of,
)
from altar.testing._fake_seal import decoded

if TYPE_CHECKING:
    from altar.llm import Request
    from altar.testing._fake_server import FakeCall

__all__ = ["camel", "read_contents"]

# what is the application's own JSON, whose names are no fields
_OWN = frozenset(
    {
        *("args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema"),
        *("responseSchema", "labels", "partMetadata"),
    }
)
_LEVELS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "high"}
_MODES = {"AUTO": "AUTO", "ANY": "ANY", "NONE": "NONE", "VALIDATED": "AUTO"}


def camel(value: Any) -> Any:
    """``value`` with every field in camelCase, as protobuf's JSON takes both spellings."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        head, *rest = name.split("_")
        plain = head + "".join(word.title() for word in rest)
        found[plain] = inner if plain in _OWN else camel(inner)
    return found


def read_contents(call: FakeCall, body: dict[str, Any]) -> Request:
    """The neutral Request of a body that broke no rule."""
    config = body.get("generationConfig") or {}
    thinking = config.get("thinkingConfig") or {}
    declared = [
        function
        for tool in body.get("tools") or ()
        for function in tool.get("functionDeclarations") or ()
    ]
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    system = (body.get("systemInstruction") or {}).get("parts") or []
    return neutral_request(
        call.model,
        _Reader(call).messages(body["contents"]),
        instructions="\n\n".join([part.get("text", "") for part in system]) or None,
        tools=[
            neutral_tool(
                function["name"],
                function.get("description"),
                function.get("parametersJsonSchema", function.get("parameters")),
            )
            for function in declared
        ],
        tool_choice=_choice((body.get("toolConfig") or {}).get("functionCallingConfig")),
        output=None if schema is None else output_spec("output", schema),
        sampling=sampling_of(
            stop=config.get("stopSequences") or (),
            max_tokens=config.get("maxOutputTokens"),
            temperature=config.get("temperature"),
            top_p=config.get("topP"),
            top_k=config.get("topK"),
            seed=config.get("seed"),
            reasoning=_reasoning(thinking),
        ),
    )


def _reasoning(thinking: dict[str, Any]) -> str | None:
    if thinking.get("thinkingBudget") == 0:
        return "none"
    return _LEVELS.get(str(thinking.get("thinkingLevel")).upper())


def _choice(config: dict[str, Any] | None) -> ToolConfig | None:
    if config is None:
        return None
    names = config.get("allowedFunctionNames") or []
    mode = _MODES.get(config.get("mode", "AUTO"), "AUTO")
    try:
        return ToolConfig.from_dict({"mode": mode, "allowed_function_names": names})
    except InvalidDataError:
        return None


class _Reader:
    """Reads contents; a call without an id gets one of its place, and its response finds it."""

    def __init__(self, call: FakeCall) -> None:
        self._provider = "vertex" if call.api == "vertex" else "gemini"
        self._model = call.model
        self._calls: list[str] = []  # the ids of the last turn of calls
        self._answered = 0

    def messages(self, contents: list[dict[str, Any]]) -> list[Message]:
        found: list[Message] = []
        for at, content in enumerate(contents):
            self._answered = 0
            if content.get("role") == "model":
                self._calls = []
                parts = tuple([self._part(part, at) for part in content["parts"]])
                origin = Origin(provider=self._provider, api="generate_content", model=self._model)
                found.append(Message("assistant", parts, origin=origin))
                continue
            given = [self._part(part, at) for part in content["parts"]]
            results = tuple([part for part in given if isinstance(part, ToolResultPart)])
            rest = tuple([part for part in given if not isinstance(part, ToolResultPart)])
            if results:
                found.append(Message("tool", results))
            if rest:
                found.append(Message("user", rest))
        return found

    def _part(self, part: dict[str, Any], at: int) -> Part:
        opaque = self._opaque(part)
        if "text" in part:
            made = Thinking if part.get("thought") else Text
            return made(part["text"], opaque=opaque)
        if "functionCall" in part:
            call = part["functionCall"]
            given = call.get("id") or None
            self._calls.append(given or f"call_{at}_{len(self._calls)}")
            args = call.get("args") or {}
            return ToolCall(call["name"], args, id=self._calls[-1], wire_id=given, opaque=opaque)
        if "functionResponse" in part:
            return self._result(part["functionResponse"])
        return _blob(part) or Unknown(part, opaque=opaque)

    def _opaque(self, part: dict[str, Any]) -> tuple[Opaque, ...]:
        if "thoughtSignature" not in part:
            return ()
        return (
            Opaque(
                provider=self._provider,
                api="generate_content",
                kind="thought_signature",
                data=part["thoughtSignature"],
            ),
        )

    def _result(self, response: dict[str, Any]) -> ToolResultPart:
        call_id = self._calls[self._answered]
        self._answered += 1
        held = response["response"]
        is_error = set(held) == {"error"}
        value = held["error"] if is_error else held["output"] if set(held) == {"output"} else held
        blobs = [_blob(part) for part in response.get("parts") or ()]
        return ToolResultPart(
            call_id=call_id,
            name=response["name"],
            text=compact(value),
            is_error=is_error,
            blobs=tuple([blob for blob in blobs if blob is not None]),
        )


def _blob(part: dict[str, Any]) -> BlobPart | None:
    if "inlineData" in part:
        data = part["inlineData"]
        return BlobPart(data.get("mimeType", ""), decoded(data.get("data")) or b"")
    if "fileData" in part:
        data = part["fileData"]
        return BlobPart(data.get("mimeType", ""), uri=data.get("fileUri"))
    return None
