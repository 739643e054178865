"""Guard: who may call over HTTP: by host name, web origin and bearer token."""

from __future__ import annotations

import hashlib
import hmac
import inspect
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from altar.later._log import logger
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
        tokens = options.tokens
        self._verify = tokens if callable(tokens) else None
        self._digests = () if callable(tokens) else tuple(_digest(token) for token in tokens)

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._verify is None and not self._digests

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
        if self.is_open:
            return ""
        scheme, _, token = (head.get("authorization") or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise HeadError(401, "")
        if self._verify is None:
            digest = _digest(token)
            # each is compared, so that the time tells nothing
            if sum(hmac.compare_digest(digest, known) for known in self._digests) == 0:
                raise HeadError(401, "invalid_token")
            return digest.hex()[:16]
        return self._asked(token)

    async def _asked(self, token: str) -> str:
        said: Any = None
        if self._verify is not None:
            try:
                said = self._verify(token)
                if inspect.isawaitable(said):
                    said = await said
            except Exception as error:  # noqa: BLE001 - whatever it is, it is no yes
                logger.error("MCP: the function that checks tokens failed", exc_info=error)
                raise HeadError(401, "invalid_token") from None
        if isinstance(said, str) and said:
            return said
        if said is True:
            return _digest(token).hex()[:16]
        raise HeadError(401, "invalid_token")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _host_of(place: str) -> str:
    try:
        return (urlsplit(f"//{place}").hostname or "").lower()
    except ValueError:
        return ""
