"""How FakeOpenAI spells a Responses answer: output items, status, usage, stream events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm import Data, Refusal, Text, Thinking, ToolCall, Unknown
from altar.testing._fake_http import ServerEvent, compact
from altar.testing._fake_neutral import args_text, counted, cut, unwritable
from altar.testing._fake_openai_history import numbered_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.llm import Part, Response
    from altar.testing._fake_openai_history import Reasoning
    from altar.testing._fake_server import FakeCall

__all__ = ["events_of", "response_body"]

_CREATED = 1_790_000_000
_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_REASONS = {"length": "max_output_tokens", "blocked": "content_filter"}


def response_body(
    call: FakeCall,
    response: Response,
    items: list[Any],
    *,
    reasoning: Reasoning,
    number: Callable[[], int],
) -> dict[str, Any]:
    """The Response object; ``items`` are those of the request, ``number`` gives new ids."""
    writer = _Items(call, items, reasoning, number)
    for part in response.message.parts:
        writer.add(part)
    why = _REASONS.get(response.finish)
    if response.finish != "stop" and response.raw_finish is not None:
        why = response.raw_finish
    if why is not None and writer.output and "status" in writer.output[-1]:
        writer.output[-1]["status"] = "incomplete"
    origin = response.message.origin
    return {
        "id": (origin and origin.response_id) or f"resp_{number():06d}",
        "object": "response",
        "created_at": _CREATED,
        "status": "completed" if why is None else "incomplete",
        "error": None,
        "incomplete_details": None if why is None else {"reason": why},
        "model": call.model,
        "output": writer.output,
        **{name: call.body.get(name, usual) for name, usual in _ECHOED.items()},
        "usage": _usage(call, response),
    }


def _usage(call: FakeCall, response: Response) -> dict[str, Any]:
    usage = counted(response, call.request)
    asked, said = usage.input_tokens or 0, usage.output_tokens or 0
    found: dict[str, Any] = {
        "input_tokens": asked,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": asked + said,
    }
    for raw in usage.raw:
        found.update(raw if isinstance(raw, dict) else {})
    return found


class _Items:
    """Writes parts as output items: texts in a row are the content of one message."""

    def __init__(
        self, call: FakeCall, items: list[Any], reasoning: Reasoning, number: Callable[[], int]
    ) -> None:
        self.output: list[dict[str, Any]] = []
        self._call = call
        self._items = items
        self._reasoning = reasoning
        self._number = number
        self._thought: str | None = None  # the reasoning that what follows needs

    def add(self, part: Part) -> None:
        if isinstance(part, Thinking):
            self._think(part)
        elif isinstance(part, ToolCall):
            self.output.append(
                {
                    "id": numbered_id("fc", self._number(), self._thought),
                    "type": "function_call",
                    "status": "completed",
                    "arguments": args_text(part),
                    "call_id": part.wire_id or f"call_{self._number():06d}",
                    "name": part.name,
                }
            )
        elif isinstance(part, Unknown) and isinstance(part.raw, dict):
            self.output.append(part.raw)
        else:
            self._say(part)

    def _think(self, part: Thinking) -> None:
        number = self._number()
        self._thought = numbered_id("rs", number)
        summary = [{"type": "summary_text", "text": text} for text in part.text.split("\n\n")]
        item = {"id": self._thought, "type": "reasoning", "summary": summary if part.text else []}
        body = self._call.body
        wanted = "reasoning.encrypted_content" in (body.get("include") or ())
        if wanted or body.get("store") is False:
            before = [*self._items, *self.output]
            sealed = self._reasoning.write(number, self._thought, self._call.model, before)
            item["encrypted_content"] = sealed
        self.output.append(item)

    def _say(self, part: Part) -> None:
        if isinstance(part, Refusal):
            content = {"type": "refusal", "refusal": part.text}
        elif isinstance(part, (Text, Data)):
            text = part.text if isinstance(part, Text) else compact(part.value)
            content = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}  # type: ignore[dict-item]
        else:
            raise unwritable(part, "OpenAI's")
        if self.output and self.output[-1]["type"] == "message":
            self.output[-1]["content"].append(content)
            return
        item_id = numbered_id("msg", self._number(), self._thought)
        said = {"id": item_id, "type": "message", "status": "completed", "role": "assistant"}
        self.output.append({**said, "content": [content]})


# -- events ------------------------------------------------------------------------------


def events_of(body: dict[str, Any]) -> list[ServerEvent]:
    """The same answer as the vendor streams it."""
    return [
        ServerEvent({**data, "sequence_number": at}, data["type"])
        for at, data in enumerate(_events(body))
    ]


def _events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    begun["incomplete_details"] = None
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for at, item in enumerate(body["output"]):
        place = {"output_index": at}
        yield {"type": "response.output_item.added", **place, "item": _begun(item)}
        for event in _item_events(item):
            yield {**event, "item_id": item.get("id"), **place}
        yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": f"response.{body['status']}", "response": body}


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    """An item as it is announced; of encrypted content only a part is known then."""
    kind = item.get("type")
    out = {**item, "status": "in_progress"} if "status" in item else dict(item)
    if kind == "message":
        out["content"] = []
    elif kind == "function_call":
        out["arguments"] = ""
    elif kind == "reasoning":
        out["summary"] = []
        if "encrypted_content" in item:
            out["encrypted_content"] = item["encrypted_content"][:24]
    return out


def _item_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind = item.get("type")
    if kind == "reasoning":
        for at, part in enumerate(item["summary"]):
            yield from _text_events(
                "response.reasoning_summary_part",
                "response.reasoning_summary_text",
                {"summary_index": at},
                part,
            )
    elif kind == "message":
        for at, part in enumerate(item["content"]):
            kind = "refusal" if part["type"] == "refusal" else "output_text"
            place = {"content_index": at}
            yield from _text_events("response.content_part", f"response.{kind}", place, part)
    elif kind == "function_call":
        for piece in cut(item["arguments"]):
            yield {
                "type": "response.function_call_arguments.delta",
                "delta": piece,
                "obfuscation": "x" * (16 - len(piece)),
            }
        yield {
            "type": "response.function_call_arguments.done",
            "arguments": item["arguments"],
            "name": item["name"],
        }


def _text_events(
    part_event: str, text_event: str, place: dict[str, Any], part: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    field = "refusal" if part["type"] == "refusal" else "text"
    text = part[field]
    more: dict[str, Any] = {"logprobs": []} if text_event.endswith("output_text") else {}
    yield {"type": f"{part_event}.added", **place, "part": {**part, field: ""}}
    for piece in cut(text):
        hidden = {"obfuscation": "x" * (16 - len(piece))}
        yield {"type": f"{text_event}.delta", **place, "delta": piece, **more, **hidden}
    yield {"type": f"{text_event}.done", **place, field: text, **more}
    yield {"type": f"{part_event}.done", **place, "part": part}
