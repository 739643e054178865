"""``python -m tests.grid.chaos``: breaks a grid in every way there is, and prints what became of
every call. The exit code is 1 when a law was broken, with --bars also when an outage was longer
than its bar (marked "!").
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.grid.chaos.run import SCENARIOS, run_one, table


def main() -> int:
    """Run, print, and say whether every law held."""
    parser = argparse.ArgumentParser(prog="python -m tests.grid.chaos", description=__doc__)
    parser.add_argument("--scenario", metavar="NAME", action="append", help=", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=3.0, help="of load for each (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--runs", type=int, default=1, help="of each scenario (%(default)s)")
    parser.add_argument("--short", action="store_true", help="what the tests run")
    parser.add_argument("--bars", action="store_true", help="an outage over its bar fails too")
    given = parser.parse_args()
    random.seed(given.seed)
    print(f"seed {given.seed}", flush=True)
    rows = []
    for name in given.scenario or SCENARIOS:
        for _ in range(given.runs):
            row = asyncio.run(run_one(name, given.seconds, short=given.short))
            rows.append(row)
            print(table([row], head=len(rows) == 1), flush=True)
    for row in rows:
        for what in row.broken[:20]:
            print(f"broken: {row.scenario}: {what}")
    over = [row for row in rows if row.is_over]
    for row in over:
        print(f"over the bar: {row.scenario}: {row.outage:.3f} s, the bar is {row.bar} s")
    return 1 if any(row.broken for row in rows) or (given.bars and over) else 0


if __name__ == "__main__":
    sys.exit(main())
