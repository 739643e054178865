"""Mender: the model of the last resort, and the circuit breaker it is behind."""

from __future__ import annotations

from threading import Lock
from typing import Self

from altar import plugins
from altar.errors import ConfigurationError
from altar.llm._provider import Provider
from altar.resilience import CircuitBreaker

__all__ = ["Mender", "model_name"]


class Mender:
    """A model for the last resort, and the circuit breaker it is behind.

    ``model`` is "prefix:name" or a Provider; a small, cheap one will do.
    ``Options(repair=Repair(mender=Mender("...")))`` lets a run ask it, twice at
    most, for what could not be repaired. It may mend signs and quotes, and change
    no word: a value whose words and numbers are not those of the text, in
    their order, is refused. A model that fails three times in a row, by an error or a useless
    answer, is left alone for a minute, or as ``breaker`` says.

    Keep one for as long as it should remember that. ``close`` lets go of a
    provider it loaded by name; one of your own stays open.
    """

    def __init__(self, model: str | Provider, *, breaker: CircuitBreaker | None = None) -> None:
        self.model = model
        self.breaker = CircuitBreaker() if breaker is None else breaker
        self._lock = Lock()
        self._loaded: Provider | None = None
        if isinstance(model, str):
            plugins.check_model(model)
        elif isinstance(model, type) or not isinstance(model, Provider):
            raise ConfigurationError(
                f"Mender({model!r:.60}): a model's name, or a Provider; type Mender('prefix:name')"
            )

    def provider(self) -> Provider:
        """The provider; one that is given by name is loaded once."""
        if not isinstance(self.model, str):
            return self.model
        with self._lock:
            found = self._loaded
            if found is None:
                found = self._loaded = plugins.load_provider(self.model)
            return found

    def close(self) -> None:
        """Let go of a provider that was loaded by name."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    async def aclose(self) -> None:
        """As :meth:`close`, without blocking the event loop."""
        with self._lock:
            loaded, self._loaded = self._loaded, None
        if loaded is not None:
            await loaded.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()


def model_name(provider: Provider) -> str:
    """``prefix:name``, as prices and notes call it."""
    return f"{provider.name}:{provider.model}"
