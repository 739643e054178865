"""Where a server is, and the proxy on the way to it."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from altar.errors import ConfigurationError

__all__ = ["Address", "Proxy", "proxy_for"]

_ENDPOINT = "/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy; ``variable`` is the one of the environment that names it."""

    host: str
    port: int
    variable: str
    authorization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server's base URL, taken apart; ``shown`` holds no secret.

    ``authorization`` is the user and password of the URL, where it has them.
    """

    secure: bool
    host: str
    port: int
    path: str
    authorization: str | None = None

    @property
    def netloc(self) -> str:
        """Host and port, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.secure else 80)
        return host if usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.secure else 'http'}://{self.netloc}"

    @property
    def shown(self) -> str:
        """The base URL for messages: without user, password and query."""
        return self.origin + self.path.partition("?")[0].removesuffix(_ENDPOINT)

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        try:
            return ip_address(self.host.partition("%")[0]).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @staticmethod
    def of(url: str, source: str) -> Address:
        """The address behind a base URL; one without a path gets ``/v1``.

        Raises ConfigurationError, which names ``source``, for what is no URL
        of HTTP.
        """
        parts, port = _split(url if "://" in url else f"http://{url}")
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{source} is no address of a server; type, for example, "
                "'http://127.0.0.1:11434/v1'"
            )
        secure = parts.scheme == "https"
        path = parts.path.rstrip("/").removesuffix(_ENDPOINT) or "/v1"
        query = f"?{parts.query}" if parts.query else ""
        target = path + _ENDPOINT + query
        if not target.isascii() or not target.isprintable() or " " in target:
            raise ConfigurationError(f"{source} has characters that no URL may have; escape them")
        return Address(
            secure=secure,
            host=parts.hostname,
            port=port or (443 if secure else 80),
            path=target,
            authorization=_basic(parts),
        )


def _split(url: str) -> tuple[SplitResult | None, int | None]:
    try:
        parts = urlsplit(url.strip())
        return parts, parts.port
    except ValueError:
        return None, None


def _basic(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def proxy_for(address: Address) -> Proxy | None:
    """The proxy that the environment wants for ``address``; none for this machine.

    Raises ConfigurationError for a proxy that is not an HTTP one.
    """
    if address.is_loopback:
        return None
    scheme = "https" if address.secure else "http"
    known = getproxies()
    kind = scheme if known.get(scheme) else "all"
    value = known.get(kind)
    if not value or proxy_bypass(f"{address.host}:{address.port}"):
        return None
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    variable = next((name for name in names if os.environ.get(name)), "the system's proxy")
    parts, port = _split(value if "://" in value else f"http://{value}")
    if parts is None or parts.scheme != "http" or not parts.hostname:
        raise ConfigurationError(
            f"{variable} names no http:// proxy, and altar speaks to no other kind; type, for "
            f"example, {variable}=http://proxy.example:3128, or NO_PROXY={address.host}"
        )
    return Proxy(
        host=parts.hostname, port=port or 80, variable=variable, authorization=_basic(parts)
    )
