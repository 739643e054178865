"""``altar grid call``: one tool of a grid, called with JSON arguments."""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall
from altar.errors import ConfigurationError
from altar.runtime import CallContext, Deadline
from altar_extras.grid.cli._shown import show_error
from altar_extras.grid.cli._where import add_where, credentials_of
from altar_extras.grid.client import GridClient

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console

__all__ = ["configure", "run"]

_MOST_CHUNKS = 50


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("tool", metavar="TOOL", help="its name, as `altar grid status` lists it")
    parser.add_argument(
        "args", nargs="?", default="{}", help="its arguments as a JSON object; - reads them in"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=30.0,
        help="how long to wait (%(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print the whole ToolResult")
    add_where(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Call the tool; 0 with its content on success, 1 with the error otherwise."""
    args = _read_args(arguments.args)
    if not arguments.timeout > 0:
        raise ConfigurationError(f"--timeout {arguments.timeout:g}: give seconds above 0")
    credentials = credentials_of(arguments, "client")
    call = FunctionCall(name=arguments.tool, args=args)
    chunks = 0

    def emit(chunk: object) -> None:
        nonlocal chunks
        chunks += 1
        if chunks <= _MOST_CHUNKS:
            console.note(f"  {chunk if isinstance(chunk, str) else json.dumps(chunk)}")

    with GridClient(credentials=credentials) as client:
        # who types the call is the person whose approval a tool may need
        context = CallContext(
            emit=None if arguments.json else emit,
            approved=True,
            deadline=Deadline(arguments.timeout),
        )
        result = client.invoke(call, context)
        known = _known(client) if result.error and result.error.type == "TOOL_NOT_FOUND" else ()
    if arguments.json:
        console.json(result.to_dict())
    elif result.error is None:
        console.json(result.content)
    else:
        show_error(console, arguments.tool, result.error)
        if known:
            near = get_close_matches(arguments.tool, known, n=1)
            console.more(f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")
        if (result.error.details or {}).get("reason") in ("disconnected", "no_host", "no_answer"):
            console.more(
                f"asked: {credentials.url}; type altar grid status, or altar grid up FILE_OR_MODULE"
            )
    return 0 if result.ok else 1


def _known(client: GridClient) -> tuple[str, ...]:
    return tuple(sorted(tool.name for tool in client.tools()))


def _read_args(text: str) -> dict[str, Any]:
    if text == "-":
        text = sys.stdin.read()
    try:
        args = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(
            f"the arguments are not JSON: {error}; write '{{\"name\": 1}}'"
        ) from error
    if not isinstance(args, dict):
        raise ConfigurationError(f"the arguments must be a JSON object, not {text[:80]}")
    return args
