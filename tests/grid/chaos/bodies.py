"""The tools that chaos calls. Each body writes down that it began and that it ended.

A mark is one line in a file that is only appended to, so that it outlives a kill -9:
``B`` (began), ``E`` (ended) or ``S`` (was stopped), the call's key, the process, the
time of the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

MARKS = "ALTAR_GRID_CHAOS_MARKS"
_file: list[int] = []


def mark(kind: str, key: str) -> None:
    """One line; a single write that nothing tears."""
    if not _file:
        _file.append(os.open(os.environ[MARKS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    os.write(_file[0], f"{kind} {key} {os.getpid()} {time.monotonic():.6f}\n".encode())


def begin(marks: Path) -> None:
    """Write the marks of this process there."""
    end()
    os.environ[MARKS] = str(marks)


def end() -> None:
    """Write no more of them."""
    os.environ.pop(MARKS, None)
    if _file:
        os.close(_file.pop())


async def work(key: str, ms: float = 5) -> str:
    """Work for a while without holding the loop."""
    mark("B", key)
    try:
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=ms / 1000)
    except asyncio.CancelledError:
        mark("S", key)
        raise
    mark("E", key)
    return key


def block(key: str, ms: float = 5) -> str:
    """Work for a while in a thread."""
    mark("B", key)
    time.sleep(ms / 1000)
    mark("E", key)
    return key


async def count(key: str, to: int, ms: float = 0) -> AsyncIterator[Any]:
    """Count, a chunk for each number."""
    mark("B", key)
    try:
        for number in range(to):
            yield number
            if ms:
                await asyncio.wait(
                    [asyncio.ensure_future(asyncio.Event().wait())], timeout=ms / 1000
                )
    except (asyncio.CancelledError, GeneratorExit):
        mark("S", key)
        raise
    mark("E", key)


def poison(key: str) -> str:
    """Kill the process that runs this."""
    mark("B", key)
    os.kill(os.getpid(), signal.SIGKILL)
    return key


TOOLS = (work, block, count, poison)
