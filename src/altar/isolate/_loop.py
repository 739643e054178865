"""Loop: what one thread waits for: files, a bell, and work that other threads post."""

from __future__ import annotations

import os
import select
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from altar.isolate._bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.isolate._worker import Worker

__all__ = ["Loop"]

_CHUNK = 4096  # bytes of what a worker printed, kept together


class Loop:
    """``post`` and ``look`` are for any thread, the rest for the one that waits."""

    def __init__(self) -> None:
        self._bell = Bell()
        self._poll = select.poll()
        self._poll.register(self._bell.fd, select.POLLIN)
        self._handlers: dict[int, Callable[[], None]] = {self._bell.fd: self._bell.hush}
        self._inbox: deque[Callable[[], None]] = deque()

    def post(self, work: Callable[[], None]) -> None:
        """Have ``work`` done in the loop's thread, soon."""
        self._inbox.append(work)
        self._bell.ring()

    def look(self) -> None:
        """Somebody waits, or a spare is missing."""
        self._bell.ring()

    def _wait(self, milliseconds: int | None) -> None:
        """Wait for one of the files or the bell, and do what is posted."""
        for fd, _ in self._poll.poll(milliseconds):
            handler = self._handlers.get(fd)
            if handler is not None:
                handler()
        self._do_posted()

    def _do_posted(self) -> None:
        while self._inbox:
            self._inbox.popleft()()

    def _listen(self, fd: int, handler: Callable[[], None], *, send: bool = False) -> None:
        self._handlers[fd] = handler
        self._poll.register(fd, select.POLLIN | select.POLLOUT if send else select.POLLIN)

    def _unlisten(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _send_rest(self, worker: Worker) -> None:
        """Send more of a HELLO that did not fit at once."""
        try:
            worker.rest = worker.rest[worker.sock.send(worker.rest) :]
        except BlockingIOError:
            return
        except OSError:  # dead, as the next read says
            worker.rest = b""
        if not worker.rest:
            self._poll.modify(worker.fd, select.POLLIN)

    def _read_output(self, worker: Worker) -> None:
        try:
            text = os.read(worker.pipe, 65_536)
        except BlockingIOError:
            return
        except OSError:
            text = b""
        if text:
            kept = worker.output
            last = b""
            with suppress(IndexError):  # emptied by a call that begins
                last = kept.pop()
            if len(last) + len(text) > _CHUNK:
                kept.append(last)
                last = b""
            kept.append(last + text[-_CHUNK:])  # a crash is told in many small pieces
        else:
            self._unlisten(worker.pipe)
