"""Tools that a worker is asked for by hand; each leaves something else behind."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import altar
from altar import tool


def add(a: int, b: int = 1) -> int:
    return a + b


async def aadd(a: int, b: int = 1) -> int:
    await asyncio.sleep(0)
    return a + b


def count(to: int) -> Iterator[str]:
    for number in range(to):
        yield str(number)


async def acount(to: int) -> AsyncIterator[str]:
    for number in range(to):
        yield str(number)


def broken() -> None:
    raise ValueError("inside")


class Faulty(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even a text")


def faulty() -> None:
    raise Faulty


def interrupted() -> None:
    raise KeyboardInterrupt


def logs(times: int) -> None:
    for at in range(times):
        logging.getLogger("altar").warning("line %d", at, extra={"tool": "logs"})


def starving() -> None:
    raise MemoryError


def depends(context: altar.Context) -> Any:
    return context.deps["key"]


def sessions(context: altar.Context) -> Any:
    context.session.anything = 1


def shows(context: altar.Context) -> Any:
    return [repr(context.session), context.deps, context.approved, context.remaining() is not None]


def waits(context: altar.Context) -> str:
    until = time.monotonic() + 60
    while not context.cancelled and time.monotonic() < until:
        time.sleep(0.001)
    return "heard"


def large(size: int) -> str:
    return "x" * size


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def chunks(size: int, context: altar.Context) -> str:
    context.progress("small")
    context.progress("x" * size)
    return "done"


def changes(what: str) -> str:
    if what == "working directory":
        os.chdir("/")
    elif what == "umask":
        os.umask(0o017)
    elif what == "signal handlers":
        signal.signal(signal.SIGUSR1, lambda *_: None)
    elif what == "threads":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    elif what == "children":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    elif what == "resource limits":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    elif what == "descriptors":
        os.close(0)
        os.open(os.devnull, os.O_WRONLY)
        os.dup2(os.pipe()[1], 0)
    elif what == "environment":
        os.environ["ALTAR_LEFT_BEHIND"] = "1"
    elif what == "modules":
        del sys.modules["altar"]
    elif what == "streams":
        sys.stdout = sys.stderr
    faulthandler.dump_traceback_later(60)
    return what


async def leaves_tasks(stubborn: bool) -> str:
    async def run_on() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    task = asyncio.create_task(run_on())
    await asyncio.sleep(0)
    return task.get_name() and "left"


async def threaded() -> int:
    return await asyncio.to_thread(add, 1)


def meddles() -> str:
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(0.5)
    return "set"


def recursion() -> int:
    return sys.getrecursionlimit()


@tool(name="hidden_one")
def _hidden(n: int) -> int:
    return n


def raw(args: dict[str, Any]) -> dict[str, Any]:
    return args


def forks() -> int:
    return os.fork()


def drops_line() -> str:
    for fd in range(64, 8192):
        try:
            os.close(fd)
        except OSError:
            pass
    return "closed"


def traced() -> str:
    from altar.trace import span

    with span("inside"):
        return "seen"
