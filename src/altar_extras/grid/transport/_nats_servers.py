"""Servers: which of several a connection turns to; Return: how long it tries each. No I/O."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from altar_extras.grid.transport._nats_settings import Address, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar_extras.grid.transport._nats_settings import NatsSettings
    from altar_extras.grid.transport._protocol import AdmissionRefusedError

__all__ = ["Return", "Servers"]

_REFUSED_WAIT = 1.0
# A server that has just come back asks who we are before a Host is there to tell it, and then
# is silent for a second: asked again soon, it answers soon.
_FIRST_PATIENCE = 0.3


class Servers:
    """The servers that were named, and those that they told of."""

    __slots__ = ("_is_secure", "_known", "last")

    def __init__(self, named: Iterable[Address], *, is_secure: bool) -> None:
        self._known = list(named)
        self._is_secure = is_secure
        self.last: Address | None = None  # that there was a connection to

    def turn(self) -> list[Address]:
        """All of them, each once, in any order; the one that was lost comes last."""
        random.shuffle(self._known)
        return sorted(self._known, key=lambda one: one == self.last)

    def discover(self, host: str, port: int, origin: Address) -> None:
        """A server that another one told of: never in plaintext beyond this machine."""
        if not host or not port or not (self._is_secure or is_loopback(host)):
            return
        if all((one.host, one.port) != (host, port) for one in self._known):
            self._known.append(Address(host, port, origin.tls_name or origin.host))


class Return:
    """One connection on its way back: ``patience`` bounds the next attempt, in seconds."""

    __slots__ = ("_is_refused", "_settings", "_wait", "patience")

    def __init__(self, settings: NatsSettings) -> None:
        self._settings = settings
        self._wait = settings.reconnect_wait
        self._is_refused = False
        self.patience = _FIRST_PATIENCE

    def refused(self, error: AdmissionRefusedError) -> bool:
        """A server did not let us in; whether that is news."""
        is_news = not self._is_refused
        self._is_refused = error.reason != "no_host"  # that one comes back like the server
        if self._is_refused:
            self._wait = max(self._wait, _REFUSED_WAIT)
        self.patience *= 2
        return is_news

    def failed(self, seconds: float) -> None:
        """An attempt ended without an answer after so long."""
        if seconds > self.patience / 2:  # it was there, and too slow
            self.patience *= 2

    def pause(self) -> float:
        """Every server was tried: the seconds until the next turn."""
        pause = self._wait * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
        longest = max(self._settings.reconnect_wait_max, _REFUSED_WAIT * self._is_refused)
        self._wait = min(self._wait * 1.5, longest)
        return pause
