"""Worker: what the parent knows of one worker process."""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from altar.errors import AltarError
from altar.isolate._bell import Bell
from altar.isolate._inbox import Inbox
from altar.isolate._processes import exit_text
from altar.runtime import Cancellation

if TYPE_CHECKING:
    import socket
    from subprocess import Popen

    from altar.isolate._asked import Asked

__all__ = ["BUSY", "GONE", "IDLE", "STARTING", "Worker", "WorkerError"]

STARTING, IDLE, BUSY, GONE = range(4)
_KEPT_OUTPUT = 16  # chunks of 4,096 bytes at most


class WorkerError(AltarError):
    """A worker process that ended or never started; the ``cause`` of a result, never raised.

    ``exit`` says how it ended ("SIGSEGV", "exit code 3"); ``output`` is the end of
    what it printed, for the application and not for a model.
    """

    def __init__(self, message: str, *, exit: str = "", output: str = "") -> None:  # noqa: A002
        super().__init__(f"{message}; it printed last:\n{output}" if output else message)
        self.exit = exit
        self.output = output


class Worker:
    """One process, its socket, and where it stands.

    ``place`` is STARTING, IDLE (anybody may take it), BUSY (with ``exchange``) or
    GONE (given up, soon or already dead), and changes under the roster's lock
    alone. ``gone`` is raised, with how it ended, when the process was reaped.
    """

    __slots__ = (
        "bell",
        "born",
        "calls",
        "code",
        "drain",
        "exchange",
        "fd",
        "gone",
        "held",
        "idle_since",
        "inbox",
        "is_changed",
        "is_doomed",
        "is_reaped",
        "kill_at",
        "loaded",
        "mark",
        "output",
        "pid",
        "pidfd",
        "pipe",
        "place",
        "poll",
        "process",
        "recent",
        "resident",
        "rest",
        "session",
        "sock",
        "told",
        "why",
    )

    def __init__(
        self, process: Popen[bytes], sock: socket.socket, pipe: int, *, mark: str, now: float
    ) -> None:
        self.process = process
        self.pid = process.pid
        self.sock = sock
        self.fd = sock.fileno()
        self.pipe = pipe
        self.pidfd = -1
        self.mark = mark
        self.bell = Bell()
        self.inbox = Inbox()
        self.poll = select.poll()
        self.poll.register(self.fd, select.POLLIN)
        self.poll.register(self.bell.fd, select.POLLIN)
        self.place = STARTING
        self.exchange: Asked | None = None
        self.drain: Asked | None = None  # given up by its caller; the supervisor reads the end
        self.held = False  # by a caller's thread, which uses its files
        self.session = ""
        self.calls = 0
        self.loaded: set[str] = set()  # the targets it has imported
        self.is_changed = False  # by its last call, as it said together with the answer
        self.is_doomed = False  # the supervisor has killed it, or will
        self.told: dict[str, str] = {}  # the targets it was told to import ahead
        self.is_reaped = False
        self.recent: dict[str, str] = {}  # the pool's: targets that were imported, by path
        self.rest = b""  # of HELLO, where it did not fit at once
        self.born = now
        self.idle_since = now
        self.kill_at: float | None = None
        self.resident = 0  # bytes, when it was ready
        self.why = ""  # why it was killed; "" when it ended by itself
        self.code: int | None = None
        self.gone = Cancellation()
        self.output: deque[bytes] = deque(maxlen=_KEPT_OUTPUT)

    def ended(self) -> str:
        """How the process ended, in a word."""
        return exit_text(self.code)

    def error(self, message: str) -> WorkerError:
        """What happened, for the application."""
        text = b"".join(self.output).decode("utf-8", "replace")
        return WorkerError(message, exit=self.ended(), output=text[-4000:].strip())

    def close(self) -> None:
        """Close the parent's files; the process is not asked."""
        self.bell.close()
        self.sock.close()

    def disown(self) -> None:
        """Close everything in the child of a fork."""
        self.sock.close()
        self.bell.disown()
        for fd in (self.pipe, self.pidfd):
            if fd >= 0:
                with suppress(OSError):
                    os.close(fd)

    def __repr__(self) -> str:
        return f"<Worker {self.pid}, {('starting', 'idle', 'busy', 'gone')[self.place]}>"
