"""Run: carries out what an Invocation decides: sends, hears, waits. One for each call."""

from __future__ import annotations

import logging
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from altar.adm import dumps, json_problems
from altar.errors import ErrorType
from altar.trace import traceparent, tracestate
from altar_extras.grid.client._flow import cut_up
from altar_extras.grid.client._invocation import Act
from altar_extras.grid.client._link import fault_of
from altar_extras.grid.client._router import Route
from altar_extras.grid.transport import (
    AnswerTimeoutError,
    GridTransportError,
    NoRespondersError,
    TooLargeError,
)
from altar_extras.grid.wire import (
    VERSION,
    Cancel,
    Credit,
    Fault,
    FrameError,
    Message,
    Part,
    Query,
    Subjects,
    ToolResultMessage,
    pack,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.runtime import CallContext
    from altar_extras.grid.client._engine import Engine
    from altar_extras.grid.client._invocation import Invocation
    from altar_extras.grid.client._link import Link, Wire
    from altar_extras.grid.client._options import CallOptions
    from altar_extras.grid.client._router import Peer
    from altar_extras.grid.client._session import ToolRight

__all__ = ["Run"]

_log = logging.getLogger("altar.grid")
_NOT_SAID = 65_536  # the largest result when nothing is said


class _Ready(Message):
    """A message whose map is ready: the way of calls, which are many."""

    __slots__ = ("doc",)
    TYPE: ClassVar[str] = "ToolCall"

    def __init__(self, doc: dict[str, Any]) -> None:
        self.doc = doc

    def to_wire(self) -> dict[str, Any]:
        """The map that travels."""
        return self.doc


class Run:
    """One call on its way; ``done`` is called once with its result, on the loop."""

    __slots__ = (
        "_alarm",
        "_args",
        "_asked",
        "_begun",
        "_credits",
        "_deadline",
        "_part",
        "_parts_to",
        "_stop",
        "_trace",
        "ctx",
        "done",
        "emit",
        "engine",
        "heard_at",
        "inv",
        "link",
        "options",
        "peer",
        "right",
        "wire",
    )

    def __init__(
        self,
        engine: Engine,
        inv: Invocation,
        ctx: CallContext,
        *,
        options: CallOptions,
        emit: Callable[[Run, Any], None] | None,
        done: Callable[[ToolResult, Run], None],
    ) -> None:
        self.engine = engine
        self.inv = inv
        self.ctx = ctx
        self.options = options
        self.emit = emit
        self.done: Callable[[ToolResult, Run], None] | None = done
        self.link: Link | None = None
        self.wire: Wire | None = None
        self.right: ToolRight | None = None
        self.peer: Peer | None = None
        self.heard_at = self._begun = monotonic()
        self._deadline = ctx.deadline
        self._trace = (traceparent(), tracestate())  # of the caller, whose context this still is
        self._alarm: asyncio.TimerHandle | None = None
        self._stop: asyncio.TimerHandle | None = None
        self._asked = False
        self._args: list[bytes] = []
        self._part = 0
        self._credits = 0
        self._parts_to = ""

    # -- sending --------------------------------------------------------------------------

    def send(self, link: Link, avoid: str | None = None) -> None:
        """Send it, over the link's connection, to the runtime that has most room."""
        self.link = link
        right, wire = self.right, link.wire
        if right is None:  # chosen before anything is sent
            return
        if wire is None or not wire.transport.is_connected:
            self.perform(self.inv.unsent(fault_of(GridTransportError())))
            return
        tried = self.inv.tried if avoid is None else (*self.inv.tried, avoid)
        route = link.router.pick(right.name, right.major, tried)
        if not isinstance(route, Route):
            self.perform(self.inv.unsent(_all_out(self.inv.call.name, route)))
            return
        try:
            body = self._body(link, route.peer)
        except FrameError as error:
            self.perform(self.inv.unsent(_unframed(error)))
            return
        except _TooLarge as error:
            self.perform(self.inv.unsent(error.fault))
            return
        self._publish(wire, route, body)

    def _publish(self, wire: Wire, route: Route, body: bytes) -> None:
        inv, peer = self.inv, route.peer
        self._hang_up()
        self.wire, self.peer = wire, peer
        wire.users += 1
        left = None if self._deadline is None else self._deadline - monotonic()
        wire.requests.expect(inv.id, self.take, on_lost=self._lost, timeout=left)
        try:
            wire.requests.send(route.subject, inv.id, body)
        except GridTransportError as error:
            self._hang_up()
            self.perform(inv.unsent(_unsent(error)))
            return
        self._parts_to = route.subject if peer is not None else ""
        if peer is None:
            inv.sent("")
        else:
            peer.own += 1
            inv.sent(peer.id, epoch=peer.epoch, may_query=peer.can("query"))

    def _body(self, link: Link, peer: Peer | None) -> bytes:
        inv, ctx, options, right = self.inv, self.ctx, self.options, self.right
        call = inv.call
        said: dict[str, Any] = {"call_id": call.call_id, "name": call.name, "args": call.args}
        doc: dict[str, Any] = {
            "type": "ToolCall",
            "v": VERSION,
            "invocation_id": inv.id,
            "call": said,
            "attempt": inv.attempt + 1,
        }
        if right is not None and right.digest:
            doc["digest"] = right.digest
        if inv.correlation_id:
            doc["correlation_id"] = inv.correlation_id
        if self._deadline is not None:
            left = max(0.0, self._deadline - monotonic()) * 1000
            doc["budget_ms"] = int(left)
            now = link.clock.now_ms()
            if now is not None:
                doc["expires_ms"] = int(now + left)
        if inv.chunks is not None and (peer is None or peer.can("credits")):
            doc["credit"] = inv.settings.window
        if ctx.approved is True:
            doc["approved"] = True
        if options.strict:
            doc["strict"] = True
        if options.max_result_bytes != _NOT_SAID:
            doc["max_result_bytes"] = options.max_result_bytes
        if ctx.baggage:
            doc["baggage"] = ctx.baggage
        parent, state = self._trace
        if parent is not None:
            doc["traceparent"] = parent
            if state:
                doc["tracestate"] = state
        problems = json_problems(call.args)
        if problems:
            raise FrameError(str(problems[0]))
        body = pack(_Ready(doc))
        if len(body) <= inv.settings.large_bytes:
            return body
        return self._announced(doc, said, peer)

    def _announced(self, doc: dict[str, Any], said: dict[str, Any], peer: Peer | None) -> bytes:
        """The body of a call whose arguments follow in parts."""
        if peer is not None and not peer.can("parts"):
            raise _TooLarge(
                Fault(
                    type=ErrorType.RESOURCE_EXHAUSTED,
                    reason="too_large",
                    message="The arguments are more than the runtime of this tool takes.",
                )
            )
        data = dumps(self.inv.call.args).encode()
        self._args = cut_up(data, self.inv.settings.part_bytes)
        self._part = self._credits = 0
        doc["call"] = {"call_id": said["call_id"], "name": said["name"]}
        doc["size"] = len(data)
        doc["sha256"] = sha256(data).hexdigest()
        return pack(_Ready(doc))

    # -- hearing --------------------------------------------------------------------------

    def take(self, message: Message) -> None:
        """What came for this call."""
        self.heard_at = monotonic()
        if message.__class__ is ToolResultMessage and self.peer is not None:
            load = message.load  # type: ignore[attr-defined]
            if load is not None and self.link is not None:
                self.link.router.heard(self.peer, load)
        self.perform(self.inv.take(message))

    def _lost(self, error: GridTransportError) -> None:
        if isinstance(error, AnswerTimeoutError):
            self.perform(self.inv.late(self._deadline - self._begun if self._deadline else 0.0))
        elif isinstance(error, NoRespondersError):
            if self.peer is not None and self.link is not None:
                self.link.router.gone(self.peer.id)
                self.link.refresh(now=True)
            self.perform(self.inv.vanished() if self._asked else self.inv.nobody())
        else:
            self.perform(self.inv.disconnected())

    def perform(self, acts: list[Act]) -> None:
        """Do what was decided."""
        for kind, value in acts:
            if kind == "answer":
                self._answer(value)
            elif kind == "good":
                if self.peer is not None and self.peer.breakers and self.link is not None:
                    self.link.router.good(self.peer, self.inv.call.name)
            else:
                _DOERS[kind](self, value)

    def _answer(self, result: ToolResult) -> None:
        done, self.done = self.done, None
        self._hang_up()
        for timer in (self._alarm, self._stop):
            if timer is not None:
                timer.cancel()
        if done is not None:
            done(result, self)

    def _hang_up(self) -> None:
        """Wait for no more answers of the last attempt."""
        wire, peer = self.wire, self.peer
        if wire is not None:
            wire.requests.forget(self.inv.id)
            wire.users -= 1
            self.wire = None
        if peer is not None:
            peer.own -= 1
            self.peer = None

    # -- doing ----------------------------------------------------------------------------

    def _send_again(self, avoid: str | None) -> None:
        self._hang_up()
        self._asked = False
        self.engine.count("retries")
        self.engine.send(self, avoid)

    def _control(self, what: str, message: Message) -> None:
        wire, runtime = self.wire, self.inv.runtime
        if wire is None or not runtime:
            return
        try:
            subject = Subjects.control(runtime, what, wire.session)
            wire.transport.publish(subject, pack(message), join=True)
        except GridTransportError as error:
            _log.debug("a %s was not sent: %s", what, error)

    def _cancel(self, reason: str) -> None:
        self._control("cancel", Cancel(invocation_id=self.inv.id, reason=str(reason)[:500]))

    def _credit(self, value: tuple[str, int]) -> None:
        of, count = value
        self._control("credit", Credit(invocation_id=self.inv.id, credit=count, of=of))

    def _query(self, _: Any) -> None:
        wire = self.wire
        if wire is None:
            return
        self._asked = True
        try:
            subject = Subjects.control(self.inv.runtime, "query", wire.session)
            wire.requests.send(subject, self.inv.id, pack(_query_for(self.inv)))
        except GridTransportError:
            self.perform(self.inv.unreachable())

    def _parts(self, credit: int) -> None:
        wire, right = self.wire, self.right
        if wire is None or right is None or not self.inv.runtime:
            return
        to = self._parts_to or Subjects.direct(
            self.inv.runtime, right.name, right.major, wire.session
        )
        self._credits += credit
        while self._credits > 0 and self._part < len(self._args):
            data = self._args[self._part]
            self._credits -= 1
            self._part += 1
            last = self._part == len(self._args)
            part = Part(invocation_id=self.inv.id, of="args", seq=self._part, data=data, last=last)
            try:
                wire.requests.send(to, self.inv.id, pack(part))
            except GridTransportError as error:
                _log.debug("a part was not sent: %s", error)
                return

    def _emit(self, chunk: Any) -> None:
        if self.emit is not None:
            self.emit(self, chunk)

    def heard(self) -> None:
        """The listener has had a chunk."""
        self.perform(self.inv.heard())

    def _reattach(self, _: Any) -> None:
        """Wait for the connection to come back, but not for long."""
        self._hang_up()
        patience = self.inv.settings.reattach
        if self._deadline is not None:
            patience = min(patience, max(0.0, self._deadline - monotonic()))
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self.engine.loop.call_later(patience, self._give_up)
        self.engine.away.add(self)
        link = self.link
        if link is not None and link.wire is not None and link.wire.transport.is_connected:
            self.engine.loop.call_soon(self.reattach)

    def reattach(self) -> None:
        """The session has a connection again: ask over it what became of the call."""
        link, inv = self.link, self.inv
        wire = None if link is None else link.wire
        if inv.phase != "away" or wire is None or not wire.transport.is_connected:
            return
        self.wire = wire
        wire.users += 1
        left = None if self._deadline is None else self._deadline - monotonic()
        wire.requests.expect(inv.id, self.take, on_lost=self._lost, timeout=left)
        self.perform(inv.reattached())

    def _give_up(self) -> None:
        self.engine.away.discard(self)
        if self._deadline is not None and monotonic() >= self._deadline:
            self.perform(self.inv.late(self._deadline - self._begun))
        else:
            self.perform(self.inv.unreachable())

    def _report(self, _: Any) -> None:
        self.engine.report_lost(self)

    def _bad(self, _: Any) -> None:
        if self.peer is not None and self.link is not None:
            self.link.router.bad(self.peer, self.inv.call.name)

    def _stray(self, _: Any) -> None:
        self.engine.count("stray")

    # -- giving up ------------------------------------------------------------------------

    def cancel(self, reason: str) -> None:
        """The application gave it up: it is answered once the body has stopped, or after a bound."""
        if self.done is None:
            return
        acts = self.inv.cancel(reason)
        if self.done is not None and self._stop is None:
            wait = self.inv.settings.stop_wait
            self._stop = self.engine.loop.call_later(wait, self._unstopped)
        self.perform(acts)

    def _unstopped(self) -> None:
        self.perform(self.inv.unstopped())

    def abandon(self) -> None:
        """Nobody waits any more: stop the body, and forget the call."""
        self.done = None
        self.perform(self.inv.cancel("the caller is gone"))
        self.inv.phase = "done"
        self.engine.away.discard(self)
        self._answer_nobody()

    def _answer_nobody(self) -> None:
        self._hang_up()
        for timer in (self._alarm, self._stop):
            if timer is not None:
                timer.cancel()
        self.engine.runs.discard(self)

    def late(self) -> None:
        """The deadline passed while nothing was sent."""
        if self._deadline is not None:
            self.perform(self.inv.late(self._deadline - self._begun))


_DOERS: dict[str, Callable[[Run, Any], None]] = {
    "send": Run._send_again,  # noqa: SLF001
    "query": Run._query,  # noqa: SLF001
    "cancel": Run._cancel,  # noqa: SLF001
    "credit": Run._credit,  # noqa: SLF001
    "emit": Run._emit,  # noqa: SLF001
    "reattach": Run._reattach,  # noqa: SLF001
    "parts": Run._parts,  # noqa: SLF001
    "lost": Run._report,  # noqa: SLF001
    "bad": Run._bad,  # noqa: SLF001
    "stray": Run._stray,  # noqa: SLF001
}


class _TooLarge(Exception):  # noqa: N818 - within this module
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message)


def _query_for(inv: Invocation) -> Query:
    if "attempt" in Query.__dataclass_fields__:  # of which attempt, where the wire can say it
        return Query(invocation_id=inv.id, attempt=inv.attempt)  # type: ignore[call-arg]
    return Query(invocation_id=inv.id)


def _unsent(error: GridTransportError) -> Fault:
    if isinstance(error, TooLargeError):
        return Fault(
            type=ErrorType.RESOURCE_EXHAUSTED,
            reason="too_large",
            message=f"The call has {error.size:,} bytes, and {error.limit:,} may travel.",
        )
    return fault_of(error)


def _unframed(error: FrameError) -> Fault:
    return Fault(
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        reason="no_json",
        message=f"The arguments cannot travel: {error.reason[:200]}",
    )


def _all_out(name: str, seconds: float) -> Fault:
    return Fault(
        type=ErrorType.CIRCUIT_OPEN,
        reason="circuit_open",
        message=f"Every runtime of {name[:80]!r} failed lately; it is left alone for a while.",
        retry_after_ms=int(seconds * 1000) + 1,
    )
