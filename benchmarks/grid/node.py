"""A grid in a process of its own: ``python -m benchmarks.grid.node [--tls] [--no-audit] ...``.

Prints one line of JSON when it is ready: the client's credentials, and the servers' processes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path

from altar_extras.grid.node import DevelopmentGrid, GridShape
from benchmarks.grid import tools


def main() -> None:
    """Run a grid until this process is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--no-audit", action="store_true")
    parser.add_argument("--runtimes", type=int, default=1)
    parser.add_argument("--slots", type=int, default=256)
    given = parser.parse_args()
    shape = GridShape(
        tls=given.tls, audit=not given.no_audit, runtimes=given.runtimes, slots=given.slots
    )
    with DevelopmentGrid([tools.bench_echo, tools.bench_wait], shape=shape) as grid:
        line = {"credentials": str(grid.client_credentials), "pids": server_pids()}
        print(json.dumps(line), flush=True)
        sys.stdin.read()
        threading.Event().wait()


def server_pids() -> list[int]:
    """The nats-server processes below this one."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = path.read_text(encoding="utf-8").rpartition(")")
        except OSError:
            continue
        number = int(path.parent.name)
        names[number] = head.partition("(")[2]
        parents[number] = int(rest.split()[1])
    found = []
    for number, name in names.items():
        above: int | None = number
        while above and above != os.getpid():
            above = parents.get(above)
        if above and name.startswith("nats-server"):
            found.append(number)
    return found


if __name__ == "__main__":
    main()
