"""Desk: every call and control message that comes to a runtime, and every answer that leaves."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING

from altar.adm import digest
from altar.errors import AltarError
from altar_extras.grid.runtime import _faults as faults
from altar_extras.grid.runtime._book import Arrival, Book
from altar_extras.grid.runtime._gate import Gate
from altar_extras.grid.runtime._invocation import Phase, expired
from altar_extras.grid.runtime._job import Done, Job
from altar_extras.grid.runtime._outbox import Outbox
from altar_extras.grid.runtime._payloads import Incoming, Intake, credit_for
from altar_extras.grid.runtime._places import Denials, Places
from altar_extras.grid.runtime._reply import Reply, reply_of
from altar_extras.grid.runtime._stream import Chunks
from altar_extras.grid.runtime._turns import Turns
from altar_extras.grid.wire import (
    Accepted,
    Cancel,
    Credit,
    FrameError,
    Malformed,
    Part,
    Query,
    QueryAnswer,
    Subjects,
    ToolCall,
    failed,
    is_id,
    pack,
    unpack,
)

if TYPE_CHECKING:
    from altar_extras.grid.operate import Histogram
    from altar_extras.grid.runtime._contracts import Served
    from altar_extras.grid.runtime._invocation import Invocation
    from altar_extras.grid.runtime._job import Runner
    from altar_extras.grid.runtime._outbox import Identity
    from altar_extras.grid.runtime._places import Place
    from altar_extras.grid.runtime._time import HostTime
    from altar_extras.grid.transport import Inbound, Transport
    from altar_extras.grid.wire import Fault, Message

__all__ = ["Desk"]

_log = logging.getLogger("altar.grid")


class Desk:
    """Takes what comes, in the order of checks that nothing unsafe passes, and answers it.

    ``denials`` counts what was dropped or refused by its reason, ``calls`` the
    answered calls by (tool, status, executed), ``took`` the seconds of those that
    were taken, from their arrival to their answer.
    """

    def __init__(
        self, identity: Identity, runner: Runner, *, time: HostTime, transport: Transport,
        took: Histogram, lost: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        settings = runner.settings
        self.places = Places(identity.runtime)
        self.gate = Gate()
        self.denials = Denials()
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self._took = took
        self.is_closed = False
        self._settings = settings
        self._runner = runner
        self._time = time
        self._identity = identity
        self._book = Book(
            keep_ms=settings.keep_seconds * 1000, limit=settings.keep_bytes, lost=lost
        )
        self._out = Outbox(identity, transport, settings)
        self._intake = Intake(settings)
        self._active: dict[tuple[str, str], Job] = {}
        self._most = settings.slots + settings.queue  # that are active
        self._loop = asyncio.get_running_loop()
        self._turns = Turns(self._serve)

    # -- what the server asks

    @property
    def active(self) -> int:
        """Calls that were taken and not answered yet."""
        return len(self._active)

    def load(self) -> dict[str, int]:
        """What replies and heartbeats say of it."""
        queued = self._runner.queued
        return {
            "inflight": max(len(self._active) - queued, 0),
            "queued": queued,
            "slots": self._settings.slots,
        }

    def sweep(self) -> None:
        """Forget what is long over."""
        now, uncertainty = self._time.now()
        if uncertainty != float("inf"):
            self._book.sweep(now - uncertainty)

    def revoke(self, session: str) -> None:
        """A session ended before its time: no more calls, and those that run are told to stop.

        The id of a key stands for all of its sessions, which begin with it.
        """
        self.gate.revoke(session)
        for key, job in list(self._active.items()):
            if session in (key[0], key[0].partition("-")[0]):
                self._cancel(key, job, "the session was revoked")

    def cancel_all(self, reason: str) -> None:
        """Tell every call to stop."""
        for key, job in list(self._active.items()):
            self._cancel(key, job, reason)

    async def settled(self, timeout: float) -> bool:  # noqa: ASYNC109 - a bound on waiting
        """Wait until every call is answered; False when some were not in time."""
        return await self._turns.settled(timeout)

    async def close(self) -> None:
        """End what still runs, and the transfers."""
        self.is_closed = True
        self._out.close()
        await self._turns.close()

    # -- what comes

    def hear_call(self, inbound: Inbound) -> None:
        """A body under the subject of a call: calls, and parts of their arguments."""
        place = self.places.read(inbound.subject)
        if place is None:
            self.denials.note("unknown_tool", inbound.subject)
            return
        reply = reply_of(inbound.reply, place.session)
        if reply is None:
            self.denials.note("foreign_reply", inbound.subject)
            return
        try:
            for message in self._read(inbound, reply):
                if isinstance(message, ToolCall):
                    self._call(message, place, reply)
                elif isinstance(message, Part):
                    part = message
                    if not self._intake.take((place.session, part.invocation_id), part):
                        self.denials.note("stray_part", inbound.subject)
                else:
                    self._unexpected(message, inbound, reply)
        finally:  # one that fails here does not hold up those that came with it
            self._turns.begin()

    def hear_control(self, inbound: Inbound) -> None:
        """A body under a control subject: the session's own cancel, credit and query."""
        where = Subjects.read_control(inbound.subject)
        if where is None or not is_id(where[1]):
            self.denials.note("unknown_subject", inbound.subject)
            return
        what, session = where
        reply = reply_of(inbound.reply, session) if inbound.reply else None
        if reply is None and (inbound.reply or what == "query"):
            self.denials.note("foreign_reply", inbound.subject)
            return
        for message in self._read(inbound, reply):
            if what == "credit" and isinstance(message, Credit):
                self._credit(session, message)
            elif what == "cancel" and isinstance(message, Cancel):
                key = (session, message.invocation_id)
                job = self._active.get(key)
                if job is not None:
                    reason = message.reason
                    self._cancel(key, job, reason or "cancelled by the caller")
            elif what == "query" and isinstance(message, Query) and reply is not None:
                self._query(session, message, reply)
            else:
                self._unexpected(message, inbound, reply)

    # -- a call

    def _call(self, message: ToolCall, place: Place, reply: Reply) -> None:
        served, session = place.served, place.session
        try:
            if message.size:
                args_digest = f"sha256:{message.sha256}"
            else:
                args_digest = digest(message.call.get("args") or {}, big_integers="exact")
        except AltarError:
            args_digest = ""
        now, uncertainty = self._time.now()
        fault = self.gate.refusal(message, place, args_digest, now)
        if fault is None:
            part = 1.0 if len(self._active) < self._most else 0.5  # where it is crowded
            if self._book.is_full_for(session, part=part):
                fault = faults.overloaded()
        if fault is not None:
            self._refuse(message, served, fault, reply)
            return
        expires = self._expires(message, now)
        key = (session, message.invocation_id)
        arrival, invocation = self._book.arrive(
            key, f"{served.digest} {args_digest}", expires_ms=expires, attempt=message.attempt
        )
        if arrival is not Arrival.FRESH:
            self._again(arrival, invocation, message, served, reply)
            return
        job = Job(invocation, message, served, reply)
        job.args_digest = args_digest
        invocation.job = job
        fault = self._unfit(job, now + uncertainty)
        if fault is not None:
            self._end(job, self._refused(job, fault))
            return
        self._active[key] = job
        job.came = self._loop.time()
        if reply.joined and not place.is_direct:
            runtime, epoch = self._identity.runtime, self._identity.epoch
            taken = Accepted(invocation_id=invocation.id, runtime=runtime, epoch=epoch)
            self._out.send(reply, pack(taken))
        self._turns.enter((key, job))

    def _unfit(self, job: Job, latest_ms: float) -> Fault | None:
        """Why a call that is new does not begin."""
        if not latest_ms < job.invocation.expires_ms:
            return expired()
        if self.is_closed:
            return faults.draining()
        if len(self._active) >= self._most:
            return faults.overloaded()
        message = job.message
        if message.size:
            return self._intake.refusal(message.size, job.invocation.session)
        try:
            job.read_call()
        except AltarError as error:
            return faults.malformed(f"{error!s:.500}")
        return None

    def _again(
        self, arrival: Arrival, found: Invocation, message: ToolCall, served: Served, reply: Reply
    ) -> None:
        """A call came whose id is known."""
        if arrival is Arrival.DIFFERS:
            self._refuse(message, served, faults.duplicate_differs(), reply)
        elif arrival is Arrival.BURIED:
            self._refuse(message, served, faults.tombstoned(), reply)
        else:
            self._join(found, reply)

    def _join(self, found: Invocation, reply: Reply) -> None:
        """Whoever asks again is answered with the first one's answer."""
        if found.body:
            self._out.answer(found, reply)
        else:
            job: Job | None = found.job
            if job is not None and reply not in job.replies:
                job.replies = [*job.replies[-3:], reply]

    async def _serve(self, key: tuple[str, str], job: Job) -> None:
        try:
            await self._served(key, job)
        except BaseException as error:
            is_told = self.is_closed or job.invocation.body
            if isinstance(error, asyncio.CancelledError) and is_told:
                raise  # else a tool has cancelled its own task
            _log.exception("call %s failed in the runtime", job.invocation.id)
            if job.invocation.phase is not Phase.RUNNING and not job.invocation.body:
                executed = job.invocation.executed or "no"
                fault = faults.internal().saying(executed)
                job.invocation.refuse(fault)
                call = failed(job.named, fault, job.message.correlation_id)
                self._end(job, Done(call, fault.executed, 0.0))
            if not isinstance(error, Exception):
                raise
        finally:  # a callback of the task would cost a turn of the loop
            if self._active.get(key) is job:  # else a later attempt of it has come
                del self._active[key]
            if job.task is not None:
                self._turns.leave(job.task)

    async def _served(self, key: tuple[str, str], job: Job) -> None:
        message = job.message
        if message.size:
            fault = await self._receive(key, job)
            if fault is not None:
                self._end(job, self._refused(job, fault))
                return
        if message.credit:
            job.chunks = Chunks(
                message.invocation_id,
                credit=message.credit,
                patience=self._settings.credit_seconds,
                send=lambda body: self._out.send(job.replies[-1], body),
                give_up=lambda why: job.flag.cancel(f"stream_broken: {why}"),
            )
        try:
            done = await self._runner.run(job)
        finally:
            if job.chunks is not None:
                job.chunks.close()
        if not job.invocation.body:  # else it was answered when it was cancelled
            self._end(job, done)

    async def _receive(self, key: tuple[str, str], job: Job) -> Fault | None:
        """Large arguments, as Parts."""
        message = job.message

        def grant(credit: int) -> None:
            self._out.send(job.replies[-1], credit_for(message.invocation_id, credit))

        incoming = Incoming(message.size, message.sha256, grant=grant)
        left = (job.invocation.expires_ms - self._time.now()[0]) / 1000
        coming = asyncio.ensure_future(self._intake.receive(key, incoming, seconds=left))
        await asyncio.sleep(0)  # it waits for parts before the caller is told to send
        if job.invocation.fault is not None:  # it was cancelled before it could be dropped
            coming.cancel()
            return job.invocation.fault
        if not coming.done():
            grant(64)
        came = await coming
        if not isinstance(came, bytes):
            return came
        try:
            job.read_call(came)
        except AltarError as error:
            return faults.malformed(f"{error!s:.500}")
        return None

    def _expires(self, message: ToolCall, now: float) -> float:
        """The deadline in Host time, in ms."""
        latest = now + self._settings.longest_seconds * 1000
        if message.expires_ms is not None:
            return min(float(message.expires_ms), latest)
        if message.budget_ms is not None:
            return min(now + message.budget_ms, latest)
        return min(now + self._settings.default_seconds * 1000, latest)

    # -- its end

    def _end(self, job: Job, done: Done) -> None:
        """Answer a call, once, to everybody who asked."""
        key = (job.invocation.session, job.invocation.id)
        self._active.pop(key, None)
        chunks = 0 if job.chunks is None else job.chunks.sent
        name, status = job.served.name, done.result.status.value
        self.calls[(name, status, done.executed)] += 1
        if job.came is not None:
            self._took.observe(self._loop.time() - job.came, name, status)
        self._out.close_call(job, done, load=self.load(), chunks=chunks)
        self._book.kept(job.invocation)
        job.invocation.job = None
        for reply in job.replies:
            self._out.answer(job.invocation, reply)

    def _refused(self, job: Job, fault: Fault) -> Done:
        job.invocation.refuse(fault)
        self.denials[fault.reason] += 1
        return Done(failed(job.named, fault, job.message.correlation_id), "no", 0.0)

    def _cancel(self, key: tuple[str, str], job: Job, reason: str) -> None:
        """A body is told to stop; what has not begun is answered at once."""
        self._intake.drop(key, reason)
        invocation = job.invocation
        fault = invocation.refuse(faults.cancelled(reason))
        if fault is None:
            job.flag.cancel(reason)
            if job.chunks is not None:
                job.chunks.close()
        elif not job.is_journaled and job.call is not None and not invocation.body:
            self._end(job, Done(failed(job.named, fault, job.message.correlation_id), "no", 0.0))
            if job.task is not None:
                job.task.cancel()  # it leaves the line, or never enters it
                self._turns.leave(job.task)

    def _refuse(self, message: ToolCall, served: Served, fault: Fault, reply: Reply) -> None:
        """Answer a call that is not taken; nothing of it is kept."""
        self.denials.note(fault.reason, served.name)
        self.calls[(served.name, "ERROR", fault.executed)] += 1
        self._out.refuse(message, fault, load=self.load(), reply=reply)

    # -- controls

    def _credit(self, session: str, message: Credit) -> None:
        key = (session, message.invocation_id)
        if message.of == "result":
            self._out.credit(key, message.credit)
            return
        job = self._active.get(key)
        if job is not None and job.chunks is not None and message.of == "chunks":
            job.chunks.grant(message.credit)

    def _query(self, session: str, message: Query, reply: Reply) -> None:
        now, _ = self._time.now()
        key = (session, message.invocation_id)
        horizon = now + self._settings.longest_seconds * 1000
        state, found = self._book.query(
            key, attempt=message.attempt, now_ms=now, horizon_ms=horizon
        )
        if found is not None and not found.body:
            state = "running"
        answer = QueryAnswer(
            invocation_id=message.invocation_id,
            state=state,
            runtime=self._identity.runtime,
            epoch=self._identity.epoch,
        )
        self._out.send(reply, pack(answer))
        if found is not None:
            self._join(found, reply)

    # -- reading

    def _read(self, inbound: Inbound, reply: Reply | None) -> list[Message]:
        try:
            return unpack(inbound.body)
        except FrameError as error:
            self.denials.note("malformed", f"{inbound.subject}: {error.reason}")
            if reply is not None:
                self._out.error(reply, "", faults.malformed(error.reason))
            return []

    def _unexpected(self, message: Message, inbound: Inbound, reply: Reply | None) -> None:
        name = getattr(message, "type", "") or message.TYPE
        reason = message.reason if isinstance(message, Malformed) else f"{name!r} goes elsewhere"
        self.denials.note("malformed", f"{inbound.subject}: {reason}")
        if reply is not None:
            key = getattr(message, "invocation_id", "") or getattr(message, "id", "")
            self._out.error(reply, key, faults.malformed(reason))
