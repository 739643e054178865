"""From a message of the API, whole or streamed, to altar's Response: pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from altar.errors import StreamBrokenError
from altar.llm import (
    Adaptation,
    Delta,
    End,
    Message,
    Opaque,
    Origin,
    PartEnd,
    PartStart,
    Response,
    Start,
    Text,
    Thinking,
    ToolCall,
    Unknown,
    Usage,
    failure,
)
from altar_extras._anthropic_history import prefix_of
from altar_extras._anthropic_models import base_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from altar.errors import ProviderError
    from altar.llm import Part, ReplyEnd, Request, StreamEvent

__all__ = ["StreamReader", "broken", "fault", "from_response"]

_PROVIDER, _API = "anthropic", "messages"

_FINISHES: dict[str, ReplyEnd] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "paused",
    "refusal": "refusal",
}
_KNOWN = {
    "text": ("text",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "tool_use": ("id", "name", "input"),
}
_STARTS: dict[str, Any] = {
    "text": "text",
    "thinking": "thinking",
    "redacted_thinking": "thinking",
    "tool_use": "tool_call",
}
_SPENT = ("credit balance", "usage limits", "spend limit")
_HINTS = {
    401: "Set ANTHROPIC_API_KEY to a key of console.anthropic.com, or pass key=.",
    403: "This key may not do that: look at its workspace and its rights.",
    404: "Check the model's name, and that this key may use it.",
}


def from_response(
    body: Mapping[str, Any],
    request: Request,
    *,
    sent: Mapping[str, Any] | None = None,
    adaptations: tuple[Adaptation, ...] = (),
) -> Response:
    """The Response in ``body``; ``sent`` is the body it answers, to which its thinking is bound.

    Raises StreamBrokenError for JSON that is no message.
    """
    content = body.get("content")
    if isinstance(body.get("error"), dict):
        raise fault(dict(body), status=200)
    if not isinstance(content, list):
        raise broken("the answer is no message of the Messages API")
    prefix = () if sent is None else (_mark("prefix", prefix_of(sent)),)
    reason = body.get("stop_reason")
    reason = reason if reason is None or isinstance(reason, str) else str(reason)
    return Response(
        message=Message(
            "assistant",
            tuple([_part(block) for block in content]),
            origin=_origin(body, request),
            opaque=prefix,
        ),
        finish=_FINISHES.get(reason or "", "unknown"),
        usage=_usage(body.get("usage")),
        raw_finish=reason,
        detail=_detail(body, reason),
        adaptations=(*adaptations, *_left_out(body)),
    )


def _left_out(body: Mapping[str, Any]) -> list[Adaptation]:
    """The thinking that the API itself took out of the request, by its reasons."""
    changes = body.get("input_transformations")
    reasons = [
        str(change.get("reason"))
        for change in (changes if isinstance(changes, list) else ())
        if isinstance(change, dict) and change.get("type") == "thinking_dropped"
    ]
    return [
        Adaptation(
            "thinking", f"the provider left it out ({reason}, {reasons.count(reason)} times)"
        )
        for reason in dict.fromkeys(reasons)
    ]


def _origin(body: Mapping[str, Any], request: Request) -> Origin:
    """Who answered. A gateway's own name for a model is kept: it is what is asked again."""
    said, asked = str(body.get("model") or ""), request.model
    other = said.startswith("claude-") and base_name(asked).startswith("claude-")
    model = said if other or (said and base_name(said) == base_name(asked)) else asked
    identity = body.get("id")
    response_id = identity if isinstance(identity, str) else None
    return Origin(provider=_PROVIDER, api=_API, model=model, response_id=response_id)


def _detail(body: Mapping[str, Any], reason: str | None) -> str | None:
    if reason == "model_context_window_exceeded":
        return "the conversation fills the model's context window"
    if reason == "stop_sequence" and body.get("stop_sequence"):
        return f"it wrote the stop sequence {body['stop_sequence']!r}"
    if reason == "max_tokens":
        return "the answer reached max_tokens"
    details = body.get("stop_details")
    if not isinstance(details, dict):
        return "the provider declined to answer" if reason == "refusal" else None
    said = [details.get("category"), details.get("explanation")]
    return ": ".join([str(one) for one in said if one]) or "the provider gave no reason"


