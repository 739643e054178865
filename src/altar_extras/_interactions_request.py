"""to_request: altar's Request as the JSON of an interaction that the server does not store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altar.llm import (
    Adaptation,
    BlobPart,
    Data,
    Message,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResultPart,
    Travel,
    Unknown,
    own_settings,
    takes_blob,
)
from altar_extras._gemini_models import capabilities, family, kind_of, thinking
from altar_extras._gemini_request import (
    PLACEHOLDER,
    RESERVED,
    call_name,
    merged,
    nothing_to_send,
    unfinished,
)
from altar_extras._gemini_schema import gemini_schema
from altar_extras._gemini_steps import API, BESIDE, SIGNATURE, STEP, content_of, write_step

if TYPE_CHECKING:
    from altar.adm import FunctionDeclaration
    from altar.llm import Part, Request

__all__ = ["SETTINGS", "to_request"]

SETTINGS = "gemini-interactions"
_KNOBS = {
    "max_tokens": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
}


def to_request(
    request: Request, *, provider: str = "gemini"
) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
    """The body of an interaction with every step of the history, and what could not go into it."""
    travel = Travel(provider, API, model=request.model, family=family)
    messages, token = unfinished(request.messages, travel)
    body: dict[str, Any] = {
        "model": request.model,
        "input": _Steps(request.model, travel).of(messages),
        "store": False,
    }
    if token is not None:
        body["continuation_token"] = token
    if request.instructions:
        body["system_instruction"] = request.instructions
    if request.tools:
        body["tools"] = [_tool(one) for one in request.tools]
    config = _generation(request, travel)
    if config:
        body["generation_config"] = config
    if request.output is not None:
        schema = gemini_schema(request.output.schema)
        body["response_format"] = {
            "type": "text",
            "mime_type": "application/json",
            "schema": schema,
        }
    own = own_settings(request, SETTINGS)
    body = merged(body, {key: value for key, value in own.items() if key not in RESERVED})
    if not body["input"] and token is None:
        raise nothing_to_send(SETTINGS)
    return body, travel.adaptations


def _tool(tool: FunctionDeclaration) -> dict[str, Any]:
    document = tool.to_dict(dialect="json-schema")
    return {
        "type": "function",
        "name": document["name"],
        "description": document["description"],
        "parameters": gemini_schema(document["parameters"]),
    }


def _generation(request: Request, travel: Travel) -> dict[str, Any]:
    sampling = request.sampling
    out: dict[str, Any] = {}
    for name, key in _KNOBS.items():
        value = getattr(sampling, name)
        if value is not None:
            out[key] = value
    if sampling.stop:
        out["stop_sequences"] = list(sampling.stop)
    if kind_of(request.model).thinks != "no":
        out["thinking_summaries"] = "none" if sampling.reasoning == "none" else "auto"
        level, why = thinking(request.model, sampling.reasoning, is_level=True)
        if level is not None:
            out["thinking_level"] = str(level).lower()
        if why:
            travel.drop("sampling.reasoning", why)
    choice = _tool_choice(request)
    if choice is not None:
        out["tool_choice"] = choice
    return out


def _tool_choice(request: Request) -> Any:
    choice = request.tool_choice
    if choice is None or not request.tools:
        return None
    names = list(choice.allowed_function_names)
    mode = str(choice.mode).lower()
    if names:
        return {"allowed_tools": {"mode": "validated" if mode == "auto" else mode, "tools": names}}
    return None if mode == "auto" else mode


class _Steps:
    """Writes a history for one model, and notes what cannot go as it is."""

    def __init__(self, model: str, travel: Travel) -> None:
        self._model = model
        self._kind = kind_of(model)
        self._can = capabilities(model)
        self._travel = travel

    def of(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        before: Message | None = None
        for message in messages:
            if message.role == "assistant":
                steps += self._answer(message)
            else:
                steps += self._input(message, before)
            before = message
        return steps

    # -- what the user and the tools said ----------------------------------------------

    def _input(self, message: Message, before: Message | None) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        contents: list[dict[str, Any]] = []
        calls = () if before is None else before.calls
        home = before is not None and self._travel.is_home(before)
        answered = 0
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                call = calls[answered] if answered < len(calls) else None
                steps.append(self._result(part, call, home, answered))
                answered += 1
                continue
            content = self._content(part)
            if content is not None:
                contents.append(content)
        if contents:
            steps.append({"type": "user_input", "content": contents})
        return steps

    def _result(
        self, part: ToolResultPart, call: ToolCall | None, home: bool, index: int
    ) -> dict[str, Any]:
        """A JSON object as it is; anything else as the text the tool's result was written as."""
        value = part.value
        result: Any = value if isinstance(value, dict) else part.text
        name = part.name if call is None else call.name
        blobs = [self._blob(blob) for blob in part.blobs]
        if blobs:
            result = [{"type": "text", "text": part.text}, *blobs]
        step: dict[str, Any] = {
            "type": "function_result",
            "call_id": part.call_id if call is None else _call_id(call, home, index),
            "name": name if home else call_name(name, self._travel),
            "result": result,
        }
        if part.is_error:
            step["is_error"] = True
        return step

    def _content(self, part: Part) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return content_of(part) if part.text else None
        if isinstance(part, BlobPart):
            return self._blob(part)
        text = self._as_text(part)
        return None if text is None else content_of(Text(text))

    def _blob(self, part: BlobPart) -> dict[str, Any]:
        content = content_of(part) if takes_blob(self._can, part.mime) else None
        if content is not None:
            return content
        self._travel.drop(part.mime, f"{self._model} does not read it; a note was sent instead")
        size = "" if part.data is None else f", {len(part.data)} bytes"
        return {"type": "text", "text": f"[{part.mime}{size}: left out]"}

    # -- what a model said -------------------------------------------------------------

    def _answer(self, message: Message) -> list[dict[str, Any]]:
        home = self._travel.is_home(message)
        steps: list[dict[str, Any]] = []
        calls = 0
        for part in message.parts:
            step = self._home(part, calls) if home else self._foreign(part, calls)
            if isinstance(part, ToolCall):
                if not home and not calls and self._kind.signed:
                    why = "a call of another model goes with the placeholder"
                    self._travel.drop("thought signature", why)
                    steps.append({"type": "thought", "signature": PLACEHOLDER})
                calls += 1
            if step is not None:
                steps.append(step)
        return steps

    def _home(self, part: Part, index: int) -> dict[str, Any] | None:
        raw = self._travel.own(part.opaque, STEP)
        if isinstance(raw, dict):
            return raw
        if self._travel.own(part.opaque, BESIDE):
            return None
        if isinstance(part, Unknown) and isinstance(part.raw, dict):
            return part.raw
        return self._written(part, True, index)

    def _foreign(self, part: Part, index: int) -> dict[str, Any] | None:
        if isinstance(part, Thinking):
            self._travel.drop("thinking", "of another model, which is not sent on")
            return None
        if isinstance(part, Text) and not part.text:
            return None
        if part.opaque:
            self._travel.drop("signatures", f"of another model, which {self._model} cannot read")
        return self._written(part, False, index)

    def _written(self, part: Part, home: bool, index: int) -> dict[str, Any] | None:
        if isinstance(part, ToolCall):
            if part.args is None:
                self._travel.drop("arguments", "that were no JSON object were sent back as {}")
            wire_id = _call_id(part, home, index)
            if not home:
                part = replace(part, name=call_name(part.name, self._travel))
            return write_step(part, None, wire_id)
        if isinstance(part, (Text, Thinking)):
            return write_step(part, self._travel.own(part.opaque, SIGNATURE, home=home), None)
        if isinstance(part, BlobPart):
            return {"type": "model_output", "content": [self._blob(part)]}
        text = self._as_text(part)
        return None if text is None else write_step(Text(text), None, None)

    def _as_text(self, part: Part) -> str | None:
        if isinstance(part, Data):
            self._travel.drop("data", "sent as JSON text")
            return json.dumps(part.value, ensure_ascii=False)
        if isinstance(part, Refusal):
            self._travel.drop("refusal", "sent as text")
            return part.text or None
        what = "thinking" if isinstance(part, Thinking) else "unknown parts"
        self._travel.drop(what, "of another model, which are not sent on")
        return None


def _call_id(call: ToolCall, home: bool, index: int) -> str:
    """The server's own id; for a call of another model the loop's, for an id there must be."""
    own = call.wire_id if home else None
    return own or call.id or f"call-{index}"
