"""Exchange: one call on its way through a worker. It decides; others send, receive and wait."""

from __future__ import annotations

import logging
import sys
from itertools import count
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.adm import Problem, ToolResult
from altar.adm._json import json_problems
from altar.adm._result import ResultDraft
from altar.errors import ConfigurationError, InvalidDataError
from altar.isolate import _answers as answers
from altar.isolate._processes import resident
from altar.isolate._wire import (
    CALL,
    CHUNK,
    HARD_LIMIT,
    LOADED,
    REFUSED,
    RESULT,
    RETIRED,
    WireError,
    decode,
    frame,
    to_json,
)
from altar.trace import switch, traceparent

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from altar.adm import FunctionCall
    from altar.isolate._target import Target
    from altar.isolate._worker import Worker
    from altar.runtime import CallContext

__all__ = ["MEGABYTE", "Exchange", "RetiredError"]

MEGABYTE = 1_048_576
_ids = count(1)
_USUAL = frozenset({"call_id", "name", "status", "content", "x_metadata"})
_NO = (dict, type(None))
_MOST_TRIES = 8
_ENVELOPE = 65_536  # what a CALL holds beside this part of it
_LOADING = 60.0  # seconds that a module may take to be imported, beside its tool's own
_LONGEST_WAIT = 3600.0  # seconds; poll takes no more milliseconds than an int holds
_FOR_EVER = 1e8  # seconds; a deadline beyond them is none
_OVERDUE = 0.5  # seconds that whoever waits for a call has to end it himself


class RetiredError(WireError):
    """The worker takes no calls any more; this one was not begun."""


class Exchange:
    """``limit`` is the memory its worker may use, in bytes, or 0; ``until`` when its time is
    over (of monotonic()), or None.

    ``moved`` says that its time was changed since it was sent, ``over`` that nobody makes
    the call any more, ``loop`` is the event loop that waits for it, if one does.
    """

    __slots__ = (
        "_began",
        "_body",
        "_deadline",
        "_emit",
        "_heard",
        "_is_loaded",
        "_tries",
        "call",
        "ctx",
        "id",
        "is_kept",
        "limit",
        "loop",
        "moved",
        "over",
        "sent",
        "target",
        "until",
        "worker",
    )

    def __init__(self, call: FunctionCall, ctx: CallContext, target: Target, limit: int) -> None:
        self.call = call
        self.ctx = ctx
        self.target = target
        self.limit = limit
        self.is_kept = False  # its worker, for its session
        self.id = next(_ids)
        self.sent = False
        self.moved = False
        self.over = False
        self.loop: AbstractEventLoop | None = None
        self._is_loaded = False
        self._heard = False  # whether the worker said anything of it
        self.worker: Worker | None = None  # whom a place in the queue came to
        self._body = ""
        self._began = 0.0
        self._tries = 0
        self._emit = ctx.emit
        self._deadline = _bounded(ctx.deadline)
        self.until: float | None = self._deadline

    def refusal(self) -> ToolResult | None:
        """Write the call down; what is answered at once where it cannot be sent or is over."""
        call, ctx = self.call, self.ctx
        if ctx.cancelled.reason is not None:
            return answers.cancelled(self, ctx.cancelled.reason)
        if self._deadline is not None and self._deadline <= monotonic():
            return answers.timed_out(self, 0.0, began=False)
        try:
            self._body = to_json(_fields(call, ctx))[1:-1]
        except (TypeError, ValueError, RecursionError) as error:
            problems = json_problems(call.args, any_integer=True)
            fault = Problem("$", "JSON", type(error).__name__, keyword="type")
            return answers.uncrossable(call, problems or [fault])
        if len(self._body) > HARD_LIMIT - _ENVELOPE:
            limit = f"at most {HARD_LIMIT - _ENVELOPE:,} bytes of JSON"
            fault = Problem("$", limit, f"{len(self._body):,}", keyword="maxLength")
            return answers.uncrossable(call, [fault])
        return None

    def frame(self, worker: Worker) -> bytes:
        """The CALL; the time of the tool itself begins now, or when the worker has imported it."""
        now = self._begin()
        self._is_loaded = self._heard = False
        left = "" if self.until is None else f',"seconds":{max(0.0, self.until - now):.6f}'
        kept = ',"kept":true' if self.is_kept else ""
        if self.target.timeout is not None and self.target.path not in worker.loaded:
            late = _bounded(now + self.target.timeout + _LOADING)
            deadline = self._deadline
            self.until = late if deadline is None or late is None else min(late, deadline)
        body = f'{{"id":{self.id},{self._body},{self.target.head}{left}{kept}}}'
        return frame(CALL, body.encode("ascii"))

    def _begin(self) -> float:
        """The tool begins now."""
        seconds = self.target.timeout
        now = self._began = monotonic()
        self.until = self._deadline
        if seconds is not None and seconds < _FOR_EVER:
            until = now + seconds
            if self.until is None or until < self.until:
                self.until = until
        return now

    def wait_ms(self) -> int | None:
        """How long to wait for the worker at most, in milliseconds; None: for ever."""
        if self.until is None:
            return None
        return ceil(min(_LONGEST_WAIT, max(0.0, self.until - monotonic())) * 1000)

    def left(self) -> float | None:
        """Seconds until the deadline, or None without one."""
        return None if self.until is None else self.until - monotonic()

    def is_late(self) -> bool:
        """Whether its time is over, or it was cancelled."""
        until = self.until
        return (until is not None and until <= monotonic()) or self.ctx.cancelled.reason is not None

    def is_overdue(self) -> bool:
        """Whether whoever waits for it should have ended it long ago."""
        until = self.until
        return until is not None and until + _OVERDUE <= monotonic()

    def forsaken(self) -> bool:
        """Whether nobody can take an answer any more."""
        return self.over or (self.loop is not None and self.loop.is_closed())

    def took(self) -> float:
        """Seconds it has had since it was sent."""
        return monotonic() - self._began

    def broken(self, error: OSError) -> None:
        """The worker's socket broke. On Linux it is reset when its end was closed with bytes
        unread: then the call was never read whole, and certainly not begun.
        """
        if isinstance(error, ConnectionResetError) and sys.platform == "linux":
            self.sent = False

    def again(self) -> bool:
        """Whether to try another worker, after one that never had the call."""
        self._tries += 1
        return self._tries < _MOST_TRIES

    def read(self, worker: Worker) -> ToolResult | None:
        """Take in the frames that came; the result when it is among them. Raises WireError."""
        inbox = worker.inbox
        while True:
            found = inbox.next()
            if found is None:
                return None
            kind, body = found
            if kind == RETIRED and worker.calls and not self._heard:
                self.sent = False
                raise RetiredError("it was changed by the call before")
            doc = decode(body)
            if doc.get("id") != self.id:
                self._late_word(worker, doc.get("id"))
                continue
            self._heard = True
            if kind == CHUNK:
                self._report(doc)
                if self.is_late():  # a listener may take its time over each of them
                    return None
            elif kind == LOADED:
                self._loaded(worker)
            else:
                return self._answer(worker, kind, doc)

    def _late_word(self, worker: Worker, number: Any) -> None:
        """The call before had more to say, after something answered for it: this one begins
        now, and is the worker's last.
        """
        mine = type(number) is int and 0 < number < self.id
        if not mine or self._heard or not worker.calls:
            raise WireError("an answer to a call that was not made")
        worker.is_changed = self.moved = True
        self._begin()

    def _answer(self, worker: Worker, kind: int, doc: dict[str, Any]) -> ToolResult:
        if doc.get("pid") != worker.pid:
            raise WireError("an answer from another process")
        if not worker.inbox.empty:
            if kind != RESULT or not worker.inbox.is_retirement():
                raise WireError("more after the answer")
            worker.is_changed = True
        if kind == RESULT:
            return self._result(doc)
        if kind == REFUSED:
            why = str(doc.get("why"))[:2000]
            return answers.refused(self, ConfigurationError(why))
        raise WireError("a frame that is no answer")

    def _loaded(self, worker: Worker) -> None:
        """The worker has imported the target: the tool begins now."""
        if self._is_loaded:
            raise WireError("it says again that it has imported its target")
        path = self.target.path
        worker.loaded.add(path)
        worker.resident = max(worker.resident, resident(worker.pid))  # what its modules need
        worker.recent.pop(path, None)
        worker.recent[path] = f'{{"name":{to_json(self.call.name)},{self.target.head}}}'
        self._begin()
        self.moved = self._is_loaded = True

    def silence(self) -> None:
        """Nobody listens to progress any more."""
        self._emit = None

    def _report(self, doc: dict[str, Any]) -> None:
        emit = self._emit
        if emit is None:
            return
        chunk = doc.get("chunk")
        if json_problems(chunk, any_integer=True):
            raise WireError("a chunk that is no JSON")
        try:
            emit(chunk)
        except Exception:
            self._emit = None
            message = "progress of tool %r is not reported any more: its listener failed"
            logging.getLogger("altar").warning(message, self.call.name, exc_info=True)

    def _result(self, doc: dict[str, Any]) -> ToolResult:
        said: Any = doc.get("result")
        if said.__class__ is not dict:
            raise WireError("a result that is no object")
        said["name"] = self.call.name
        said["call_id"] = self.call.call_id
        result = _plain(said)
        if result is None:
            try:
                result = ToolResult.from_dict(said)
            except InvalidDataError as error:
                raise WireError("a result that breaks the data model") from error
        spans = doc.get("spans")
        if self.target.on_spans is not None and type(spans) is list:
            self.target.on_spans(spans)
        return result


