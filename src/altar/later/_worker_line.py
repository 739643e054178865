"""The worker's end of the line to its parent: whole frames in, whole frames out."""

from __future__ import annotations

import fcntl
import os
import resource
import select
from _thread import allocate_lock
from stat import S_ISSOCK

from altar.isolate._wire import HARD_LIMIT, HEADER

__all__ = ["Line", "LineLostError"]

_READ, _READ_MORE = 4096, 262_144  # what most frames fit into, and what follows where not
_HIGH = 4096  # a tool that closes descriptors begins with the low ones
_HEAD = HEADER.size


class LineLostError(Exception):
    """The descriptor is closed, or is somebody else's by now."""


class Line:
    """A stream socket under a private descriptor, which no child of this process keeps.

    It is read by one thread at a time, which holds ``reading``; sending has a
    lock of its own.
    """

    __slots__ = ("_buffer", "_fd", "_identity", "_sending", "_until_ready", "reading")

    def __init__(self, fd: int) -> None:
        self._fd = _moved_up(fd)
        self._identity = _identity_of(self._fd)
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        self._until_ready = poll.poll
        self._buffer = bytearray()
        self._sending = allocate_lock()
        self.reading = allocate_lock()
        os.register_at_fork(after_in_child=self._forsake)

    def fileno(self) -> int:
        """The descriptor, for select."""
        return self._fd

    def receive(self) -> tuple[int, bytes] | None:
        """The kind and the body of the next frame; None when the parent has closed the line."""
        if not self._buffer:
            # a read that waits is woken as well when the parent takes the last answer out,
            # and goes to sleep again: two changes of process for each call; poll is not
            self._until_ready()
            data = self._read()
            if len(data) >= _HEAD:
                length, kind = HEADER.unpack_from(data)
                if length == len(data) - _HEAD:  # nearly always: one frame, and all of it
                    return kind, data[_HEAD:]
            if not data:
                return None
            self._buffer += data
        while True:
            frame = self.buffered()
            if frame is not None:
                return frame
            if not self.fill():
                return None

    def buffered(self) -> tuple[int, bytes] | None:
        """The next frame, if all of it has been read."""
        data = self._buffer
        if len(data) < _HEAD:
            return None
        length, kind = HEADER.unpack_from(data)
        if length > HARD_LIMIT:
            raise LineLostError
        end = _HEAD + length
        if len(data) < end:
            return None
        body = bytes(data[_HEAD:end])
        del data[:end]
        return kind, body

    def fill(self) -> bool:
        """Read more, waiting for it; False at the end."""
        data = self._read()
        self._buffer += data
        return data != b""

    def _read(self) -> bytes:
        """What comes next; nothing at the end."""
        try:
            data = os.read(self._fd, _READ_MORE if self._buffer else _READ)
        except ConnectionError:
            return b""
        except OSError as error:
            raise LineLostError from error
        if not data and _identity_of(self._fd) != self._identity:  # another file's end
            raise LineLostError
        return data

    def send(self, data: bytes) -> None:
        """Write one whole frame. Raises LineLostError when there is nobody to write to."""
        with self._sending:
            try:
                if _identity_of(self._fd) != self._identity:
                    raise LineLostError
                sent = os.write(self._fd, data)
                while sent < len(data):
                    sent += os.write(self._fd, memoryview(data)[sent:])
            except OSError as error:
                raise LineLostError from error

    def _forsake(self) -> None:
        """In a child that a tool forked: it has no parent to talk to."""
        try:
            if _identity_of(self._fd) == self._identity:
                os.close(self._fd)
        except OSError:
            pass
        self._fd = -1


def _moved_up(fd: int) -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = _HIGH if soft == resource.RLIM_INFINITY else max(3, min(_HIGH, soft - 8))
    private = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(fd)
    return private


def _identity_of(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    if not S_ISSOCK(found.st_mode):
        raise LineLostError
    return found.st_dev, found.st_ino
