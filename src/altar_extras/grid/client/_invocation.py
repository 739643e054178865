"""Invocation: the life of one call at the client, as a state machine. No I/O, no clock.

Every method tells it what happened and returns what is to be done: a list of
:class:`Act`. Whatever happens in whatever order, it is answered exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar.errors import ErrorType
from altar_extras.grid.client._flow import Chunks, Parts
from altar_extras.grid.client._read import error_of, failed_with, read_result
from altar_extras.grid.wire import Executed, Fault, executed_of, failed, with_executed

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar_extras.grid.client._settings import ClientSettings
    from altar_extras.grid.wire import Error, Message, Part, StreamChunk, ToolResultMessage

__all__ = ["Act", "Invocation"]


class Act(NamedTuple):
    """What the shell is to do.

    "answer" (``value`` is the ToolResult), "send" (again; ``value`` is the runtime not to
    take, or None), "query", "cancel" (``value``: why), "credit" (``value``: (of, count)),
    "emit" (``value``: the chunk), "reattach", "parts" (send arguments; ``value``: how many
    more), "lost" (``value``: the runtime that died with the call, and
    its epoch), "stray" (what came was not for us),
    "good" and "bad" (what the breaker of the runtime is told).
    """

    kind: str
    value: Any = None


_NOTHING: list[Act] = []
# reasons for which another runtime may take a call that did not run
_ELSEWHERE = frozenset(
    {"overloaded", "draining", "no_runtime", "starting", "spool_full", "tombstoned"}
)
# what a runtime is left alone for; one that is full says how full, and is free again in a moment
_FULL = frozenset({"draining", "spool_full"})
_MOST = 1000  # attempts that the wire can count


class Invocation:
    """One call. ``phase`` is "new", "sent", "away", "asking", "stopping" or "done"."""

    __slots__ = (
        "absent",
        "attempt",
        "call",
        "chunks",
        "correlation_id",
        "epoch",
        "id",
        "idempotent",
        "may_have_run",
        "may_query",
        "parts",
        "phase",
        "result_message",
        "runtime",
        "settings",
        "spans",
        "stop_reason",
        "tried",
    )

    def __init__(
        self,
        call: FunctionCall,
        invocation_id: str,
        *,
        settings: ClientSettings,
        correlation_id: str = "",
        idempotent: bool = False,
        listens: bool = False,
    ) -> None:
        self.call = call
        self.id = invocation_id
        self.settings = settings
        self.correlation_id = correlation_id
        self.idempotent = idempotent
        self.chunks = Chunks(settings.window) if listens else None
        self.phase = "new"
        self.attempt = 0
        self.runtime = ""  # who has it; empty while the queue group chooses
        self.epoch = ""
        self.tried: tuple[str, ...] = ()
        self.absent: tuple[str, ...] = ()  # whom nobody heard: such an attempt cost nothing
        self.may_have_run = False  # some attempt may have, and nobody said what became of it
        self.may_query = True
        self.parts: Parts | None = None
        self.result_message: ToolResultMessage | None = None
        self.spans: tuple[Any, ...] = ()
        self.stop_reason: str | None = None

    # -- what the shell did ---------------------------------------------------------------

    def sent(self, runtime: str, *, epoch: str = "", may_query: bool = True) -> None:
        """It is on its way: to this runtime, or ("") to whichever takes it."""
        self.phase = "sent"
        self.attempt += 1
        self.runtime = runtime
        self.epoch = epoch
        self.may_query = may_query
        if runtime:
            self.tried = (*self.tried, runtime)

    def unsent(self, fault: Fault) -> list[Act]:
        """It could not be sent, and nobody has it from this attempt."""
        if self.phase == "done":
            return _NOTHING
        if self.may_have_run:
            return self._unknown(fault.reason)
        return self._fail(fault)

    # -- what came ------------------------------------------------------------------------

    def result(self, message: ToolResultMessage) -> list[Act]:
        """A ToolResult came."""
        if self._is_stray(message.runtime):
            return [Act("stray")]
        if message.runtime:
            self.runtime = message.runtime
        self.spans = message.spans
        if message.size:
            return self._large(message)
        return self._answered(message, read_result(message.result, self.call))

    def part(self, part: Part) -> list[Act]:
        """A piece of a large result came."""
        parts, message = self.parts, self.result_message
        if self.phase == "done" or parts is None or message is None or part.of != "result":
            return [Act("stray")]
        whole = parts.came(part)
        if whole is False:
            return self._break("A part of the result is missing or is not what was announced.")
        if isinstance(whole, bytes):
            return self._answered(message, read_result(message.result, self.call, whole))
        credit = parts.credit()
        return [Act("credit", ("result", credit))] if credit else _NOTHING

    def chunk(self, message: StreamChunk) -> list[Act]:
        """A chunk of progress came."""
        if self.phase in ("done", "new") or self.chunks is None:
            return [Act("stray")]
        fits = self.chunks.came(message.seq)
        if fits is None:
            return [Act("stray")]
        if not fits:
            return self._break("A chunk of the stream is missing.")
        return [Act("emit", message.chunk)]

    def heard(self) -> list[Act]:
        """The listener has had a chunk."""
        if self.chunks is None or self.phase == "done":
            return _NOTHING
        credit = self.chunks.heard()
        return [Act("credit", ("chunks", credit))] if credit else _NOTHING

    def accepted(self, runtime: str, epoch: str) -> list[Act]:
        """A runtime of the queue group took it."""
        if self.phase in ("done", "new") or (self.runtime and self.runtime != runtime):
            return [Act("stray")]
        if not self.runtime:
            self.runtime, self.epoch = runtime, epoch
            self.tried = (*self.tried, runtime)
            if self.stop_reason is not None:
                return [Act("cancel", self.stop_reason)]
        return _NOTHING

    def wants(self, of: str, credit: int) -> list[Act]:
        """The runtime takes more parts of the arguments."""
        if self.phase in ("done", "new") or of != "args":
            return [Act("stray")]
        return [Act("parts", credit)]

    def error(self, message: Error) -> list[Act]:
        """The call was answered with an Error."""
        if self.phase in ("done", "new"):
            return [Act("stray")]
        found = error_of(message.error)
        said: Executed = "unknown"
        if message.executed in ("no", "yes"):
            said = "no" if message.executed == "no" else "yes"
        return self._answered(None, failed_with(self.call, with_executed(found, said)))

    def malformed(self) -> list[Act]:
        """An answer came that is none. To ask for it again would bring the same."""
        if self.phase in ("done", "new"):
            return [Act("stray")]
        return self._answered(None, None)

    def answered(self, state: str, runtime: str, epoch: str) -> list[Act]:
        """The runtime says what became of the call."""
        if not self.runtime and self.phase in ("sent", "stopping"):  # several were asked
            known = state not in ("never_seen", "unknown")
            return self.accepted(runtime, epoch) if known and runtime else _NOTHING
        if self.phase in ("done", "new") or (runtime and runtime != self.runtime):
            return [Act("stray")]
        if self.phase == "asking":
            self.phase = "sent" if self.stop_reason is None else "stopping"
        if state == "unknown":
            return self._retry_unknown("forgotten")
        if state == "never_seen" or (epoch and self.epoch and epoch != self.epoch):
            if state != "never_seen":  # another life of the runtime: this one cannot know
                return [self._lost(), *self._unknown("runtime_restarted")]
            fault = Fault(
                type=ErrorType.SERVICE_UNAVAILABLE,
                reason="never_seen",
                message="The call never reached its runtime.",
            )
            return self._again(fault)
        if self.stop_reason is not None:  # said while nobody could be told
            return [Act("cancel", self.stop_reason)]
        return _NOTHING

    # -- what happened --------------------------------------------------------------------

    def nobody(self, *, others: bool = False) -> list[Act]:
        """Nobody hears the subject the call was sent to: this attempt reached no one.

        It does not count where there are ``others`` who were not asked yet; once for each.
        """
        if self.phase != "sent" and self.phase != "stopping":
            return _NOTHING
        if others and self.runtime not in self.absent:
            self.absent = (*self.absent, self.runtime)
        fault = Fault.of("no_runtime", f"No runtime serves {self.call.name[:80]!r} now.")
        return [Act("bad"), *self._again(fault)] if self.runtime else self._again(fault)

    def disconnected(self) -> list[Act]:
        """The connection that the answer was to come by is gone."""
        if self.phase in ("done", "new"):
            return _NOTHING
        self.phase = "away"
        return [Act("reattach")]

    def reattached(self) -> list[Act]:
        """There is a connection of the same session again."""
        if self.phase != "away":
            return _NOTHING
        if not self.runtime or not self.may_query:
            return self._unknown("disconnected")
        self.phase = "asking"
        return [Act("query")]

    def unreachable(self) -> list[Act]:
        """Nobody could be asked in time what became of it."""
        if self.phase not in ("away", "asking"):
            return _NOTHING
        return self._retry_unknown("disconnected")

    def unaccepted(self) -> list[Act]:
        """No runtime of the queue group said that it took the call, and none that was asked
        knows it; one that is silent may have it all the same.
        """
        if self.runtime or self.phase not in ("sent", "stopping"):
            return _NOTHING
        return self._retry_unknown("not_accepted")

    def suspect(self) -> list[Act]:
        """It has been quiet for long: ask."""
        if self.phase != "sent" or not self.runtime or not self.may_query:
            return _NOTHING
        return [Act("query")]

    def vanished(self) -> list[Act]:
        """The runtime that has it hears no more."""
        if self.phase in ("done", "new"):
            return _NOTHING
        return [Act("bad"), self._lost(), *self._retry_unknown("runtime_lost")]

    def cancel(self, reason: str) -> list[Act]:
        """The caller gave it up."""
        if self.phase == "done" or self.stop_reason is not None:
            return _NOTHING
        self.stop_reason = reason
        if self.phase == "new":
            executed: Executed = "unknown" if self.may_have_run else "no"
            if executed == "no":
                return self._fail(Fault.of("cancelled", f"The call was not finished: {reason}."))
            return self._unknown("cancelled")
        if self.phase == "sent":
            self.phase = "stopping"
        return [Act("cancel", reason)] if self.runtime else _NOTHING

    def unstopped(self) -> list[Act]:
        """Nobody said in time that the body has stopped."""
        if self.phase == "done" or self.stop_reason is None:
            return _NOTHING
        return self._unknown("cancel_unanswered")

    def late(self, seconds: float) -> list[Act]:
        """Its deadline has passed."""
        if self.phase == "done":
            return _NOTHING
        known = self.phase == "new" and not self.may_have_run
        acts = [] if known else [Act("cancel", "deadline")] if self.runtime else []
        error = Fault.of(
            "deadline_passed",
            f"The tool {self.call.name[:80]!r} did not finish within {seconds:.3g} s.",
            executed="no" if known else "unknown",
            steps=("Ask for less at once, or go on without this result.",),
        )
        return [*acts, *([] if known else [Act("bad")]), *self._fail(error)]

    # -- inside ---------------------------------------------------------------------------

    def _is_stray(self, runtime: str) -> bool:
        if self.phase in ("done", "new"):
            return True
        known = not runtime or not self.runtime or runtime == self.runtime
        return not known and runtime not in self.tried

    def _large(self, message: ToolResultMessage) -> list[Act]:
        if self.parts is not None:
            return [Act("stray")]
        if message.size > self.settings.max_result_bytes:
            fault = Fault.of(
                "too_large",
                f"The result has {message.size:,} bytes, more than this client takes.",
                executed="yes",
            )
            return self._fail(fault)
        self.result_message = message
        self.parts = Parts(message.size, message.sha256, self.settings.window)
        return [Act("credit", ("result", self.settings.window))]

    def _answered(self, message: ToolResultMessage | None, result: ToolResult | None) -> list[Act]:
        if result is None:
            return self._fail(
                Fault(
                    type=ErrorType.OUTCOME_UNKNOWN,
                    reason="malformed_answer",
                    message="The answer that came cannot be read.",
                    executed="unknown",
                )
            )
        error = result.error
        if error is None:
            missed = (
                self.chunks is not None
                and message is not None
                and message.chunks != self.chunks.received
            )
            if missed:
                return self._break("Chunks of the stream are missing at its end.", "yes")
            self.phase = "done"
            return [Act("good"), Act("answer", result)]
        if "executed" not in (error.details or {}):
            said = message.executed if message is not None else ""
            ran: Executed = "no" if said == "no" else "yes" if said == "yes" else "unknown"
            result = failed_with(self.call, with_executed(error, ran), result)
        reason = (result.error.details or {}).get("reason") if result.error else None
        if executed_of(result) == "no" and reason in _ELSEWHERE and self._may_again():
            acts = [Act("bad")] if reason in _FULL else []
            return [*acts, *self._send_again()]
        if executed_of(result) == "no" and self.may_have_run:
            return self._unknown("outcome_unknown")
        self.phase = "done"
        return [Act("bad" if reason in _FULL else "good"), Act("answer", result)]

    def _break(self, message: str, executed: Executed = "unknown") -> list[Act]:
        fault = Fault.of("stream_broken", message, executed=executed)
        runs = self.runtime and executed != "yes"
        stop = [Act("cancel", "the stream is broken")] if runs else []
        return [*stop, *self._fail(fault)]

    def _may_again(self) -> bool:
        begun = self.chunks is not None and self.chunks.received > 0
        counted = self.attempt - len(self.absent)
        left = counted < self.settings.attempts and self.attempt < _MOST
        return left and self.stop_reason is None and not begun

    def _send_again(self) -> list[Act]:
        avoid, self.runtime, self.epoch = self.runtime, "", ""
        self.phase, self.parts, self.result_message = "new", None, None
        return [Act("send", avoid or None)]

    def _again(self, fault: Fault) -> list[Act]:
        """The attempt surely did not run; the next one may."""
        if self._may_again():
            return self._send_again()
        if self.stop_reason is not None and not self.may_have_run:
            text = f"The call was not finished: {self.stop_reason}."
            return self._fail(Fault.of("cancelled", text))
        return self._unknown(fault.reason) if self.may_have_run else self._fail(fault)

    def _lost(self) -> Act:
        """Named now: a retry forgets who had the call."""
        return Act("lost", (self.runtime, self.epoch))

    def _retry_unknown(self, reason: str) -> list[Act]:
        """The attempt may have run; where a second run does no harm, there is one."""
        self.may_have_run = True
        if self.idempotent and self._may_again():
            return self._send_again()
        return self._unknown(reason)

    def _unknown(self, reason: str) -> list[Act]:
        fault = Fault(
            type=ErrorType.OUTCOME_UNKNOWN,
            reason=reason,
            message=f"Nobody can say whether {self.call.name[:80]!r} ran.",
            executed="unknown",
            steps=("Look at what the tool would have changed before you call it again.",),
        )
        return self._fail(fault)

    def _fail(self, fault: Fault) -> list[Act]:
        self.phase = "done"
        return [Act("answer", failed(self.call, fault, self.correlation_id))]

    def take(self, message: Message) -> list[Act]:
        """Whatever came under this call's id."""
        acts: list[Act] = _TAKERS.get(type(message).TYPE, _stray)(self, message)
        return acts


def _stray(one: Invocation, message: Any) -> list[Act]:
    del one, message
    return [Act("stray")]


_TAKERS: dict[str, Any] = {
    "ToolResult": Invocation.result,
    "StreamChunk": Invocation.chunk,
    "Part": Invocation.part,
    "Error": Invocation.error,
    "Accepted": lambda one, message: one.accepted(message.runtime, message.epoch),
    "Credit": lambda one, message: one.wants(message.of, message.credit),
    "QueryAnswer": lambda one, message: one.answered(message.state, message.runtime, message.epoch),
}
