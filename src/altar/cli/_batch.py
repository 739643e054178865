"""``altar batch``: calls from a file or a pipe, one JSON object a line, a few at a time."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any

import altar
from altar.cli._console import CliError, compact
from altar.cli._target import DEPS_HELP, HELP, deps_of, tools_of
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from altar.cli._console import Console
    from altar.later import BatchItem

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("tools", metavar="FILE_OR_MODULE", help=HELP)
    parser.add_argument(
        "calls",
        metavar="CALLS",
        help='a file of {"name": ..., "args": {...}}, one a line; - for stdin',
    )
    parser.add_argument("--save", metavar="FILE", help="keep results there, and go on from there")
    parser.add_argument("--retry-failed", action="store_true", help="run again what failed before")
    parser.add_argument(
        "-n", "--concurrency", metavar="N", type=int, default=8, help="calls at once (8)"
    )
    parser.add_argument("--ordered", action="store_true", help="print in the order of the calls")
    parser.add_argument("--deps", metavar="FILE_OR_MODULE:NAME", help=DEPS_HELP)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print one line of JSON for each call as it ends; 0 when every one succeeded, 1 otherwise."""
    tools, deps = tools_of(arguments.tools), deps_of(arguments.deps)
    lines = _opened(arguments.calls)
    waiting: dict[int, BatchItem] = {}
    shown = failed = 0
    with lines, altar.Session(tools=tools, deps=deps) as session:
        items = altar.batch(
            _calls(lines),
            session,
            max_concurrency=arguments.concurrency,
            save=arguments.save,
            retry_failed=arguments.retry_failed,
            progress=None if not console.live else False,  # a bar would stand among the results
        )
        for item in items:
            failed += not item.result.ok
            if not arguments.ordered:
                _show(item, console)
                continue
            waiting[item.index] = item
            while shown in waiting:
                _show(waiting.pop(shown), console)
                shown += 1
    return 1 if failed else 0


def _show(item: BatchItem, console: Console) -> None:
    body = item.result.to_dict()
    body.pop("call_id")
    console.print(compact({"index": item.index, **body}))
    console.out.flush()


def _opened(path: str) -> IO[str]:
    if path == "-":
        return open(sys.stdin.fileno(), encoding="utf-8", closefd=False)
    try:
        return open(path, encoding="utf-8")  # noqa: PTH123 - read line by line, closed by the caller
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error


def _calls(lines: IO[str]) -> Iterator[tuple[str, Any]]:
    """The calls; blank lines are passed over. Raises CliError that names the line."""
    for number, line in enumerate(_decoded(lines), 1):
        if not line.strip():
            continue
        try:
            doc = altar.adm.loads(line)
        except InvalidDataError as error:
            raise CliError(f"line {number} is no JSON: {error.problems[0]}") from error
        if not isinstance(doc, dict) or not isinstance(doc.get("name"), str):
            raise CliError(f'line {number}: write {{"name": "tool", "args": {{...}}}}')
        yield doc["name"], doc.get("args") or {}


def _decoded(lines: IO[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise CliError(f"the calls are no UTF-8 text: {error}") from error