def _usage(raw: object) -> Usage:
    """Inclusive counters: input is what was fresh, written to the cache and read from it."""
    if not isinstance(raw, dict):
        return Usage()
    fresh = _count(raw, "input_tokens")
    written = _count(raw, "cache_creation_input_tokens")
    read = _count(raw, "cache_read_input_tokens")
    details = raw.get("output_tokens_details")
    return Usage(
        input_tokens=None if fresh is None else fresh + (written or 0) + (read or 0),
        output_tokens=_count(raw, "output_tokens"),
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(details, "thinking_tokens") if isinstance(details, dict) else None,
        raw=(raw,),
    )


def _count(raw: Mapping[str, Any], name: str) -> int | None:
    value = raw.get(name)
    return value if isinstance(value, int) else None


def _mark(kind: str, data: Any) -> Opaque:
    return Opaque(provider=_PROVIDER, api=_API, kind=kind, data=data)


def _part(block: Any) -> Part:
    """The part a block is; what this version does not know stays as it came."""
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str) or kind not in _KNOWN or not _is_whole(block, kind):
        return Unknown(block)
    fields = {
        name: value for name, value in block.items() if name != "type" and name not in _KNOWN[kind]
    }
    rest = (_mark("fields", fields),) if fields else ()
    if kind == "text":
        return Text(block["text"], opaque=rest)
    if kind == "thinking":
        signature = block.get("signature")
        signed = (_mark("thinking_signature", signature),) if signature else ()
        return Thinking(block["thinking"], opaque=(*signed, *rest))
    if kind == "redacted_thinking":
        return Thinking("", opaque=(_mark("redacted_thinking", block["data"]), *rest))
    given = block.get("input")
    is_object = isinstance(given, dict)
    raw = None if is_object else given if isinstance(given, str) else json.dumps(given)
    args = given if is_object else None
    identity = block.get("id")
    wire_id = identity if isinstance(identity, str) and identity else None
    return ToolCall(block["name"], args, raw_args=raw, wire_id=wire_id, opaque=rest)


def _is_whole(block: Mapping[str, Any], kind: str) -> bool:
    main = {"text": "text", "thinking": "thinking", "redacted_thinking": "data"}.get(kind, "name")
    return isinstance(block.get(main), str)


