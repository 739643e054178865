"""Stdio: the server on this process's stdin and stdout, one JSON message a line.

While it serves, the protocol has both for itself: what tools print goes to
stderr, and what they read is empty.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from altar.mcp._jsonrpc import INVALID_REQUEST, RpcError, error_frame, parse
from altar.mcp._server_frames import safely
from altar.mcp._server_line import Line, listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.mcp._server_core import Core
    from altar.mcp._server_peer import Peer

__all__ = ["Lines", "serve_stdio"]

_GRACE: Final = 1.0  # seconds for what still runs when the client has closed our stdin
_CHUNK = 65536


class Lines:
    """Bytes as they come, cut into lines; one that is too long comes out as None."""

    __slots__ = ("_buffer", "_limit", "_skipping")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that are complete now, without what ends them."""
        if b"\n" not in data:
            self._keep(data)
            return self._overflow()
        first, *rest = data.split(b"\n")
        self._keep(first)
        found = self._overflow()
        if self._skipping:
            self._skipping = False
        else:
            found.append(bytes(self._buffer))
        self._buffer.clear()
        last = rest.pop()
        found += [line if len(line) <= self._limit else None for line in rest]
        self._keep(last)
        return found + self._overflow()

    def end(self) -> list[bytes | None]:
        """What is left when no more comes."""
        left = bytes(self._buffer)
        return [left] if left else []

    def _keep(self, data: bytes) -> None:
        if not self._skipping:
            self._buffer += data

    def _overflow(self) -> list[bytes | None]:
        if len(self._buffer) <= self._limit:
            return []
        self._buffer.clear()
        self._skipping = True
        return [None]


async def serve_stdio(core: Core, peer: Peer) -> None:
    """Serve one client until it closes our stdin."""
    with _claimed() as (source, sink):
        pipe = _Pipe(core, peer, source, sink)
        try:
            await pipe.run()
        finally:
            await pipe.close()


