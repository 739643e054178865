"""from_response and StreamReader: what an interaction says, as altar's Response and events."""

from __future__ import annotations

import json
from copy import deepcopy
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
    Usage,
)
from altar_extras._gemini_reading import answer_fault, count, cut_off, guarded, text_of
from altar_extras._gemini_request import CONTINUATION
from altar_extras._gemini_response import finish_of
from altar_extras._gemini_steps import API, read_step, texts_of

if TYPE_CHECKING:
    from altar.llm import Part, ReplyEnd, Request, StreamEvent

__all__ = ["StreamReader", "from_response", "usage_of"]

_STATUS: dict[str, ReplyEnd] = {
    "completed": "stop",
    "requires_action": "stop",
    "incomplete": "length",
    "budget_exceeded": "length",
    "requires_continuation": "paused",
    "cancelled": "unknown",
}
_ENDED = (*_STATUS, "failed")
_UNDERWAY = ("interaction.created", "interaction.status_update")
_ECHOES = ("user_input", "function_result")  # what was asked, where the server repeats it


def from_response(
    body: dict[str, Any],
    request: Request,
    *,
    provider: str = "gemini",
    name: str = "",
    adaptations: tuple[Adaptation, ...] = (),
) -> Response:
    """The answer in ``body``; raises a ProviderError for an interaction that failed.

    ``name`` is what errors call the provider; what is no interaction at all is
    a StreamBrokenError.
    """
    name = name or provider
    if body.get("error") is not None:
        raise answer_fault(body["error"], name, in_stream=False)
    if not isinstance(body.get("steps"), list) and not isinstance(body.get("status"), str):
        told = f"{name}: the answer held neither steps nor a status"
        raise StreamBrokenError(told, provider=name)
    with guarded(name):
        return _read(body, request, provider, name, adaptations)


def _read(
    body: dict[str, Any],
    request: Request,
    provider: str,
    name: str,
    adaptations: tuple[Adaptation, ...],
) -> Response:
    parts = [part for step in _steps(body) for part in read_step(step, provider)]
    end = _end(body, request, provider, name, adaptations)
    message = Message("assistant", tuple(parts), origin=end.origin, opaque=end.opaque)
    return Response(
        message=message,
        finish=end.finish,
        usage=end.usage,
        raw_finish=end.raw_finish,
        detail=end.detail,
        adaptations=end.adaptations,
    )


def _steps(body: dict[str, Any]) -> list[Any]:
    steps = body.get("steps")
    return [one for one in (steps if isinstance(steps, list) else ()) if not _is_echo(one)]


def _is_echo(step: Any) -> bool:
    return isinstance(step, dict) and step.get("type") in _ECHOES


def _origin(body: dict[str, Any], request: Request, provider: str) -> Origin:
    response = text_of(body.get("id"))
    return Origin(provider=provider, api=API, model=request.model, response_id=response)


def _end(
    body: dict[str, Any],
    request: Request,
    provider: str,
    name: str,
    adaptations: tuple[Adaptation, ...],
) -> End:
    status = text_of(body.get("status"))
    fault = _fault(body)
    finish: ReplyEnd = _STATUS.get(status or "", "unknown")
    word, detail = status, None
    if fault is not None:
        code = str(fault.get("code") or "")
        detail = text_of(fault.get("message"))
        known = "blocked" if code == "blocked" else finish_of(code.upper())
        if status == "failed" and known not in ("blocked", "malformed"):
            raise answer_fault(fault, name, in_stream=True)
        if known != "unknown":
            finish, word = known, code
    token = body.get("continuation_token")
    kept = isinstance(token, str) and finish == "paused"
    mark = Opaque(provider=provider, api=API, kind=CONTINUATION, data=token)
    return End(
        finish=finish,
        usage=usage_of(body.get("usage")),
        raw_finish=word,
        detail=detail,
        origin=_origin(body, request, provider),
        opaque=(mark,) if kept else (),
        adaptations=adaptations,
    )


def _fault(body: dict[str, Any]) -> dict[str, Any] | None:
    """What the interaction says went wrong: as a whole, or in one of its outputs."""
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return dict(errors[0])
    for step in _steps(body):
        error = step.get("error") if isinstance(step, dict) else None
        if isinstance(error, dict):
            return error
    return {"message": "the interaction failed"} if body.get("status") == "failed" else None


