"""Peer: a server as the client talks to it, request by request, in either era."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from altar.errors import ErrorType
from altar.mcp._client_ask import METHOD as ELICIT
from altar.mcp._client_call import Call
from altar.mcp._client_errors import McpError, broken, of_rpc
from altar.mcp._jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Failure,
    Notification,
    RpcError,
    error_frame,
    notification_frame,
    request_frame,
    result_frame,
)
from altar.mcp._words import envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from altar.mcp._client_ask import Desk
    from altar.mcp._jsonrpc import Id, Request
    from altar.mcp._transport import Transport

__all__ = ["CLIENT_INFO", "Peer"]

CLIENT_INFO = {"name": "altar", "version": "1"}
_MAX_REPLIES = 64  # answers on their way to a server that asks faster than it listens
_MAX_QUESTIONS = 16  # open at once
_MAX_PROGRESS = 10_000  # of one call
_MAX_ROUNDS = 10  # of questions about one call
_UNCANCELLED = ("initialize", "server/discover")
_PAUSES = (0.05, 0.1, 0.25)  # seconds before a call that must only come again


class Peer:
    """One server: requests get their answers, questions are put to the desk."""

    def __init__(self, transport: Transport, desk: Desk) -> None:
        self.transport = transport
        self.desk = desk
        self.name = transport.shown
        self.changed = False  # the server said that its tools did
        self._ids = count(1)
        self._calls: dict[Id, Call] = {}
        self._replies: set[asyncio.Task[None]] = set()
        self._questions: dict[Id, asyncio.Task[None]] = {}
        self._given_up: set[Id] = set()  # the server may still be at them

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        seconds: float | None,
    ) -> dict[str, Any]:
        """The result; raises McpError for any other end. None seconds is without one."""
        call = Call()
        if seconds is not None:
            call.begin(seconds)
        return await self._request(method, params, call)

    async def _request(
        self,
        method: str,
        params: Mapping[str, Any] | None,
        call: Call,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        id_ = next(self._ids)
        frame = request_frame(id_, method, self._dressed(params, id_, call))
        self._calls[id_] = call
        try:
            async with asyncio.timeout_at(call.until) as call.clock:
                said = await self.transport.exchange(frame, headers)
        except TimeoutError:
            self._give_up(id_, method, "the time for it is over")
            raise McpError(
                f"{self.name} did not answer within {call.seconds:g} s.",
                type=ErrorType.TIMEOUT,
                details={"timeout_seconds": call.seconds},
            ) from None
        except asyncio.CancelledError:
            self._give_up(id_, method, "nobody waits for it any more")
            raise
        except (ValueError, RecursionError) as error:
            raise McpError(
                f"The arguments cannot be written as JSON: {error}",
                type=ErrorType.PARAMETER_VALIDATION_FAILED,
            ) from error
        finally:
            del self._calls[id_]
        if isinstance(said, Failure):
            raise of_rpc(said.error)
        return said.result

    async def interactive(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        call: Call,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """As :meth:`request`; what the server asks before it goes on is answered.

        All of it shares the time of the call, a person's time to answer aside.
        """
        given = dict(params)
        for turn in range(_MAX_ROUNDS):
            result = await self._request(method, given, call, headers)
            kind = result.get("resultType", "complete")
            if kind == "complete" or not self.transport.is_modern:
                return result
            if kind != "input_required":
                raise broken(
                    f"{self.name} answered with a result of the unknown kind {kind!r:.60}."
                )
            asked, state = result.get("inputRequests"), result.get("requestState")
            given = dict(params)
            if isinstance(asked, dict) and asked:
                with _paused([call]):
                    given["inputResponses"] = await self._answers(asked, call)
            else:
                await asyncio.sleep(_PAUSES[min(turn, len(_PAUSES) - 1)])
            if isinstance(state, str):
                given["requestState"] = state
        raise broken(f"{self.name} asked for input {_MAX_ROUNDS} times about one call.")

    async def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Say something that wants no answer."""
        await self.transport.send(notification_frame(method, params))

    def took(self, message: Request | Notification, about: Id | None) -> None:
        """What the server says of its own accord."""
        if isinstance(message, Notification):
            self._noted(message)
        elif message.method == "ping" and not self.transport.is_modern:
            self._reply(result_frame(message.id, {}))
        elif message.id in self._questions:
            error = RpcError(INVALID_REQUEST, "Invalid request: its id is that of another")
            self._reply(error_frame(message.id, error))
        elif message.method == ELICIT and self._may_ask():
            task = asyncio.get_running_loop().create_task(self._question(message, about))
            self._questions[message.id] = task
            task.add_done_callback(lambda _: self._questions.pop(message.id, None))
        else:
            error = RpcError(METHOD_NOT_FOUND, f"Method not found: {message.method:.100}")
            self._reply(error_frame(message.id, error))

    def late(self, id_: Id) -> None:
        """The answer to a request that nobody waits for any more."""
        self._given_up.discard(id_)

    async def close(self) -> None:
        """End what was begun for the server, and the way to it."""
        for task in (*self._replies, *[*self._questions.values()]):
            task.cancel()
        await self.transport.close()

    def _may_ask(self) -> bool:
        has_room = len(self._questions) < _MAX_QUESTIONS
        return not self.transport.is_modern and self.desk.ask is not None and has_room

    def _dressed(self, params: Mapping[str, Any] | None, id_: Id, call: Call) -> dict[str, Any]:
        meta: dict[str, Any] = {}
        version = self.transport.version
        if self.transport.is_modern and version is not None:
            can = self.desk.capabilities(approved=call.approved)
            meta = envelope(can, CLIENT_INFO, version)
        if call.progress is not None:
            meta["progressToken"] = id_
        found = dict(params or {})
        if meta:
            found["_meta"] = {**meta, **found.get("_meta", {})}
        return found

    def _give_up(self, id_: Id, method: str, reason: str) -> None:
        self._given_up.add(id_)
        if method in _UNCANCELLED or self.transport.drops_to_cancel:
            return
        params = {"requestId": id_, "reason": reason}
        self._reply(notification_frame("notifications/cancelled", params))

    def _reply(self, frame: Mapping[str, Any]) -> None:
        if len(self._replies) < _MAX_REPLIES:
            task = asyncio.get_running_loop().create_task(self._send(frame))
            self._replies.add(task)
            task.add_done_callback(self._replies.discard)

    async def _send(self, frame: Mapping[str, Any]) -> None:
        with suppress(McpError, ValueError):  # whoever waits for it is told by the end of all
            await self.transport.send(frame)

    def _noted(self, note: Notification) -> None:
        params = note.params
        if note.method == "notifications/progress":
            token = params.get("progressToken")
            call = self._calls.get(token) if isinstance(token, (int, str)) else None
            if call is not None and call.progress is not None and call.told < _MAX_PROGRESS:
                call.told += 1
                self._tell(call, _chunk_of(params))
        elif note.method == "notifications/tools/list_changed":
            self.changed = True
        elif note.method == "notifications/cancelled":
            asked = params.get("requestId")
            task = self._questions.get(asked) if isinstance(asked, (int, str)) else None
            if task is not None:
                task.cancel()

    def _tell(self, call: Call, chunk: dict[str, Any]) -> None:
        """The caller's function is told; one that fails hears no more, and harms no call."""
        try:
            if call.progress is not None:
                call.progress(chunk)
        except BaseException as error:  # noqa: BLE001 - sys.exit() must not end the loop's thread
            call.progress = None
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a progress= function of an MCP request failed", "exception": error}
            )

    async def _question(self, message: Request, about: Id | None) -> None:
        """Answer a request of the handshake era."""
        call = self._calls.get(about) if about is not None else None
        waiting = [call] if call is not None else [*self._calls.values()]
        known = waiting[0] if len(waiting) == 1 else Call()
        # by one pipe for all, the question may be one of a call that was given up
        is_its_own = call is not None or (self.transport.is_one_pipe and not self._given_up)
        try:
            with _paused(waiting):
                said = await self.desk.answer(
                    message.params, server=self.name, call=known, is_its_own=is_its_own
                )
            frame = result_frame(message.id, said)
        except McpError as error:
            code = INTERNAL_ERROR if error.code is None else error.code
            frame = error_frame(message.id, RpcError(code, error.message))
        await self._send(frame)

    async def _answers(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        """Answers to the questions of one result, since 2026-07-28."""
        found: dict[str, Any] = {}
        if len(asked) > _MAX_QUESTIONS:
            raise broken(f"{self.name} asks {len(asked)} things at once.")
        for key, one in asked.items():
            method = one.get("method") if isinstance(one, dict) else None
            if method != ELICIT:
                raise broken(f"{self.name} asks for {method!r:.60}, which altar does not give.")
            params = one.get("params")
            found[key] = await self.desk.answer(
                params if isinstance(params, dict) else {},
                server=self.name,
                call=call,
                is_its_own=True,
            )
        return found


@contextmanager
def _paused(calls: list[Call]) -> Iterator[None]:
    """While a person is asked, the time of the calls that wait for it stands still."""
    for call in calls:
        if not call.questions and call.until is not None:
            call.rest, call.until = call.left(), None
            _set(call)
        call.questions += 1
    try:
        yield
    finally:
        for call in calls:
            call.questions -= 1
            if not call.questions and call.seconds:
                call.until = asyncio.get_running_loop().time() + call.rest
                _set(call)


def _set(call: Call) -> None:
    with suppress(RuntimeError):  # it is over
        if call.clock is not None:
            call.clock.reschedule(call.until)


def _chunk_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Progress as a tool of altar's tells it."""
    return {key: params[key] for key in ("progress", "total", "message") if key in params}
