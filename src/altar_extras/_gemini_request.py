"""to_request: altar's Request as the JSON of generateContent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from altar.errors import BadRequestError
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
from altar_extras._gemini_models import API, capabilities, family, kind_of, thinking
from altar_extras._gemini_parts import RAW, SIGNATURE, write_blob, write_call, write_text
from altar_extras._gemini_schema import gemini_schema
from altar_extras._names import legal_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.llm import Part, Request

__all__ = [
    "CONTINUATION",
    "PLACEHOLDER",
    "RESERVED",
    "call_name",
    "merged",
    "nothing_to_send",
    "to_request",
    "unfinished",
]

# Stands for the signature of a call that no Gemini model made; ai.google.dev/gemini-api/docs/
# thought-signatures gives it, spelt as it goes over the wire.
PLACEHOLDER = "skip_thought_signature_validator"
CONTINUATION = "continuation_token"
RESERVED = ("headers",)  # settings that are not for the body
_ROLES = {"user": "user", "assistant": "model", "tool": "user"}
# what a functionResponse of Gemini 3 carries beside its JSON
_RESULT_MIMES = {"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"}
_KNOBS = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
}


def to_request(
    request: Request, *, provider: str = "gemini", settings: str | None = None
) -> tuple[dict[str, Any], tuple[Adaptation, ...]]:
    """The body of generateContent, and what of the history could not go into it as it was.

    ``provider`` names whose opaque data is at home ("gemini", or "vertex",
    whose signatures are others); ``settings`` the key of ``request.settings``
    that is merged into the body (``headers`` of it is for the transport).
    """
    travel = Travel(provider, API, model=request.model, family=family)
    messages, token = unfinished(request.messages, travel)
    body: dict[str, Any] = {"contents": _Contents(request.model, travel).of(messages)}
    if token is not None:
        body["continuationToken"] = token
    if request.instructions:
        body["systemInstruction"] = {"parts": [{"text": request.instructions}]}
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(one) for one in request.tools]}]
        choice = _tool_config(request)
        if choice:
            body["toolConfig"] = {"functionCallingConfig": choice}
    config = _generation(request, travel)
    if config:
        body["generationConfig"] = config
    own = own_settings(request, settings or provider)
    body = merged(body, {key: value for key, value in own.items() if key not in RESERVED})
    if not body["contents"] and token is None:
        raise nothing_to_send(settings or provider)
    return body, travel.adaptations


def nothing_to_send(name: str) -> BadRequestError:
    """The error for a history of which nothing would reach the server, which refuses that."""
    told = f"{name}: there is nothing to send: no message holds a text, a blob or a result"
    return BadRequestError(told, provider=name, sent=False)


def call_name(name: str, travel: Travel) -> str:
    """The name of a call of another model, as the functions of these APIs may be called."""
    return legal_name(name, travel, also=".:", longest=128, is_word=True)


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with ``more`` in it: objects are merged, ``tools`` added, all else replaced."""
    out = dict(body)
    for key, value in more.items():
        had = out.get(key)
        if isinstance(had, dict) and isinstance(value, dict):
            out[key] = merged(had, value)
        elif key == "tools" and isinstance(had, list) and isinstance(value, list):
            out[key] = [*had, *value]
        else:
            out[key] = value
    return out


def unfinished(
    messages: tuple[Message, ...], travel: Travel
) -> tuple[tuple[Message, ...], str | None]:
    """A paused answer is taken up by its token: the pieces of it so far are not sent."""
    token, end = None, len(messages)
    while end and messages[end - 1].role == "assistant":
        message = messages[end - 1]
        found = travel.own(message.opaque, CONTINUATION, home=travel.is_home(message))
        if found is None:
            break
        token = found if token is None else token
        end -= 1
    return messages[:end], token


def _declaration(tool: Any) -> dict[str, Any]:
    document = tool.to_dict(dialect="json-schema")
    return {
        "name": document["name"],
        "description": document["description"],
        "parametersJsonSchema": gemini_schema(document["parameters"]),
    }


def _tool_config(request: Request) -> dict[str, Any]:
    choice = request.tool_choice
    if choice is None:
        return {}
    names = list(choice.allowed_function_names)
    if (
        choice.mode == "AUTO" and names
    ):  # AUTO takes no names; VALIDATED calls one of them, or talks
        return {"mode": "VALIDATED", "allowedFunctionNames": names}
    if names:
        return {"mode": str(choice.mode), "allowedFunctionNames": names}
    return {} if choice.mode == "AUTO" else {"mode": str(choice.mode)}


def _generation(request: Request, travel: Travel) -> dict[str, Any]:
    sampling = request.sampling
    out: dict[str, Any] = {}
    for name, key in _KNOBS.items():
        value = getattr(sampling, name)
        if value is not None:
            out[key] = value
    if sampling.stop:
        out["stopSequences"] = list(sampling.stop)
    kind = kind_of(request.model)
    if kind.thinks != "no":
        amount, why = thinking(request.model, sampling.reasoning)
        if why:
            travel.drop("sampling.reasoning", why)
        config: dict[str, Any] = {"includeThoughts": sampling.reasoning != "none"}
        if amount is not None:
            config["thinkingLevel" if kind.thinks == "level" else "thinkingBudget"] = amount
        out["thinkingConfig"] = config
    if request.output is not None:
        out["responseMimeType"] = "application/json"
        out["responseJsonSchema"] = gemini_schema(request.output.schema)
    return out


