"""``altar mcp``: the tools of a file or module as an MCP server, on stdio or over HTTP."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import altar
from altar.cli._console import CliError
from altar.cli._target import DEPS_HELP, HELP, deps_of, load, place_of, tools_of
from altar.errors import ConfigurationError
from altar.mcp import HttpOptions, Server, serve

if TYPE_CHECKING:
    import argparse

    from altar.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("target", metavar="FILE_OR_MODULE", help=f"{HELP}, or an altar.mcp.Server")
    parser.add_argument(
        "--http", metavar="PORT", type=int, help="serve over HTTP on this port; 0 takes a free one"
    )
    parser.add_argument("--host", help="the address to listen on; 127.0.0.1 without it")
    parser.add_argument(
        "--token-env",
        metavar="NAME",
        action="append",
        default=[],
        help="let in who sends the bearer token that this environment variable holds",
    )
    parser.add_argument(
        "--origin",
        metavar="URL",
        action="append",
        default=[],
        help="let pages of this web origin call",
    )
    parser.add_argument("--deps", metavar="FILE_OR_MODULE:NAME", help=DEPS_HELP)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve until the client leaves or the process is told to stop; 0."""
    http = _http(arguments)
    server = _server(arguments.target, arguments.deps)

    def ready(url: str) -> None:
        console.note(f"serving {len(server.session)} tools at {url}; stop it with Ctrl-C")

    try:
        if http is None:
            serve(server)
        else:
            serve(server, "http", http=http, ready=ready)
    except OSError as error:
        raise CliError(f"cannot listen: {error.strerror or error}") from error
    return 0


def _server(target: str, deps: str | None) -> Server:
    found = _declared(target)
    if found is not None:
        if deps is not None:
            raise CliError(f"{target} is a Server: give its Session the deps there")
        return found
    session = altar.Session(tools_of(target), deps=deps_of(deps))
    return Server(session, name=place_of(target))


def _declared(target: str) -> Server | None:
    """The Server a target names, or the only one in its module."""
    place = place_of(target)
    module = load(place)
    if place != target:
        named: Any = getattr(module, target[len(place) + 1 :], None)
        return named if isinstance(named, Server) else None
    found = [thing for thing in vars(module).values() if isinstance(thing, Server)]
    if len(found) > 1:
        raise CliError(f"{place} holds {len(found)} servers; add :NAME for one of them")
    return found[0] if found else None


def _http(arguments: argparse.Namespace) -> HttpOptions | None:
    if arguments.http is None:
        if arguments.host or arguments.token_env or arguments.origin:
            raise CliError("--host, --token-env and --origin are for HTTP; add --http PORT")
        return None
    tokens = []
    for name in arguments.token_env:
        token = os.environ.get(name)
        if not token:
            raise CliError(f"--token-env {name}: that environment variable holds nothing")
        tokens.append(token)
    try:
        return HttpOptions(
            host=arguments.host or "127.0.0.1",
            port=arguments.http,
            tokens=tuple(tokens),
            origins=tuple(arguments.origin),
        )
    except ConfigurationError as error:
        hint = "" if tokens else "; here: --token-env NAME, a variable that holds a token"
        raise CliError(f"{error}{hint}") from error
