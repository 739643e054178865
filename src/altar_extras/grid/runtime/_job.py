"""Job and Runner: one call on its way through the lanes, the journal and its body."""

from __future__ import annotations

import logging
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import FunctionCall, digest, loads
from altar.errors import AltarError, ConfigurationError, ErrorType
from altar.later import LocalRuntime, SessionLimits
from altar.runtime import CallContext, Cancellation, Deadline
from altar.trace import continued
from altar_extras.grid.audit import Entry, Outcome
from altar_extras.grid.runtime._invocation import Phase
from altar_extras.grid.runtime._lane import Lane
from altar_extras.grid.runtime._stream import current_chunks
from altar_extras.grid.wire import Executed, Fault, failed, with_executed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from altar.adm import ToolResult
    from altar_extras.grid.runtime._contracts import Served
    from altar_extras.grid.runtime._invocation import Invocation
    from altar_extras.grid.runtime._journal import RuntimeJournal
    from altar_extras.grid.runtime._reply import Reply
    from altar_extras.grid.runtime._settings import RuntimeSettings
    from altar_extras.grid.runtime._stream import Chunks
    from altar_extras.grid.runtime._time import HostTime
    from altar_extras.grid.wire import ToolCall

__all__ = ["Done", "Job", "Runner"]

_log = logging.getLogger("altar.grid")
_USUAL_RESULT = 65_536
_LARGEST_RESULT = 16 * 1024 * 1024
_MOST_RUNTIMES = 16
_USUAL_FIELDS = 3  # of a call: name, args, call_id


class _Told(Cancellation):
    """A flag that a synchronous body may look at, and that nobody stops waiting for.

    Its thread goes on whatever is said; CANCELLED may only be said when it has stopped.
    """

    __slots__ = ()

    def on_cancel(self, listener: Any) -> None:
        """Nothing: the body's own end is waited for."""
        del listener


class Job:
    """One call as the runtime works on it, beside its Invocation."""

    __slots__ = (
        "args_digest",
        "call",
        "came",
        "chunks",
        "flag",
        "invocation",
        "is_journaled",
        "message",
        "replies",
        "served",
        "task",
    )

    def __init__(
        self, invocation: Invocation, message: ToolCall, served: Served, reply: Reply
    ) -> None:
        self.invocation = invocation
        self.message = message
        self.served = served
        self.replies: list[Reply] = [reply]
        self.flag: Cancellation = Cancellation() if served.can_stop else _Told()
        self.call: FunctionCall | None = None
        self.chunks: Chunks | None = None
        self.args_digest = ""
        self.came: float | None = None  # when it was taken, by the loop's clock
        self.is_journaled = False
        self.task: asyncio.Task[None] | None = None

    def read_call(self, args: bytes = b"") -> None:
        """Make the ADM call; ``args`` are those that came as Parts. Raises AltarError."""
        doc = self.message.call
        if args:
            doc = {**doc, "args": loads(args)}
        call_id, found = doc.get("call_id"), doc.get("args")
        if len(doc) <= _USUAL_FIELDS and found.__class__ is dict and call_id.__class__ is str:
            self.call = FunctionCall(name=doc["name"], args=found, call_id=call_id)
        else:
            self.call = FunctionCall.from_dict(doc)

    @property
    def named(self) -> FunctionCall:
        """The call, for a message about it."""
        if self.call is not None:
            return self.call
        told = {"name": self.served.name, "call_id": self.message.call.get("call_id")}
        return FunctionCall.from_dict(told)  # its own id, unless that is none


class Done(NamedTuple):
    """How a call ended."""

    result: ToolResult
    executed: Executed
    seconds: float


