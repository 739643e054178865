"""What a fake server says: the next entry of its script, or the answer of its brain."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeAlias

from altar.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextLengthError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    QuotaError,
    RateLimitError,
    ServerError,
    TransportError,
    UnknownModelError,
)
from altar.llm import Attempt, Provider, Response
from altar.runtime import Cancellation
from altar.testing._fault import Fault, FaultKind, Gate
from altar.testing._providers import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.llm import Request

__all__ = ["FakeReplies", "Script", "fault_of", "response_of"]

FakeReplies: TypeAlias = "Iterable[Any] | Provider | Callable[[Request], Any]"

# an error of altar's that a script names -> the fault a vendor would answer with
_FAULTS: tuple[tuple[type[ProviderError], FaultKind], ...] = (
    (PermissionDeniedError, "permission"),
    (AuthenticationError, "auth"),
    (QuotaError, "quota"),
    (RateLimitError, "rate_limit"),
    (OverloadedError, "overloaded"),
    (ContextLengthError, "context_length"),
    (UnknownModelError, "unknown_model"),
    (TransportError, "close"),
    (ServerError, "server_error"),
)


class Script:
    """Entries in order, or a brain that is asked; threads may share one."""

    def __init__(self, replies: FakeReplies) -> None:
        self._lock = threading.Lock()
        self._brain: Provider | Callable[[Request], Any] | None = None
        self._entries: list[Any] = []
        self._played = 0
        self._over = 0
        if isinstance(replies, (str, bytes)):
            raise ConfigurationError(
                f"a fake's replies are a list of them, or a model; type [{str(replies)[:40]!r}]"
            )
        if isinstance(replies, Iterable):
            self._entries = list(replies)
        else:
            self._brain = replies

    def next(self, request: Request) -> Any:
        """The entry that answers ``request``; raises IndexError when there is none left."""
        if self._brain is None:
            with self._lock:
                if self._played >= len(self._entries):
                    self._over += 1
                    raise IndexError(
                        f"the script has {len(self._entries)} replies, and was asked for one more"
                    )
                self._played += 1
                return self._entries[self._played - 1]
        if isinstance(self._brain, Provider):
            try:
                return self._brain.complete(request, _attempt())
            except ProviderError as error:
                return error
        entry = self._brain(request)
        return asyncio.run(_awaited(entry)) if isawaitable(entry) else entry

    def problems(self) -> list[str]:
        """What keeps the script from having been played exactly to its end."""
        with self._lock:
            left = len(self._entries) - self._played
            found = []
            if left:
                upcoming = repr(self._entries[self._played])[:120]
                found.append(
                    f"the script was not played to its end: {left} of {len(self._entries)} "
                    f"replies are left, the next is {upcoming}"
                )
            if self._over:
                found.append(
                    f"the script has {len(self._entries)} replies, and was asked for "
                    f"{self._over} more"
                )
            return found


async def _awaited(entry: Any) -> Any:
    return await entry


def _attempt() -> Attempt:
    return Attempt(number=1, deadline=None, cancelled=Cancellation())


def response_of(entry: Any, request: Request) -> Response:
    """The Response that an entry stands for, read exactly as ScriptedProvider does."""
    return ScriptedProvider([entry]).complete(request, _attempt())


def fault_of(entry: Any) -> Fault | Gate | None:
    """The fault or gate an entry is; a ProviderError is the fault a vendor would answer with."""
    if isinstance(entry, (Fault, Gate)):
        return entry
    if not isinstance(entry, ProviderError):
        return None
    for error, kind in _FAULTS:
        if isinstance(entry, error):
            return Fault(kind, retry_after=entry.retry_after, message=str(entry))
    raise ConfigurationError(f"no server answers {type(entry).__name__}; use a Fault")
