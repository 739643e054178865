"""What a call costs through each adapter: ``python -m benchmarks.adapters [name ...]``.

Every module beside this one has ``pairs()``: by label, one call of the
framework's own tool and one of altar's in its place, of the same function.
Each figure is the least of several blocks, in microseconds; the two take turns.
It is CPU time, and time on the wall where a module says ``WALL = True`` because
the work is done in another process. A module whose library is not installed is
named and left out.
"""

from __future__ import annotations

import gc
import importlib
import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "src"))
sys.path.insert(0, str(HERE.parents[1]))

BLOCKS, BLOCK_SECONDS, MOST = 9, 0.02, 20_000
BUDGET = 5.0  # microseconds beside the framework's own call


def measured(calls: list[Callable[[], object]], clock: Callable[[], float]) -> list[float]:
    """The least microseconds per call of each."""

    def block(call: Callable[[], object], count: int) -> float:
        began = clock()
        for _ in range(count):
            call()
        return (clock() - began) / count

    for call in calls:
        block(call, 20)  # what is made on first use is made
    sizes = [max(3, min(MOST, int(BLOCK_SECONDS / max(block(call, 3), 1e-7)))) for call in calls]
    best = [float("inf")] * len(calls)
    for _ in range(BLOCKS):
        gc.collect()
        gc.freeze()
        for at, (call, size) in enumerate(zip(calls, sizes, strict=True)):
            best[at] = min(best[at], block(call, size))
    gc.unfreeze()
    return [seconds * 1e6 for seconds in best]


def main(names: list[str]) -> int:
    """Print one table; 1 when a module failed."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    known = sorted(path.stem for path in HERE.glob("[a-z]*.py"))
    unknown = set(names) - set(known)
    if unknown:
        print(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    print(f"{'adapter':16} {'call':34} {'own':>9} {'altar':>9} {'beside':>9}  us")
    failed = 0
    for name in names or known:
        try:
            module = importlib.import_module(f"benchmarks.adapters.{name}")
            found = module.pairs()
        except ImportError as error:
            print(f"{name:16} left out: {error}")
            continue
        clock = time.perf_counter if getattr(module, "WALL", False) else time.process_time
        for label, own, ours in found:
            try:
                first, second = measured([own, ours], clock)
            except Exception as error:  # noqa: BLE001 - the others are measured all the same
                failed = 1
                print(f"{name:16} {label:34} failed: {type(error).__name__}: {error}")
                continue
            beside = second - first
            mark = "" if beside <= BUDGET or clock is time.perf_counter else "  above the budget"
            print(
                f"{name:16} {label:34} {first:9.2f} {second:9.2f} {beside:+9.2f}{mark}", flush=True
            )
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
