"""Every exception altar raises, and every error type that travels on the wire.

    AltarError
    ├── ConfigurationError          a setting, option or model name that cannot work
    │   └── ClosedError             a Session (or chat) used after it was closed
    ├── DeclarationError            a function that cannot become a tool
    ├── RegistryError               a name that clashes, or is not registered
    ├── InvalidDataError            a noun or document that breaks the data model; carries .problems
    │   └── CanonicalError          a value RFC 8785 cannot write
    ├── RepairError                 text that holds no JSON, or none within max_risk; has .position
    ├── ToolError                   raised by a tool: its message is what the model hears
    ├── ToolCallError               raised by ToolResult.unwrap(); carries .error and its cause
    ├── CassetteError               a recording that does not fit what was asked; an AssertionError
    └── ProviderError               a model provider that stays unreachable or refuses the request
        ├── AuthenticationError     no key, or a wrong one
        │   └── PermissionDeniedError   a key without the right
        ├── QuotaError              a spent quota: waiting does not help
        ├── RateLimitError          too many requests for now; see .retry_after
        ├── OverloadedError         the provider is overloaded
        ├── ServerError             the provider failed inside
        ├── TransportError          no connection, or a broken one
        │   ├── ProviderTimeoutError    nothing came in time
        │   └── StreamBrokenError       an answer that stopped in the middle, or was no answer
        ├── BadRequestError         the provider refuses the request as it stands
        │   ├── UnknownModelError       it has no such model
        │   ├── ContextLengthError      the conversation is longer than the model reads
        │   ├── SchemaError             it does not take a tool's or an answer's schema
        │   └── HistoryError            it does not take the messages
        ├── UnsupportedError        the provider cannot do what the request asks
        ├── UnusableReplyError      a malformed call or an empty answer, asked for again
        └── CircuitOpenError        not asked at all: it failed again and again just now

Only configuration errors and providers that stay unreachable are raised by the
tool loop; what a model or a tool did becomes a ToolResult whose error carries
one of the types in :class:`ErrorType`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Protocol

    class ProblemLike(Protocol):
        """What :class:`altar.adm.Problem` has; this floor imports no other."""

        path: str
        expected: str
        got: str
        keyword: str
        nearest: str | None

        def to_dict(self) -> dict[str, Any]: ...

    class ErrorLike(Protocol):
        """What :class:`altar.adm.ErrorObject` has; this floor imports no other."""

        message: str
        type: str
        details: dict[str, Any] | None
        retry_allowed: bool | None
        retry_after_ms: int | None
        remediation_steps: tuple[str, ...]
        correlation_id: str | None

        def to_dict(self) -> dict[str, Any]: ...


__all__ = [
    "AltarError",
    "AuthenticationError",
    "BadRequestError",
    "CanonicalError",
    "CassetteError",
    "CircuitOpenError",
    "ClosedError",
    "ConfigurationError",
    "ContextLengthError",
    "DeclarationError",
    "ErrorType",
    "HistoryError",
    "InvalidDataError",
    "OverloadedError",
    "PermissionDeniedError",
    "ProviderError",
    "ProviderTimeoutError",
    "QuotaError",
    "RateLimitError",
    "RegistryError",
    "RepairError",
    "SchemaError",
    "ServerError",
    "StreamBrokenError",
    "ToolCallError",
    "ToolError",
    "TransportError",
    "UnknownModelError",
    "UnsupportedError",
    "UnusableReplyError",
]


class ErrorType(StrEnum):
    """The error types of ADM 1.0 and altar's own; a reader accepts any other string."""

    PARAMETER_VALIDATION_FAILED = "PARAMETER_VALIDATION_FAILED"
    TOOL_NOT_FOUND = "TOOL_NOT_FOUND"
    RESOURCE_NOT_FOUND = "RESOURCE_NOT_FOUND"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    BUSINESS_RULE_VIOLATION = "BUSINESS_RULE_VIOLATION"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    INVALID_STATE = "INVALID_STATE"
    CONFIGURATION_ERROR = "CONFIGURATION_ERROR"
    TOOL_EXECUTION_FAILED = "TOOL_EXECUTION_FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    LOCAL_EXECUTION_FAILED = "LOCAL_EXECUTION_FAILED"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    STREAM_BROKEN = "STREAM_BROKEN"


class AltarError(Exception):
    """The root of every exception altar raises."""


class ConfigurationError(AltarError):
    """A setting, option or model name that cannot work; the message says what to type."""


class ClosedError(ConfigurationError):
    """An object with a lifetime was used after it was closed, or closed while it was in use."""