class _Contents:
    """Writes a history for one model, and notes what cannot go as it is."""

    def __init__(self, model: str, travel: Travel) -> None:
        self._model = model
        self._kind = kind_of(model)
        self._can = capabilities(model)
        self._travel = travel

    def of(self, messages: tuple[Message, ...]) -> list[dict[str, Any]]:
        contents = []
        before: Message | None = None
        for message in messages:
            parts = self._parts(message, before)
            if parts:
                contents.append({"role": _ROLES[message.role], "parts": parts})
            before = message
        return contents

    def _parts(self, message: Message, before: Message | None) -> list[dict[str, Any]]:
        home = self._travel.is_home(message)
        calls = () if before is None else before.calls
        calls_home = before is not None and self._travel.is_home(before)
        out: list[dict[str, Any]] = []
        beside: list[dict[str, Any]] = []
        answered = 0
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                call = calls[answered] if answered < len(calls) else None
                answered += 1
                wire_id = call.wire_id if call is not None and calls_home else None
                name = part.name if call is None else call.name
                name = name if calls_home else call_name(name, self._travel)
                out.append(self._result(part, name, wire_id, beside))
                continue
            written = self._part(part, home)
            if written is not None:
                out.append(written)
        if message.role == "assistant" and not home:
            self._sign(out)
        return out + beside

    def _part(self, part: Part, home: bool) -> dict[str, Any] | None:
        raw = self._travel.own(part.opaque, RAW, home=home)
        if isinstance(raw, dict):
            return raw
        written = self._plain(part, home)
        if written is None:
            return None
        signature = self._travel.own(part.opaque, SIGNATURE, home=home)
        if signature is not None:
            return {**written, "thoughtSignature": signature}
        if part.opaque and not home:
            self._travel.drop("signatures", f"of another model, which {self._model} cannot read")
        return written

    def _plain(self, part: Part, home: bool) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return write_text(part) if part.text or home else None  # an empty text is refused
        if isinstance(part, ToolCall):
            if part.args is None:
                self._travel.drop("arguments", "that were no JSON object were sent back as {}")
            if home:
                return write_call(part, part.wire_id)
            return write_call(replace(part, name=call_name(part.name, self._travel)), None)
        if isinstance(part, BlobPart):
            return self._blob(part)
        return self._rare(part, home)

    def _rare(self, part: Part, home: bool) -> dict[str, Any] | None:
        if isinstance(part, Thinking):
            if not home:
                self._travel.drop("thinking", "of another model, which is not sent on")
            return write_text(part) if home else None
        if isinstance(part, Data):
            self._travel.drop("data", "sent as JSON text")
            return {"text": json.dumps(part.value, ensure_ascii=False)}
        if isinstance(part, Refusal):
            self._travel.drop("refusal", "sent as text")
            return {"text": part.text} if part.text else None
        if isinstance(part, Unknown):
            if home and isinstance(part.raw, dict):
                return part.raw
            self._travel.drop("unknown parts", "of another model, which are not sent on")
        return None

    def _blob(self, part: BlobPart) -> dict[str, Any]:
        if takes_blob(self._can, part.mime):
            written = write_blob(part)
            if written:
                return written
        self._travel.drop(part.mime, f"{self._model} does not read it; a note was sent instead")
        size = "" if part.data is None else f", {len(part.data)} bytes"
        return {"text": f"[{part.mime}{size}: left out]"}

    def _result(
        self, part: ToolResultPart, name: str, wire_id: str | None, beside: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """A result; blobs that cannot travel inside it follow ``beside`` all the results."""
        out: dict[str, Any] = {} if wire_id is None else {"id": wire_id}
        out["name"] = name
        out["response"] = {"error" if part.is_error else "output": part.value}
        inside = []
        for blob in part.blobs:
            if self._kind.signed and blob.mime in _RESULT_MIMES and write_blob(blob):
                inside.append(write_blob(blob))
            else:
                self._travel.drop(f"{blob.mime} of a result", "sent behind the results")
                beside += [{"text": f"Part of the result of {name}:"}, self._blob(blob)]
        if inside:
            out["parts"] = inside
        return {"functionResponse": out}

    def _sign(self, parts: list[dict[str, Any]]) -> None:
        """The first call of a turn that this model did not make gets the placeholder."""
        if not self._kind.signed:
            return
        for index, part in enumerate(parts):
            if "functionCall" in part:
                if "thoughtSignature" not in part:
                    parts[index] = {**part, "thoughtSignature": PLACEHOLDER}
                    self._travel.drop(
                        "thought signature", "a call of another model goes with the placeholder"
                    )
                return