class Runner:
    """Carries out jobs: a place in the lane, the journal, the deadline, the body, the journal.

    With a journal as many calls again as there are slots may be on their way
    to the disk, so that slots do not stand empty while it turns.
    """

    def __init__(
        self,
        tools: Any,
        settings: RuntimeSettings,
        *,
        journal: RuntimeJournal | None,
        time: HostTime,
        life: tuple[str, str] = ("", ""),
        deps: Any = None,
    ) -> None:
        self._tools = tools
        self._deps = deps
        self._journal = journal
        self._life = life  # this runtime and its epoch, for whoever finds the journal
        self._time = time
        self._slots = Lane(settings.slots)
        self._ahead = Lane(settings.slots * 2) if journal is not None else None
        self._runtimes: OrderedDict[tuple[bool, int], LocalRuntime] = OrderedDict()
        self._usual = self._runtime(strict=False, size=_USUAL_RESULT)
        self.settings = settings
        self.queued = 0
        self.running = 0

    def without_deps(self, names: Iterable[str]) -> dict[str, str]:
        """The tools that want ``Context.deps`` and find none here, and the type that each wants."""
        if self._deps is not None:
            return {}
        wanted = {name: self._usual.deps_type(name) for name in names}
        return {name: kind for name, kind in wanted.items() if kind is not None}

    def close(self) -> None:
        """Let nothing begin, and end the workers of isolated tools."""
        for runtime in self._runtimes.values():
            runtime.close("the runtime was closed")

    async def run(self, job: Job) -> Done:
        """Carry it out; answers whatever happens but for the end of the task itself."""
        if self._ahead is None:
            return await self._in_slot(job)
        await self._place_in(self._ahead)
        try:
            fault = await self._start(job)
            if fault is not None:
                return self._unrun(job, fault)
            done = await self._in_slot(job)
        finally:
            self._ahead.leave()
        return await self._finish(job, done)

    async def _in_slot(self, job: Job) -> Done:
        await self._place_in(self._slots)
        self.running += 1
        try:
            fault = job.invocation.begin(*self._time.now())
            if fault is not None:
                return self._unrun(job, fault)
            return await self._body(job)
        finally:
            self.running -= 1
            self._slots.leave()

    async def _place_in(self, lane: Lane) -> None:
        waiting = lane.enter()
        if waiting is None:
            return
        self.queued += 1
        try:
            await waiting
        except BaseException:
            if waiting.done() and not waiting.cancelled():
                lane.leave()  # it was given while this task was ended
            raise
        finally:
            self.queued -= 1

    async def _body(self, job: Job) -> Done:
        message = job.message
        begun = monotonic()
        try:
            if message.traceparent:
                with continued(message.traceparent, tracestate=message.tracestate or None):
                    result = await self._invoke(job)
            else:
                result = await self._invoke(job)
            executed = _ran(result, job)
        except BaseException:
            job.invocation.end("unknown")
            raise
        job.invocation.end(executed)
        broken = job.chunks.broken if job.chunks is not None else ""
        if broken and result.error is not None:
            fault = Fault(
                type=ErrorType.STREAM_BROKEN,
                reason="stream_broken",
                message=f"The stream of {job.served.name} was broken: {_WHY[broken]}.",
                executed=executed,
            )
            result = failed(job.named, fault, message.correlation_id)
        elif result.error is not None:
            object.__setattr__(result, "error", with_executed(result.error, executed))
        return Done(result, executed, monotonic() - begun)

    async def _invoke(self, job: Job) -> ToolResult:
        message, served, call = job.message, job.served, job.call
        if call is None:
            raise RuntimeError("a call was about to run before it was read")
        chunks = job.chunks
        ctx = CallContext(
            session_id=job.invocation.session,
            correlation_id=message.correlation_id,
            # an inline tool is one that is over at once: a deadline would cost it a thread
            deadline=None if served.is_inline else self._deadline(job),
            attempt=message.attempt,
            emit=None if chunks is None else chunks.emit,
            cancelled=job.flag,
            baggage=message.baggage,
            approved=message.approved,
            deps=self._deps,
        )
        if message.strict or message.max_result_bytes is not None:
            size = min(message.max_result_bytes or _USUAL_RESULT, _LARGEST_RESULT)
            runtime = self._runtime(strict=message.strict, size=max(size, 1))
        else:
            runtime = self._usual
        if chunks is None:
            lane = runtime.async_lanes.get(served.name)
            if lane is not None:
                found = await runtime.take(lane, call, ctx=ctx)
                if found is not None:
                    return found
            return await runtime.ainvoke(call, ctx)
        current_chunks.set(chunks)
        result = await runtime.ainvoke(call, ctx)
        await chunks.room()
        return result

    def _deadline(self, job: Job) -> Deadline:
        """The deadline here; it speaks of the seconds that its caller gave."""
        now, left = monotonic(), (job.invocation.expires_ms - self._time.now()[0]) / 1000
        budget = job.message.budget_ms
        total = left if budget is None else budget / 1000
        return Deadline(total, now + left - total)

    def _runtime(self, *, strict: bool, size: int) -> LocalRuntime:
        """One LocalRuntime for each strictness and size of results that callers ask for."""
        key = (strict, size)
        found = self._runtimes.get(key)
        if found is None:
            limits = SessionLimits(max_result_bytes=size)
            found = self._runtimes[key] = LocalRuntime(self._tools, limits=limits, strict=strict)
            if len(self._runtimes) > _MOST_RUNTIMES:
                self._runtimes.popitem(last=False)
        else:
            self._runtimes.move_to_end(key)
        return found

    async def _start(self, job: Job) -> Fault | None:
        """The call is on disk when this returns None."""
        invocation, message = job.invocation, job.message
        if self._journal is None or invocation.phase is Phase.ENDED:  # cancelled in the line
            return invocation.fault
        entry = Entry(
            invocation.id,
            message.correlation_id,
            job.served.name,
            job.served.digest,
            invocation.session,
            "",
            message.attempt,
            job.args_digest,
            int(self._time.now()[0]),
            *self._life,
        )
        job.is_journaled = True  # from here on its end is written before its answer leaves
        try:
            await self._journal.started(entry)
        except Exception as error:  # noqa: BLE001 - whatever it is, the call is not on disk
            job.is_journaled = False
            _log.warning("a call was refused, the audit did not take it: %s", error)
            reason = getattr(error, "reason", "audit_refused")
            return invocation.refuse(
                Fault(
                    type=ErrorType.RESOURCE_EXHAUSTED,
                    reason=reason if isinstance(reason, str) else "audit_refused",
                    message="The runtime cannot keep the evidence of this call; it did not run.",
                )
            )
        return None

    async def _finish(self, job: Job, done: Done) -> Done:
        """The end is on disk when this returns; without it the reply says so."""
        if self._journal is None or not job.is_journaled:
            return done
        error = done.result.error
        said = done.result.content if error is None else error.to_dict()
        outcome = Outcome(
            job.invocation.id,
            done.result.status.value,
            "" if error is None else error.type or "",
            done.executed,
            done.seconds,
            _digest_of(said),
        )
        try:
            await self._journal.finished(outcome)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the end is not on disk
            _log.error("the end of call %s is not in the audit: %s", job.invocation.id, problem)
            reason = getattr(problem, "reason", "audit_refused")
            fault = Fault(
                type=ErrorType.SERVICE_UNAVAILABLE,
                reason=reason if isinstance(reason, str) else "audit_refused",
                message="The call ended; its evidence was not kept, and its result is withheld.",
                executed=done.executed,
            )
            return done._replace(result=failed(job.named, fault, job.message.correlation_id))
        return done

    def _unrun(self, job: Job, fault: Fault) -> Done:
        return Done(failed(job.named, fault, job.message.correlation_id), "no", 0.0)