def usage_of(raw: Any) -> Usage:
    """Inclusive counters: thoughts are output, the prompt of server-side tools is input."""
    if not isinstance(raw, dict):
        return Usage()
    prompt = count(raw, "total_input_tokens")
    if prompt is None:
        return Usage(raw=(raw,) if raw else ())
    thoughts = count(raw, "total_thought_tokens")
    return Usage(
        input_tokens=prompt + (count(raw, "total_tool_use_tokens") or 0),
        output_tokens=(count(raw, "total_output_tokens") or 0) + (thoughts or 0),
        cached_tokens=count(raw, "total_cached_tokens"),
        reasoning_tokens=thoughts,
        raw=(raw,),
    )


class _Open:
    """A step on its way: its JSON so far, its index among the parts, what was told of it."""

    __slots__ = ("arguments", "index", "live", "step")

    def __init__(self, step: dict[str, Any]) -> None:
        self.step = step
        self.arguments: list[str] = []
        self.index = -1
        self.live: str | None = None  # the kind of part that deltas are told of


class StreamReader:
    """Reads the events of a streamed interaction: :meth:`feed` each, then :meth:`end`.

    Steps are told one after the other, as they stand in a whole answer: what
    comes of a later one before the one ahead has ended waits for that.
    """

    def __init__(
        self,
        request: Request,
        *,
        provider: str = "gemini",
        name: str = "",
        adaptations: tuple[Adaptation, ...] = (),
    ) -> None:
        self._request = request
        self._provider = provider
        self._name = name or provider
        self._adaptations = adaptations
        self._body: dict[str, Any] = {}
        self._steps: list[Any] = []  # as they ended
        self._open: dict[Any, _Open] = {}  # one at most
        self._held: dict[Any, list[dict[str, Any]]] = {}  # the events of later steps
        self._ended = False
        self._started = False
        self._count = 0

    def feed(self, event: dict[str, Any]) -> list[StreamEvent]:
        """The stream events that ``event`` stands for; raises for one that tells of a fault."""
        kind = event.get("event_type")
        if kind == "error" or (kind is None and "error" in event):
            raise answer_fault(event.get("error"), self._name, in_stream=True)
        with guarded(self._name, in_stream=self._started):
            return self._feed(event)

    @property
    def finished(self) -> bool:
        """Whether the answer has its end, so that a connection which breaks now loses nothing."""
        return self._ended and self._body.get("status") in _ENDED

    def _feed(self, event: dict[str, Any]) -> list[StreamEvent]:
        kind = event.get("event_type")
        out: list[StreamEvent] = []
        told = event.get("interaction", event if kind == "interaction.status_update" else None)
        if isinstance(told, dict):
            known = ("id", "status", "usage", "continuation_token", "errors")
            self._body.update({key: told[key] for key in known if told.get(key) is not None})
            self._ended = self._ended or kind not in _UNDERWAY
        if not self._started:
            self._started = True
            out.append(Start(_origin(self._body, self._request, self._provider)))
        index = event.get("index")
        if kind == "step.start" and self._open and index not in self._held:
            self._held[index] = []
        if index in self._held:
            self._held[index].append(event)
        else:
            self._step(event, out)
            self._release(out)
        return out

    def _step(self, event: dict[str, Any], out: list[StreamEvent]) -> None:
        kind = event.get("event_type")
        if kind == "step.start":
            self._begin(event, out)
        elif kind == "step.delta":
            self._grow(event, out)
        elif kind == "step.stop":
            self._finish(event.get("index"), out)

    def _release(self, out: list[StreamEvent]) -> None:
        """Tell of the steps that have waited, up to the first that has not ended."""
        while self._held and not self._open:
            for event in self._held.pop(next(iter(self._held))):
                self._step(event, out)

    def end(self) -> list[StreamEvent]:
        """The last events; raises StreamBrokenError where the interaction has not ended."""
        out: list[StreamEvent] = []
        if self._body.get("status") not in _ENDED:
            raise cut_off(self._name, in_stream=self._started)
        with guarded(self._name, in_stream=self._started):
            while self._open:
                self._finish(next(iter(self._open)), out)
                self._release(out)
            body = {**self._body, "steps": self._steps}
            return [*out, _end(body, self._request, self._provider, self._name, self._adaptations)]

    def _begin(self, event: dict[str, Any], out: list[StreamEvent]) -> None:
        step = event.get("step")
        if not isinstance(step, dict) or _is_echo(step):
            return
        begun = self._open[event.get("index")] = _Open(deepcopy(step))
        if step.get("type") == "function_call":
            self._start(begun, "tool_call", out, name=str(step.get("name") or ""))
        elif step.get("type") == "thought":
            self._start(begun, "thinking", out)
            self._tell(begun, "".join(texts_of(step.get("summary"))), out)
        elif step.get("type") == "model_output" and _first_text(step):
            self._start(begun, "text", out)
            self._tell(begun, _first_text(step), out)

    def _start(self, step: _Open, kind: Any, out: list[StreamEvent], *, name: str = "") -> None:
        step.index, step.live = self._count, kind
        self._count += 1
        out.append(PartStart(step.index, kind, name=name))

    def _tell(self, step: _Open, text: str, out: list[StreamEvent]) -> None:
        if text:
            out.append(Delta(step.index, text, kind="text" if step.live == "text" else "thinking"))

    def _grow(self, event: dict[str, Any], out: list[StreamEvent]) -> None:
        step, delta = self._open.get(event.get("index")), event.get("delta")
        if step is None or not isinstance(delta, dict):
            return
        kind = delta.get("type")
        if kind == "arguments_delta":
            fragment = delta.get("arguments")
            if isinstance(fragment, str) and fragment:
                step.arguments.append(fragment)
                if step.live == "tool_call":
                    out.append(Delta(step.index, fragment, kind="args"))
        elif kind == "thought_signature":
            step.step["signature"] = delta.get("signature")
        elif kind == "thought_summary":
            self._add(step, "summary", delta.get("content"), out)
        elif kind == "text_annotation_delta":
            _annotate(step.step, delta.get("annotations"))
        elif step.step.get("type") == "model_output":
            self._add(step, "content", delta, out)
        else:  # a step of the server's own tools grows by its fields
            step.step.update({key: value for key, value in delta.items() if key != "type"})

    def _add(self, step: _Open, key: str, content: Any, out: list[StreamEvent]) -> None:
        """A piece of text grows the text before it; anything else stands for itself."""
        had = step.step.get(key)
        items = step.step[key] = had if isinstance(had, list) else []
        text = content.get("text") if isinstance(content, dict) else None
        if not isinstance(text, str) or content.get("type") != "text":
            items.append(content)
            return
        last = items[-1] if items else None
        if isinstance(last, dict) and last.get("type") == "text":
            last["text"] = str(last.get("text", "")) + text
        else:
            items.append(dict(content))
        if key == "content" and step.live is None and len(items) == 1:
            self._start(step, "text", out)
        if step.live == "thinking" or (step.live == "text" and len(items) == 1):
            self._tell(step, text, out)

    def _finish(self, index: Any, out: list[StreamEvent]) -> None:
        begun = self._open.pop(index, None)
        if begun is None:
            return
        step = begun.step
        if begun.arguments:
            step["arguments"] = _arguments("".join(begun.arguments))
        self._steps.append(step)
        for at, part in enumerate(read_step(step, self._provider)):
            if at or begun.live is None:
                self._start(begun, _event_kind(part), out)
                if isinstance(part, (Text, Thinking)):
                    self._tell(begun, part.text, out)
            out.append(PartEnd(begun.index, part))


def _event_kind(part: Part) -> str:
    if isinstance(part, Text):
        return "text"
    if isinstance(part, Thinking):
        return "thinking"
    return "tool_call" if isinstance(part, ToolCall) else "other"


def _first_text(step: dict[str, Any]) -> str:
    """The text an output begins with, if it does."""
    contents = step.get("content")
    first = contents[0] if isinstance(contents, list) and contents else None
    is_text = isinstance(first, dict) and first.get("type") == "text"
    return str(first.get("text") or "") if is_text and isinstance(first, dict) else ""


def _arguments(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def _annotate(step: dict[str, Any], annotations: Any) -> None:
    contents = step.get("content")
    if isinstance(contents, list) and contents and isinstance(contents[-1], dict):
        had = contents[-1].get("annotations")
        more = annotations if isinstance(annotations, list) else []
        contents[-1]["annotations"] = [*(had if isinstance(had, list) else []), *more]