class StreamReader:
    """Reads the events of one streamed message; :meth:`end` says that no more will come.

    It puts the message together as the API would have sent it whole, so that
    both ways end in the same Response.
    """

    def __init__(
        self,
        request: Request,
        *,
        sent: Mapping[str, Any] | None = None,
        adaptations: tuple[Adaptation, ...] = (),
    ) -> None:
        self._request = request
        self._sent = sent
        self._adaptations = adaptations
        self._body: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._open: dict[int, list[str]] = {}  # fragments of JSON, for each block under way
        self._done = False

    @property
    def finished(self) -> bool:
        """Whether the API has said that the message is complete."""
        return self._done

    def feed(self, event: Mapping[str, Any]) -> Iterable[StreamEvent]:
        """What ``event`` adds; an event of an unknown type adds nothing.

        Raises a ProviderError for an error event, and for one that is malformed.
        """
        try:
            return self._read(event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise broken("an event is none of the Messages API's", in_stream=True) from error

    def _read(self, event: Mapping[str, Any]) -> Iterable[StreamEvent]:
        kind = event.get("type")
        if kind == "message_start":
            self._body = dict(event.get("message") or {})
            return [Start(_origin(self._body, self._request))]
        if kind == "content_block_start":
            return self._begin(event["index"], dict(event["content_block"]))
        if kind == "content_block_delta":
            return self._grow(event["index"], event["delta"])
        if kind == "content_block_stop":
            return self._finish(event["index"])
        if kind == "message_delta":
            self._learn(event)
        elif kind == "message_stop":
            return self._stop()
        elif kind == "error":
            raise fault(event, status=200, in_stream=True)
        return ()

    def end(self) -> None:
        """Raise StreamBrokenError when the message is not complete."""
        if not self._done:
            begun = bool(self._body)
            what = "the stream ended in the middle of the answer" if begun else "no answer came"
            raise broken(what, in_stream=begun)

    def _begin(self, index: int, block: dict[str, Any]) -> list[StreamEvent]:
        self._blocks[index] = block
        self._open[index] = []
        kind = block.get("type", "")
        name = block.get("name", "") if kind == "tool_use" else ""
        said: list[StreamEvent] = [PartStart(index, _STARTS.get(kind, "other"), name=name)]
        if kind in ("text", "thinking") and block.get(kind):
            said.append(Delta(index, block[kind], kind=kind))
        return said

    def _grow(self, index: int, delta: Mapping[str, Any]) -> list[StreamEvent]:
        block = self._blocks[index]
        kind = delta.get("type")
        if kind == "input_json_delta":
            fragment = delta.get("partial_json") or ""
            self._open[index].append(fragment)
            is_call = block.get("type") == "tool_use"
            return [Delta(index, fragment, kind="args")] if fragment and is_call else []
        if kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta.get("citation")]
            return []
        for name, value in delta.items():
            if name != "type":
                known = block.get(name)
                grows = isinstance(known, str) and isinstance(value, str)
                block[name] = f"{known}{value}" if grows else value
        if kind == "text_delta" and delta.get("text"):
            return [Delta(index, delta["text"])]
        if kind == "thinking_delta" and delta.get("thinking"):
            return [Delta(index, delta["thinking"], kind="thinking")]
        return []

    def _finish(self, index: int) -> list[StreamEvent]:
        block = self._blocks[index]
        text = "".join(self._open.pop(index))
        if text:
            try:
                block["input"] = json.loads(text)
            except (ValueError, RecursionError):  # the loop reads a call's; others stay as text
                is_call = block.get("type") == "tool_use"
                block["input"] = text if is_call else {"INVALID_JSON": text}
        return [PartEnd(index, _part(block))]

    def _learn(self, event: Mapping[str, Any]) -> None:
        delta = event.get("delta") or {}
        self._body |= {name: value for name, value in delta.items() if value is not None}
        usage = event.get("usage") or {}
        counted = {name: value for name, value in usage.items() if value is not None}
        if event.get("input_transformations"):
            self._body["input_transformations"] = event["input_transformations"]
        self._body["usage"] = {**(self._body.get("usage") or {}), **counted}

    def _stop(self) -> list[StreamEvent]:
        said = [event for index in sorted(self._open) for event in self._finish(index)]
        self._done = True
        self._body["content"] = [self._blocks[index] for index in sorted(self._blocks)]
        whole = from_response(
            self._body, self._request, sent=self._sent, adaptations=self._adaptations
        )
        said.append(
            End(
                finish=whole.finish,
                usage=whole.usage,
                raw_finish=whole.raw_finish,
                detail=whole.detail,
                origin=whole.message.origin,
                opaque=whole.message.opaque,
                adaptations=whole.adaptations,
            )
        )
        return said


def broken(message: str, *, in_stream: bool = False) -> StreamBrokenError:
    """An answer that is none, or not whole."""
    return StreamBrokenError(f"{_PROVIDER}: {message}", provider=_PROVIDER, in_stream=in_stream)


def fault(
    body: object,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    in_stream: bool = False,
) -> ProviderError:
    """The error for ``{"type": "error", "error": {...}}``: by its type first, then its status."""
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code, message = error.get("type"), error.get("message")
    text = message if isinstance(message, str) else ""
    if any(words in text.lower() for words in _SPENT):
        code = "billing_error"  # said with several types, and no wait lifts it
    return failure(
        _PROVIDER,
        text,
        status=status,
        code=code if isinstance(code, str) else None,
        headers=headers,
        body=body,
        in_stream=in_stream,
        hint=_HINTS.get(status or 0, ""),
    )
