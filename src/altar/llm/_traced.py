"""RunTrace: the spans of one run, whichever driver drives it.

A run is one span, each round one below it, each attempt at a model one below
its round. None of them is ever the current span of the caller: providers and
tools are given theirs around their own steps, so that a stream that is read
slowly, or left, changes nothing where it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.llm._traced_messages import (
    finish_reason,
    input_messages,
    output_messages,
    prompt_offset,
    system_parts,
)
from altar.trace import Parent, current_span
from altar.trace import _conventions as names
from altar.trace._content import clipped
from altar.trace._scope import child, fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from altar.adm import FunctionCall, ToolResult
    from altar.errors import ProviderError
    from altar.llm._messages import Message
    from altar.llm._provider import Attempt, Provider
    from altar.llm._reply import Reply
    from altar.llm._request import Adaptation, Request, Response
    from altar.llm._sampling import Sampling
    from altar.llm._usage import Usage
    from altar.trace import Recorder, Span

__all__ = ["RunTrace"]

_SAMPLING = {
    "max_tokens": names.REQUEST_MAX_TOKENS,
    "temperature": names.REQUEST_TEMPERATURE,
    "top_p": names.REQUEST_TOP_P,
    "top_k": names.REQUEST_TOP_K,
    "seed": names.REQUEST_SEED,
    "reasoning": names.REASONING,
}
_USAGE = {
    "input_tokens": names.INPUT_TOKENS,
    "output_tokens": names.OUTPUT_TOKENS,
    "cached_tokens": names.CACHE_READ_TOKENS,
    "cache_write_tokens": names.CACHE_WRITE_TOKENS,
    "reasoning_tokens": names.REASONING_TOKENS,
}


class RunTrace:
    """The spans of one run: ``end`` ends what is open, however the run ends."""

    __slots__ = (
        *("_asked", "_asks", "_conversation", "_noted", "_root", "_round", "_sent", "_tracer"),
    )

    def __init__(  # noqa: PLR0913 - one parameter per fact of a run
        self,
        tracer: Recorder,
        provider: Provider,
        messages: Sequence[Message],
        *,
        instructions: str | None,
        sampling: Sampling,
        is_typed: bool,
        resumed: str | None,
        conversation: str | None = None,
    ) -> None:
        self._tracer = tracer
        self._conversation = conversation
        self._sent = 0 if resumed is not None else prompt_offset(messages)
        self._asked = self._sent
        self._noted = 0
        self._round: Span | None = None
        self._asks: list[Span] = []  # the attempt that goes on, and within a chain its member's
        told: dict[str, Any] = {
            names.OPERATION: names.INVOKE_AGENT,
            names.PROVIDER: names.provider_name(provider.name),
            names.REQUEST_MODEL: provider.model,
        }
        _tell_sampling(told, sampling)
        if conversation:
            told[names.CONVERSATION_ID] = conversation
        if is_typed:
            told[names.OUTPUT_TYPE] = "json"
        if instructions:
            told[names.SYSTEM_INSTRUCTIONS] = system_parts(instructions)
        parent = current_span.get()
        if resumed is not None:
            self._sent = self._asked = len(messages)
            told[names.RESUMED] = resumed
            if parent is None:
                parent = _same_trace(resumed)
        else:
            told[names.MESSAGES_OFFSET] = self._sent
            told[names.INPUT_MESSAGES] = input_messages(messages[self._sent :])
        self._root = child(tracer, parent, names.INVOKE_AGENT, kind="generate", attributes=told)

    @property
    def id(self) -> str:
        """The trace's id, 32 hexadecimal digits."""
        return f"{self._root.trace_id:032x}"

    @property
    def place(self) -> Span:
        """The span to which what happens now belongs."""
        if self._asks:
            return self._asks[-1]
        return self._root if self._round is None else self._round

    def begin_round(self, number: int) -> None:
        """The model is about to be asked for the ``number``-th time."""
        self._end_round()
        told = {names.ROUND: number}
        self._round = child(
            self._tracer, self._root, f"round {number}", kind="round", attributes=told
        )

    def note(self, adaptations: Sequence[Adaptation]) -> None:
        """Tell the adaptations that are new; ``adaptations`` are all of the run."""
        for one in adaptations[self._noted :]:
            self.event("adaptation", {"what": one.what, "why": clipped(one.why, 2_000)})
        self._noted = max(self._noted, len(adaptations))

    def event(self, name: str, told: dict[str, Any]) -> None:
        """Something happened in this round."""
        (self._root if self._round is None else self._round).event(name, told)

    def refused(self, call: FunctionCall, result: ToolResult) -> None:
        """A call was answered before it came to any tool."""
        error = "" if result.error is None else str(result.error.type)
        told = {"tool": clipped(call.name, 200), "call_id": call.call_id, "error": error}
        self.event("call_refused", told)

    def retry(self, error: ProviderError, attempt: int, wait: float) -> None:
        """A request is sent again."""
        self._failed(error)
        told = {"attempt": attempt, "wait_s": wait, "error": type(error).__name__}
        self.event("retry", told)

    # -- a model is asked ----------------------------------------------------------------

    def ask(
        self, provider: Provider, request: Request, attempt: Attempt, *, stream: bool, purpose: str
    ) -> Span:
        """An attempt begins: the span for it, which is the place until it has ended."""
        parent = self.place
        if getattr(provider, "members", None):  # a chain asks its members, each an attempt
            told: dict[str, Any] = {names.ATTEMPT: attempt.number}
            span = child(self._tracer, parent, "fallback", kind="runtime", attributes=told)
            self._asks.append(span)
            return span
        told = {
            names.OPERATION: names.CHAT,
            names.PROVIDER: names.provider_name(provider.name),
            names.REQUEST_MODEL: request.model,
            names.ATTEMPT: attempt.number,
        }
        if self._conversation:
            told[names.CONVERSATION_ID] = self._conversation
        if stream:
            told[names.REQUEST_STREAM] = True
        _tell_sampling(told, request.sampling)
        if request.output is not None:
            told[names.OUTPUT_TYPE] = "json"
        offset = self._sent
        if purpose:  # it has nothing of the conversation
            told[names.PURPOSE] = purpose
            offset = 0
        else:
            self._asked = len(request.messages)
        told[names.MESSAGES_OFFSET] = offset
        told[names.INPUT_MESSAGES] = input_messages(request.messages[offset:])
        name = f"{names.CHAT} {request.model}"
        span = child(self._tracer, parent, name, kind="model", attributes=told)
        self._asks.append(span)
        return span

    def broke(self, span: Span, error: BaseException, *, partial: bool = False) -> None:
        """An attempt came to nothing."""
        if span in self._asks:
            at = self._asks.index(span)
            for inner in reversed(self._asks[at:]):
                if partial and inner is span:
                    inner.set(names.PARTIAL, True)
                _fail(inner, error)
                inner.finish()
            del self._asks[at:]

    def _failed(self, error: BaseException) -> None:
        """The attempt came to nothing, where nobody has said so yet."""
        if self._asks:
            self.broke(self._asks[0], error)

    def answered(
        self,
        response: Response,
        cost: Decimal | None,
        call_ids: Sequence[str] = (),
        *,
        own: bool = True,
    ) -> None:
        """The attempt came to an answer, its calls under the loop's own ids.

        ``own`` when it is one of the conversation.
        """
        if own:
            self._sent = self._asked
        if not self._asks:  # it was given up, and ended then
            return
        span = self._asks[-1]
        message, finish = response.message, finish_reason(response.message, response.finish)
        span.set(names.RESPONSE_FINISH, [finish])
        origin = message.origin
        if origin is not None:
            if origin.model:
                span.set(names.RESPONSE_MODEL, origin.model)
            if origin.response_id:
                span.set(names.RESPONSE_ID, origin.response_id)
        _tell_usage(span, response.usage, cost)
        span.set(names.OUTPUT_MESSAGES, output_messages(message, finish, call_ids))
        while self._asks:
            self._asks.pop().finish()

    # -- the end -------------------------------------------------------------------------

    def done(self, reply: Reply[Any], rounds: int) -> None:
        """The run came to its reply."""
        self.note(reply.adaptations)
        self._end_round()
        root = self._root
        root.set(names.FINISH, reply.finish)
        root.set(names.ROUNDS, rounds)
        root.set(names.CALLS, len(reply.calls))
        if reply.detail:
            root.set(names.DETAIL, clipped(reply.detail, 2_000))
        _tell_usage(root, reply.usage, reply.usage.cost)
        last = reply.messages[-1] if reply.messages else None
        if last is not None and last.role == "assistant":
            finish = "stop" if reply.finish == "stop" else names.FINISH_REASONS.get(reply.finish)
            root.set(names.OUTPUT_MESSAGES, output_messages(last, finish or reply.finish))
        self.end(None)

    def end(self, error: BaseException | None) -> None:
        """End what is open: nothing where the run came to its reply."""
        if error is not None:
            self._failed(error)
        while self._asks:
            self._asks.pop().finish()
        self._end_round(error)
        root = self._root
        if root.ended == 0:
            if error is not None:
                _fail(root, error)
            root.finish()

    def _end_round(self, error: BaseException | None = None) -> None:
        span, self._round = self._round, None
        if span is not None:
            if error is not None:
                _fail(span, error)
            span.finish()


def _fail(span: Span, error: BaseException) -> None:
    span.fail(*fault(error))


def _tell_sampling(told: dict[str, Any], sampling: Sampling) -> None:
    for field, name in _SAMPLING.items():
        value = getattr(sampling, field)
        if value is not None:
            told[name] = value
    if sampling.stop:
        told[names.REQUEST_STOP] = list(sampling.stop)


def _tell_usage(span: Span, usage: Usage, cost: Decimal | None) -> None:
    for field, name in _USAGE.items():
        value = getattr(usage, field)
        if value is not None:
            span.set(name, value)
    if cost is not None:
        span.set(names.COST, f"{cost:f}")


def _same_trace(trace_id: str) -> Parent | None:
    """A run that goes on stays in the trace in which it waited, as another root of it."""
    try:
        number = int(trace_id.replace("-", ""), 16)
    except ValueError:
        return None
    return Parent(number, 0, remote=False) if 0 < number < 1 << 128 else None