def _bounded(time: float | None) -> float | None:
    """A time of monotonic(); None where it is no time anybody lives to see."""
    return time if time is not None and time - monotonic() < _FOR_EVER else None


def _fields(call: FunctionCall, ctx: CallContext) -> dict[str, Any]:
    """What a CALL says of this call; what is as usual is left out."""
    fields: dict[str, Any] = {"name": call.name, "call_id": call.call_id, "args": call.args}
    if ctx.session_id:
        fields["session"] = ctx.session_id
    if ctx.correlation_id:
        fields["correlation_id"] = ctx.correlation_id
    if ctx.attempt != 1:
        fields["attempt"] = ctx.attempt
    if ctx.approved:
        fields["approved"] = True
    if ctx.emit is not None:
        fields["emit"] = True
    if switch.tracer is not None:
        fields["traceparent"] = traceparent()
    return fields


def _plain(said: dict[str, Any]) -> ToolResult | None:
    """A success without anything unusual, checked as ``ToolResult.from_dict`` does but faster."""
    content, metadata = said.get("content"), said.get("x_metadata")
    if (
        said.get("status") != "SUCCESS"
        or not said.keys() <= _USUAL
        or metadata.__class__ not in _NO
    ):
        return None
    kind = content.__class__
    scalar = kind is int or kind is bool or content is None or (kind is str and content.isascii())
    if not scalar and json_problems(content, any_integer=True):
        return None
    if metadata and json_problems(metadata, any_integer=True):
        return None
    draft = ResultDraft()
    draft._id = said["call_id"]  # noqa: SLF001 - the draft is ours until it is sealed
    draft.name = said["name"]
    draft.content = draft.value = content
    draft.error = None
    draft.metadata = metadata
    draft.cause = None
    draft.__class__ = ToolResult
    return draft  # type: ignore[return-value]
