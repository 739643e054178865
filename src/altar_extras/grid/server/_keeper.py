"""The program between us and a server: it ends the server when we end, however that happens.

It stands alone (no site, no altar): ``python -I -S _keeper.py PARENT COMMAND...``.
Its first line of output is the server's process id; it ends with the server's own exit code,
128 and the signal's number where one killed it.
"""

from __future__ import annotations

import os
import select
import signal
import sys

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LOOK = 0.5  # seconds between looks at who our parent is


def main(parent: int, command: list[str]) -> int:
    """Run ``command`` until it ends by itself or ``parent`` is gone; the exit code of a shell."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    prctl = _prctl()
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, keeper, prctl)
    os.write(1, f"{child}\n".encode())
    os.close(1)
    while True:
        ready = select.select([0, reader], [], [], _LOOK)[0]
        if reader in ready:
            os.read(reader, 4096)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        # A process that was forked from ours may hold the line open: look at the parent too.
        if 0 in ready or os.getppid() != parent:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return 0


def _become(command: list[str], keeper: int, prctl: object) -> None:
    try:
        if callable(prctl):
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == keeper:
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(2, 1)
            os.execv(command[0], command)  # noqa: S606 - what we were told to run
    finally:
        os._exit(127)


def _prctl() -> object:
    if sys.platform != "linux":
        return None
    try:
        import ctypes  # noqa: PLC0415 - where there is something to ask of it

        return ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
