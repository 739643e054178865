"""Exchange: one request on its way through the server, on an asyncio loop."""

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from altar.errors import ToolError
from altar.later._log import logger
from altar.mcp._elicit import current
from altar.mcp._jsonrpc import (
    INTERNAL_ERROR,
    RpcError,
    error_frame,
    notification_frame,
    request_frame,
    result_frame,
)
from altar.mcp._server_needs import AnsweredError, Ask, Invoke, Run, Stream
from altar.mcp._server_questions import ELICIT
from altar.mcp._words import SUBSCRIPTION_KEY
from altar.runtime import CallContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.mcp._jsonrpc import Request
    from altar.mcp._server_core import Core
    from altar.mcp._server_needs import Need
    from altar.mcp._server_peer import Peer

__all__ = ["Asked", "Exchange", "Outlet"]

_MAX_WAITING = 1 << 20  # bytes a client leaves unread before progress is dropped


class Outlet(Protocol):
    """Where the frames of one exchange go; used on the loop only."""

    def send(self, frame: dict[str, Any]) -> None:
        """A notification or a request of the server's, before the answer."""
        ...

    def finish(self, frame: dict[str, Any] | None) -> None:
        """The answer; None where the client does not want it any more."""
        ...

    def waiting(self) -> int:
        """Bytes that were sent and not read yet."""
        ...


class Asked:
    """The server's own requests to one client, and their answers."""

    __slots__ = ("_count", "_open")

    def __init__(self) -> None:
        self._count = 0
        self._open: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, outlet: Outlet, ask: Ask) -> dict[str, Any]:
        """What the client answers; raises RpcError where it refuses."""
        self._count += 1
        key = f"altar-{self._count}"
        future = self._open[key] = asyncio.get_running_loop().create_future()
        try:
            outlet.send(request_frame(key, ask.method, ask.params))
            came: dict[str, Any] = await future
            return came
        finally:
            self._open.pop(key, None)

    def answer(self, key: object, result: dict[str, Any] | RpcError) -> None:
        """An answer has come; one that nobody waits for is dropped."""
        future = self._open.get(key) if isinstance(key, str) else None
        if future is not None and not future.done():
            if isinstance(result, RpcError):
                future.set_exception(AnsweredError(result.code, result.message))
            else:
                future.set_result(result)


