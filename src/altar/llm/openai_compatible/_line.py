"""Line: a socket under the clock of one attempt, which another thread can end at once."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from io import BufferedReader, RawIOBase
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from altar.llm import Attempt

__all__ = ["Line", "Watch"]

_BUFFER = 65_536


class Watch:
    """The clock of one attempt: how long the next wait may be, and whether it was interrupted.

    ``silence`` is the longest time without a byte. Raises TimeoutError when
    the attempt's time is up, and InterruptedError when its flag was raised.
    """

    def __init__(self, attempt: Attempt, silence: float) -> None:
        self._attempt = attempt
        self._lock = RLock()
        self._socket: socket.socket | None = None
        self.closed = False  # by the provider's own close
        self.silence = silence

    def __enter__(self) -> Self:
        self._attempt.cancelled.on_cancel(self.interrupt)
        return self

    def __exit__(self, *exc: object) -> None:
        self._attempt.cancelled.forget(self.interrupt)
        self.release()

    @property
    def interrupted(self) -> bool:
        """Whether the flag was raised, or the provider closed."""
        return self.closed or bool(self._attempt.cancelled)

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed."""
        deadline = self._attempt.deadline
        return deadline is not None and monotonic() >= deadline

    def wait(self, most: float | None = None) -> float:
        """The seconds the next wait may take."""
        if self.interrupted:
            raise InterruptedError
        seconds = self.silence if most is None else min(most, self.silence)
        deadline = self._attempt.deadline
        if deadline is not None:
            seconds = min(seconds, deadline - monotonic())
            if seconds <= 0:
                raise TimeoutError
        return seconds

    def hold(self, sock: socket.socket) -> None:
        """Let ``interrupt`` end what waits on ``sock``."""
        self._socket = sock
        if self.interrupted:
            raise InterruptedError

    def release(self) -> None:
        """The attempt has no more to do with the socket: from here on nothing ends that."""
        with self._lock:
            self._socket = None

    def close(self) -> None:
        """As :meth:`interrupt`, for a provider that is closed while somebody waits."""
        self.closed = True
        self.interrupt()

    def interrupt(self) -> None:
        """End whatever waits on the socket, from any thread."""
        with self._lock, suppress(OSError):  # not connected yet, or closed meanwhile
            if self._socket is not None:
                # past SSLSocket.shutdown, which takes the TLS state from under a reading thread
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Line:
    """A connected socket, in the form that http.client reads and writes through.

    Each wait is as long as the ``watch`` of the attempt that uses it allows;
    ``sent`` counts the bytes that left in that attempt. Closing is
    ``hang_up``: http.client closes a connection while its answer is still read.
    """

    def __init__(self, sock: socket.socket, watch: Watch) -> None:
        self._socket = sock
        self.watch = watch
        self.sent = 0

    def begin(self, watch: Watch) -> None:
        """Serve the next attempt."""
        self.watch = watch
        self.sent = 0
        watch.hold(self._socket)

    def is_stale(self) -> bool:
        """Whether the server closed it, or spoke out of turn, since it was last used."""
        try:
            if not hasattr(select, "poll"):
                return bool(select.select([self._socket], [], [], 0)[0])
            poller = select.poll()  # which knows no highest file number
            poller.register(self._socket, select.POLLIN)
            return bool(poller.poll(0))
        except (OSError, ValueError):
            return True

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        while view:
            self._socket.settimeout(self.watch.wait())
            count = self._socket.send(view)
            self.sent += count
            view = view[count:]

    def makefile(self, *_mode: object) -> BufferedReader:
        """What comes back, for one answer."""
        return BufferedReader(_Tap(self), _BUFFER)

    def receive(self, into: memoryview) -> int:
        """Wait for some bytes; 0 when the server closed."""
        self._socket.settimeout(self.watch.wait())
        return self._socket.recv_into(into)

    def close(self) -> None:
        """Nothing: an answer may still be read."""

    def hang_up(self) -> None:
        """Close the socket."""
        with suppress(OSError):
            self._socket.close()


class _Tap(RawIOBase):
    """The raw bytes of a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        return self._line.receive(into)
