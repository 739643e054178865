"""Bell: wakes a thread that waits in poll; safe to ring from anywhere, even when it is closed."""

from __future__ import annotations

import os
from _thread import RLock
from contextlib import suppress

__all__ = ["Bell"]


class Bell:
    """``fd`` becomes readable when somebody rings, and stays so until ``hush``."""

    __slots__ = ("_lock", "_out", "fd")

    def __init__(self) -> None:
        self._out = -1  # where the system has no descriptor left
        self._lock = RLock()  # a call that is thrown away rings wherever the collector runs
        if hasattr(os, "eventfd"):
            self.fd = self._out = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        else:  # macOS
            self.fd, self._out = os.pipe()
            os.set_blocking(self.fd, False)
            os.set_blocking(self._out, False)

    def ring(self) -> None:
        """Wake whoever waits. A listener of a cancellation may come late: it never writes
        to a number that belongs to another file by now.
        """
        with self._lock:
            if self._out >= 0:
                with suppress(BlockingIOError):  # it rings already
                    os.write(self._out, b"\0\0\0\0\0\0\0\1")

    def hush(self) -> None:
        """Be silent until the next ring."""
        with suppress(BlockingIOError):
            while len(os.read(self.fd, 512)) == 512:
                pass

    def close(self) -> None:
        """Close the files; later rings do nothing."""
        with self._lock:
            out, self._out = self._out, -1  # first: an interrupted close is not done again
            if out >= 0:
                os.close(self.fd)
                if out != self.fd:
                    os.close(out)

    __del__ = close

    def disown(self) -> None:
        """Close in the child of a fork, where a thread that is not there may hold the lock."""
        self._lock = RLock()
        self.close()
