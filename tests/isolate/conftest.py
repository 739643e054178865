"""Pools that the tests of a module share, and short ways to ask them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from altar.adm import FunctionCall, ToolResult
from altar.isolate import ProcessPool, Target
from altar.runtime import CallContext

ROOT = str(Path(__file__).parents[2])
HERE = "tests.isolate.tools_here"


class RudePool(ProcessPool):
    _program = ("tests.isolate.rude_worker", ROOT)


def target(name: str, **options) -> Target:
    return Target(f"{HERE}:{name}", **options)


def ask(pool: ProcessPool, name: str, args: dict | None = None, **options) -> ToolResult:
    """One call; ``options`` are those of Target, and ``ctx``."""
    ctx = options.pop("ctx", None) or CallContext()
    return pool.invoke(FunctionCall(name=name, args=args), ctx, target=target(name, **options))


async def aask(pool: ProcessPool, name: str, args: dict | None = None, **options) -> ToolResult:
    ctx = options.pop("ctx", None) or CallContext()
    call = FunctionCall(name=name, args=args)
    return await pool.ainvoke(call, ctx, target=target(name, **options))


def lives(pid: int) -> bool:
    """Whether a process runs: neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return not Path("/proc/self").exists()
        return False


def soon(holds: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPool]:
    with ProcessPool(size=2) as made:
        yield made
