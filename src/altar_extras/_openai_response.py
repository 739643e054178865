"""Answers of the Responses API: whole bodies and streams as parts, usage and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from altar.errors import ProviderError, StreamBrokenError
from altar.llm import (
    Adaptation,
    Delta,
    End,
    Message,
    Origin,
    PartEnd,
    PartStart,
    Refusal,
    Response,
    Start,
    Text,
    Thinking,
    ToolCall,
    Usage,
    failure,
)
from altar.llm.openai_compatible import chat_failure
from altar_extras._openai_forms import output_form
from altar_extras._openai_items import item_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.llm import Part, ReplyEnd, Request, StreamEvent
    from altar_extras._openai_text import Rewriter

__all__ = ["ResponsesReader", "from_response"]

_FINISH: dict[str, ReplyEnd] = {
    "completed": "stop",
    "max_output_tokens": "length",
    "content_filter": "blocked",
}
# errors that say what a model would not do, not what went wrong
_BLOCKED = frozenset(
    {
        "invalid_prompt",
        "bio_policy",
        "cyber_policy",
        "misalignment_policy_violation",
        "image_content_policy_violation",
        "content_filter",
    }
)


def from_response(
    body: Mapping[str, Any], request: Request, adaptations: tuple[Adaptation, ...] = ()
) -> Response:
    """The answer in the body of a whole reply.

    Raises the ProviderError that a failed reply stands for, and
    StreamBrokenError for a body that is no reply of the Responses API.
    """
    output = body.get("output")
    if body.get("error") and not output:
        output = []  # what it means is said where it ends, as in a stream
    if not isinstance(output, list):
        raise StreamBrokenError(
            "openai: the answer is none of the Responses API: it has no output",
            provider="openai",
            hint="For a server that speaks chat completions alone take openai-chat: or local:.",
        )
    with _reading():
        parts = [
            part for item in output if isinstance(item, dict) for part in item_parts(item, request)
        ]
        end = _end(body, parts, request, adaptations)
    return Response(
        message=Message("assistant", tuple(parts), origin=end.origin),
        finish=end.finish,
        usage=end.usage,
        raw_finish=end.raw_finish,
        detail=end.detail,
        adaptations=end.adaptations,
    )


def _end(
    body: Mapping[str, Any],
    parts: list[Part],
    request: Request,
    adaptations: tuple[Adaptation, ...],
) -> End:
    """Why an answer of ``parts`` ended, and what it took; raises for one that failed."""
    status = body.get("status") or "completed"
    error = body.get("error")
    word, detail = str(status), None
    if status == "failed" or error:
        said = error if isinstance(error, Mapping) else {}
        if said.get("code") not in _BLOCKED:
            _raise_failed(body)
        word, detail = str(said["code"]), str(said.get("message") or said["code"])
        finish: ReplyEnd = "blocked"
    else:
        if status == "incomplete":
            word = str(_under(body, "incomplete_details").get("reason") or status)
        finish = _FINISH.get(word, "unknown")
    if finish == "stop" and any(isinstance(part, Refusal) for part in parts):
        finish = "refusal"
    return End(
        finish=finish,
        usage=_usage(body.get("usage")),
        raw_finish=word,
        detail=detail,
        origin=_origin(body, request),
        adaptations=(*adaptations, *_transformations(body)),
    )


@contextmanager
def _reading(*, in_stream: bool = False) -> Iterator[None]:
    """Name what is malformed beyond what any reader knows of."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StreamBrokenError(
            "openai: the answer is none of the Responses API: one of its fields is of another type",
            provider="openai",
            in_stream=in_stream,
        ) from error


def _origin(body: Mapping[str, Any], request: Request) -> Origin:
    model, name = body.get("model"), body.get("id")
    return Origin(
        provider="openai",
        api="responses",
        model=model if isinstance(model, str) and model else request.model,
        response_id=name if isinstance(name, str) else None,
    )


def _transformations(body: Mapping[str, Any]) -> Iterator[Adaptation]:
    """What the server itself took out of the history."""
    told = body.get("input_transformations")
    for item in told if isinstance(told, list) else ():
        if isinstance(item, Mapping):
            what = f"{item.get('type', 'item')} {item.get('id', '')}".strip()
            yield Adaptation(what, f"{item.get('action', 'changed')}: {item.get('reason', '')}")


def _raise_failed(body: Mapping[str, Any]) -> None:
    error = _under(body, "error")
    code = error.get("code") or error.get("type")
    raise failure(
        "openai",
        str(error.get("message") or "the model failed to answer"),
        status=None if code else 500,
        code=str(code) if code else None,
        body=dict(body),
    )