class _Pipe(asyncio.Protocol):
    """Both ends: reads pause while the client does not read what it was sent."""

    def __init__(self, core: Core, peer: Peer, source: int, sink: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = Line(core, peer)
        self._lines = Lines(core.options.max_message)
        self._limit = core.options.max_message
        self._source, self._sink = source, sink
        self._reader: asyncio.ReadTransport | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._ended = asyncio.Event()
        self._is_closed = False  # from then on the numbers may be those of other files
        self._listeners = core.listeners
        self._tell = listener(peer, self.send)
        self._listeners.add(self._tell)

    async def run(self) -> None:
        """Returns when the client has no more to say and has its answers."""
        loop = self._loop
        if _is_one_socket(self._source, self._sink):
            both = socket.socket(fileno=os.dup(self._sink))
            await loop.connect_accepted_socket(lambda: self, both)
        elif _is_pipe(self._sink):
            pipe = os.fdopen(self._sink, "wb", 0, closefd=False)
            self._writer, _ = await loop.connect_write_pipe(lambda: _Sink(self), pipe)
        if self._reader is not None:
            pass  # as above
        elif _is_pipe(self._source):
            pipe = os.fdopen(self._source, "rb", 0, closefd=False)
            self._reader, _ = await loop.connect_read_pipe(lambda: self, pipe)
        else:
            own = (os.dup(self._source),)  # it may still read when ours is closed
            threading.Thread(
                target=self._read, args=own, name="altar-mcp-stdin", daemon=True
            ).start()
        await self._ended.wait()
        self._listeners.over()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._line.settled()

    async def close(self) -> None:
        """Cancel what runs, and write what is left."""
        self._listeners.remove(self._tell)
        self._line.close()
        try:
            with suppress(TimeoutError):  # a tool may refuse to end
                async with asyncio.timeout(_GRACE):
                    await self._line.settled()
            self._end_reading()
            await self._written()
        finally:  # whoever waits for the end may be cancelled as well
            self._is_closed = True
            self._end_reading()
            if self._writer is not None and not self._writer.is_closing():
                self._writer.abort()  # it is closing where the client has died

    async def _written(self) -> None:
        """What is left is taken, or nobody reads it in time."""
        if self._writer is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    while self._writer.get_write_buffer_size():  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(0.01)

    def _end_reading(self) -> None:
        reader = self._reader
        if reader is not None and not isinstance(reader, asyncio.Transport):
            reader.close()
        elif reader is not None and not reader.is_closing():
            reader.pause_reading()  # what is left is still to be written

    # -- in ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is something to read; a socket takes what is written as well."""
        assert isinstance(transport, asyncio.ReadTransport)
        self._reader = transport
        if isinstance(transport, asyncio.Transport):
            self._writer = transport

    def data_received(self, data: bytes) -> None:
        """Whatever the client wrote."""
        for line in self._lines.feed(data):
            self._take(line)

    def eof_received(self) -> bool:
        """The client has closed its end; a last line may lack what ends it."""
        for line in self._lines.end():
            self._take(line)
        self._ended.set()
        return True  # a socket stays open for the answers

    def connection_lost(self, exc: Exception | None) -> None:
        """The pipe is gone."""
        self._ended.set()

    def _take(self, line: bytes | None) -> None:
        if line is not None and not line.strip():
            return
        try:
            if line is None:
                reason = f"Invalid request: the message is larger than {self._limit} bytes"
                raise RpcError(INVALID_REQUEST, reason)
            message = parse(line)
        except RpcError as error:
            self.send(error_frame(error.id, error))
            return
        self._line.take(message, self)

    def _read(self, source: int) -> None:
        """For what the loop cannot watch: files, terminals, and pipes on Windows."""
        data = b"-"
        try:
            while data:
                try:
                    data = os.read(source, _CHUNK)
                except OSError:
                    data = b""
                took = self.data_received if data else (lambda _: self.eof_received())
                self._loop.call_soon_threadsafe(took, data)
        except RuntimeError:  # the loop has ended
            pass
        finally:
            os.close(source)

    # -- out --------------------------------------------------------------------------

    def send(self, frame: dict[str, Any]) -> None:
        """One message, one line; none once it is closed, as from a tool that refused to end."""
        if self._is_closed:
            return
        data = safely(frame) + b"\n"
        if self._writer is not None:
            if not self._writer.is_closing():
                self._writer.write(data)
            return
        try:
            while data:
                data = data[os.write(self._sink, data) :]
        except OSError:  # nobody reads any more
            self._ended.set()

    def finish(self, frame: dict[str, Any] | None) -> None:
        """An answer; a cancelled request has none."""
        if frame is not None:
            self.send(frame)

    def waiting(self) -> int:
        """Bytes that the client has not read yet."""
        return 0 if self._writer is None else self._writer.get_write_buffer_size()

    def full(self, is_full: bool) -> None:
        """The client is slow to read: it has to wait with what it writes."""
        if self._reader is not None and not self._reader.is_closing():
            if is_full:
                self._reader.pause_reading()
            else:
                self._reader.resume_reading()

    def pause_writing(self) -> None:
        """As :class:`_Sink` does, where one socket is both."""
        self.full(True)

    def resume_writing(self) -> None:
        """It is read again."""
        self.full(False)


class _Sink(asyncio.BaseProtocol):
    """The writing end, as the loop tells of it."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe

    def pause_writing(self) -> None:
        self._pipe.full(True)

    def resume_writing(self) -> None:
        self._pipe.full(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipe.connection_lost(exc)


def _is_one_socket(source: int, sink: int) -> bool:
    """Whether both are the same connection: each end alone would take the other's bytes."""
    if sys.platform == "win32":
        return False
    here, there = os.fstat(source), os.fstat(sink)
    return stat.S_ISSOCK(here.st_mode) and os.path.samestat(here, there)


def _is_pipe(descriptor: int) -> bool:
    """Whether the loop can watch it without changing it for others, as with a terminal."""
    if sys.platform == "win32":
        return False
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _claimed() -> Iterator[tuple[int, int]]:
    """Private copies of stdin and stdout, while 0 is empty and 1 is stderr for everybody else."""
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        yield source, sink
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(source, 0)
        os.dup2(sink, 1)
        os.close(nothing)
        os.close(sink)
        os.close(source)
