"""What a worker started, and those started in turn: ended before it ends itself."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

__all__ = ["end_children", "has_children"]

_GENERATIONS = 8
_MOST = 4096  # processes looked at


def has_children() -> bool:
    """Whether a child lives, or has died unread."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def end_children() -> None:
    """Kill what this process started, wherever it went: on Linux it is a subreaper, so that
    a daemon is its child again. Elsewhere nobody says who they are.
    """
    if not has_children():
        return
    killed: set[int] = set()
    for _ in range(_GENERATIONS):  # what was started while the others were killed
        found = [pid for pid in _descendants() if pid not in killed]
        if not found:
            break
        for one in (signal.SIGSTOP, signal.SIGKILL):  # a stopped one starts no more
            for pid in found:
                with suppress(OSError):
                    os.kill(pid, one)
        killed.update(found)


def _descendants() -> list[int]:
    found: list[int] = []
    known = [os.getpid()]
    for pid in known:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - pathlib is not loaded
                with (
                    suppress(OSError),
                    open(f"/proc/{pid}/task/{task}/children", "rb", buffering=0) as file,  # noqa: PTH123
                ):
                    found += map(int, file.read(65_536).split())
        known += found[len(known) - 1 : _MOST]
    return found
