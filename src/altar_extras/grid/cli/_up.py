"""``altar grid up``: servers, a Host and a runtime on this machine, by one command."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from altar.config import settings
from altar.errors import AltarError, ConfigurationError
from altar.runtime import stays_local
from altar_extras.grid.cli._serve import logged
from altar_extras.grid.cli._shown import example_of
from altar_extras.grid.node import FOLDER, DevelopmentGrid, GridShape
from altar_extras.grid.runtime import contracts_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from altar_extras.grid.cli._console import Console

__all__ = ["configure", "run"]

_HANGUP = getattr(signal, "SIGHUP", None)
_LOOK = 0.5  # seconds between looks whether its servers are there
_MOST = 2  # Ctrl-C to stop, Ctrl-C to wait for nothing


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument(
        "target", metavar="FILE_OR_MODULE", help="whose tools to serve; with :NAME one of them"
    )
    parser.add_argument(
        "--dir",
        metavar="FOLDER",
        default=FOLDER,
        help="where credentials and state go (%(default)s)",
    )
    parser.add_argument(
        "--port", metavar="N", type=int, default=0, help="the server's port; a free one without"
    )
    parser.add_argument(
        "--runtimes", metavar="N", type=int, default=1, help="how many runtimes (%(default)s)"
    )
    parser.add_argument(
        "--nodes",
        metavar="N",
        type=int,
        default=1,
        help="how many servers: 1, 3 or 5 (%(default)s)",
    )
    parser.add_argument(
        "--tls", action="store_true", help="TLS 1.3, mutual, with certificates made here"
    )
    parser.add_argument(
        "--deps",
        metavar="FILE_OR_MODULE:NAME",
        help="what tools find as Context.deps: an object, or a function or class that makes it",
    )
    parser.add_argument("--no-audit", action="store_true", help="keep no record of the calls")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run until Ctrl-C or SIGTERM, 0; a second Ctrl-C ends it at once, 130; 1 where it lost
    its servers.

    SIGHUP has it take what ``altar grid keys`` changed in its folder.
    """
    begun = time.monotonic()
    if arguments.runtimes < 1:
        raise ConfigurationError(f"--runtimes {arguments.runtimes}: give 1 or more")
    shape = GridShape(
        nodes=arguments.nodes,
        tls=arguments.tls,
        runtimes=arguments.runtimes,
        port=arguments.port,
        audit=not arguments.no_audit,
    )
    tools = arguments.tools_of(arguments.target)
    deps = arguments.deps_of(arguments.deps)
    grid = DevelopmentGrid(tools, folder=arguments.dir, shape=shape, deps=deps)
    with logged(console, "text", quiet=True), _told() as told:
        grid.start()
        try:
            _show(console, grid, arguments, time.monotonic() - begun)
            status = _attend(console, grid, told)
            if status == 0:
                console.note("\nstopping: calls that run are finished first; Ctrl-C ends them")
            return _end(grid, told) or status
        finally:
            grid.hurry()
            grid.stop()


def _attend(console: Console, grid: DevelopmentGrid, told: SimpleQueue[int]) -> int:
    """Until it is told to stop, 0, or has too few servers left to answer, 1."""
    said = 0
    while True:
        ended = grid.servers.ended
        if len(ended) > said:
            said = len(ended)
            goes_on = 2 * said < len(grid.servers.processes)
            which = ", ".join(f"exit code {one.exit_code}, log {one.log}" for one in ended)
            what = "the others go on" if goes_on else "stopping; type the same line to start anew"
            console.error(f"a server of this grid ended by itself ({which}): {what}")
            if not goes_on:
                return 1
        with suppress(Empty):
            if told.get(timeout=_LOOK) != _HANGUP:
                return 0
            _reload(console, grid)


def _end(grid: DevelopmentGrid, told: SimpleQueue[int]) -> int:
    """Stop it on a thread of its own, so that no signal cuts that short: 0, or 130 in a hurry."""

    def stop() -> None:
        try:
            grid.stop()
        finally:
            told.put(0)

    status = 0
    ending = threading.Thread(target=stop, name="altar-grid-stop")
    ending.start()
    while number := told.get():
        if number != _HANGUP:
            grid.hurry()
            status = 130
    ending.join()
    return status


def _reload(console: Console, grid: DevelopmentGrid) -> None:
    try:
        new, gone = grid.reload()
    except AltarError as error:
        console.error(f"SIGHUP: it goes on as before: {error}")
        return
    told = {
        "may come": [name for name in new if name not in gone],
        "may come with the new key alone": [name for name in new if name in gone],
        "may not come": [name for name in gone if name not in new],
    }
    said = [f"{', '.join(names)} {what}" for what, names in told.items() if names]
    console.note(f"SIGHUP: {'; '.join(said) or 'nobody is new, nobody is gone'}")


@contextmanager
def _told() -> Iterator[SimpleQueue[int]]:
    """The signals that come; the third Ctrl-C is raised as ever."""
    signals: SimpleQueue[int] = SimpleQueue()
    typed = 0

    def hear(number: int, frame: Any) -> None:
        nonlocal typed
        del frame
        typed += number == signal.SIGINT
        if typed > _MOST:
            raise KeyboardInterrupt
        signals.put(number)

    numbers = {signal.SIGINT, signal.SIGTERM, _HANGUP} - {None}
    before = {number: signal.signal(number, hear) for number in numbers if number is not None}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(console: Console, grid: DevelopmentGrid, arguments: Any, took: float) -> None:
    context = copy_context()
    context.run(stays_local.set, True)
    contracts = context.run(contracts_of, grid.tools)
    declared = {tool.name: tool for one in contracts for tool in one.function_declarations}
    served = [tool for name, tool in declared.items() if name in grid.tool_names]
    count = "1 tool" if len(served) == 1 else f"{len(served)} tools"
    place = "" if arguments.dir == FOLDER else f"--dir {arguments.dir}"
    console.print(
        f"{console.style('the grid is up', 'green', 'bold')} at {grid.url}: "
        f"{count}, ready in {took:.1f} s"
    )
    for tool in served:
        about = " ".join(tool.description.split())
        console.print(f"  {tool.name:<{max(map(len, declared))}}  {about}"[: console.width])
    first = next(
        (tool for tool in served if (tool.to_dict().get("parameters") or {}).get("properties")),
        None,
    )
    first = first or (served[0] if served else None)
    call = f"{first.name} {example_of(first)}".rstrip() if first else "TOOL"
    console.print(
        "",
        console.style("in another terminal:", "dim"),
        f"  altar grid call {call} {place}".rstrip(),
        f"  altar grid status {place}".rstrip(),
        "",
        console.style("in altar.toml, so that a program's calls run here:", "dim"),
        '  mode = "grid"',
        f'  grid_url = "{grid.url}"',
        f'  grid_credentials = "{grid.client_credentials}"',
        "",
        console.style("Ctrl-C stops it, and leaves no process behind.", "dim"),
    )
    console.out.flush()
    told = settings()
    if told.mode == "grid" and told.grid_url in {None, grid.url}:
        console.note("note: mode is 'grid' in this folder already")
    elif told.mode == "grid":
        console.note(
            f"note: mode is 'grid' in this folder already, and grid_url is {told.grid_url}: "
            f"programs call that one until grid_url is {grid.url}"
        )
