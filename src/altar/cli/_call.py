"""``altar call``: one tool, called with JSON arguments and checked as a model's call is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import altar
from altar.cli._calls import Progress
from altar.cli._console import CliError, compact
from altar.cli._failure import problems_of, show_cause, summary_of
from altar.cli._target import DEPS_HELP, deps_of, tools_of
from altar.config import settings
from altar.runtime import CallContext

if TYPE_CHECKING:
    import argparse

    from altar.adm import ErrorObject
    from altar.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("tool", metavar="FILE_OR_MODULE:TOOL", help="the tool to call")
    parser.add_argument(
        "args", nargs="?", default="{}", help="its arguments as a JSON object; - reads them in"
    )
    parser.add_argument("--deps", metavar="FILE_OR_MODULE:NAME", help=DEPS_HELP)
    parser.add_argument("--json", action="store_true", help="print the whole ToolResult")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Call the tool; 0 with its content on success, 1 with the error otherwise."""
    args = _read_args(arguments.args)
    tools = tools_of(arguments.tool)
    if len(tools) != 1:
        raise CliError(f"{arguments.tool} names {len(tools)} tools; add :NAME for one of them")
    progress = Progress(console.note)
    # a file is named, so its tool runs here, in mode grid too
    here = (lambda local: local) if settings().mode == "grid" else None
    with altar.Session(tools=tools, deps=deps_of(arguments.deps), runtime=here) as session:
        name = session.declarations()[0].name
        call = altar.FunctionCall(name=name, args=args)
        emit = None if arguments.json else lambda chunk: progress.show(call, chunk)
        # who types the call is the person whose approval a tool may need
        result = session.invoke(call, CallContext(emit=emit, approved=True))
    if arguments.json:
        console.json(result.to_dict())
    elif result.error is None:
        console.json(result.content)
    else:
        _show_error(console, name, result.error)
    show_cause(console, result)
    if result.metadata and not arguments.json:
        for key, notes in result.metadata.items():
            console.note(f"{key}: {compact(notes)}")
    return 0 if result.ok else 1


def _show_error(console: Console, name: str, error: ErrorObject) -> None:
    console.error(f"{name}: {summary_of(error)}")
    for problem in problems_of(error):
        console.more(problem)


def _read_args(text: str) -> dict[str, Any]:
    if text == "-":
        text = sys.stdin.read()
    try:
        args = json.loads(text)
    except ValueError as error:
        raise CliError(f"the arguments are not JSON: {error}; write '{{\"name\": 1}}'") from error
    if not isinstance(args, dict):
        raise CliError(f"the arguments must be a JSON object, not {compact(args)}")
    return args
