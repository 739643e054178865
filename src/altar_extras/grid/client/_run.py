"""Run: carries out what an Invocation decides: sends, hears, waits. One for each call."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from altar.trace import traceparent, tracestate
from altar_extras.grid.client._faults import all_out, fault_of, unsent
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
    from altar_extras.grid.client._invocation import Invocation
    from altar_extras.grid.client._link import Link, Wire
    from altar_extras.grid.client._options import CallOptions
    from altar_extras.grid.client._router import Peer
    from altar_extras.grid.client._session import ToolRight

__all__ = ["Home", "Run"]

_log = logging.getLogger("altar.grid")
_ABSENT = 0.5  # seconds in which a runtime that nobody hears may be on its way back
_ACCEPTED = 0.5  # seconds, or a quarter of what is left, until a runtime says that it took it
_ASK_EVERY = 0.25  # seconds between questions that nothing came back to
_PAUSE = 0.02  # before the first question that is asked again; it doubles


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
        "_absent",
        "_again",
        "_alarm",
        "_args",
        "_asked",
        "_begun",
        "_credits",
        "_part",
        "_parts_to",
        "_stop",
        "_untaken",
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
        self._asked = False
        self._absent = 0.0  # since when nobody hears its runtime
        self._untaken = 0.0  # until when runtimes are asked whether they took it
        self._again: asyncio.TimerHandle | None = None
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
            self.perform(self.inv.unsent(all_out(self.inv.call.name, route)))
            return
        try:
            spoken = spoken_call(self, link, route.peer)
        except UnspeakableError as error:
            self.perform(self.inv.unsent(error.fault))
            return
        self._args, self._part, self._credits = spoken.parts, 0, 0
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
        self._parts_to = route.subject if peer is not None else ""
        if peer is None:
            inv.sent("")
            self._untaken = 0.0
            wait = _ACCEPTED if left is None else min(_ACCEPTED, left / 4)
            self._again = self.engine.loop.call_later(wait, self._ask_all)
        else:
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
            self._absent = 0.0
        self.perform(self.inv.take(message))

    def _lost(self, error: GridTransportError) -> None:
        if self._untaken and isinstance(error, NoRespondersError) and not self.inv.runtime:
            if self.wire is not None:  # one of those that were asked is gone
                self._expect(self.wire)
        elif isinstance(error, AnswerTimeoutError):
            self.perform(self.inv.late(self.deadline - self._begun if self.deadline else 0.0))
        elif isinstance(error, NoRespondersError):
            if self.peer is not None and self.link is not None:
                self.link.router.gone(self.peer.id)
                self.link.refresh(now=True)
            if self._asked:
                self._ask_again()
            else:
                self.perform(self.inv.nobody(others=self._has_others()))
        elif isinstance(error, NotConnectedError):
            self.perform(self.inv.disconnected())
        else:
            self.perform(self.inv.malformed())

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
        if self._again is not None:
            self._again.cancel()
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
            query = Query(invocation_id=self.inv.id, attempt=self.inv.attempt)
            wire.requests.send(subject, self.inv.id, pack(query))
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
        self._expect(wire)
        self.perform(inv.reattached())
        self._again = self.engine.loop.call_later(_ASK_EVERY, self._query_on)

    def _query_on(self) -> None:
        """No answer yet: a silent server may have swallowed the question."""
        if self.inv.phase == "asking":
            self._query(None)
            self._again = self.engine.loop.call_later(_ASK_EVERY, self._query_on)

    def _ask_all(self) -> None:
        """The queue group's runtime is silent: ask all that are known whether they have the call.

        Who never saw it will not run it from then on. After ``reattach`` seconds, or half of
        what is left to the call, nobody can know. One of Level 1 says nothing before its
        answer, and cannot be asked: where there is one the call waits to its deadline.
        """
        wire, link, right, now = self.wire, self.link, self.right, monotonic()
        if wire is None or link is None or right is None or self.inv.runtime:
            return
        if not self._untaken:
            left = float("inf") if self.deadline is None else self.deadline - now
            self._untaken = now + min(self.inv.settings.reattach, left / 2)
            link.refresh(now=True)
        peers = link.router.serving(right.name, right.major)
        if any(not peer.can("query") for peer in peers):
            return
        if now >= self._untaken:
            self.perform(self.inv.unaccepted())
            return
        body = pack(Query(invocation_id=self.inv.id, attempt=self.inv.attempt))
        for peer in peers:
            try:
                subject = Subjects.control(peer.id, "query", wire.session)
                wire.requests.send(subject, self.inv.id, body)
            except GridTransportError as error:
                _log.debug("a question was not sent: %s", error)
        wait = min(_ASK_EVERY, max(0.01, self._untaken - now))
        self._again = self.engine.loop.call_later(wait, self._ask_all)

    def _expect(self, wire: Wire) -> None:
        left = None if self.deadline is None else self.deadline - monotonic()
        wire.requests.expect(self.inv.id, self.take, on_lost=self._lost, timeout=left)

    def _ask_again(self) -> None:
        """Nobody hears the call's runtime, which may be on its way back: asked for a while."""
        wire, now = self.wire, monotonic()
        self._absent = self._absent or now
        gone = now - self._absent
        if wire is None or (gone >= _ABSENT and self.inv.phase != "asking"):
            self.perform(self.inv.vanished())
            return
        if self._again is not None:
            self._again.cancel()
        self._expect(wire)
        wait = min(max(_PAUSE, gone), _ASK_EVERY)
        self._again = self.engine.loop.call_later(wait, self._query_anew)

    def _query_anew(self) -> None:
        self._query(None)
        self._again = self.engine.loop.call_later(_ASK_EVERY, self._query_on)

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
