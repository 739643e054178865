"""nats-server and a Host in a process of their own: ``python -m benchmarks.grid.node [--tls]``.

Prints one line of JSON when it is ready: its folder, the client's credentials, and the
processes of its servers. It ends with its standard input.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from altar_extras.grid.node import DevelopmentGrid, GridShape


def main() -> None:
    """Run them until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", action="store_true")
    given = parser.parse_args()
    with DevelopmentGrid([], shape=GridShape(tls=given.tls, runtimes=0)) as grid:
        line = {
            "folder": str(grid.folder.path.resolve()),
            "client": str(grid.client_credentials),
            "runtime": str(grid.runtime_credentials),
            "server": server_pids(),
        }
        print(json.dumps(line), flush=True)
        sys.stdin.read()


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