_WHY = {
    "no_credit": "its reader gave no credit for too long",
    "too_many_chunks": "it reported faster than it was read",
    "chunk_too_large": "a chunk is larger than 64 KB",
    "chunk_malformed": "a chunk cannot be sent",
}


def _ran(result: ToolResult, job: Job) -> Executed:
    """Whether the body began, as far as LocalRuntime says."""
    error = result.error
    if error is None:
        return "yes"
    said = (error.details or {}).get("executed")
    if said in ("no", "yes", "unknown"):
        return said  # type: ignore[no-any-return]
    cause = result.cause
    if cause is None and error.type in _BEFORE:
        return "no"
    if isinstance(cause, ConfigurationError) and error.type == ErrorType.CONFIGURATION_ERROR:
        return "no"
    if cause is None and error.type == ErrorType.RESOURCE_EXHAUSTED and not job.served.is_stream:
        return "no"  # no thread was free; a stream may have been stopped by its own length
    return "yes"


_BEFORE = frozenset(
    {
        ErrorType.PARAMETER_VALIDATION_FAILED,
        ErrorType.TOOL_NOT_FOUND,
        ErrorType.PERMISSION_DENIED,
        ErrorType.APPROVAL_REQUIRED,
    }
)


def _digest_of(said: Any) -> str:
    try:
        return digest(said, big_integers="exact")
    except AltarError:
        return ""
