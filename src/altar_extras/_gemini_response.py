"""from_response and StreamReader: what generateContent says, as altar's Response and events."""

from __future__ import annotations

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
from altar_extras._gemini_models import API
from altar_extras._gemini_parts import read_part
from altar_extras._gemini_reading import answer_fault, count, cut_off, guarded, text_of
from altar_extras._gemini_request import CONTINUATION

if TYPE_CHECKING:
    from altar.llm import Part, ReplyEnd, Request, StreamEvent

__all__ = ["StreamReader", "finish_of", "from_response", "usage_of"]

_FINISH: dict[str, ReplyEnd] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "blocked",
    "RECITATION": "blocked",
    "LANGUAGE": "blocked",
    "BLOCKLIST": "blocked",
    "PROHIBITED_CONTENT": "blocked",
    "SPII": "blocked",
    "IMAGE_SAFETY": "blocked",
    "IMAGE_PROHIBITED_CONTENT": "blocked",
    "IMAGE_RECITATION": "blocked",
    "MODEL_ARMOR": "blocked",
    "ESCALATION": "blocked",
    "PUP_LIMITED_DISABLED": "blocked",
    "MALFORMED_FUNCTION_CALL": "malformed",
    "UNEXPECTED_TOOL_CALL": "malformed",
    "TOO_MANY_TOOL_CALLS": "malformed",
    "MISSING_THOUGHT_SIGNATURE": "malformed",
    "MALFORMED_RESPONSE": "malformed",
    "CONTINUATION": "paused",
    "OTHER": "unknown",
    "IMAGE_OTHER": "unknown",
    "NO_IMAGE": "unknown",
    "FINISH_REASON_UNSPECIFIED": "unknown",
}
# of a candidate, and not for the next request: kept with the message for who wants them
_KEPT = ("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult")


def finish_of(word: str | None) -> ReplyEnd:
    """What a finishReason means; "unknown" for words this version has not heard."""
    return _FINISH.get(text_of(word) or "", "unknown")


def from_response(
    body: dict[str, Any],
    request: Request,
    *,
    provider: str = "gemini",
    name: str = "",
    adaptations: tuple[Adaptation, ...] = (),
) -> Response:
    """The answer in ``body``; a blocked prompt is an answer without parts, not an error.

    ``name`` is what errors call the provider. Raises a ProviderError for a
    fault that was told as an answer, StreamBrokenError for what is no answer.
    """
    name = name or provider
    if body.get("error") is not None:
        raise answer_fault(body["error"], name, in_stream=False)
    if not _candidate(body) and not isinstance(body.get("promptFeedback"), dict):
        told = f"{name}: the answer held neither a candidate nor a word on the prompt"
        raise StreamBrokenError(told, provider=name)
    with guarded(name):
        return _read(body, request, provider, adaptations)


def _read(
    body: dict[str, Any], request: Request, provider: str, adaptations: tuple[Adaptation, ...]
) -> Response:
    candidate = _candidate(body)
    raw = _raw_parts(candidate)
    parts = tuple([read_part(part, provider) for part in raw])
    end = _end(body, candidate, _origin(body, request, provider), adaptations)
    message = Message("assistant", parts, origin=end.origin, opaque=end.opaque)
    return Response(
        message=message,
        finish=end.finish,
        usage=end.usage,
        raw_finish=end.raw_finish,
        detail=end.detail,
        adaptations=end.adaptations,
    )


def _candidate(body: dict[str, Any]) -> dict[str, Any]:
    """The first candidate; altar asks for one."""
    found = body.get("candidates")
    if isinstance(found, list):
        for one in found:
            if isinstance(one, dict) and not one.get("index"):
                return one
    return {}


def _raw_parts(candidate: dict[str, Any]) -> list[Any]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


def _origin(body: dict[str, Any], request: Request, provider: str) -> Origin:
    """The model is the one that was asked: an alias or an endpoint stays at home with itself."""
    response = text_of(body.get("responseId"))
    return Origin(provider=provider, api=API, model=request.model, response_id=response)


def _end(
    body: dict[str, Any],
    candidate: dict[str, Any],
    origin: Origin,
    adaptations: tuple[Adaptation, ...],
) -> End:
    word, detail = _why(body, candidate)
    feedback = _feedback(body)
    finish: ReplyEnd = finish_of(word)
    if not candidate and feedback.get("blockReason"):
        finish = "blocked"
    return End(
        finish=finish,
        usage=usage_of(body.get("usageMetadata")),
        raw_finish=text_of(word),
        detail=text_of(detail),
        origin=origin,
        opaque=_kept(candidate, origin.provider),
        adaptations=adaptations,
    )


def _feedback(body: dict[str, Any]) -> dict[str, Any]:
    found = body.get("promptFeedback")
    return found if isinstance(found, dict) else {}


def _why(body: dict[str, Any], candidate: dict[str, Any]) -> tuple[str | None, str | None]:
    """The server's word for how it ended, and its explanation."""
    if candidate:
        word = candidate.get("finishReason")
        said = candidate.get("finishMessage")
        if said is None and finish_of(word) == "blocked":
            said = _ratings(candidate)
        return word, said
    feedback = _feedback(body)
    word = feedback.get("blockReason")
    if word is None:
        return None, "the answer held no candidate"
    said = feedback.get("blockReasonMessage") or _ratings(feedback)
    return word, said or f"the prompt was blocked: {word}"


