"""``main``: read the command line, run one command, turn what fails into a line and a code.

Exit codes: 0 it worked; 1 it ran and the answer is no (a tool answered an
error, a check found problems, manifests differ, a run stopped at a limit or
waits for approval);
2 the command cannot be carried out as typed; 3 the model provider cannot be
reached or refuses; 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import warnings
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from altar import __version__
from altar.cli._console import CliError, Console, standard
from altar.cli._parser import Parser
from altar.config import begin_trace
from altar.errors import AltarError, DeclarationError, InvalidDataError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main"]

# name -> (module with configure(parser) and run(arguments, console), help); loaded when named
COMMANDS = {
    "run": ("altar.cli._run", "ask a model that may call your tools"),
    "demo": ("altar.cli._demo", "watch the whole flow on built-in tools, offline"),
    "tools": ("altar.cli._tools", "list the tools of a file or module"),
    "check": ("altar.cli._check", "declare every tool and list every problem"),
    "call": ("altar.cli._call", "call one tool with JSON arguments"),
    "batch": ("altar.cli._batch", "call tools many times, with JSON lines in and out"),
    "repair": ("altar.cli._repair", "turn broken JSON into valid JSON, and say what was changed"),
    "manifest": ("altar.cli._manifest", "write, show or compare tool manifests"),
    "mcp": ("altar.cli._mcp", "serve tools to MCP clients, on stdio or over HTTP"),
    "grid": ("altar.cli._grid", "run the same tools on many machines: start, call, look at a grid"),
    "trace": ("altar.cli._trace", "show what a trace file holds, here or in the browser"),
}

# ALTAR_TRACE
_TRACED = frozenset(
    {"altar.cli._run", "altar.cli._demo", "altar.cli._call", "altar.cli._batch", "altar.cli._mcp"}
)

_LOGGED = frozenset({"altar.cli._mcp"})  # others show a call's error where they show its result

# a full disk or device, a closed one
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})

_EPILOG = """\
exit codes:
  0  it worked
  1  it ran, and the answer is no: an error result, a problem, a difference, a limit, a
     call that waits for approval
  2  the command cannot be carried out as typed
  3  the model provider cannot be reached or refuses
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises for what the user typed."""
    words = list(sys.argv[1:] if argv is None else argv)
    console = standard()
    try:
        arguments = _parser(words).read(words)
    except SystemExit as end:  # argparse has said what is wrong, or shown the help
        return int(end.code or 0)
    if getattr(arguments, "run", None) is None:
        _parser([]).print_help()
        return 2
    console.debug = getattr(arguments, "debug", False)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: console.note(f"warning: {message}")
            if arguments.run.__module__ in _TRACED:
                begin_trace(strict=True)
            status = _run(arguments, console)
        console.out.flush()
    except KeyboardInterrupt:
        console.clear_status()
        return 130
    except BrokenPipeError:  # the reader went away, as `altar ... | head` does
        _let_go(console)
        return 0
    except Exception as error:  # noqa: BLE001 - the border of the process
        if isinstance(error, OSError) and error.errno in _UNWRITABLE and error.filename is None:
            _let_go(console)
            error = CliError(f"standard output cannot be written: {error.strerror}")
        return _fail(error, console)
    return status


def _run(arguments: argparse.Namespace, console: Console) -> int:
    status: int
    if arguments.run.__module__ not in _LOGGED:
        status = arguments.run(arguments, console)
        return status
    from altar.cli._logged import logged  # noqa: PLC0415 - logging

    with logged(console):
        status = arguments.run(arguments, console)
    return status


def _let_go(console: Console) -> None:
    """Write nothing more to an output that takes nothing, at the exit neither."""
    console.out = sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123


def _parser(words: Sequence[str]) -> Parser:
    """The parser; only the command that is named is loaded and filled in."""
    parser = Parser(
        prog="altar",
        description="Typed Python functions as tools for language models.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"altar {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    named = next((word for word in words if not word.startswith("-")), None)
    if named is not None and named not in COMMANDS:
        near = get_close_matches(named, COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
        parser.error(f"there is no command {named!r}; {hint}")
    for name, (module, text) in COMMANDS.items():
        inner = commands.add_parser(name, help=text, description=text)
        if name == named:
            command = import_module(module)
            command.configure(inner)
            inner.set_defaults(run=command.run)
    return parser


def _fail(error: Exception, console: Console) -> int:
    """Say what is wrong, a line for each problem where there are several; the exit code."""
    if console.debug:
        console.traceback(error)
    if isinstance(error, (DeclarationError, InvalidDataError)) and len(error.problems) > 1:
        subject = error.function if isinstance(error, DeclarationError) else error.subject
        console.error(f"{subject}: {len(error.problems)} problems")
        for problem in error.problems:
            console.more(str(problem))
        return 2
    if isinstance(error, AltarError):
        console.error(str(error))
        return 3 if isinstance(error, ProviderError) else 2
    if isinstance(error, CliError):
        console.error(str(error))
        return error.status
    hint = "" if console.debug else " (this is a bug in altar; --debug shows where)"
    console.error(f"{type(error).__name__}: {error}{hint}")
    return 2
