"""What a tool may leave behind in a worker: each thing is cheap to look at after every call."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Any

__all__ = ["State"]

_LOW = 64  # descriptors of the interpreter and its modules lie below
_SIGNALS = tuple(sorted(signal.valid_signals()))
# signal.getsignal makes an enumeration's member of each answer: ten times as slow
_getsignal: Any = importlib.import_module("_signal").getsignal
_getitimer, _ITIMER_REAL = signal.getitimer, signal.ITIMER_REAL
# every thread counts, also one that nothing of threading knows
_count_threads: Any = importlib.import_module("_thread")._count  # noqa: SLF001


class State:
    """What the worker was like once its modules were imported."""

    __slots__ = (
        "children",
        "cwd",
        "descriptors",
        "environment",
        "mask",
        "signals",
        "started",
        "streams",
        "threads",
    )

    def __init__(self) -> None:
        self.cwd = _cwd()
        self.mask = _mask()
        self.signals = _handlers()
        self.started = _count_threads()
        self.threads = _foreign_threads()
        self.children = _has_children()
        self.environment = dict(_environ())
        self.descriptors = _descriptors()
        self.streams = (sys.stdin, sys.stdout, sys.stderr)

    def changes(self) -> list[str]:
        """What is otherwise now, in words; empty when the next call finds what this one found."""
        found = []
        if _cwd() != self.cwd:
            found.append("working directory")
        if _mask() != self.mask:
            found.append("umask")
        if _handlers() != self.signals:
            found.append("signal handlers")
        if _count_threads() != self.started and _foreign_threads() != self.threads:
            found.append("threads")
        if not self.children and _has_children():
            found.append("children")
        for fd, known in self.descriptors.items():
            if _identity(fd) != known:
                found.append("descriptors")
                break
        if _environ() != self.environment:
            found.append("environment")
        if (sys.stdin, sys.stdout, sys.stderr) != self.streams or not _flushed():
            found.append("streams")
        return found


def _cwd() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - a text
    except OSError:
        return None


def _mask() -> int:
    mask = os.umask(0o077)  # the one way to read it is to set it
    os.umask(mask)
    return mask


def _handlers() -> tuple[object, ...]:
    return (*map(_getsignal, _SIGNALS), _getitimer(_ITIMER_REAL)[0] > 0)


def _descriptors() -> dict[int, tuple[int, int]]:
    """The low descriptors that are open now, the three standard ones aside."""
    found = {}
    for fd in range(3, _LOW):
        identity = _identity(fd)
        if identity is not None:
            found[fd] = identity
    return found


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _has_children() -> bool:
    """Whether a child lives, or has died unread."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _environ() -> dict[Any, Any]:
    environ: Any = os.environ
    found: dict[Any, Any] = getattr(environ, "_data", environ)
    return found


def _foreign_threads() -> int:
    """How many threads live that altar did not start; altar's end by themselves, or wait."""
    mine = sum(1 for thread in threading.enumerate() if thread.name.startswith("altar"))
    return int(_count_threads()) - mine


def _flushed() -> bool:
    """Flush what was printed; False when standard output or error cannot be written any more."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return False
    return True
