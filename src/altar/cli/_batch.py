"""``altar batch``: calls from a file or a pipe, one JSON object a line, a few at a time."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

import altar
from altar.adm import loads
from altar.cli._console import CliError, compact
from altar.cli._target import DEPS_HELP, HELP, deps_of, tools_of
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from altar.cli._console import Console
    from altar.later import Batch, BatchItem

__all__ = ["configure", "run"]

_FORM = 'write {"name": "tool", "args": {...}}'


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
        for item in _written(items, arguments.save):
            failed += not item.result.ok
            if not arguments.ordered:
                _show(item, console)
                continue
            waiting[item.index] = item
            while shown in waiting:
                _show(waiting.pop(shown), console)
                shown += 1
    return 1 if failed else 0


def _written(items: Batch, save: str | None) -> Iterator[BatchItem]:
    """The items. Raises CliError where the file of ``save`` cannot be had or written."""
    with closing(iter(items)) as each:
        while True:
            try:
                item = next(each, None)
            except OSError as error:
                what = "the calls cannot be read" if save is None else f"--save {save}"
                raise CliError(f"{what}: {error.strerror or error}") from error
            if item is None:
                return
            yield item


def _show(item: BatchItem, console: Console) -> None:
    body = item.result.to_dict()
    body.pop("call_id")
    console.print(compact({"index": item.index, **body}))
    console.out.flush()


def _opened(path: str) -> IO[str]:
    if path == "-":
        if sys.stdin is None:
            raise CliError("standard input is closed, so that no calls can come from it")
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
            doc = loads(line)
        except InvalidDataError as error:
            raise CliError(f"line {number} is no JSON: {error.problems[0]}") from error
        if not isinstance(doc, dict) or not isinstance(doc.get("name"), str):
            raise CliError(f"line {number}: {_FORM}")
        if unknown := [*doc.keys() - {"name", "args"}]:
            raise CliError(f"line {number}: {unknown[0]!r:.100} is not known; {_FORM}")
        args = doc.get("args", {})
        if not isinstance(args, dict):
            raise CliError(f"line {number}: args are no object; {_FORM}")
        yield doc["name"], args


def _decoded(lines: IO[str]) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError as error:
        raise CliError(f"the calls are no UTF-8 text: {error}") from error
