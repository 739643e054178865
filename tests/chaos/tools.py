"""Tools that hang, fail, crash, flood and lie; each notes in a file that its body has begun.

A worker process imports this module, so it imports little.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from threading import Event
from typing import Any

from altar.errors import ToolError
from altar.later import Context
from altar.later._mark import MARK_ATTRIBUTE, ToolOptions, mark_for

LOG = "ALTAR_CHAOS_LOG"  # the variable that names the file; workers inherit it
TOOLS: list[Any] = []
PATIENCE = 3.0  # seconds after which what hangs gives up, so that a lost one is seen and no more


def chaotic(**options: Any) -> Any:
    """``@tool(...)`` without a note in the registry of whoever runs the tests."""

    def decorate(fn: Any) -> Any:
        setattr(fn, MARK_ATTRIBUTE, mark_for(fn, options=ToolOptions(**options)))
        TOOLS.append(fn)
        return fn

    return decorate


def begun(ticket: str) -> None:
    """Note that a body has begun: one line, written at once, whatever happens next."""
    fd = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{ticket}\n".encode())
    finally:
        os.close(fd)


@chaotic(idempotent=True)
def quick(ticket: str) -> dict[str, str]:
    """Answer with what was asked."""
    begun(ticket)
    return {"ticket": ticket}


@chaotic()
def write(ticket: str) -> dict[str, str]:
    """The same, with an effect: it must not happen twice."""
    begun(ticket)
    return {"ticket": ticket}


@chaotic(idempotent=True)
async def aquick(ticket: str) -> dict[str, str]:
    begun(ticket)
    await asyncio.sleep(0)
    return {"ticket": ticket}


@chaotic(inline=True)
def inline(ticket: str) -> dict[str, str]:
    begun(ticket)
    return {"ticket": ticket}


@chaotic()
def nested(ticket: str, context: Context) -> Any:
    """A call within a call."""
    begun(ticket)
    result = context.session.execute("quick", {"ticket": f"{ticket}.inner"})
    return {"ticket": ticket, "inner": result.ok}


@chaotic()
async def anested(ticket: str, context: Context) -> Any:
    begun(ticket)
    result = await context.session.aexecute("aquick", {"ticket": f"{ticket}.inner"})
    return {"ticket": ticket, "inner": result.ok}


@chaotic()
def hang(ticket: str, context: Context) -> None:
    """Hang until nobody waits."""
    begun(ticket)
    until = time.monotonic() + PATIENCE
    while not context.cancelled and time.monotonic() < until:
        time.sleep(0.002)


@chaotic()
def deaf(ticket: str) -> None:
    """Take too long, and hear nothing."""
    begun(ticket)
    Event().wait(0.1)


@chaotic(timeout=0.03)
async def ahang(ticket: str) -> None:
    begun(ticket)
    await asyncio.Event().wait()


@chaotic()
def fails(ticket: str) -> None:
    begun(ticket)
    raise ValueError(f"secret of {ticket}")


@chaotic(idempotent=True)
async def afails(ticket: str) -> None:
    begun(ticket)
    raise ValueError(f"secret of {ticket}")


@chaotic()
def leaves(ticket: str) -> None:
    begun(ticket)
    raise SystemExit(3)


@chaotic()
async def cancels_itself(ticket: str) -> None:
    begun(ticket)
    raise asyncio.CancelledError


@chaotic()
def falls(ticket: str) -> int:
    """Never come to the ground."""
    begun(ticket)

    def down(n: int) -> int:
        return down(n + 1) + 1

    return down(0)


@chaotic()
def says_retry(ticket: str) -> None:
    """Say that it may be tried again, and fail again."""
    begun(ticket)
    raise ToolError("busy", retry_after=0.0)


@chaotic()
def refuses(ticket: str) -> None:
    begun(ticket)
    raise ToolError("no", type="BUSINESS_RULE_VIOLATION")


@chaotic()
def floods(ticket: str) -> str:
    begun(ticket)
    return "x" * 1_000_000


@chaotic()
def streams(ticket: str) -> Any:
    begun(ticket)
    for number in range(1_000_000):
        yield str(number)


@chaotic()
async def astreams(ticket: str) -> Any:
    begun(ticket)
    for number in range(1_000_000):
        yield str(number)


@chaotic()
def lies(ticket: str) -> int:
    """Promise a number, return what has no JSON form."""
    begun(ticket)
    return [object(), {1: {2}}]  # type: ignore[return-value]


@chaotic()
def prints(ticket: str) -> float:
    begun(ticket)
    print('{"status": "SUCCESS"}', file=open(os.devnull, "w"))
    return float("nan")


@chaotic()
def defers(ticket: str) -> Any:
    """Return work that is still to be done."""
    begun(ticket)
    return asyncio.sleep(0, {"ticket": ticket})


@chaotic(approval=True)
def guarded(ticket: str) -> dict[str, str]:
    begun(ticket)
    return {"ticket": ticket}


@chaotic(isolate=True, idempotent=True)
def far(ticket: str) -> dict[str, str]:
    begun(ticket)
    return {"ticket": ticket}


@chaotic(isolate=True)
def far_fails(ticket: str) -> None:
    begun(ticket)
    raise ValueError(f"secret of {ticket}")


@chaotic(isolate=True)
def far_floods(ticket: str) -> str:
    begun(ticket)
    print("x" * 100_000)
    return "x" * 1_000_000


@chaotic(isolate=True)
def aborts(ticket: str) -> None:
    begun(ticket)
    os.abort()


@chaotic(isolate=True)
def exits(ticket: str) -> None:
    begun(ticket)
    os._exit(7)


@chaotic(isolate=True)
def segfaults(ticket: str) -> None:
    begun(ticket)
    ctypes.string_at(0)


@chaotic(isolate=True, timeout=0.1)
def loops(ticket: str) -> None:
    begun(ticket)
    while True:
        pass


@chaotic(isolate=True, memory_mb=150)
def grows(ticket: str) -> int:
    begun(ticket)
    kept = []
    while True:
        kept.append(b"x" * 20_000_000)


ECHOES = {"quick", "write", "aquick", "inline", "guarded", "far", "defers", "nested", "anested"}
MAY_REPEAT = {"quick", "aquick", "afails", "far", "says_retry"}
HANGS = {"hang", "deaf"}
DEADLY = {"aborts", "exits", "segfaults", "loops", "grows"}
FAR = {"far", "far_fails", "far_floods", *DEADLY}