def _ratings(rated: dict[str, Any]) -> str | None:
    ratings = rated.get("safetyRatings")
    found = [
        f"{one.get('category')} {one.get('probability', '')}".strip()
        for one in (ratings if isinstance(ratings, list) else ())
        if isinstance(one, dict) and (one.get("blocked") or one.get("probability") == "HIGH")
    ]
    return "; ".join(found) or None


def _kept(candidate: dict[str, Any], provider: str) -> tuple[Opaque, ...]:
    kept = [
        Opaque(provider=provider, api=API, kind=key, data=candidate[key])
        for key in _KEPT
        if candidate.get(key)
    ]
    token = candidate.get("continuationToken")
    if isinstance(token, str) and finish_of(candidate.get("finishReason")) == "paused":
        kept.append(Opaque(provider=provider, api=API, kind=CONTINUATION, data=token))
    return tuple(kept)


def usage_of(raw: Any) -> Usage:
    """Inclusive counters; a count that is left out beside others is zero, as protobuf writes it."""
    if not isinstance(raw, dict):
        return Usage()
    prompt = count(raw, "promptTokenCount")
    if prompt is None:
        return Usage(raw=(raw,) if raw else ())
    thoughts = count(raw, "thoughtsTokenCount")
    return Usage(
        input_tokens=prompt + (count(raw, "toolUsePromptTokenCount") or 0),
        output_tokens=(count(raw, "candidatesTokenCount") or 0) + (thoughts or 0),
        cached_tokens=count(raw, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
        raw=(raw,),
    )


class StreamReader:
    """Reads the events of streamGenerateContent: :meth:`feed` each, then :meth:`end`.

    Pieces of plain text that follow each other are one part. A piece with a
    signature, which may be empty, is a part of its own: the server's rule is
    never to merge it with one that has none.
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
        self._body: dict[str, Any] = {}  # all that was said beside the parts
        self._candidate: dict[str, Any] = {}
        self._started = False
        self._count = 0
        self._open: type[Text | Thinking] | None = None
        self._pieces: list[str] = []

    def feed(self, event: dict[str, Any]) -> list[StreamEvent]:
        """The stream events that ``event`` stands for; raises for one that tells of a fault."""
        if "error" in event:
            raise answer_fault(event["error"], self._name, in_stream=True)
        with guarded(self._name, in_stream=self._started):
            return self._feed(event)

    @property
    def finished(self) -> bool:
        """Whether the answer has its end, so that a connection which breaks now loses nothing."""
        reason = self._candidate.get("finishReason") or _feedback(self._body).get("blockReason")
        return bool(reason)

    def _feed(self, event: dict[str, Any]) -> list[StreamEvent]:
        self._note(event)
        out: list[StreamEvent] = []
        if not self._started:
            self._started = True
            out.append(Start(_origin(self._body, self._request, self._provider)))
        for raw in _raw_parts(_candidate(event)):
            self._take(raw, out)
        return out

    def end(self) -> list[StreamEvent]:
        """The last events; raises StreamBrokenError where the answer has no end."""
        if not self.finished:
            raise cut_off(self._name, in_stream=self._started)
        out: list[StreamEvent] = []
        with guarded(self._name, in_stream=self._started):
            self._close(out)
            origin = _origin(self._body, self._request, self._provider)
            return [*out, _end(self._body, self._candidate, origin, self._adaptations)]

    def _note(self, event: dict[str, Any]) -> None:
        for key, value in event.items():
            if key == "usageMetadata" and isinstance(value, dict):
                self._body[key] = {**self._body.get(key, {}), **value}
            elif key != "candidates":
                self._body[key] = value
        for key, value in _candidate(event).items():
            if key != "content":
                self._candidate[key] = value

    def _take(self, raw: Any, out: list[StreamEvent]) -> None:
        part = read_part(raw, self._provider)
        if isinstance(part, (Text, Thinking)) and not part.opaque:
            if not part.text:
                return  # a last event often holds an empty text, which says nothing
            if self._open is not type(part):
                self._close(out)
                self._open = type(part)
                out.append(PartStart(self._count, _event_kind(part)))
            self._pieces.append(part.text)
            out.append(_delta(self._count, part))
            return
        self._close(out)
        name = part.name if isinstance(part, ToolCall) else ""
        out.append(PartStart(self._count, _event_kind(part), name=name))
        if isinstance(part, (Text, Thinking)) and part.text:
            out.append(_delta(self._count, part))
        out.append(PartEnd(self._count, part))
        self._count += 1

    def _close(self, out: list[StreamEvent]) -> None:
        if self._open is not None:
            out.append(PartEnd(self._count, self._open("".join(self._pieces))))
            self._count += 1
            self._open, self._pieces = None, []


def _event_kind(part: Part) -> Any:
    if isinstance(part, Text):
        return "text"
    if isinstance(part, Thinking):
        return "thinking"
    return "tool_call" if isinstance(part, ToolCall) else "other"


def _delta(index: int, part: Text | Thinking) -> Delta:
    return Delta(index, part.text, kind="thinking" if isinstance(part, Thinking) else "text")
