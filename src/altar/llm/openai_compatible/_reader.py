"""Chat completions, the way back: answers and stream chunks as parts, with every known quirk.

Reasoning comes as ``reasoning_content`` (vLLM, llama.cpp) or ``reasoning``
(Ollama, gateways) and becomes Thinking. A ``<think>`` that a server left in
the text stays text: a model may write about that tag, and only the server
knows its model's template. All text of one kind is one part, for on this wire
a message has one content; parts stand in the order in which they began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar.errors import ProviderError, StreamBrokenError
from altar.llm import (
    Delta,
    End,
    Opaque,
    Origin,
    PartEnd,
    PartStart,
    Refusal,
    Start,
    Text,
    Thinking,
    Unknown,
    Usage,
    failure,
    fold,
)
from altar.llm.openai_compatible._calls import Calls
from altar.llm.openai_compatible._dialect import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from altar.llm import Adaptation, Part, ReplyEnd, Request, Response, StreamEvent
    from altar.llm.openai_compatible._dialect import ChatDialect

__all__ = ["ChatReader", "chat_failure", "chat_response"]

_FINISH: dict[str, ReplyEnd] = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "blocked",
    "safety": "blocked",
}
_THINKING = ("reasoning_content", "reasoning")
_READ = frozenset({"role", "content", "refusal", "tool_calls", "function_call", *_THINKING})


def chat_response(
    body: Mapping[str, Any],
    request: Request,
    *,
    dialect: ChatDialect = LOCAL,
    adaptations: tuple[Adaptation, ...] = (),
) -> Response:
    """The answer in the body of a whole reply.

    Raises the ProviderError that an error object stands for, and
    StreamBrokenError for a body that is no chat completion.
    """
    reader = ChatReader(request, dialect=dialect, adaptations=adaptations)
    chunk = dict(body)
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        _raise_for(chunk, dialect.called)
        raise StreamBrokenError(
            f"{dialect.called}: the reply is no chat completion: it has no choices",
            provider=dialect.called,
        )
    chunk["choices"] = [_numbered(choices[0])]
    return fold([*reader.feed(chunk), *reader.end()])


def _numbered(choice: Mapping[str, Any]) -> dict[str, Any]:
    """A whole reply's choice, its calls counted: there each entry is a call of its own."""
    message = choice.get("message")
    message = dict(message) if isinstance(message, Mapping) else {}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {**entry, "index": at} for at, entry in enumerate(calls) if isinstance(entry, Mapping)
        ]
    return {**choice, "index": 0, "message": message}


