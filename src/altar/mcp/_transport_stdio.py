"""StdioTransport: a server as a child process, one JSON message a line."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from altar.errors import ErrorType
from altar.mcp._client_errors import McpError, unreachable
from altar.mcp._jsonrpc import Answer, Failure, Notification, Request, RpcError, encode, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altar.mcp._client_options import ClientOptions
    from altar.mcp._jsonrpc import Id
    from altar.mcp._transport import Inbox

__all__ = ["StdioTransport", "kill_group"]

# what the official SDKs hand on; anything else may be a secret of ours
_INHERITED = (
    ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")
    if sys.platform != "win32"
    else (
        *("APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATH", "PATHEXT"),
        *("PROCESSOR_ARCHITECTURE", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "USERNAME"),
        "USERPROFILE",
    )
)
_NOTES = 65_536  # bytes kept of stderr
_GRACE = 2.0  # seconds a server may take to end after its stdin, and after SIGTERM
_LAST_WORDS = 1.0  # seconds between the end of a pipe and that of the process
_BACKLOG = 1024 * 1024  # bytes a server may leave unread before it gets no more replies
_ID_OF_LINE = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d{1,15})\s*,')


class StdioTransport:
    """A server as a child process in a group of its own, killed with that group."""

    drops_to_cancel = False
    is_one_pipe = True

    def __init__(self, command: Sequence[str], options: ClientOptions) -> None:
        self.shown = f"the MCP server {PurePath(command[0]).name!r}"
        self.version: str | None = None
        self.is_modern = False
        self.ended: str | None = None
        self.pids: set[int] = set()  # for whoever must kill without the loop
        self._command = tuple(command)
        self._options = options
        self._waiting: dict[Id, asyncio.Future[Answer | Failure]] = {}
        self._line: list[bytes] = []
        self._size = 0
        self._skipping = False
        self._stderr = bytearray()
        self._inbox: Inbox | None = None
        self._process: asyncio.SubprocessTransport | None = None
        self._stdin: Any = None
        self._exited = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def notes(self) -> str:
        """The end of what the server wrote to stderr."""
        return self._stderr.decode("utf-8", "replace")

    async def open(self, inbox: Inbox) -> None:
        """Start the process; raises McpError where there is none to start."""
        self._inbox = inbox
        known = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # a value that begins so is a function of an old shell
        known = {name: value for name, value in known.items() if not value.startswith("()")}
        try:
            process, _ = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Pipes(self),
                *self._command,
                env=known | dict(self._options.env),
                cwd=self._options.cwd,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise unreachable(f"{self.shown} cannot be started: {error}") from error
        self._stdin = process.get_pipe_transport(0)
        self.pids.add(process.get_pid())

    async def exchange(
        self, frame: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer | Failure:
        """Send a request and wait for the line that answers it."""
        del headers
        id_: Id = frame["id"]
        answer: asyncio.Future[Answer | Failure] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = answer
        try:
            await self._write(frame)
            return await answer
        finally:
            self._waiting.pop(id_, None)

    async def send(self, frame: Mapping[str, Any]) -> None:
        """Send what wants no answer; dropped where the server reads nothing any more."""
        if self.ended is None and self._stdin.get_write_buffer_size() < _BACKLOG:
            self._stdin.write(encode(frame) + b"\n")

    async def listen(self) -> None:
        """Nothing: all comes by the same pipe."""

    async def close(self) -> None:
        """Close stdin, wait a little, then kill the process with its group."""
        self.finish("it was closed")
        process = self._process
        if process is None:
            return
        if self._stdin is not None:
            self._stdin.close()
        pid = process.get_pid()
        if not await self._has_exited(_GRACE):
            kill_group(pid, signal.SIGTERM)
            if not await self._has_exited(_GRACE):
                kill_group(pid, _KILL)
                await self._has_exited(_GRACE)
        kill_group(pid, _KILL)  # what it started may outlive it
        self.pids.discard(pid)
        process.close()

    def took(self, piece: bytes) -> None:
        """Bytes of stdout: whole lines are read, the rest is kept."""
        *lines, rest = piece.split(b"\n")
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif self._size + len(line) > self._options.max_message:
                self._too_long(b"".join([*self._line, line[:200]]))
            else:
                self._read(b"".join([*self._line, line]) if self._line else line)
            self._line.clear()
            self._size = 0
        if rest and not self._skipping:
            self._line.append(rest)
            self._size += len(rest)
            if self._size > self._options.max_message:
                self._too_long(b"".join(self._line)[:200])
                self._line.clear()
                self._skipping = True

    def noted(self, piece: bytes) -> None:
        """Bytes of stderr, of which the end is kept."""
        self._stderr += piece
        del self._stderr[:-_NOTES]

    def finish(self, why: str) -> None:
        """No more answers: whoever waits for one hears ``why``."""
        if self.ended is None:
            self.ended = why
        self._writable.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._gone())

    def exited(self) -> None:
        """The process has ended."""
        self._exited.set()
        self.silent("it ended")  # its last lines may be in the pipes, or a child hold those open

    def silent(self, why: str) -> None:
        """A pipe was closed; how the process ended says more, where it did in a while."""
        asyncio.get_running_loop().call_later(_LAST_WORDS, self.over, why)

    def over(self, why: str) -> None:
        """All was read that will come."""
        if self._exited.is_set() and self._process is not None:
            code = self._process.get_returncode()
            if code is not None:
                why = f"it ended with code {code}" if code >= 0 else _signalled(-code)
        self.finish(why)

    def began(self, process: asyncio.SubprocessTransport) -> None:
        """The process is there, and may have ended already."""
        self._process = process

    def flowing(self, *, on: bool) -> None:
        """Whether stdin takes more."""
        self._writable.set() if on else self._writable.clear()

    async def _write(self, frame: Mapping[str, Any]) -> None:
        if self.ended is None and not self._writable.is_set():
            await self._writable.wait()
        if self.ended is not None:
            raise self._gone()
        self._stdin.write(encode(frame) + b"\n")

    def _gone(self) -> McpError:
        return unreachable(f"{self.shown} is not there: {self.ended}.")

    def _read(self, line: bytes) -> None:
        try:
            message = parse(line)
        except RpcError:
            return  # a server that prints to stdout; what it fails to answer times out
        if isinstance(message, (Request, Notification)):
            if self._inbox is not None:
                self._inbox.took(message, None)
            return
        id_ = message.id
        answer = None if id_ is None else self._waiting.get(id_)
        if answer is not None and not answer.done():  # else unasked for, or a second time
            answer.set_result(message)
        elif id_ is not None and self._inbox is not None:
            self._inbox.late(id_)

    def _too_long(self, start: bytes) -> None:
        """Fail the request that a line of more than ``max_message`` bytes answers."""
        most = self._options.max_message
        found = _ID_OF_LINE.match(start)
        answer = self._waiting.get(int(found[1])) if found is not None else None
        if answer is None or answer.done():
            return
        error = McpError(
            f"{self.shown} answered with more than {most} bytes.",
            type=ErrorType.RESOURCE_EXHAUSTED,
            details={"max_message": most},
        )
        answer.set_exception(error)

    async def _has_exited(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._exited.wait(), seconds)
        return self._exited.is_set()


class _Pipes(asyncio.SubprocessProtocol):
    """What the event loop tells of the process."""

    def __init__(self, owner: StdioTransport) -> None:
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._owner.began(transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._owner.took(data)
        else:
            self._owner.noted(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del exc
        if fd == 1:
            self._owner.silent("it closed its output")
        elif fd == 0:
            self._owner.silent("it closed its input")

    def process_exited(self) -> None:
        self._owner.exited()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # the process has ended, and every pipe
        self._owner.over("it ended")

    def pause_writing(self) -> None:
        self._owner.flowing(on=False)

    def resume_writing(self) -> None:
        self._owner.flowing(on=True)


_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def kill_group(pid: int, sign: int) -> None:
    """Signal a process and all of its group, where they are still there."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(pid, sign)
        else:
            os.kill(pid, sign)


def _signalled(number: int) -> str:
    with suppress(ValueError):
        return f"it was ended by {signal.Signals(number).name}"
    return f"it was ended by signal {number}"
