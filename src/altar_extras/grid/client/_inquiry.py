"""Inquiry: a call whose runtime is silent, gone or not known is asked about, again and again."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from altar_extras.grid.transport import GridTransportError
from altar_extras.grid.wire import Query, Subjects, pack

if TYPE_CHECKING:
    import asyncio

    from altar_extras.grid.client._invocation import Act, Invocation
    from altar_extras.grid.client._link import Link, Wire
    from altar_extras.grid.client._session import ToolRight

__all__ = ["Asker", "Inquiry"]

_log = logging.getLogger("altar.grid")
_ABSENT = 0.5  # seconds in which a runtime that nobody hears may be on its way back
_ACCEPTED = 0.5  # seconds, or a quarter of what is left, until a runtime says that it took it
_ASK_EVERY = 0.25  # seconds between questions that nothing came back to
_PAUSE = 0.02  # before the first question that is asked again; it doubles


class Asker(Protocol):
    """A run, as far as it is asked about."""

    inv: Invocation
    link: Link | None
    wire: Wire | None
    right: ToolRight | None
    deadline: float | None

    def expect(self, wire: Wire) -> None: ...
    def perform(self, acts: list[Act]) -> None: ...


class Inquiry:
    """The questions about one call, over all of its attempts. Most calls need none."""

    __slots__ = ("_absent", "_loop", "_run", "_timer", "_untaken", "has_asked")

    def __init__(self, run: Asker, loop: asyncio.AbstractEventLoop) -> None:
        self._run = run
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._absent = 0.0  # since when nobody hears its runtime
        self._untaken = 0.0  # until when runtimes are asked whether they took it
        self.has_asked = False  # in this attempt

    @property
    def is_of_all(self) -> bool:
        """Whether every runtime is asked, as none has said that it took the call."""
        return bool(self._untaken) and not self._run.inv.runtime

    def stop(self) -> None:
        """Ask no more for now."""
        if self._timer is not None:
            self._timer.cancel()

    def heard(self) -> None:
        """Its runtime is there."""
        self._absent = 0.0

    def ask(self) -> None:
        """Ask its runtime what became of it."""
        run, wire = self._run, self._run.wire
        if wire is None:
            return
        self.has_asked = True
        try:
            subject = Subjects.control(run.inv.runtime, "query", wire.session)
            query = Query(invocation_id=run.inv.id, attempt=run.inv.attempt)
            wire.requests.send(subject, run.inv.id, pack(query))
        except GridTransportError:
            run.perform(run.inv.unreachable())

    def go_on(self) -> None:
        """Ask again, should no answer come: a silent server may have swallowed the question."""
        self._timer = self._loop.call_later(_ASK_EVERY, self._ask_on)

    def unheard(self) -> None:
        """Nobody hears the call's runtime, which may be on its way back: asked for a while."""
        run, now = self._run, monotonic()
        self._absent = self._absent or now
        gone = now - self._absent
        if run.wire is None or (gone >= _ABSENT and run.inv.phase != "asking"):
            run.perform(run.inv.vanished())
            return
        self.stop()
        run.expect(run.wire)
        wait = min(max(_PAUSE, gone), _ASK_EVERY)
        self._timer = self._loop.call_later(wait, self._ask_anew)

    def sent_to_all(self, left: float | None) -> None:
        """The queue group has the call: whoever takes it says so, or all of them are asked."""
        self._untaken = 0.0
        wait = _ACCEPTED if left is None else min(_ACCEPTED, left / 4)
        self._timer = self._loop.call_later(wait, self._ask_all)

    def _ask_on(self) -> None:
        if self._run.inv.phase == "asking":
            self._ask_anew()

    def _ask_anew(self) -> None:
        self.ask()
        self.go_on()

    def _ask_all(self) -> None:
        """The queue group's runtime is silent: ask all that are known whether they have the call.

        Who never saw it will not run it from then on. After ``reattach`` seconds, or half of
        what is left to the call, nobody can know. One of Level 1 says nothing before its
        answer, and cannot be asked: where there is one the call waits to its deadline.
        """
        run, now = self._run, monotonic()
        wire, link, right = run.wire, run.link, run.right
        if wire is None or link is None or right is None or run.inv.runtime:
            return
        if not self._untaken:
            left = float("inf") if run.deadline is None else run.deadline - now
            self._untaken = now + min(run.inv.settings.reattach, left / 2)
            link.refresh(now=True)
        peers = link.router.serving(right.name, right.major)
        if any(not peer.can("query") for peer in peers):
            return
        if now >= self._untaken:
            run.perform(run.inv.unaccepted())
            return
        body = pack(Query(invocation_id=run.inv.id, attempt=run.inv.attempt))
        for peer in peers:
            try:
                subject = Subjects.control(peer.id, "query", wire.session)
                wire.requests.send(subject, run.inv.id, body)
            except GridTransportError as error:
                _log.debug("a question was not sent: %s", error)
        wait = min(_ASK_EVERY, max(0.01, self._untaken - now))
        self._timer = self._loop.call_later(wait, self._ask_all)
