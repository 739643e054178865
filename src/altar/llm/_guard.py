"""Guard: the circuit breaker a model is behind, asked before an attempt and told after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import CircuitOpenError
from altar.llm._mender import model_name

if TYPE_CHECKING:
    from altar.errors import ProviderError
    from altar.llm._provider import Provider
    from altar.resilience import CircuitBreaker

__all__ = ["Guard"]


class Guard:
    """The attempts of one request, behind a breaker or none."""

    __slots__ = ("_breaker", "_provider")

    def __init__(self, breaker: CircuitBreaker | None, provider: Provider) -> None:
        self._breaker = breaker
        self._provider = provider

    def ask(self) -> None:
        """Raise CircuitOpenError where the model is to be left alone now."""
        if self._breaker is not None and not self._breaker.allow():
            raise self._opened(self._breaker)

    def succeed(self) -> None:
        """Report an answer."""
        if self._breaker is not None:
            self._breaker.succeed()

    def leave(self, visible: bool) -> None:
        """Report an attempt that was broken off; a model that was seen to answer works."""
        if visible:
            self.succeed()

    def fail(self, error: ProviderError) -> None:
        """Report a failure; a request that a server refused shows that the server is there."""
        if self._breaker is None:
            return
        if error.retryable:
            self._breaker.fail()
        elif error.status is not None:
            self._breaker.succeed()

    def wait(self, delay: float, error: ProviderError) -> None:
        """Raise CircuitOpenError where the model will still be left alone after ``delay``."""
        if self._breaker is not None and self._breaker.retry_after > delay:
            raise self._opened(self._breaker) from error

    def _opened(self, breaker: CircuitBreaker) -> CircuitOpenError:
        left = breaker.retry_after
        return CircuitOpenError(
            f"{model_name(self._provider)} was not asked: it failed again and again just now.",
            provider=self._provider.name,
            retry_after=left,
            sent=False,
            hint=f"Try again in {left:.0f} s, or ask another model.",
        )
