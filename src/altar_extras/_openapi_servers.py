"""Servers: where requests go, and the hosts that they may go to.

A host that the caller named may be anywhere. One that only a document names
must have a public address, so that a document cannot lead a program into the
network it runs in; which addresses a name has is asked when it is connected to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from altar.errors import ConfigurationError
from altar_extras._openapi_library import UncarriedError, a_list, a_mapping, a_text, short

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Hosts", "Place", "Server", "place_of", "server_url"]

_MOST_VARIABLES = 32


class Server(NamedTuple):
    """Where an API is: in place of what its document says, or to fill that in.

    ``url`` is the base URL of every operation. ``variables`` are values for the
    variables of the document's own servers. ``hosts`` lists the hosts that
    requests may go to ("api.example.com", or with a port, ":8443"), in place
    of the document's servers; those may have private addresses.
    """

    url: str | None = None
    variables: Mapping[str, str] = {}
    hosts: tuple[str, ...] | None = None


class Place(NamedTuple):
    """A base URL, taken apart; ``named`` says that the caller named the host."""

    secure: bool
    host: str
    port: int
    path: str
    named: bool

    @property
    def netloc(self) -> str:
        """Host and port, as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.secure else 'http'}://{self.netloc}"


class Hosts:
    """The hosts that the caller named, and whether others may be reached."""

    __slots__ = ("_listed", "_others")

    def __init__(self, listed: Iterable[Any] | None, also: Iterable[str | None]) -> None:
        if isinstance(listed, str) or not all(isinstance(one, str) for one in listed or ()):
            raise ConfigurationError(
                f"Server(hosts={listed!r:.60}): give a list of hosts, "
                "such as hosts=('api.example.com',)"
            )
        self._others = listed is None
        self._listed = [_host_and_port(one) for one in listed or ()]
        for url in also:
            if url is not None:
                parts, port = _split(url)
                if parts is not None and parts.hostname:
                    port = port or (443 if parts.scheme == "https" else 80)
                    self._listed.append((parts.hostname, port))

    def names(self, host: str, port: int) -> bool:
        """Whether the caller named this host."""
        return any(one == host and at in (None, port) for one, at in self._listed)

    def allows(self, host: str, port: int) -> bool:
        """Whether it may be reached at all."""
        return self._others or self.names(host, port)


def server_url(servers: Any, variables: Mapping[str, str]) -> str:
    """The URL of the first server, with its variables filled in."""
    listed = a_list(servers, "servers")
    server = a_mapping(listed[0], "a server") if listed else {"url": "/"}
    url = a_text(server.get("url"), "a server's url")
    known = a_mapping(server.get("variables"), "a server's variables")
    if len(known) > _MOST_VARIABLES:
        raise UncarriedError(f"a server with more than {_MOST_VARIABLES} variables")
    for name, variable in known.items():
        said = a_mapping(variable, f"the server variable {short(name)}")
        value = variables.get(name, said.get("default"))
        if not isinstance(value, str):
            raise UncarriedError(f"the server variable {short(name)} has no default that is a text")
        allowed = said.get("enum")
        if isinstance(allowed, list) and allowed and value not in allowed:
            words = ", ".join(repr(one) for one in allowed[:8])
            raise UncarriedError(
                f"the server variable {short(name)} is one of {words}, not {short(value)}"
            )
        url = url.replace("{" + name + "}", value)
    if "{" in url or "}" in url:
        raise UncarriedError(f"the server {short(url)} has a variable that is not declared")
    return url


def place_of(url: str, document_url: str | None, hosts: Hosts) -> Place:
    """The server behind a URL, which may be relative to the document's.

    Raises UncarriedError for what is no URL of HTTP, or is not allowed.
    """
    try:
        whole = urljoin(document_url, url) if document_url is not None else url
        whole.encode()
    except ValueError:  # of UnicodeEncodeError, too
        raise UncarriedError(f"the server {short(url)} is no URL") from None
    parts, port = _split(whole)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UncarriedError(
            f"the server {short(url)} is no http(s) URL; type server='https://api.example.com'"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise UncarriedError("the server's URL has a user, a query or a fragment")
    secure = parts.scheme == "https"
    port = port or (443 if secure else 80)
    host = parts.hostname
    if not host.isascii() or not all(c.isalnum() or c in ".-_:%" for c in host):
        raise UncarriedError(f"the server {short(whole)} has no plain host name")
    if not hosts.allows(host, port):
        raise UncarriedError(f"the host {short(host)} is not among the allowed hosts")
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=-._~")
    return Place(secure, host, port, path, hosts.names(host, port))


def _split(url: str) -> tuple[SplitResult | None, int | None]:
    try:
        parts = urlsplit(url.strip())
        return parts, parts.port
    except ValueError:
        return None, None


def _host_and_port(text: str) -> tuple[str, int | None]:
    parts, port = _split(f"//{text}")
    plain = parts is not None and parts.hostname and not parts.path and parts.username is None
    if not plain or parts is None or parts.hostname is None or "/" in text:
        raise ConfigurationError(
            f"Server(hosts=({text!r:.60},)): give host names, such as 'api.example.com' or "
            "'localhost:8080'"
        )
    return parts.hostname, port
