"""connect: the way to an MCP server, as a process or behind a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar.mcp._client import Client
from altar.mcp._client_options import ClientOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.mcp._client_ask import Elicit
    from altar.mcp._transport import Transport
    from altar.mcp._transport_http import Bearer

__all__ = ["connect"]

_TYPE = "type connect(['python', 'server.py']) or connect(url='http://127.0.0.1:8000/mcp')"


def connect(
    command: Sequence[str] | None = None,
    *,
    url: str | None = None,
    bearer: Bearer | None = None,
    elicit: Elicit | None = None,
    trust: bool = False,
    options: ClientOptions | None = None,
) -> Client:
    """A client of the server that ``command`` starts, or that is at ``url``.

    ``bearer`` is the token for a server behind a URL, or a function, perhaps
    async, that gives one for each request. ``elicit`` answers what servers ask
    the person: it takes an :class:`altar.mcp.Question` and gives a dict, True
    (the defaults), False (no) or None (no answer); it may be async. ``trust``
    believes the server where it says that a tool is read-only or idempotent.

    Nothing is started before the client is entered or used. Raises
    ConfigurationError for options that cannot be.
    """
    options = ClientOptions() if options is None else options
    if (command is None) == (url is None):
        raise ConfigurationError(f"connect() takes a command or a url, one of the two: {_TYPE}")
    if not isinstance(options, ClientOptions):
        raise ConfigurationError(
            f"connect(options={options!r:.80}): give an altar.mcp.ClientOptions"
        )
    if elicit is not None and not callable(elicit):
        raise ConfigurationError(f"connect(elicit={elicit!r:.80}): give a function")
    if trust.__class__ is not bool:
        raise ConfigurationError(f"connect(trust={trust!r:.80}): give True or False")
    make = (
        _by_url(url, options, bearer) if url is not None else _by_command(command, options, bearer)
    )
    return Client(make, options, elicit=elicit, trust=trust)


def _by_url(url: str, options: ClientOptions, bearer: Bearer | None) -> Callable[[], Transport]:
    from altar.mcp._transport_http import HttpTransport  # noqa: PLC0415 - loads http and ssl

    is_text = isinstance(bearer, str) and bearer.isascii() and bearer.isprintable()
    if bearer is not None and not (callable(bearer) or (is_text and bearer)):
        raise ConfigurationError("connect(bearer=...): give a token of ASCII text, or a function")
    if not isinstance(url, str):
        raise ConfigurationError(f"connect(url={url!r:.80}): give a text; {_TYPE}")
    HttpTransport(url, options, bearer)  # what is wrong with it is told here

    def make() -> Transport:
        return HttpTransport(url, options, bearer)

    return make


def _by_command(
    command: Sequence[str] | None, options: ClientOptions, bearer: Bearer | None
) -> Callable[[], Transport]:
    from altar.mcp._transport_stdio import StdioTransport  # noqa: PLC0415 - as above

    if bearer is not None:
        raise ConfigurationError(
            "connect(bearer=...) is for a url; give a process its token as "
            "ClientOptions(env={'API_TOKEN': ...})"
        )
    if isinstance(command, (str, bytes)) or command is None or not [*command]:
        raise ConfigurationError(f"connect({command!r:.80}): give a list of texts; {_TYPE}")
    words = tuple(map(str, command))

    def make() -> Transport:
        return StdioTransport(words, options)

    return make
