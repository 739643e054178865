"""FallbackProvider: a chain of models; where one cannot answer, the next is asked."""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import aclosing, closing
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.errors import (
    AltarError,
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    ContextLengthError,
    OverloadedError,
    ProviderError,
    QuotaError,
    RateLimitError,
    ServerError,
    UnknownModelError,
    UnsupportedError,
)
from altar.llm._base import BaseProvider
from altar.llm._fallback_answer import answered
from altar.llm._fallback_members import Ask, FailedAsk, Held, Load, Member
from altar.llm._fit import fitted, lacking
from altar.llm._mender import model_name
from altar.llm._request import Adaptation
from altar.llm._traced_provider import as_member

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from altar.llm._events import StreamEvent
    from altar.llm._fallback_members import WalkStep
    from altar.llm._provider import Attempt, Capabilities, Provider
    from altar.llm._request import Request, Response

__all__ = ["FallbackProvider", "fallback"]

# what another model may well answer, also where this one says not to ask it again; beside
# everything that is retryable
_PASSED_ON = (
    AuthenticationError,
    CircuitOpenError,
    ContextLengthError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ServerError,
    UnknownModelError,
    UnsupportedError,
)
_SAID = 300  # characters of a failure that a note or an error repeats


class FallbackProvider(BaseProvider):
    """A chain of models: the first that can answers, in the order given.

    Each of ``models`` is "prefix:name" or a Provider. A name is loaded when it
    is first needed: a library that is never asked is never imported. Every
    request begins with the first member. The next one is asked when a member

    - lacks what the request needs (tools, a demanded call, a kind of blob),
    - fails for now (busy, limited, broken, no connection), has no quota, key
      or such a model left, or reads no conversation of this length,
    - cannot be loaded, or
    - failed three times in a row within the last minute.

    A request that is refused as it stands (BadRequestError, SchemaError,
    HistoryError) is the application's to mend, and raised at once; so is a
    failure after the user saw a part of the answer. When nobody is left the
    error says of each member why, and ``retry_after`` is the smallest hint.

    Who was passed by is told in the reply's adaptations; who answered in its
    ``origin``. The offline demo answers only where it is a member. Settings
    stay those of each member's own prefix. What it loaded by name ``close``
    lets go of; members of your own stay open.
    """

    name = "fallback"

    def __init__(self, *models: str | Provider) -> None:
        if not models:
            raise ConfigurationError(
                "fallback() needs a model; type altar.fallback('prefix:name', 'prefix:name')"
            )
        self._members = tuple([Member(model) for model in models])
        self.model = ", ".join(self.members)

    @property
    def members(self) -> tuple[str, ...]:
        """The models' names in their order, as "prefix:name"; none is loaded for it."""
        return tuple([name for member in self._members for name in member.names])

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]
        """What the chain takes: where only some members can, they are asked.

        How a typed answer is got is decided by what the first member can that
        can be loaded; one with another way is asked in its own. Raises an
        error that says why when none can be loaded.
        """
        lead = self._lead().capabilities
        native = lead.native_output and lead.output_with_tools
        return replace(
            lead,
            tools=True,
            tool_choice=native or (lead.tools and lead.tool_choice),
            blobs=("*/*",),
            sampling=None,
            price=None,
        )

    def complete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer, of the first member that gives one."""
        steps = self._walk(request, attempt)
        step = next(steps)
        while True:
            if isinstance(step, Load):
                step = steps.send(step.load())
                continue
            try:
                response = as_member(step.provider).complete(step.request, attempt)
            except ProviderError as error:
                step = steps.send(FailedAsk(error))
            else:
                step.member.breaker.succeed()
                return step.told(response)

    async def acomplete(self, request: Request, attempt: Attempt) -> Response:
        """The whole answer, of the first member that gives one."""
        steps = self._walk(request, attempt)
        step = next(steps)
        while True:
            if isinstance(step, Load):
                step = steps.send(await step.aload())
                continue
            try:
                response = await as_member(step.provider).acomplete(step.request, attempt)
            except ProviderError as error:
                step = steps.send(FailedAsk(error))
            else:
                step.member.breaker.succeed()
                return step.told(response)

    def stream(self, request: Request, attempt: Attempt) -> Generator[StreamEvent, None, None]:
        """The answer as it comes, of the first member that begins to give one."""
        steps = self._walk(request, attempt)
        step = next(steps)
        while True:
            if isinstance(step, Load):
                step = steps.send(step.load())
                continue
            held = Held(step)
            try:
                with closing(as_member(step.provider).stream(step.request, attempt)) as events:
                    for event in events:
                        yield from held.pass_on(event)
                held.check()
            except ProviderError as error:
                step = steps.send(FailedAsk(error, held.visible))
            except GeneratorExit:
                held.leave()
                raise
            else:
                return

    async def astream(
        self, request: Request, attempt: Attempt
    ) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes, of the first member that begins to give one."""
        steps = self._walk(request, attempt)
        step = next(steps)
        while True:
            if isinstance(step, Load):
                step = steps.send(await step.aload())
                continue
            held = Held(step)
            try:
                asked = as_member(step.provider).astream(step.request, attempt)
                async with aclosing(asked) as events:
                    async for event in events:
                        for ready in held.pass_on(event):
                            yield ready
                held.check()
            except ProviderError as error:
                step = steps.send(FailedAsk(error, held.visible))
            except (GeneratorExit, CancelledError):
                held.leave()
                raise
            else:
                return

    def close(self) -> None:
        """Let go of the members that were loaded by name; they are loaded anew when needed."""
        for provider in self._taken():
            provider.close()

    async def aclose(self) -> None:
        """As :meth:`close`, without blocking the event loop."""
        for provider in self._taken():
            await provider.aclose()

    def _taken(self) -> list[Provider]:
        loaded = [member.take() for member in self._members]
        return [provider for provider in loaded if provider is not None]

    def _lead(self) -> Provider:
        """The first member that can be loaded."""
        failed: list[tuple[str, AltarError]] = []
        for member in self._members:
            found = Load(member).load()
            if not isinstance(found, AltarError):
                return found
            failed.append((member.label, found))
        raise _nobody(failed)

    def _walk(self, request: Request, attempt: Attempt) -> Generator[WalkStep, Any, None]:
        """Decide who is asked: yields what it needs, is sent a provider or how an ask failed."""
        failed: list[tuple[str, AltarError]] = []
        for member in self._members:
            provider = yield Load(member)
            if isinstance(provider, AltarError):
                failed.append((member.label, provider))
                continue
            ask = self._asked(member, provider, request, failed)
            if isinstance(ask, ProviderError):
                failed.append((member.label, ask))
                continue
            failure: FailedAsk = yield ask
            error = failure.error
            if attempt.cancelled or _is_past(attempt.deadline):
                if failure.visible:
                    member.breaker.succeed()
                raise error  # the run's own end says nothing of the member
            goes_on = error.retryable or isinstance(error, _PASSED_ON)
            member.note(error)
            if failure.visible or not goes_on:
                raise error
            failed.append((member.label, error))
        raise _nobody(failed)

    def _asked(
        self,
        member: Member,
        provider: Provider,
        request: Request,
        failed: list[tuple[str, AltarError]],
    ) -> Ask | ProviderError:
        """What ``member`` is asked; or why it is not asked at all."""
        can = provider.capabilities
        request, told = answered(request, can, member.label)
        missing = lacking(request, can)
        if missing:
            return _passed(UnsupportedError, provider, f"does not take {', '.join(missing)}")
        try:
            fit, notes = fitted(replace(request, model=provider.model), provider)
        except UnsupportedError as error:  # a knob, under Sampling(strict=True)
            return error
        if not member.breaker.allow():
            why = "was left alone, for it failed again and again just now"
            left = member.breaker.retry_after
            return _passed(CircuitOpenError, provider, why, retry_after=left)
        passed = [
            Adaptation("model", f"{label} was passed by: {_why(error)}") for label, error in failed
        ]
        return Ask(member, provider, fit, (*passed, *notes, *told))