class Exchange:
    """Carries out what the core's steps need, and sends what they come to.

    What can be answered at once is answered within :meth:`start`; the rest
    runs as a task, whose cancellation cancels the tool.
    """

    __slots__ = (
        "_asked",
        "_core",
        "_done",
        "_outlet",
        "_peer",
        "_request",
        "_steps",
        "task",
    )

    def __init__(
        self, core: Core, peer: Peer, request: Request, outlet: Outlet, asked: Asked
    ) -> None:
        self._steps = core.steps(peer, request)
        self._core = core
        self._peer = peer
        self._request = request
        self._outlet = outlet
        self._asked = asked
        self._done = False
        self.task: asyncio.Task[None] | None = None

    def start(self, done: Callable[[], None]) -> bool:
        """Begin; True where the answer is already sent, else ``done`` is called later."""
        try:
            need = next(self._steps)
        except BaseException as error:  # noqa: BLE001 - it is told to the client
            self.finish(self._frame_of(error))
            return True
        self.task = asyncio.get_running_loop().create_task(self._run(need))
        self.task.add_done_callback(lambda _: self._ended(done))
        return False

    def send(self, frame: dict[str, Any]) -> None:
        """A message before the answer: what comes after it has nobody to go to.

        A late notification is dropped; a late request raises RpcError.
        """
        if not self._done:
            self._outlet.send(frame)
        elif "id" in frame:
            raise RpcError(INTERNAL_ERROR, "The client cannot be asked: the call has ended")

    def finish(self, frame: dict[str, Any] | None) -> None:
        """The answer, once."""
        if not self._done:
            self._done = True
            self._outlet.finish(frame)

    def waiting(self) -> int:
        """Bytes that were sent and not read yet."""
        return self._outlet.waiting()

    def _ended(self, done: Callable[[], None]) -> None:
        if not self._done:  # cancelled before its first step
            self._steps.close()
            self.finish(None)
        done()

    async def _run(self, need: Need) -> None:
        frame: dict[str, Any] | None = None
        try:
            while True:
                try:
                    came = await self._meet(need)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # noqa: BLE001 - the steps may know what to do
                    need = self._steps.throw(error)
                else:
                    need = self._steps.send(came)
        except asyncio.CancelledError:
            self._steps.close()
            raise
        except BaseException as error:  # noqa: BLE001 - it is told to the client
            frame = self._frame_of(error)
        finally:
            self.finish(frame)

    async def _meet(self, need: Need) -> Any:
        if isinstance(need, Invoke):
            token = _progress_token(self._request)
            emit = None if token is None else _Progress(self, token).emit
            context = CallContext(
                correlation_id=_printable(self._request.id),
                emit=emit,
                approved=need.approved,
                principal=self._peer.principal,
            )
            if need.inquiry is not None:
                need.inquiry.ask = lambda params: self._asked.ask(self, Ask(ELICIT, params))
                current.set(need.inquiry)  # of this task, which is this request's alone
            return await need.session.ainvoke(need.call, context)
        if isinstance(need, Ask):
            return await self._asked.ask(self, need)
        if isinstance(need, Run):
            if inspect.iscoroutinefunction(need.function):
                return await need.function(**need.arguments)
            came = await self._core.threads.run(need.function, need.arguments)
            return await came if inspect.isawaitable(came) else came
        return await self._stream(need)

    async def _stream(self, need: Stream) -> dict[str, Any]:
        """Tell a client what changes, for as long as it listens."""
        mark = {SUBSCRIPTION_KEY: self._request.id}
        acknowledged = {"notifications": need.notifications, "_meta": mark}
        word = "notifications/subscriptions/acknowledged"

        def tell(method: str, key: str, params: dict[str, Any]) -> None:
            wanted = need.notifications.get(key)
            if wanted is True or (isinstance(wanted, list) and params.get("uri") in wanted):
                self.send(notification_frame(method, {**params, "_meta": mark}))

        # from here on: another thread may tell of a change as soon as the client has read this
        self._core.listeners.add(tell)
        self.send(notification_frame(word, acknowledged))
        await self._core.listeners.stream(tell)
        return {"_meta": mark}

    def _frame_of(self, error: BaseException) -> dict[str, Any]:
        id_ = self._request.id
        if isinstance(error, StopIteration):
            return result_frame(id_, error.value)
        if isinstance(error, RpcError):
            return error_frame(id_, error)
        if isinstance(error, ToolError):  # a function of the application says what may be told
            return error_frame(id_, RpcError(INTERNAL_ERROR, error.message))
        logger.error("MCP: %s failed", self._request.method, exc_info=error)
        return error_frame(id_, RpcError(INTERNAL_ERROR, "Internal error"))


class _Progress:
    """Chunks a tool reports, as progress that only ever grows."""

    __slots__ = ("_at", "_loop", "_outlet", "_token")

    def __init__(self, outlet: Outlet, token: int | str) -> None:
        self._outlet = outlet
        self._token = token
        self._loop = asyncio.get_running_loop()
        self._at: float = -1

    def emit(self, chunk: Any) -> None:
        """Called from the thread the tool runs in."""
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            self._tell(chunk)
        else:
            with suppress(RuntimeError):  # the loop has ended: nobody listens
                self._loop.call_soon_threadsafe(self._tell, chunk)

    def _tell(self, chunk: Any) -> None:
        said = chunk if isinstance(chunk, dict) else {}
        at = said.get("progress", chunk)
        known = type(at) in (int, float)
        message = said.get("message")
        if not known and "progress" not in said:
            message = chunk if isinstance(chunk, str) else json.dumps(chunk, ensure_ascii=False)
        if not known:
            at = int(self._at) + 1
        if at <= self._at or self._outlet.waiting() > _MAX_WAITING:
            return
        self._at = at
        params: dict[str, Any] = {"progressToken": self._token, "progress": at}
        if type(said.get("total")) in (int, float):
            params["total"] = said["total"]
        if isinstance(message, str):
            params["message"] = message
        self._outlet.send(notification_frame("notifications/progress", params))


def _printable(id_: int | str) -> str:
    """A client's id, where it can do no harm in a log."""
    text = str(id_)[:128]
    return text if text.isprintable() else ""


def _progress_token(request: Request) -> int | str | None:
    meta = request.params.get("_meta")
    token = meta.get("progressToken") if type(meta) is dict else None
    return token if type(token) in (int, str) else None
