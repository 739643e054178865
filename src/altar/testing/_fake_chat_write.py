"""How fakes spell a chat completion: message, finish reason, usage, chunks, and local quirks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm import Data, Refusal, Text, Thinking, ToolCall, Unknown
from altar.testing._fake_http import ServerEvent, compact
from altar.testing._fake_neutral import args_text, counted, cut, json_or_text, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.llm import Response
    from altar.testing._fake_openai_quirks import ChatQuirks
    from altar.testing._fake_server import FakeCall

__all__ = ["chat_body", "chat_events"]

_CREATED = 1_790_000_000
_FINISH = {"length": "length", "blocked": "content_filter"}
_PREFIXES = {"vllm": "chatcmpl-tool-", "llama.cpp": "", "ollama": "call_"}


def chat_body(
    call: FakeCall, response: Response, number: Callable[[], int], quirks: ChatQuirks | None
) -> dict[str, Any]:
    """The whole completion."""
    message = _message(response, number, quirks)
    reason = _finish(response, message, quirks)
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reason}
    if quirks is None or quirks.server == "vllm":
        choice["logprobs"] = None
    if quirks is not None and quirks.server == "vllm":
        choice["stop_reason"] = None
    origin = response.message.origin
    body = {
        "id": (origin and origin.response_id) or f"chatcmpl-{number():06d}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": call.model,
        "choices": [choice],
        **_about(quirks),
    }
    if quirks is None or quirks.usage:
        body["usage"] = _usage(call, response, quirks)
    return body


def _about(quirks: ChatQuirks | None) -> dict[str, Any]:
    """What a server says of itself."""
    if quirks is None:
        return {"service_tier": "default", "system_fingerprint": "fp_fake"}
    if quirks.server == "ollama":
        return {"system_fingerprint": "fp_ollama"}
    if quirks.server == "vllm":
        return {"prompt_logprobs": None, "kv_transfer_params": None}
    return {"timings": {"prompt_n": 1, "predicted_n": 1}}


def _message(
    response: Response, number: Callable[[], int], quirks: ChatQuirks | None
) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    refusals: list[str] = []
    for part in response.message.parts:
        if isinstance(part, (Text, Data)):
            texts.append(part.text if isinstance(part, Text) else compact(part.value))
        elif isinstance(part, Refusal):  # a local model refuses in plain words
            (refusals if quirks is None else texts).append(part.text)
        elif isinstance(part, Thinking):
            thoughts.append(part.text)
        elif isinstance(part, ToolCall):
            calls.append(_call(part, number, quirks))
        elif isinstance(part, Unknown) and isinstance(part.raw, dict):
            more.update(part.raw)
        else:
            raise unwritable(part, "chat completions'")
    silent = "" if quirks is not None and quirks.server == "ollama" else None
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else silent}
    if quirks is None:
        message["refusal"] = "".join(refusals) if refusals else None
        message["annotations"] = []
    elif thoughts:  # OpenAI keeps what its models think to itself
        message[quirks.reasoning] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return {**message, **more}


def _call(part: ToolCall, number: Callable[[], int], quirks: ChatQuirks | None) -> dict[str, Any]:
    text = args_text(part)
    given = json_or_text(text) if quirks is not None and quirks.object_args else text
    prefix = "call_" if quirks is None else _PREFIXES[quirks.server]
    call_id = part.wire_id or f"{prefix}{number():06d}"
    return {
        "id": "" if quirks is not None and quirks.empty_ids else call_id,
        "type": "function",
        "function": {"name": part.name, "arguments": given if isinstance(given, dict) else text},
    }


def _finish(response: Response, message: dict[str, Any], quirks: ChatQuirks | None) -> str:
    known = response.raw_finish or _FINISH.get(response.finish)
    if known is not None:
        return known
    stops = quirks is not None and quirks.stop_with_calls
    return "tool_calls" if "tool_calls" in message and not stops else "stop"


def _usage(call: FakeCall, response: Response, quirks: ChatQuirks | None) -> dict[str, Any]:
    usage = counted(response, call.request)
    asked, said = usage.input_tokens or 0, usage.output_tokens or 0
    found: dict[str, Any] = {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
    }
    if quirks is None:
        found["prompt_tokens_details"] = {
            "cached_tokens": usage.cached_tokens or 0,
            "audio_tokens": 0,
        }
        found["completion_tokens_details"] = {
            "reasoning_tokens": usage.reasoning_tokens or 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    elif quirks.server == "vllm":
        cached = usage.cached_tokens
        found["prompt_tokens_details"] = None if cached is None else {"cached_tokens": cached}
    for raw in usage.raw:
        found.update(raw if isinstance(raw, dict) else {})
    return found


# -- chunks ------------------------------------------------------------------------------


def chat_events(
    call: FakeCall, body: dict[str, Any], quirks: ChatQuirks | None
) -> list[ServerEvent]:
    """The same completion as it is streamed."""
    events = [ServerEvent(chunk) for chunk in _chunks(call, body, quirks)]
    if quirks is None or quirks.done:
        events.append(ServerEvent("[DONE]"))
    return events


def _chunks(
    call: FakeCall, body: dict[str, Any], quirks: ChatQuirks | None
) -> Iterator[dict[str, Any]]:
    counting = bool((call.body.get("stream_options") or {}).get("include_usage"))
    head = {k: v for k, v in body.items() if k not in {"choices", "usage", "timings"}}
    head["object"] = "chat.completion.chunk"
    if counting and quirks is None:
        head["usage"] = None
    (choice,) = body["choices"]
    for delta in _deltas(choice["message"], quirks):
        more = {"obfuscation": "x" * 8} if quirks is None else {}
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}
    ended = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    yield {
        **head,
        "choices": [ended],
        **({"timings": body["timings"]} if "timings" in body else {}),
    }
    if counting and "usage" in body:
        yield {**head, "choices": [], "usage": body["usage"]}


def _deltas(message: dict[str, Any], quirks: ChatQuirks | None) -> Iterator[dict[str, Any]]:
    calls = message.get("tool_calls", ())
    first: dict[str, Any] = {"role": "assistant", "content": "" if message["content"] else None}
    if quirks is None:
        first["refusal"] = None
    yield first
    usual = {"role", "content", "refusal", "annotations", "tool_calls"}
    fields = [name for name in message if name not in usual]
    for field in fields:
        if isinstance(message[field], str):
            for piece in cut(message[field]):
                yield {field: piece}
        else:
            yield {field: message[field]}
    for field in ("content", "refusal"):
        for piece in cut(message.get(field) or ""):
            yield {field: piece}
    for at, call in enumerate(calls):
        index = 0 if quirks is not None and quirks.zero_index else at
        arguments = call["function"]["arguments"]
        if (quirks is not None and quirks.whole_calls) or not isinstance(arguments, str):
            yield {"tool_calls": [{"index": index, **call}]}
            continue
        begun = {**call, "function": {**call["function"], "arguments": ""}}
        yield {"tool_calls": [{"index": index, **begun}]}
        for piece in cut(arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