def fallback(*models: str | Provider) -> FallbackProvider:
    """A chain of models for ``model=``: where one cannot answer, the next is asked.

    ``altar.fallback("gemini:gemini-3.8-flash", "anthropic:claude-opus-5-5")``;
    each is "prefix:name" or a Provider. See :class:`FallbackProvider`. Keep one
    for as long as it should remember who fails; ``close`` it at the end.
    """
    return FallbackProvider(*models)


def _is_past(deadline: float | None) -> bool:
    return deadline is not None and monotonic() >= deadline


def _passed(
    kind: type[ProviderError], provider: Provider, why: str, *, retry_after: float | None = None
) -> ProviderError:
    message = f"{model_name(provider)} {why}"
    return kind(message, provider=provider.name, sent=False, retry_after=retry_after)


def _why(error: AltarError) -> str:
    text = error.message if isinstance(error, ProviderError) else str(error)
    short = text if len(text) <= _SAID else f"{text[: _SAID - 3]}..."
    return f"{type(error).__name__}: {short}"


def _nobody(failed: list[tuple[str, AltarError]]) -> AltarError:
    """The error when nobody is left: of a kind to be tried again, when any of them is."""
    said = "; ".join([f"{label}: {_why(error)}" for label, error in failed])
    message = f"no model of the chain answered: {said}"
    errors = [error for _, error in failed if isinstance(error, ProviderError)]
    if not errors:
        return ConfigurationError(message)
    telling = next((error for error in errors if error.retryable), errors[0])
    hints = [
        error.retry_after
        for error in errors
        if error.retry_after is not None
        # who may be asked again need not wait for one that is left alone
        and (error.retryable or not telling.retryable)
    ]
    made = type(telling)(
        message,
        provider=FallbackProvider.name,
        status=telling.status,
        code=telling.code,
        request_id=telling.request_id,
        retry_after=min(hints, default=None),
        sent=any(error.sent for error in errors),
        in_stream=telling.in_stream,
        hint=telling.hint,
        raw=[{"model": label, "error": _why(error)} for label, error in failed],
    )
    made.__cause__ = telling
    return made
