"""HttpOutlet: the answer to one POST: JSON, or a stream once there is more to say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from altar.mcp._jsonrpc import INVALID_REQUEST, RpcError, error_frame
from altar.mcp._server_frames import safely
from altar.mcp._words import http_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.mcp._http_head import Head
    from altar.mcp._http_link import HttpLink

__all__ = ["HttpOutlet"]

_PING: Final = 15.0  # seconds of silence that everything on the way may be trusted to bear


class HttpOutlet:
    """An answer alone is JSON; a message before it, or a long silence, makes it a stream."""

    __slots__ = ("_done", "_headers", "_link", "_modern", "_streams", "_timer", "before_answer")

    def __init__(
        self, link: HttpLink, head: Head, headers: dict[str, str], *, modern: bool = False
    ) -> None:
        self._link = link
        self._headers = headers
        self._modern = modern
        self._streams = head.accepts("text/event-stream")
        self._timer: asyncio.TimerHandle | None = None
        self._done = False
        self.before_answer: Callable[[], RpcError | None] | None = None

    def send(self, frame: dict[str, Any]) -> None:
        """A message before the answer; a client that takes no streams goes without it.

        Raises RpcError for a request: its answer would be waited for in vain. After
        the answer nothing is said: the connection may serve another request by then.
        """
        if self._done:
            if "id" in frame:
                raise RpcError(INVALID_REQUEST, "The client cannot be asked: it has its answer")
        elif self._streams:
            if not self._link.streaming:
                self._link.start(self._headers)
            self._link.event(safely(frame))
        elif "id" in frame:
            reason = "The client cannot be asked: it does not accept text/event-stream"
            raise RpcError(INVALID_REQUEST, reason)

    def finish(self, frame: dict[str, Any] | None) -> None:
        """The answer, once; None ends the request without one."""
        if self._done:
            return
        self._done = True
        if self._timer is not None:
            self._timer.cancel()
        refused = None if self.before_answer is None else self.before_answer()
        if refused is not None and frame is not None:
            frame = error_frame(frame["id"], refused)
        if self._link.streaming:
            if frame is not None:
                self._link.event(safely(frame))
            self._link.end()
        elif frame is None:
            self._link.respond(202, headers=self._headers)
        else:
            code = frame["error"]["code"] if self._modern and "error" in frame else 0
            self._link.respond(http_status(code), safely(frame), self._headers)

    def waiting(self) -> int:
        """Bytes that the client has not read yet."""
        transport = self._link.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def keep_alive(self) -> None:
        """From now on a long silence is broken."""
        if self._streams and not self._done:
            self._timer = asyncio.get_running_loop().call_later(_PING, self._ping)

    def _ping(self) -> None:
        if self._done:
            return
        if not self._link.streaming:
            self._link.start(self._headers)
        self._link.ping()
        self.keep_alive()