class ChatReader:
    """Reads the chunks of one stream: ``feed`` each, then ``end``; gives stream events.

    ``finished`` says whether the server told why it ended: a stream that stops
    without it, and without ``[DONE]``, was cut off.
    """

    def __init__(
        self,
        request: Request,
        *,
        dialect: ChatDialect = LOCAL,
        adaptations: tuple[Adaptation, ...] = (),
    ) -> None:
        self.finished = False
        self._dialect = dialect
        self._adaptations = adaptations
        self._model = request.model
        self._id: str | None = None
        self._began = False
        self._next = 0
        self._texts: dict[str, tuple[int, list[str]]] = {}  # text, thinking, refusal
        self._field = ""  # where this server puts what its model thinks
        self._others: list[tuple[int, Part]] = []
        self._calls = Calls()
        self._extra: dict[str, Any] = {}
        self._finish: str | None = None
        self._usage: Any = None

    def feed(self, chunk: Mapping[str, Any]) -> list[StreamEvent]:
        """The events of one chunk; raises the ProviderError of an error object."""
        choices = chunk.get("choices")
        if not choices:
            _raise_for(chunk, self._dialect.called, in_stream=True)
        events: list[StreamEvent] = []
        if isinstance(chunk.get("usage"), Mapping):
            self._usage = chunk["usage"]
        if not self._began:
            self._began = True
            self._id = chunk["id"] if isinstance(chunk.get("id"), str) and chunk["id"] else None
            model = chunk.get("model")
            self._model = model if isinstance(model, str) and model else self._model
            events.append(Start(self._origin()))
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping) and choice.get("index") in (0, None):
                if isinstance(choice.get("usage"), Mapping):
                    self._usage = choice["usage"]
                delta = choice.get("delta") or choice.get("message")
                if isinstance(delta, Mapping):
                    events += self._delta(delta)
                if isinstance(choice.get("finish_reason"), str) and choice["finish_reason"]:
                    self._finish = choice["finish_reason"]
                    self.finished = True
        return events

    def end(self) -> list[StreamEvent]:
        """The finished parts, and the End."""
        parts = [*self._others]
        refused = False
        for kind, (at, pieces) in self._texts.items():
            text = "".join(pieces)
            if kind == "thinking":
                parts.append((at, Thinking(text, opaque=self._own("field", self._field))))
            elif kind == "refusal":
                refused = True
                parts.append((at, Refusal(text)))
            else:
                parts.append((at, Text(text)))
        parts += [(call.part, call.finished(self._dialect)) for call in self._calls.calls]
        events: list[StreamEvent] = [] if self._began else [Start(self._origin())]
        known = {at for at, _ in self._others}
        events += [PartEnd(at, part) for at, part in sorted(parts, key=_place) if at not in known]
        word = self._finish
        finish: ReplyEnd = "stop" if word is None else _FINISH.get(word.lower(), "unknown")
        end = End(
            finish="refusal" if refused and finish == "stop" else finish,
            usage=_usage(self._usage),
            raw_finish=word,
            origin=self._origin(),
            opaque=self._own("fields", self._extra) if self._extra else (),
            adaptations=self._adaptations,
        )
        return [*events, end]

    def _origin(self) -> Origin:
        provider = self._dialect.provider
        return Origin(provider=provider, api="chat", model=self._model, response_id=self._id)

    def _own(self, kind: str, data: Any) -> tuple[Opaque, ...]:
        return (Opaque(provider=self._dialect.provider, api="chat", kind=kind, data=data),)

    def _delta(self, delta: Mapping[str, Any]) -> Iterable[StreamEvent]:
        for field in _THINKING:  # a gateway may say the same in both
            text = delta.get(field)
            if isinstance(text, str) and text and self._field in ("", field):
                self._field = field
                yield from self._text("thinking", text)
        yield from self._content(delta.get("content"))
        if isinstance(delta.get("refusal"), str):
            yield from self._text("refusal", delta["refusal"])
        entries = delta.get("tool_calls")
        if not entries and isinstance(delta.get("function_call"), Mapping):
            entries = [{"index": 0, "function": delta["function_call"]}]  # the form before tools
        if isinstance(entries, list) and entries:
            before = len(self._calls.calls)
            yield from self._calls.feed(entries, self._next)
            self._next += len(self._calls.calls) - before
        for name, value in delta.items():
            if name not in _READ and value not in (None, "", [], {}):
                self._keep(name, value)

    def _content(self, content: Any) -> Iterator[StreamEvent]:
        if isinstance(content, str):
            yield from self._text("text", content)
            return
        for item in content if isinstance(content, list) else ():
            kind = item.get("type") if isinstance(item, Mapping) else None
            if isinstance(item, str):
                yield from self._text("text", item)
            elif kind in ("text", "output_text") and isinstance(item.get("text"), str):
                yield from self._text("text", item["text"])
            elif kind == "refusal" and isinstance(item.get("refusal"), str):
                yield from self._text("refusal", item["refusal"])
            elif kind == "thinking":
                self._field = self._field or _THINKING[0]
                yield from self._text("thinking", _spelt(item.get("thinking")))
            else:
                part = Unknown(item)
                yield PartStart(self._next, "other")
                yield PartEnd(self._next, part)
                self._others.append((self._next, part))
                self._next += 1

    def _text(self, kind: str, text: str) -> Iterator[StreamEvent]:
        if not text:
            return
        if kind not in self._texts:
            self._texts[kind] = (self._next, [])
            self._next += 1
            at = self._texts[kind][0]
            if kind == "thinking":
                yield PartStart(at, "thinking")
            else:
                yield PartStart(at, "text" if kind == "text" else "other")
        at, pieces = self._texts[kind]
        pieces.append(text)
        if kind == "thinking":
            yield Delta(at, text, kind="thinking")
        elif kind == "text":
            yield Delta(at, text)

    def _keep(self, name: str, value: Any) -> None:
        """A field this version does not know; lists come in pieces, as texts do."""
        old = self._extra.get(name)
        both = isinstance(old, list) and isinstance(value, list)
        self._extra[name] = [*old, *value] if both else value  # type: ignore[misc]


def _place(item: tuple[int, Part]) -> int:
    return item[0]


def _spelt(thought: Any) -> str:
    """What a thinking part says: a text, or a list of text parts."""
    if isinstance(thought, list):
        return "".join([str(one.get("text", "")) for one in thought if isinstance(one, Mapping)])
    return thought if isinstance(thought, str) else ""


def _usage(raw: Any) -> Usage:
    if not isinstance(raw, Mapping):
        return Usage()
    read = _details(raw, "prompt_tokens_details")
    cached = _count(read.get("cached_tokens"))
    return Usage(
        input_tokens=_count(raw.get("prompt_tokens")),
        output_tokens=_count(raw.get("completion_tokens")),
        cached_tokens=_count(raw.get("prompt_cache_hit_tokens")) if cached is None else cached,
        cache_write_tokens=_count(read.get("cache_write_tokens")),
        reasoning_tokens=_count(_details(raw, "completion_tokens_details").get("reasoning_tokens")),
        raw=(dict(raw),),
    )


def _details(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, Mapping) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _raise_for(chunk: Mapping[str, Any], provider: str, *, in_stream: bool = False) -> None:
    if chunk.get("error") or chunk.get("object") == "error" or "detail" in chunk:
        raise chat_failure(chunk, provider, in_stream=in_stream)


def chat_failure(
    body: Any,
    provider: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    in_stream: bool = False,
    hint: str = "",
) -> ProviderError:
    """The error that an error object stands for, in whichever of its five forms.

    ``{"error": {"message", "type", "code"}}`` (OpenAI, llama.cpp, vLLM),
    ``{"error": "text"}`` (Ollama), ``{"object": "error", "message"}`` (older
    vLLM), ``{"detail": ...}`` (FastAPI), and no JSON at all.
    """
    said = body if isinstance(body, Mapping) else {}
    error = said.get("error", said)
    if isinstance(error, Mapping):
        message = error.get("message") or error.get("detail")
        code = error.get("code")
        if isinstance(code, int) and 400 <= code < 600:
            status = status if status not in (None, 200) else code
        word = code if isinstance(code, str) and code else error.get("type")
    else:
        message, word = error, None
    if not isinstance(message, str):
        message = str(message or body or "")
    return failure(
        provider,
        message,
        status=status,
        code=word if isinstance(word, str) else None,
        headers=headers,
        body=body,
        in_stream=in_stream,
        hint=hint,
    )
