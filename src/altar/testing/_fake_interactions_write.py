"""How FakeGemini spells an interaction: steps, status, usage, stream events."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from altar.llm import BlobPart, Data, Refusal, Text, Thinking, ToolCall, Unknown
from altar.testing._fake_http import ServerEvent, compact
from altar.testing._fake_neutral import args_text, counted, cut, json_or_text, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.llm import Part, Response
    from altar.testing._fake_server import FakeCall

__all__ = ["events_of", "interaction_of"]

_STATUS = {
    "length": "incomplete",
    "paused": "requires_continuation",
    "refusal": "failed",
    "blocked": "failed",
    "malformed": "failed",
    "unknown": "incomplete",
}
_CODES = {"refusal": "safety", "blocked": "blocked", "malformed": "malformed_function_call"}
_TIME = "2026-11-20T12:00:00Z"


def interaction_of(
    response: Response, call: FakeCall, number: Callable[[], int], sign: Callable[[], str]
) -> dict[str, Any]:
    """The interaction of a Response.

    A thought with its signature stands before function calls, whether or not
    the script lets the model say what it thought. ``raw_finish`` is the
    status; ``detail`` goes into ``errors``.
    """
    parts = response.message.parts
    steps: list[dict[str, Any]] = []
    for part in parts:
        step = _step(part, number, sign)
        after = steps[-1]["type"] if steps else ""
        if step["type"] == "function_call" and after not in ("function_call", "thought"):
            steps.append({"type": "thought", "signature": sign()})
        steps.append(step)
    status = response.raw_finish or _STATUS.get(response.finish)
    if status is None:
        called = any(isinstance(part, ToolCall) for part in parts)
        status = "requires_action" if called else "completed"
    origin = response.message.origin
    interaction: dict[str, Any] = {
        "id": (origin and origin.response_id) or f"v1_fake{number():08d}",
        "object": "interaction",
        "model": call.model,
        "status": status,
        "created": _TIME,
        "updated": _TIME,
        "steps": steps,
        "usage": _usage(response, call),
    }
    if response.finish in _CODES or response.detail is not None:
        code = _CODES.get(response.finish, response.finish)
        interaction["errors"] = [{"code": code, "message": response.detail or code}]
    if status == "requires_continuation":
        interaction["continuation_token"] = sign()
    return interaction


def _step(part: Part, number: Callable[[], int], sign: Callable[[], str]) -> dict[str, Any]:
    if isinstance(part, (Text, Refusal)):
        return {"type": "model_output", "content": [{"type": "text", "text": part.text}]}
    if isinstance(part, Data):
        text = compact(part.value)
        return {"type": "model_output", "content": [{"type": "text", "text": text}]}
    if isinstance(part, BlobPart):
        kind = part.mime.partition("/")[0]
        held: dict[str, Any] = {"uri": part.uri}
        if part.data is not None:
            held = {"data": base64.b64encode(part.data).decode()}
        content = {"type": kind if kind in ("image", "audio", "video") else "document"}
        content = {**content, "mime_type": part.mime, **held}
        return {"type": "model_output", "content": [content]}
    if isinstance(part, Thinking):
        said = {"summary": [{"type": "text", "text": part.text}]} if part.text else {}
        return {"type": "thought", "signature": sign(), **said}
    if isinstance(part, ToolCall):
        given = json_or_text(args_text(part))
        return {
            "type": "function_call",
            "id": part.wire_id or f"fc_fake{number():08d}",
            "name": part.name,
            "arguments": given if isinstance(given, dict) else args_text(part),
        }
    if isinstance(part, Unknown) and isinstance(part.raw, dict):
        return part.raw
    raise unwritable(part, "Gemini's")


def _usage(response: Response, call: FakeCall) -> dict[str, Any]:
    usage = counted(response, call.request)
    thoughts = usage.reasoning_tokens
    found: dict[str, Any] = {
        "total_input_tokens": usage.input_tokens,
        "total_output_tokens": (usage.output_tokens or 0) - (thoughts or 0),
        "total_tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
    }
    if thoughts is not None:
        found["total_thought_tokens"] = thoughts
    if usage.cached_tokens is not None:
        found["total_cached_tokens"] = usage.cached_tokens
    for raw in usage.raw:
        found.update(raw if isinstance(raw, dict) else {})
    return found


def events_of(interaction: dict[str, Any]) -> list[ServerEvent]:
    """The same interaction as it is streamed."""
    events = [ServerEvent(data, data["event_type"]) for data in _events(interaction)]
    return [*events, ServerEvent("[DONE]", "done")]


def _events(interaction: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {name: interaction[name] for name in ("id", "object", "model", "created")}
    begun["status"] = "in_progress"
    yield {"event_type": "interaction.created", "interaction": begun}
    yield {
        "event_type": "interaction.status_update",
        "interaction_id": interaction["id"],
        "status": "in_progress",
    }
    for index, step in enumerate(interaction["steps"]):
        begin, deltas = _deltas(step)
        yield {"event_type": "step.start", "index": index, "step": begin}
        for delta in deltas:
            yield {"event_type": "step.delta", "index": index, "delta": delta}
        yield {"event_type": "step.stop", "index": index}
    ended = {name: value for name, value in interaction.items() if name != "steps"}
    yield {"event_type": "interaction.completed", "interaction": ended}


def _deltas(step: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a step begins, and the deltas that complete it."""
    kind = step["type"]
    if kind == "model_output" and [one["type"] for one in step["content"]] == ["text"]:
        texts = cut(step["content"][0]["text"])
        return {"type": kind}, [{"type": "text", "text": text} for text in texts]
    if kind == "model_output":
        return {"type": kind}, list(step["content"])
    if kind == "thought":
        deltas: list[dict[str, Any]] = [
            {"type": "thought_summary", "content": {"type": "text", "text": text}}
            for one in step.get("summary") or ()
            for text in cut(one["text"])
        ]
        if "signature" in step:
            deltas.append({"type": "thought_signature", "signature": step["signature"]})
        return {"type": kind}, deltas
    if kind == "function_call":
        given = step["arguments"]
        text = given if isinstance(given, str) else compact(given)
        deltas = [{"type": "arguments_delta", "arguments": piece} for piece in cut(text)]
        return {**step, "arguments": {}}, deltas
    return step, []
