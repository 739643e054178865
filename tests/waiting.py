"""Waiting for what another thread or process does: patient, so that a busy machine fails nothing."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

PATIENCE = 30.0  # seconds; far more than anything here takes on a loaded machine
STEP = 0.005


def soon(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether something holds within ``seconds``; it is asked again and again, and at the end."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return bool(holds())
        time.sleep(STEP)
    return True


async def asoon(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """``soon`` for a coroutine: the event loop goes on."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return bool(holds())
        await asyncio.sleep(STEP)
    return True


def budgets(first: float = 0.05) -> Iterator[float]:
    """Seconds for what is to be caught by time at one place of its way: more, until it got there."""
    while first < PATIENCE:
        yield first
        first *= 3
    yield PATIENCE


def is_alive(pid: int) -> bool:
    """Whether a process runs: neither gone, nor ended with nobody to ask how."""
    with suppress(OSError):  # it may end between any two of its facts
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    if Path("/proc/self").exists():
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def gone(pid: int, seconds: float = PATIENCE) -> bool:
    """Whether a process ends within ``seconds``."""
    return soon(lambda: not is_alive(pid), seconds)
