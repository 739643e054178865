"""CPU time per call, as the minimum of several blocks.

A neighbour on the machine can only add time, so the smallest block is the one
that tells most about the code. Before every block garbage is collected and
what lives is frozen, so that nobody pays for another's heap; during the block
the collector stays on, because in a program it is on too.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import repeat
from typing import Any

__all__ = ["best_of", "best_of_async", "best_of_once", "resident_kb"]

_clock = time.process_time


def _settle() -> None:
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _block_size(seconds_per_call: float, block_seconds: float) -> int:
    return max(1, min(200_000, int(block_seconds / max(seconds_per_call, 1e-9))))


def _time(call: Callable[[Any], Any], argument: Any, count: int) -> float:
    start = _clock()
    for _ in repeat(None, count):
        call(argument)
    return (_clock() - start) / count


async def _time_async(call: Callable[[Any], Awaitable[Any]], argument: Any, count: int) -> float:
    start = _clock()
    for _ in repeat(None, count):
        await call(argument)
    return (_clock() - start) / count


def best_of(
    calls: Sequence[tuple[Callable[[Any], Any], Any]],
    *,
    blocks: int = 12,
    block_seconds: float = 0.02,
) -> list[float]:
    """The least seconds per call of each ``(function, argument)``; their blocks take turns."""
    sizes = [_block_size(_time(*pair, 20), block_seconds) for pair in calls]
    best = [float("inf")] * len(calls)
    for _ in range(blocks):
        _settle()
        for index, (pair, size) in enumerate(zip(calls, sizes, strict=True)):
            best[index] = min(best[index], _time(*pair, size))
    return best


async def best_of_async(
    call: Callable[[Any], Awaitable[Any]],
    argument: Any,
    beside: tuple[Callable[[Any], Any], Any],
    *,
    blocks: int = 12,
    block_seconds: float = 0.02,
) -> list[float]:
    """As ``best_of``, for a coroutine function and one plain function beside it."""
    size = _block_size(await _time_async(call, argument, 20), block_seconds)
    beside_size = _block_size(_time(*beside, 20), block_seconds)
    best = [float("inf")] * 2
    for _ in range(blocks):
        _settle()
        best[0] = min(best[0], await _time_async(call, argument, size))
        best[1] = min(best[1], _time(*beside, beside_size))
    return best


def best_of_once(call: Callable[[Any], Any], blocks: Sequence[Sequence[Any]]) -> float:
    """The least seconds per call where each argument serves once; a block is a list of them."""
    best = float("inf")
    for block in blocks:
        kept: list[Any] = []
        keep = kept.append  # freeing the results is not part of the work
        _settle()
        start = _clock()
        for argument in block:
            keep(call(argument))
        best = min(best, (_clock() - start) / len(block))
    return best


def resident_kb() -> float:
    """Resident memory of this process in kB, after a collection."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    import resource

    return pages * resource.getpagesize() / 1024