class DeclarationError(AltarError):
    """A function that cannot become a tool.

    ``problems`` holds one sentence for every fault found, each naming the
    parameter, its type and what to write instead; ``function`` names the
    function and where it is defined.
    """

    def __init__(self, function: str, problems: Iterable[str]) -> None:
        self.function = function
        self.problems = tuple(problems)
        body = "; ".join(self.problems) or "it cannot be declared"
        super().__init__(f"{function}: {body}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.function, self.problems)


class RegistryError(AltarError):
    """A tool name that clashes with another definition, or that nobody registered."""


class InvalidDataError(AltarError):
    """Data that breaks the ALTAR Data Model.

    ``problems`` holds every :class:`altar.adm.Problem` found, each with its
    JSON path, what was expected and what came.
    """

    def __init__(self, subject: str, problems: Iterable[ProblemLike]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        lines = "; ".join(str(problem) for problem in self.problems[:8])
        more = len(self.problems) - 8
        tail = f"; and {more} more" if more > 0 else ""
        super().__init__(f"{subject}: {lines}{tail}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.subject, self.problems)


class CanonicalError(InvalidDataError):
    """A value that has no canonical JSON form (RFC 8785)."""


class RepairError(AltarError, ValueError):
    """Text in which no JSON was found, or none that keeps within ``max_risk``.

    ``reason`` says what is wrong, ``position`` is the character (from 0) it is
    about, or the byte where ``unit`` says so, ``code`` the fix that would have
    been needed (None: no fix would do).
    """

    def __init__(
        self, reason: str, position: int = 0, *, code: str | None = None, unit: str = "character"
    ) -> None:
        super().__init__(f"{reason} ({unit} {position})")
        self.reason = reason
        self.position = position
        self.code = code
        self.unit = unit

    def __reduce__(self) -> tuple[Any, ...]:
        build = partial(type(self), code=self.code, unit=self.unit)
        return build, (self.reason, self.position)


class ToolError(AltarError):
    """Raised inside a tool to say what the model should hear.

    ``message`` reaches the model as it is. ``type`` is the wire error type,
    ``retry_after`` the seconds after which a retry makes sense, a number or its
    text, as a header holds it (None: altar says nothing about retries),
    ``details`` a JSON object for the model.

    Raises ConfigurationError for a ``retry_after`` of any other kind.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str = ErrorType.TOOL_EXECUTION_FAILED,  # noqa: A002 - the field's own name
        retry_after: float | str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.type = str(type)
        self.retry_after: float | None = None if retry_after is None else _seconds(retry_after)
        self.details = details


def _seconds(given: Any) -> float:
    """A number of seconds, or the text of one."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return given  # a NaN among them says nothing
    try:
        found = None if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        found = None
    if found is None or not 0 <= found < float("inf"):
        raise ConfigurationError(
            f"ToolError(retry_after={given!r:.60}): give seconds as a number, or the text of one; "
            "type ToolError(..., retry_after=2.5)"
        )
    return found


class ToolCallError(AltarError):
    """What ``ToolResult.unwrap()`` raises for an ERROR result.

    ``error`` is the :class:`altar.adm.ErrorObject`; ``__cause__`` is the
    tool's own exception where there was one in this process.
    """

    def __init__(self, name: str, error: ErrorLike) -> None:
        self.name = name
        self.error = error
        super().__init__(f"{name}: {error.type}: {error.message}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.error)


class CassetteError(AltarError, AssertionError):
    """A recording that does not fit: it lacks what was asked, or was not played to its end.

    The message shows the first difference (where, what the recording holds,
    what came) and what to type. ``path`` is the recording's file.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class ProviderError(AltarError):
    """A model provider that stays unreachable or refuses the request.

    ``provider`` is its prefix ("gemini"), ``status`` the HTTP status where
    there was one, ``code`` the provider's own word for the fault,
    ``request_id`` its name for the request, ``retry_after`` the server's own
    hint in seconds. ``sent`` is False when the request surely never reached
    the server, ``in_stream`` True when an answer had begun. ``hint`` says what
    to do about it, and ``raw`` holds what the provider said, as far as it is
    known and fit to be shown. A run that ends with it leaves in ``messages``
    its history so far, ready to be sent again.
    """

    retryable = False
    messages: tuple[Any, ...] = ()

    def __init__(  # noqa: PLR0913 - one keyword per fact of a failure
        self,
        message: str,
        *,
        provider: str = "",
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        sent: bool = True,
        in_stream: bool = False,
        hint: str = "",
        raw: Any = None,
    ) -> None:
        stop = "." if hint and message[-1:].isalnum() else ""
        super().__init__(f"{message}{stop} {hint}".strip())
        self.message = message
        self.provider = provider
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.sent = sent
        self.in_stream = in_stream
        self.hint = hint
        self.raw = raw


class AuthenticationError(ProviderError):
    """No key, or a wrong one."""


class PermissionDeniedError(AuthenticationError):
    """A key without the right to do this."""


class QuotaError(ProviderError):
    """A spent quota or spending limit: waiting does not help."""


class RateLimitError(ProviderError):
    """Too many requests for now; ``retry_after`` holds the server's hint."""

    retryable = True


class OverloadedError(ProviderError):
    """The provider is overloaded (HTTP 503, 529)."""

    retryable = True


class ServerError(ProviderError):
    """The provider failed inside (HTTP 5xx)."""

    retryable = True


class TransportError(ProviderError):
    """No connection, or a broken one."""

    retryable = True


class ProviderTimeoutError(TransportError):
    """Nothing came in time."""


class StreamBrokenError(TransportError):
    """An answer that stopped in the middle, or was no answer in the provider's format."""


class BadRequestError(ProviderError):
    """The provider refuses the request as it stands."""


class UnknownModelError(BadRequestError):
    """The provider has no such model, or not for this key."""


class ContextLengthError(BadRequestError):
    """The conversation is longer than the model reads."""


class SchemaError(BadRequestError):
    """The provider does not take the schema of a tool or of a typed answer."""


class HistoryError(BadRequestError):
    """The provider does not take the messages: a lost signature, a missing result."""


class UnsupportedError(ProviderError):
    """The provider cannot do what the request asks; the message names the field."""


class UnusableReplyError(ProviderError):
    """A malformed call or an empty answer; seen in the retry event when it is asked again."""

    retryable = True


class CircuitOpenError(ProviderError):
    """Not asked at all: the provider failed again and again just now.

    ``retry_after`` says after how many seconds it is tried again.
    """
