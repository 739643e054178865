"""``altar grid config check``: what a server's configuration comes to, and what in it is unsafe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from altar_extras.grid.server import check_config, effective_config

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    check = verbs.add_parser(
        "check", help="print what holds, and every problem; exit code 1 when there is one"
    )
    check.add_argument("file", metavar="NATS_CONF", help="the file nats-server is started with")
    check.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """0 when the configuration is safe, 1 when it is not."""
    path = Path(arguments.file)
    problems = check_config(path)
    values = effective_config(path)
    if arguments.json:
        console.json(
            {
                "values": [
                    {"name": name, "value": value, "from_file": said}
                    for name, value, said in values
                ],
                "problems": [{"path": one.path, "text": one.text} for one in problems],
            }
        )
        return 1 if problems else 0
    width = max((len(name) for name, _, _ in values), default=0)
    for name, value, said in values:
        note = "" if said else console.style("  (default)", "dim")
        console.print(f"{name:<{width}}  {value}{note}")
    console.print()
    for one in problems:
        console.print(f"{console.style('✗', 'red')} {one.path}: {one.text}")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        console.error(f"{path}: {count}: this server is not safe for a grid")
        return 1
    console.print(f"{console.style('✓', 'green')} safe for a grid")
    return 0
