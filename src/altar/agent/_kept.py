"""Kept: a provider and a circuit breaker that live as long as who keeps them."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from altar.agent._given import is_provider, provider_of
from altar.resilience import CircuitBreaker

if TYPE_CHECKING:
    from altar.llm import Options, Provider

__all__ = ["Kept", "guarded"]


class Kept:
    """The provider of ``model``, loaded when it is first needed and let go of by ``close``.

    A Provider of the caller's own stays open.
    """

    def __init__(self, model: str | Provider | None) -> None:
        self._model = model
        self._lock = Lock()
        self._loaded: Provider | None = None

    def provider(self) -> Provider:
        """The one provider."""
        if is_provider(self._model):
            return provider_of(self._model)
        with self._lock:
            if self._loaded is None:
                self._loaded = provider_of(self._model)
            return self._loaded

    def close(self) -> None:
        """Let go of a provider that was loaded."""
        loaded = self._take()
        if loaded is not None:
            loaded.close()

    async def aclose(self) -> None:
        """As :meth:`close`, on an event loop."""
        loaded = self._take()
        if loaded is not None:
            await loaded.aclose()

    def _take(self) -> Provider | None:
        with self._lock:
            loaded, self._loaded = self._loaded, None
        return loaded


def guarded(options: Options) -> Options:
    """The options with a circuit breaker: the application's, or one of their own.

    That one opens when every attempt of two runs in a row has failed.
    """
    retry = options.retry
    if retry.breaker is not None:
        return options
    return replace(
        options, retry=replace(retry, breaker=CircuitBreaker(failures=2 * retry.attempts))
    )
