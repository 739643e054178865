"""ServerOptions and HttpOptions: what a server is set up with, checked at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from altar.bridge import Bearer
from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from altar.bridge import Verify
    from altar.later import Session

__all__ = ["HttpOptions", "ServerOptions"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PATH = re.compile(r"/[!-~]*")
_SHORTEST = 8  # characters of a token
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What a server tells its clients beside its tools, and the bounds of what it takes.

    ``page_size`` is the number of entries in one page of a list. ``ttl_ms``
    and ``cache_scope`` say how long a client may keep a list, and whether one
    user's list may be shown to another (2026-07-28). ``max_message`` is the
    size of the largest message taken, in bytes; ``max_running`` the number of
    requests of one client that may run at once. ``connect`` makes the session
    of each new connection, closed when it ends; without it all share one.
    """

    instructions: str | None = None
    page_size: int = 100
    ttl_ms: int = 0
    cache_scope: Literal["private", "public"] = "private"
    max_message: int = 4 * 1024 * 1024
    max_running: int = 64
    connect: Callable[[], Session] | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("page_size", 1),
            ("ttl_ms", 0),
            ("max_message", 1),
            ("max_running", 1),
        ):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ConfigurationError(f"{name}={value!r}: give an integer from {least} on")
        if self.cache_scope not in ("private", "public"):
            raise ConfigurationError(
                f"cache_scope={self.cache_scope!r}: give 'private' or 'public'"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Where an HTTP server listens, and whom it lets in.

    ``port`` 0 takes a free one. ``tokens`` are bearer tokens, or a function,
    sync or async, from the token to True, False, or the name of who it is.
    ``origins`` are web origins whose pages may call (``https://app.example``),
    ``hosts`` the names this server is called by; without them only loopback
    names are taken while it listens on loopback. Elsewhere it starts with
    ``tokens`` only, or with ``anonymous=True``. ``timeout`` is how many
    seconds a client has for sending one request, and for reading an answer.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    path: str = "/mcp"
    tokens: tuple[str, ...] | Verify = field(default=(), repr=False)
    anonymous: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    max_connections: int = 256
    max_sessions: int = 1024
    timeout: float = 30.0
    bearer: Bearer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tokens = self.tokens if callable(self.tokens) else _texts("tokens", self.tokens)
        if not callable(tokens) and any(len(token) < _SHORTEST for token in tokens):
            raise ConfigurationError(f"a token needs at least {_SHORTEST} characters")
        put = object.__setattr__  # frozen for everybody else
        put(self, "tokens", tokens)
        put(self, "bearer", Bearer(tokens))
        for name in ("origins", "hosts"):
            put(self, name, _texts(name, getattr(self, name)))
        for origin in self.origins:
            _check_origin(origin)
        _check_place(self.host, self.path, self.port)
        _check_bounds(self.max_connections, self.max_sessions, self.timeout)
        if not (self.is_loopback or tokens or self.anonymous is True):
            raise ConfigurationError(
                f"host={self.host!r} can be reached by others: give tokens=(...), or say "
                "anonymous=True if everybody may call these tools"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in _LOOPBACK


def _texts(name: str, said: Any) -> tuple[str, ...]:
    if isinstance(said, str):
        raise ConfigurationError(f"{name} is one text: give a tuple of them, {name}=(text,)")
    if not isinstance(said, Iterable):
        raise ConfigurationError(f"{name}: give a tuple of texts, not {type(said).__name__}")
    texts = tuple(said)  # an iterator is read only once
    if not all(isinstance(one, str) and one for one in texts):
        raise ConfigurationError(f"{name}: each is a text, and not empty")
    return texts


def _check_origin(origin: str) -> None:
    try:
        parts = urlsplit(origin)
        sound = bool(parts.scheme and parts.hostname) and parts.path in ("", "/")
    except ValueError:
        sound = False
    if not sound:
        raise ConfigurationError(f"origins={origin!r}: give scheme and host, https://app.example")


def _check_place(host: Any, path: Any, port: Any) -> None:
    if not isinstance(host, str) or not host:
        raise ConfigurationError(f"host={host!r}: give an address to listen on")
    if not isinstance(path, str) or _PATH.fullmatch(path) is None:
        raise ConfigurationError(f"path={path!r}: give a path that starts with /")
    if type(port) is not int or not 0 <= port <= _LAST_PORT:
        raise ConfigurationError(f"port={port!r}: give 0 to {_LAST_PORT}; 0 takes a free one")


def _check_bounds(connections: Any, sessions: Any, timeout: Any) -> None:
    for name, value in (("max_connections", connections), ("max_sessions", sessions)):
        if type(value) is not int or value < 1:
            raise ConfigurationError(f"{name}={value!r}: give an integer from 1 on")
    if type(timeout) not in (int, float) or not 0 < timeout < math.inf:
        raise ConfigurationError(f"timeout={timeout!r}: give seconds, more than 0")
