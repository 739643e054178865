"""ServerOptions and HttpOptions: what a server is set up with, checked at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from altar.later import Session

__all__ = ["HttpOptions", "ServerOptions", "Verify"]

Verify: TypeAlias = Callable[[str], bool | str | Awaitable[bool | str | None] | None]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


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
    tokens: tuple[str, ...] | Verify = ()
    anonymous: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    max_connections: int = 256
    max_sessions: int = 1024
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if isinstance(self.tokens, str):
            raise ConfigurationError("tokens is one text: give a tuple of them, tokens=(token,)")
        if not callable(self.tokens) and any(len(token) < 8 for token in self.tokens):
            raise ConfigurationError("a token needs at least 8 characters")
        if not self.path.startswith("/"):
            raise ConfigurationError(f"path={self.path!r}: a path starts with /")
        if not (self.is_loopback or self.tokens or self.anonymous):
            raise ConfigurationError(
                f"host={self.host!r} can be reached by others: give tokens=(...), or say "
                "anonymous=True if everybody may call these tools"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in _LOOPBACK
