"""Run: carries out what an Invocation decides: sends, hears, waits. One for each call."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from altar.trace import traceparent, tracestate
from altar_extras.grid.client._faults import all_out, fault_of, unsent
from altar_extras.grid.client._flow import Outgoing
from altar_extras.grid.client._inquiry import Inquiry
from altar_extras.grid.client._invocation import Act
from altar_extras.grid.client._router import Route
from altar_extras.grid.client._saying import UnspeakableError, spoken_call
from altar_extras.grid.transport import (
    AnswerTimeoutError,
    GridTransportError,
    NoRespondersError,
    NotConnectedError,
)
from altar_extras.grid.wire import (
    Cancel,
    Credit,
    Message,
    Subjects,
    ToolResultMessage,
    pack,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from altar.adm import ToolResult
    from altar.runtime import CallContext
    from altar_extras.grid.client._invocation import Invocation
    from altar_extras.grid.client._link import Link, Wire
    from altar_extras.grid.client._options import CallOptions
    from altar_extras.grid.client._router import Peer
    from altar_extras.grid.client._session import ToolRight

__all__ = ["Home", "Run"]

_log = logging.getLogger("altar.grid")


class Home(Protocol):
    """Where runs live: an engine, as far as they are concerned."""

    loop: asyncio.AbstractEventLoop
    runs: set[Run]
    away: set[Run]

    def count(self, what: str) -> None: ...
    def send(self, run: Run, avoid: str | None = None) -> None: ...
    def report_lost(self, run: Run, runtime: str, epoch: str) -> None: ...
    def ended(self, run: Run) -> None: ...


class Run:
    """One call on its way; ``done`` is called once with its result, on the loop."""

    __slots__ = (
        "_alarm",
        "_args",
        "_begun",
        "_inquiry",
        "_stop",
        "ctx",
        "deadline",
        "done",
        "emit",
        "engine",
        "heard_at",
        "inv",
        "link",
        "options",
        "peer",
        "right",
        "trace",
        "wire",
    )

    def __init__(
        self,
        engine: Home,
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
        self.deadline = ctx.deadline
        self.trace = (traceparent(), tracestate())  # of the caller, whose context this still is
        self._alarm: asyncio.TimerHandle | None = None
        self._stop: asyncio.TimerHandle | None = None
        self._inquiry: Inquiry | None = None
        self._args: Outgoing | None = None  # those that are too large for the call's body

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
            self.perform(self.inv.unsent(all_out(self.inv.call.name, route)))
            return
        try:
            spoken = spoken_call(self, link, route.peer)
        except UnspeakableError as error:
            self.perform(self.inv.unsent(error.fault))
            return
        self._args = Outgoing(self.inv.id, spoken.parts) if spoken.parts else None
        self._publish(wire, route, spoken.body)

    def _publish(self, wire: Wire, route: Route, body: bytes) -> None:
        inv, peer = self.inv, route.peer
        self._hang_up()
        self.wire, self.peer = wire, peer
        wire.users += 1
        left = None if self.deadline is None else self.deadline - monotonic()
        wire.requests.expect(inv.id, self.take, on_lost=self._lost, timeout=left)
        try:
            # who may take it from the queue group is not known, nor what it can read
            join = peer is not None and peer.can("many")
            wire.requests.send(route.subject, inv.id, body, join=join)
        except GridTransportError as error:
            self._hang_up()
            self.perform(inv.unsent(unsent(error)))
            return
        if peer is None:
            inv.sent("")
            self._asking().sent_to_all(left)
        else:
            if self._args is not None:
                self._args.to = route.subject
            peer.own += 1
            inv.sent(peer.id, epoch=peer.epoch, may_query=peer.can("query"))

    # -- hearing --------------------------------------------------------------------------

    def take(self, message: Message) -> None:
        """What came for this call."""
        if isinstance(message, ToolResultMessage):
            load = message.load
            if load is not None and self.peer is not None and self.link is not None:
                self.link.router.heard(self.peer, load)
        else:
            self.heard_at = monotonic()
            if self._inquiry is not None:
                self._inquiry.heard()
        self.perform(self.inv.take(message))

    def _lost(self, error: GridTransportError) -> None:
        if isinstance(error, NoRespondersError):
            self._unheard()
        elif isinstance(error, AnswerTimeoutError):
            self.perform(self.inv.late(self.deadline - self._begun if self.deadline else 0.0))
        elif isinstance(error, NotConnectedError):
            self.perform(self.inv.disconnected())
        else:
            self.perform(self.inv.malformed())

    def _unheard(self) -> None:
        asking = self._inquiry
        if asking is not None and asking.is_of_all:
            if self.wire is not None:  # one of those that were asked is gone
                self.expect(self.wire)
            return
        if self.peer is not None and self.link is not None:
            self.link.router.gone(self.peer.id)
            self.link.refresh(now=True)
        if asking is not None and asking.has_asked:
            asking.unheard()
        else:
            self.perform(self.inv.nobody(others=self._has_others()))

    def expect(self, wire: Wire) -> None:
        """Wait for what comes for this call, to its deadline."""
        left = None if self.deadline is None else self.deadline - monotonic()
        wire.requests.expect(self.inv.id, self.take, on_lost=self._lost, timeout=left)

    def _has_others(self) -> bool:
        """Whether one is left that was not asked: a runtime, or, where none is known, the group."""
        link, right = self.link, self.right
        if link is None or right is None:
            return False
        peers = link.router.serving(right.name, right.major)
        if not peers:
            return self.peer is not None
        return any(peer.id not in self.inv.tried for peer in peers)

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
        if self._inquiry is not None:
            self._inquiry.stop()
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
        if self._inquiry is not None:
            self._inquiry.has_asked = False
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

    def _asking(self) -> Inquiry:
        if self._inquiry is None:
            self._inquiry = Inquiry(self, self.engine.loop)
        return self._inquiry

    def _query(self, _: Any) -> None:
        self._asking().ask()

    def _parts(self, credit: int) -> None:
        wire, right, args = self.wire, self.right, self._args
        if wire is None or right is None or args is None or not self.inv.runtime:
            return
        to = args.to or Subjects.direct(self.inv.runtime, right.name, right.major, wire.session)
        for part in args.granted(credit):
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
        self._be_patient()
        self.engine.away.add(self)
        link = self.link
        if link is not None and link.wire is not None and link.wire.transport.is_connected:
            self.engine.loop.call_soon(self.reattach)

    def _be_patient(self) -> None:
        patience = self.inv.settings.reattach
        if self.deadline is not None:
            patience = min(patience, max(0.0, self.deadline - monotonic()))
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self.engine.loop.call_later(patience, self._give_up)

    def reattach(self) -> None:
        """The session has a connection again: ask over it what became of the call."""
        link, inv = self.link, self.inv
        wire = None if link is None else link.wire
        if inv.phase != "away" or wire is None or not wire.transport.is_connected:
            return
        self.wire = wire
        wire.users += 1
        self._be_patient()  # its runtime may have lost its connection too
        self.expect(wire)
        self.perform(inv.reattached())
        self._asking().go_on()

    def _give_up(self) -> None:
        self.engine.away.discard(self)
        if self.deadline is not None and monotonic() >= self.deadline:
            self.perform(self.inv.late(self.deadline - self._begun))
        else:
            self.perform(self.inv.unreachable())

    def _report(self, value: tuple[str, str]) -> None:
        self.engine.report_lost(self, *value)

    def _bad(self, _: Any) -> None:
        if self.peer is not None and self.link is not None:
            self.link.router.bad(self.peer, self.inv.call.name)

    def _stray(self, _: Any) -> None:
        self.engine.count("stray")

    # -- giving up ------------------------------------------------------------------------

    def cancel(self, reason: str) -> None:
        """The application gave it up: answered once the body has stopped, or after a bound."""
        if self.done is None:
            return
        if self._stop is None:
            wait = self.inv.settings.stop_wait
            self._stop = self.engine.loop.call_later(wait, self._unstopped)
        self.perform(self.inv.cancel(reason))

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

    def wait(self) -> None:
        """Nothing can be sent yet; it is answered at its deadline all the same."""
        if self.deadline is not None and self._alarm is None:
            left = max(0.0, self.deadline - monotonic())
            self._alarm = self.engine.loop.call_later(left, self.late)

    def late(self) -> None:
        """The deadline has passed."""
        if self.deadline is not None:
            self.perform(self.inv.late(self.deadline - self._begun))


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
