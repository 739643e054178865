"""What a tool may leave behind in a worker: each thing is cheap to look at after every call."""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import signal
import sys
import threading
from typing import Any

from altar.later._worker_children import has_children

__all__ = ["State"]

_STANDARD = 2  # the last of the three that every process has
_LOW = 64  # descriptors of the interpreter and its modules lie below
_SIGNALS = tuple(sorted(signal.valid_signals()))
# signal.getsignal makes an enumeration's member of each answer: ten times as slow
_getsignal: Any = importlib.import_module("_signal").getsignal
_sigmask: Any = importlib.import_module("_signal").pthread_sigmask
_getitimer, _getrlimit = signal.getitimer, resource.getrlimit
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
# RLIMIT_DATA is altar's own
_LIMITS = (
    resource.RLIMIT_CPU,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_AS,
    resource.RLIMIT_STACK,
)
_LEAKED = 64  # descriptors that calls may keep; a connection made on first use is no harm
# every thread counts, also one that nothing of threading knows
_count_threads: Any = importlib.import_module("_thread")._count  # noqa: SLF001
_IN_CONTEXT = ("altar-approve", "altar-tools")  # of altar, begun by ``copy_context().run``
_active: dict[int, threading.Thread] = vars(threading)["_active"]


class State:
    """What the worker was like once its modules were imported."""

    __slots__ = (
        "children",
        "cwd",
        "descriptors",
        "environment",
        "free",
        "known",
        "limits",
        "mask",
        "modules",
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
        self.known = frozenset(_active)
        self.children = has_children()
        self.limits = tuple(map(_getrlimit, _LIMITS))
        self.modules = len(sys.modules)
        self.environment = dict(_environ())
        self.descriptors = _descriptors()
        self.free = _lowest_free()
        self.streams = (sys.stdin, sys.stdout, sys.stderr)

    def changes(self) -> list[str]:  # noqa: C901 - one look after another
        """What is otherwise now, in words; empty when the next call finds what this one found."""
        found = []
        if _cwd() != self.cwd:
            found.append("working directory")
        if _mask() != self.mask:
            found.append("umask")
        if _handlers() != self.signals:
            found.append("signal handlers")
        if self._other_threads():
            found.append("threads")
        if not self.children and has_children():
            found.append("children")
        if tuple(map(_getrlimit, _LIMITS)) != self.limits:
            found.append("resource limits")
        faulthandler.cancel_dump_traceback_later()  # nobody can ask whether there is one
        if self._other_descriptors():
            found.append("descriptors")
        if _environ() != self.environment:
            found.append("environment")
        if len(sys.modules) < self.modules:
            found.append("modules")
        if (sys.stdin, sys.stdout, sys.stderr) != self.streams or not _flushed():
            found.append("streams")
        return found

    def _other_threads(self) -> bool:
        same = _count_threads() == self.started and _active.keys() == self.known
        return not same and _foreign_threads() != self.threads

    def _other_descriptors(self) -> bool:
        for fd, known in self.descriptors.items():
            if _identity(fd) != known:
                return True
        return _lowest_free() > self.free + _LEAKED


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
    timers = [_getitimer(timer)[0] > 0 for timer in _TIMERS]
    return (*map(_getsignal, _SIGNALS), *timers, _sigmask(signal.SIG_BLOCK, ()))


def _descriptors() -> dict[int, tuple[int, int] | None]:
    """The low descriptors that are open now, and the three standard ones."""
    found = {}
    for fd in range(_LOW):
        identity = _identity(fd)
        if identity is not None or fd <= _STANDARD:
            found[fd] = identity
    return found


def _lowest_free() -> int:
    """The number that the next descriptor gets; a very high one when there is none."""
    try:
        fd = os.dup(2)
    except OSError:
        return sys.maxsize
    os.close(fd)
    return fd


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _environ() -> dict[Any, Any]:
    environ: Any = os.environ
    found: dict[Any, Any] = getattr(environ, "_data", environ)
    return found


def _foreign_threads() -> tuple[int, frozenset[int]]:
    """The threads that altar did not start: how many live, and which ones threading knows."""
    threads = threading.enumerate()
    mine = {thread.ident for thread in threads if _is_altars(thread)}
    known = {t.ident for t in threads if type(t).__name__ != "_DummyThread"} - mine
    return int(_count_threads()) - len(mine), frozenset(one for one in known if one is not None)


def _is_altars(thread: threading.Thread) -> bool:
    """Whether it runs a function of altar's: such threads end by themselves, or wait."""
    target = getattr(thread, "_target", None)
    module = str(getattr(target, "__module__", ""))
    return module.startswith("altar.") or (module == "None" and thread.name in _IN_CONTEXT)


def _flushed() -> bool:
    """Flush what was printed; False when standard output or error cannot be written any more."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return False
    return True
