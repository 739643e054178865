"""Guard: who may call over HTTP: by host name and web origin; tokens are the Bearer's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from altar.bridge import NotAdmittedError
from altar.mcp._http_head import HeadError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from altar.mcp._http_head import Head
    from altar.mcp._server_options import HttpOptions

__all__ = ["Guard"]

_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Says no to other sites' pages, to other names, and to those without a token."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._check_host = options.is_loopback or bool(options.hosts)
        self._hosts = frozenset(host.lower() for host in options.hosts) | (
            _NAMES if options.is_loopback else frozenset()
        )
        self._origins = frozenset(origin.lower().rstrip("/") for origin in options.origins)

    def check_place(self, head: Head) -> None:
        """A page elsewhere must not reach in through a browser. Raises HeadError, 403."""
        if self._check_host and _host_of(head.get("host") or "") not in self._hosts:
            raise HeadError(403, "this server is not called by that name")
        origin = head.get("origin")
        if origin is not None and not self.allows(origin):
            raise HeadError(403, "pages of that origin may not call")

    def allows(self, origin: str) -> bool:
        """Whether pages of this origin may call."""
        said = origin.lower()
        if said in self._origins:
            return True
        return self._options.is_loopback and _host_of(said.partition("://")[2]) in _NAMES

    def admit(self, head: Head) -> str | Awaitable[str]:
        """Who calls; "" where nobody is named. Raises HeadError, 401, for the wrong token."""
        try:
            who = self._options.bearer.check(head.get("authorization"))
        except NotAdmittedError as error:
            raise _unauthorized(error) from None
        return who if isinstance(who, str) else self._awaited(who)

    async def _awaited(self, asked: Awaitable[str]) -> str:
        try:
            return await asked
        except NotAdmittedError as error:
            raise _unauthorized(error) from None


def _unauthorized(error: NotAdmittedError) -> HeadError:
    return HeadError(401, str(error), {"WWW-Authenticate": error.header})


def _host_of(place: str) -> str:
    try:
        return (urlsplit(f"//{place}").hostname or "").lower()
    except ValueError:
        return ""
