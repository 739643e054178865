"""A way to a server whose first connection is answered with nothing; the others go through."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

_PIECE = 64 * 1024


class SilentAtFirst:
    """A proxy of the server at ``url``. Its first connection is never answered, or, with
    ``hangs_up``, closed without a word. ``seen`` counts connections.
    """

    def __init__(self, url: str, *, hangs_up: bool = False) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname or "", parts.port or 0)
        self._hangs_up = hangs_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._accepting = Thread(target=self._accept)
        self._is_over = False
        self.seen = 0
        self.url = f"nats://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        with suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=60).close()  # wakes it
        self._accepting.join(60)
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # whoever reads there wakes
        for thread in self._threads:
            thread.join(60)
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except ConnectionError:  # whoever came is gone already
                continue
            self._sockets.append(near)
            if self._is_over:
                return
            self.seen += 1
            with suppress(OSError):  # or is gone by now
                if self.seen > 1:
                    self._forward(near)
                elif self._hangs_up:
                    near.shutdown(socket.SHUT_RDWR)

    def _forward(self, near: socket.socket) -> None:
        far = socket.create_connection(self._to, timeout=60)
        far.settimeout(None)
        self._sockets.append(far)
        for pair in ((near, far), (far, near)):
            self._threads.append(Thread(target=_pump, args=pair))
            self._threads[-1].start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(_PIECE):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)
