"""Failures of models: altar's as pydantic-ai's, and pydantic-ai's as altar's."""

from __future__ import annotations

from typing import Any

from pydantic_ai.exceptions import (
    FallbackExceptionGroup,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
    UserError,
)

from altar.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    OverloadedError,
    ProviderError,
    ProviderTimeoutError,
    QuotaError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TransportError,
    UnknownModelError,
    UnsupportedError,
    UnusableReplyError,
)
from altar.llm import failure, redacted

__all__ = ["from_model", "to_model"]

# the narrower stands before the wider
_KINDS: tuple[tuple[type[ProviderError], type[ModelAPIError]], ...] = (
    (AuthenticationError, ModelAuthenticationError),
    (QuotaError, ModelQuotaExceededError),
    (RateLimitError, ModelRateLimitError),
    (OverloadedError, ModelOverloadedError),
    (ServerError, ModelServerError),
    (UnknownModelError, ModelNotFoundError),
    (ContextLengthError, ModelContextWindowExceededError),
    (BadRequestError, ModelRequestRejectedError),
)


def to_model(error: ProviderError, model: str) -> Exception:
    """The exception of pydantic-ai for a failure of altar's."""
    if isinstance(error, UnsupportedError):
        return UserError(str(error))
    if isinstance(error, UnusableReplyError):
        return UnexpectedModelBehavior(str(error))
    facts: dict[str, Any] = {
        "provider_error_code": error.code,
        "retry_after": error.retry_after,
        "in_stream": error.in_stream,
    }
    body = {"message": error.message} if error.raw is None else error.raw
    if isinstance(error, TransportError):
        kind = ModelTimeoutError if isinstance(error, ProviderTimeoutError) else None
        phase: Any = "read" if error.sent else "connect"
        wanted = kind or ModelConnectionError
        return wanted(model, str(error), phase=phase, body=error.raw, **facts)
    found = next((theirs for ours, theirs in _KINDS if isinstance(error, ours)), None)
    if error.status is not None and error.status >= 400:
        return ModelHTTPError.for_category(
            found,  # type: ignore[arg-type]
            status_code=error.status,
            model_name=model,
            body=body,
            hint=error.hint or None,
            **facts,
        )
    return (found or ModelAPIError)(model, str(error), body=error.raw, **facts)


def from_model(error: Exception, name: str) -> ProviderError | None:
    """The failure of altar's for an exception of pydantic-ai's; None for one of its users."""
    if isinstance(error, FallbackExceptionGroup):  # the last of its models had the last word
        found = (from_model(one, name) for one in reversed(error.exceptions))
        return next((one for one in found if one is not None), None)
    if isinstance(error, UserError):
        return UnsupportedError(redacted(error.message), provider=name, sent=False)
    if isinstance(error, UnexpectedModelBehavior):
        return UnusableReplyError(redacted(error.message), provider=name)
    if not isinstance(error, ModelAPIError):
        return None
    if isinstance(error, ModelConnectionError):
        return _lost(error, name)
    if isinstance(error, ModelRequestTimeout):
        return ProviderTimeoutError(redacted(error.message), provider=name)
    kind = next((ours for ours, theirs in _KINDS if isinstance(error, theirs)), None)
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    if kind is None:  # of no category: what it says decides
        return failure(
            name,
            error.message,
            status=status,
            code=error.provider_error_code,
            headers=getattr(error, "headers", None),
            body=error.body,
            in_stream=error.in_stream,
        )
    return kind(
        redacted(error.message),
        provider=name,
        status=status,
        code=error.provider_error_code,
        retry_after=error.retry_after,
        in_stream=error.in_stream,
    )


def _lost(error: ModelConnectionError, name: str) -> ProviderError:
    unsent = error.phase in ("pool", "connect")
    if isinstance(error, ModelTimeoutError):
        kind: type[TransportError] = ProviderTimeoutError
    else:
        kind = StreamBrokenError if error.in_stream else TransportError
    return kind(redacted(error.message), provider=name, sent=not unsent, in_stream=error.in_stream)
