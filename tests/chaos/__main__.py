"""``python -m tests.chaos --calls 10000 --seed 1``: the table, and 1 as exit code for a broken law."""

from __future__ import annotations

import argparse
import random
import sys

from tests.chaos.leftovers import footprint, left_behind
from tests.chaos.run import EPISODE, LIMITS, log_file, run
from tests.chaos.stacks import Elsewhere


def main() -> int:
    """Run, print, and say whether every law held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args()
    print(f"{given.calls} calls, seed {given.seed}", flush=True)
    with log_file():  # the workers inherit where bodies are noted
        Elsewhere.open(LIMITS)
    run(10 * EPISODE, given.seed)  # what is made once is there before anything is counted
    before = footprint()
    report = run(given.calls, given.seed)
    broken = report.broken + left_behind(before)
    print(report.table())
    for what in broken[:40]:
        print(f"broken: {what}")
    after = footprint()
    Elsewhere.close()
    print(f"before {before}\nafter  {after}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