def _usage(raw: Any) -> Usage:
    if not isinstance(raw, Mapping):
        return Usage()
    read = _under(raw, "input_tokens_details")
    return Usage(
        input_tokens=_count(raw, "input_tokens"),
        output_tokens=_count(raw, "output_tokens"),
        cached_tokens=_count(read, "cached_tokens"),
        cache_write_tokens=_count(read, "cache_write_tokens"),
        reasoning_tokens=_count(_under(raw, "output_tokens_details"), "reasoning_tokens"),
        raw=(dict(raw),),
    )


def _under(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _count(raw: Mapping[str, Any], name: str) -> int | None:
    value = raw.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Part:
    """A part that has begun: its place, its kind, and what was shown of it."""

    __slots__ = ("index", "kind", "name", "rewriter", "shown")

    def __init__(self, index: int, kind: Any, name: str = "") -> None:
        self.index = index
        self.kind = kind
        self.name = name
        self.shown = ""
        self.rewriter: Rewriter | None = None


class ResponsesReader:
    """Reads the events of one stream: ``feed`` each, then ``end``; gives stream events.

    An item is taken from ``response.output_item.done``, for the encrypted
    content of ``.added`` may not be whole; the deltas before only show it. An
    item that overtakes one before it waits until that is done.
    """

    def __init__(self, request: Request, adaptations: tuple[Adaptation, ...] = ()) -> None:
        self._request = request
        self._adaptations = adaptations
        self._began = False
        self._parts: list[Part] = []
        self._at = 0  # the place of the item that comes now
        self._open: dict[int, _Part] = {}  # its parts, by their place in it
        self._early: dict[int, list[Mapping[str, Any]]] = {}  # of contents that overtook others
        self._thought: tuple[str, Any] | None = None
        self._waiting: dict[int, list[Mapping[str, Any]]] = {}
        self._body: Mapping[str, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether the server has said how the answer ended."""
        return self._body is not None

    def feed(self, event: Mapping[str, Any]) -> list[StreamEvent]:
        """The stream events of one event; raises the ProviderError that an error stands for."""
        with _reading(in_stream=True):
            return self._read(event)

    def _read(self, event: Mapping[str, Any]) -> list[StreamEvent]:
        kind = str(event.get("type", ""))
        if kind == "error" or (not kind and event.get("error")):
            raise _stream_error(event)
        out: list[StreamEvent] = []
        body = event.get("response")
        if not self._began and kind.startswith("response."):
            self._began = True
            out.append(Start(_origin(body if isinstance(body, Mapping) else {}, self._request)))
        if kind in ("response.completed", "response.incomplete", "response.failed"):
            self._body = body if isinstance(body, Mapping) else {}
            out += self._rest(self._body)
        elif isinstance(event.get("output_index"), int):
            out += self._queued(event, event["output_index"])
        return out

    def end(self) -> list[StreamEvent]:
        """The End; raises StreamBrokenError when the server has not said how it ended."""
        if self._body is None:
            raise StreamBrokenError(
                "openai: the stream stopped before the answer was complete",
                provider="openai",
                in_stream=self._began,
            )
        try:
            with _reading(in_stream=True):
                return [_end(self._body, self._parts, self._request, self._adaptations)]
        except ProviderError as error:
            error.in_stream = True
            raise

    def _queued(self, event: Mapping[str, Any], index: int) -> Iterator[StreamEvent]:
        if index > self._at:
            self._waiting.setdefault(index, []).append(event)
        elif index == self._at:
            yield from self._of_item(event)
            if self._at > index:
                for waited in self._waiting.pop(self._at, ()):
                    yield from self._queued(waited, index + 1)

    def _rest(self, body: Mapping[str, Any]) -> Iterator[StreamEvent]:
        """What the server has not said to be done when it says how the answer ended."""
        output = body.get("output")
        whole = dict(enumerate(output)) if isinstance(output, list) else {}
        last = max([-1, *whole, *self._waiting, *([self._at] if self._open else ())])
        while self._at <= last:
            at = self._at
            waiting = self._waiting.pop(at, ())
            if isinstance(whole.get(at), Mapping):
                yield from self._finish(whole[at])
                continue
            for waited in waiting:
                yield from self._of_item(waited)
            if self._at == at:
                yield from self._cut_off()

    def _of_item(self, event: Mapping[str, Any]) -> Iterator[StreamEvent]:
        kind = str(event["type"]).removeprefix("response.")
        delta = event.get("delta")
        item = event.get("item")
        text = delta if isinstance(delta, str) else ""
        if kind == "output_item.done" and isinstance(item, Mapping):
            yield from self._finish(item)
        elif kind == "output_item.added" and isinstance(item, Mapping):
            yield from self._begin_item(item)
        elif kind in ("output_text.delta", "refusal.delta", "content_part.added"):
            yield from self._in_order(event)
        elif kind in ("reasoning_summary_text.delta", "reasoning_text.delta"):
            part = yield from self._begin(0, "thinking")
            piece = (kind, event.get("summary_index", event.get("content_index")))
            gap = "\n\n" if self._thought not in (None, piece) else ""
            self._thought = piece
            yield from _show(part, gap + text)
        elif kind == "function_call_arguments.delta":
            part = yield from self._begin(0, "tool_call")
            yield from _show(part, text)

    def _in_order(self, event: Mapping[str, Any]) -> Iterator[StreamEvent]:
        """An event of one content; contents begin in their order, so one that overtakes waits."""
        at = _at(event)
        if at > len(self._open):
            self._early.setdefault(at, []).append(event)
            return
        yield from self._of_content(event)
        while self._early.get(len(self._open)):
            for waited in self._early.pop(len(self._open)):
                yield from self._of_content(waited)

    def _of_content(self, event: Mapping[str, Any]) -> Iterator[StreamEvent]:
        kind, delta, content = event["type"], event.get("delta"), event.get("part")
        about = content.get("type") if isinstance(content, Mapping) else kind
        is_text = about in ("response.output_text.delta", "output_text")
        part = yield from self._begin(_at(event), "text" if is_text else "other")
        if kind == "response.output_text.delta" and isinstance(delta, str):
            yield from _show(part, delta if part.rewriter is None else part.rewriter.feed(delta))

    def _begin_item(self, item: Mapping[str, Any]) -> Iterator[StreamEvent]:
        self._thought = None
        kind = item.get("type")
        if kind == "reasoning":
            yield from self._begin(0, "thinking")
        elif kind == "function_call":
            yield from self._begin(0, "tool_call", str(item.get("name") or ""))

    def _begin(self, at: int, kind: Any, name: str = "") -> Any:
        """The part at a place of its item; a generator that says so when it begins."""
        part = self._open.get(at)
        if part is None:
            part = self._open[at] = _Part(len(self._parts) + len(self._open), kind, name)
            if kind == "text" and self._request.output is not None:
                part.rewriter = output_form(self._request.output).rewriter()
            yield PartStart(part.index, kind, name=name)
        return part

    def _finish(self, item: Mapping[str, Any]) -> Iterator[StreamEvent]:
        self._early = {}
        for at, part in enumerate(item_parts(item, self._request)):
            name = part.name if isinstance(part, ToolCall) else ""
            begun = yield from self._begin(at, _shape(part), name)
            if isinstance(part, Text | Thinking) and part.text.startswith(begun.shown):
                yield from _show(begun, part.text[len(begun.shown) :])
            yield from self._ended(begun, part)
        yield from self._cut_off()

    def _cut_off(self) -> Iterator[StreamEvent]:
        """What has begun of an item, and of which the server said neither end nor whole."""
        for _, waited in sorted(self._early.items()):
            for event in waited:
                yield from self._of_content(event)
        for begun in list(self._open.values()):
            part: Part = Text(begun.shown)
            if begun.kind == "thinking":
                part = Thinking(begun.shown)
            elif begun.kind == "tool_call":
                part = ToolCall(begun.name, raw_args=begun.shown)
            elif begun.kind == "other":
                part = Refusal(begun.shown)
            yield from self._ended(begun, part)
        self._at += 1
        self._open = {}
        self._early = {}
        self._thought = None

    def _ended(self, begun: _Part, part: Part) -> Iterator[StreamEvent]:
        self._parts.append(part)
        del self._open[next(at for at, one in self._open.items() if one is begun)]
        yield PartEnd(begun.index, part)


def _at(event: Mapping[str, Any]) -> int:
    place = event.get("content_index")
    return place if isinstance(place, int) else 0


def _show(part: _Part, text: str) -> Iterator[StreamEvent]:
    if text:
        part.shown += text
        kinds: dict[str, Any] = {"thinking": "thinking", "tool_call": "args"}
        yield Delta(part.index, text, kind=kinds.get(part.kind, "text"))


def _shape(part: Part) -> str:
    kinds = {Text: "text", Thinking: "thinking", ToolCall: "tool_call"}
    return kinds.get(type(part), "other")


def _stream_error(event: Mapping[str, Any]) -> ProviderError:
    inner = event.get("error")
    said = inner if isinstance(inner, Mapping) else event
    plain = {name: value for name, value in said.items() if value != "error"}
    return chat_failure(plain, "openai", in_stream=True)
