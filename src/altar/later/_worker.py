"""The program of a worker process: runs the calls its parent sends, one at a time.

The words are those of :mod:`altar.isolate._wire`. What starts a worker imports
this module and calls ``main``; the rest of altar is imported once READY was said,
while the parent has nothing to ask yet.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from altar.isolate import _wire as wire
from altar.later._worker_children import end_children
from altar.later._worker_line import Line, LineLostError
from altar.runtime._inside import inside

__all__ = ["main"]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_LOST = 70  # exit code: the line to the parent is gone (EX_SOFTWARE)
_ENDED = 0


def main(fd: int) -> NoReturn:
    """Serve the parent at the other end of ``fd``, and end with it."""
    code, started = _LOST, os.getpid()
    try:
        code = _serve(fd)
    except LineLostError:
        pass
    except BaseException:  # noqa: BLE001 - a bug of altar's, or a tool's last trick
        _say_what_happened()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
        if os.getpid() == started:
            end_children()
        os._exit(code)


def _serve(fd: int) -> int:
    line = Line(fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to decide
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    inside.worker = True
    frame = line.receive()
    if frame is None or frame[0] != wire.HELLO:
        return _ENDED
    hello = wire.decode(frame[1])
    _die_with(hello["parent"])
    sys.path[:] = hello["path"]
    with suppress(AttributeError, OSError, ValueError):  # a crash loses no line that was printed
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = [hello["main"] or ""]
    with suppress(OSError):  # it is gone: the parent could not go there either
        os.chdir(hello["cwd"])
    line.send(wire.encode(wire.READY, {"pid": os.getpid()}))
    from altar.later._worker_server import Server  # noqa: PLC0415 - most of altar; READY first

    return Server(line, main=hello["main"], memory_mb=hello["memory_mb"]).serve()


def _die_with(parent: int) -> None:
    """Have the system end this process when the one that started it ends."""
    if sys.platform == "linux":
        try:
            import ctypes  # noqa: PLC0415 - where there is something to ask of it

            prctl = ctypes.CDLL(None).prctl
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what a tool daemonises is seen here
        except (ImportError, OSError, AttributeError):
            pass  # the end of file on the line says the same, a moment later
    if os.getppid() != parent:
        os._exit(_ENDED)


def _say_what_happened() -> None:
    import traceback  # noqa: PLC0415 - only on failure

    with suppress(OSError):
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
