"""Desk: takes one tenant's requests apart, asks who asks, has them done, and answers."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter as Count
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from altar_extras.grid.audit import AuditError
from altar_extras.grid.host import _serving as serving
from altar_extras.grid.host import _sessions as sessions
from altar_extras.grid.host import _using as using
from altar_extras.grid.host._askers import denied
from altar_extras.grid.host._tenant import OpRefusedError
from altar_extras.grid.transport import (
    GridTransportError,
    StoreError,
    TooLargeError,
)
from altar_extras.grid.wire import (
    LEVEL,
    Ack,
    AnnounceRuntime,
    AuditBatch,
    AuthorizeToolCall,
    CreateSession,
    DestroySession,
    Directory,
    Error,
    Fault,
    FrameError,
    FulfillTools,
    Hello,
    HelloAnswer,
    ListTools,
    LogToolResult,
    Malformed,
    RegisterTools,
    RenewSession,
    ReportLost,
    Subjects,
    Unknown,
    pack,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from altar_extras.grid.host._askers import Asker
    from altar_extras.grid.host._tenant import Tenant
    from altar_extras.grid.operate import Counter, Health
    from altar_extras.grid.transport import Inbound, Transport
    from altar_extras.grid.wire import Message

__all__ = ["FEATURES", "OPS", "Desk"]

_log = logging.getLogger("altar.grid.host")

FEATURES = frozenset({"cancel", "credits", "many", "parts", "query", "spans"})
_MOST_MESSAGES = 64  # of one body
_LOGGED = 20  # denials a second; all are counted


class Op(NamedTuple):
    """One operation: what it takes, who may ask, and what does it."""

    message: type[Message]
    kinds: frozenset[str]
    does: Callable[[Tenant, Asker, Any], Message | Coroutine[Any, Any, Message]] | None


def _op(message: type[Message], kinds: str, does: Any = None) -> Op:
    return Op(message, frozenset(kinds.split()), does)


_ALL = "key operator runtime session"
OPS: dict[str, Op] = {
    "announce_runtime": _op(AnnounceRuntime, "runtime", serving.announced),
    "audit_batch": _op(AuditBatch, "runtime", serving.audit),
    "authorize_tool_call": _op(AuthorizeToolCall, "session", using.authorize),
    "create_session": _op(CreateSession, "key", sessions.create),
    "destroy_session": _op(DestroySession, "session", sessions.destroy),
    "directory": _op(Directory, "session operator", using.directory),
    "fulfill_tools": _op(FulfillTools, "runtime", serving.fulfill),
    "health": _op(Hello, _ALL),
    "hello": _op(Hello, _ALL),
    "list_tools": _op(ListTools, "session operator runtime", using.list_tools),
    "log_tool_result": _op(LogToolResult, "session", using.log_result),
    "register_tools": _op(RegisterTools, "runtime session", serving.register),
    "renew_session": _op(RenewSession, "session", sessions.renew),
    "report_lost": _op(ReportLost, "runtime session", using.report_lost),
    "time": _op(Hello, _ALL),
}
# each operation has its message's name; these are short forms of it
OPS |= {
    "announce": OPS["announce_runtime"],
    "audit": OPS["audit_batch"],
    "authorize": OPS["authorize_tool_call"],
    "fulfill": OPS["fulfill_tools"],
    "log_result": OPS["log_tool_result"],
    "register": OPS["register_tools"],
}
_HEARD = {"announce_runtime", "announce", "fulfill_tools", "fulfill"}  # by every Host


class Desk:
    """One tenant's desk. Nothing that a peer sends raises here, and nothing is done for what is
    not understood: it is counted, logged, and answered with an Error where an answer is legal.
    """

    def __init__(
        self, tenant: Tenant, *, denials: Counter, requests: Counter, health: Callable[[], Health]
    ) -> None:
        self.tenant = tenant
        self.transport: Transport | None = None
        self._denials = denials
        self._requests = requests
        self._health = health
        self._pending: set[asyncio.Task[None]] = set()
        self._of: Count[str] = Count()  # how many of them are whose
        self._logged = (0.0, 0)

    @property
    def heard_ops(self) -> tuple[str, ...]:
        """The operations that every Host must hear, besides the one that answers."""
        return tuple(sorted(_HEARD))

    def hear(self, inbound: Inbound) -> None:
        """Learn from what a runtime tells all Hosts; another handler answers it."""
        address = Subjects.read_host(inbound.subject)
        op = None if address is None else OPS.get(address.op)
        if address is None or op is None:
            return
        asker = self.tenant.askers.find(address.session)
        if isinstance(asker, Fault) or asker.kind not in op.kinds:
            return
        try:
            messages = unpack(inbound.body)[:_MOST_MESSAGES]
        except FrameError:
            return
        for message in messages:
            if getattr(message, "runtime", None) != asker.id:
                continue
            if isinstance(message, AnnounceRuntime):
                serving.hear(self.tenant, asker, message)
            elif isinstance(message, FulfillTools):
                serving.hear_claims(self.tenant, asker, message)

    def take(self, inbound: Inbound) -> None:
        """Answer a request."""
        address = Subjects.read_host(inbound.subject)
        if address is None:
            self._deny(inbound.subject, "bad_subject")
            return
        if not Subjects.is_reply_of(inbound.reply, address.session):
            # an answer sent there would reach another, or be an order to the broker
            if inbound.reply or address.op not in _HEARD:
                self._deny(inbound.subject, "foreign_reply" if inbound.reply else "no_reply")
            return
        asker = self.tenant.askers.find(address.session)
        op = OPS.get(address.op)
        fault = _not_for(asker, op)
        try:
            messages = unpack(inbound.body)
            if len(messages) > _MOST_MESSAGES:
                raise FrameError(f"more than {_MOST_MESSAGES} messages")
        except FrameError as error:
            self._refuse(inbound, "", fault or _malformed("bad_frame", error.reason))
            return
        for message in messages:
            request = str(getattr(message, "id", ""))[:64]
            wrong = fault or self._wrong(op, asker, message)
            if wrong is not None:
                self._refuse(inbound, request, wrong)
            else:
                assert op is not None
                assert not isinstance(asker, Fault)
                self._do(inbound, op, asker, message)

    async def drain(self, patience: float) -> None:
        """Answer what came; what takes longer than ``patience`` seconds is given up."""
        if self._pending:
            _, late = await asyncio.wait(set(self._pending), timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def hello(self, asker: Asker, said: Hello) -> HelloAnswer:
        """What both sides can do. Nothing about safety is part of it."""
        settings = self.tenant.shared.settings
        del asker
        return HelloAnswer(
            id=said.id,
            level=min(said.level, LEVEL),
            features=tuple(sorted(FEATURES.intersection(one for one in said.features if _is(one))))
            if said.level > 1
            else (),
            host=settings.name,
            mode=settings.mode,
            time_ms=self.tenant.shared.time_ms(),
            manifest_sequence=self.tenant.contracts.sequence,
        )

    def _wrong(self, op: Op | None, asker: Asker | Fault, message: Message) -> Fault | None:
        if isinstance(message, Malformed):
            return _malformed("malformed", message.reason)
        if isinstance(message, Unknown):
            return _malformed("unknown_message", f"{message.type} is not known here")
        if op is None or not isinstance(message, op.message):
            return _malformed("wrong_message", f"a {message.TYPE} is not what this is for")
        named = getattr(message, "runtime", None)
        is_own = isinstance(message, (AnnounceRuntime, FulfillTools, RegisterTools))
        if is_own and not isinstance(asker, Fault) and asker.kind == "runtime":
            return None if named == asker.id else denied("foreign_runtime", "that is another's id")
        return None

    def _do(self, inbound: Inbound, op: Op, asker: Asker, message: Message) -> None:
        if op.does is None:
            assert isinstance(message, Hello)
            self._answer(inbound, message.id, self._about(inbound, asker, message))
            return
        request = str(getattr(message, "id", ""))
        most = self.tenant.shared.settings.most_pending
        # that many of one key, so that one that floods leaves room for the others
        if self._of[asker.key_id] >= most or len(self._pending) >= 4 * most:
            fault = Fault(
                type="RESOURCE_EXHAUSTED",
                reason="overloaded",
                message="this Host has too much to do",
                retry_after_ms=500,
            )
            self._refuse(inbound, request, fault)
            return
        does = op.does
        if asker.kind != "runtime" and self.tenant.awaited:
            does = partial(_informed, does)
        try:
            answer = does(self.tenant, asker, message)
        except Exception as error:  # noqa: BLE001 - a Host outlives every request
            self._failed(inbound, request, error)
            return
        if inspect.iscoroutine(answer):
            task = asyncio.get_running_loop().create_task(self._finish(inbound, request, answer))
            self._pending.add(task)
            self._of[asker.key_id] += 1
            task.add_done_callback(partial(self._done, asker.key_id))
        else:
            self._answer(inbound, request, answer)  # type: ignore[arg-type]

    def _done(self, key_id: str, task: asyncio.Task[None]) -> None:
        self._pending.discard(task)
        self._of[key_id] -= 1
        if not self._of[key_id]:
            del self._of[key_id]

    def _about(self, inbound: Inbound, asker: Asker, said: Hello) -> Message:
        address = Subjects.read_host(inbound.subject)
        if address is None or address.op != "health":
            return self.hello(asker, said)
        health = self._health()
        notes = {"live": True, "ready": health.ready, "reasons": list(health.reasons)}
        return Ack(id=said.id, time_ms=self.tenant.shared.time_ms(), notes=notes)

    async def _finish(
        self,
        inbound: Inbound,
        request: str,
        answer: Coroutine[Any, Any, Message],
    ) -> None:
        try:
            self._answer(inbound, request, await answer)
        except Exception as error:  # noqa: BLE001 - a Host outlives every request
            self._failed(inbound, request, error)

    def _failed(self, inbound: Inbound, request: str, error: Exception) -> None:
        if isinstance(error, OpRefusedError):
            self._refuse(inbound, request, error.fault)
        elif isinstance(error, StoreError):
            self._refuse(
                inbound, request, _unavailable("store_unavailable", "the store does not answer")
            )
        elif isinstance(error, AuditError):
            fault = Fault(
                type="RESOURCE_EXHAUSTED",
                reason="spool_full",
                message="this Host cannot write its journal, so nothing was done",
                retry_after_ms=1000,
            )
            self._refuse(inbound, request, fault)
        else:
            _log.error("a request of %s failed", inbound.subject, exc_info=error)
            self._refuse(inbound, request, _unavailable("internal", "the Host failed at it"))

    def _refuse(self, inbound: Inbound, request: str, fault: Fault) -> None:
        self._deny(inbound.subject, fault.reason)
        self._send(inbound, Error(id=request, error=fault.error().to_dict(), executed="no"))

    def _answer(self, inbound: Inbound, request: str, answer: Message) -> None:
        self._requests.add(answer.TYPE)
        try:
            self._send(inbound, answer)
        except TooLargeError:
            fault = Fault(
                type="RESOURCE_EXHAUSTED", reason="too_large", message="the answer is too large"
            )
            self._refuse(inbound, request, fault)

    def _send(self, inbound: Inbound, answer: Message) -> None:
        transport = self.transport
        if transport is None:
            return
        try:
            transport.publish(inbound.reply, pack(answer))
        except TooLargeError:
            raise
        except GridTransportError as error:
            _log.info("an answer was not sent: %s", error)
        except Exception:  # noqa: BLE001 - a Host outlives every request
            _log.exception("an answer could not be sent")

    def _deny(self, subject: str, reason: str) -> None:
        self._denials.add(reason)
        now = self.tenant.shared.monotonic()
        since, count = self._logged
        if now - since >= 1.0:
            since, count = now, 0
        self._logged = (since, count + 1)
        if count < _LOGGED:
            _log.warning("denied (%s): %s", reason, subject[:200])


async def _informed(does: Any, tenant: Tenant, asker: Asker, message: Message) -> Message:
    """Do it when what runtimes say they serve is known here too."""
    await tenant.awaited.come()
    answer: Message | Coroutine[Any, Any, Message] = does(tenant, asker, message)
    return await answer if inspect.iscoroutine(answer) else answer  # type: ignore[return-value]


def _not_for(asker: Asker | Fault, op: Op | None) -> Fault | None:
    """Why this operation is nothing for whoever asks, if so."""
    if isinstance(asker, Fault):
        return asker
    if op is None:
        return Fault(type="RESOURCE_NOT_FOUND", reason="unknown_op", message="no such operation")
    if asker.kind not in op.kinds:
        return denied("wrong_role", f"this is nothing for a {asker.kind}")
    return None


def _is(value: Any) -> bool:
    return isinstance(value, str)


def _malformed(reason: str, message: str) -> Fault:
    return Fault(
        type="PARAMETER_VALIDATION_FAILED", reason=reason, message=message[:500] or "malformed"
    )


def _unavailable(reason: str, message: str) -> Fault:
    return Fault(type="SERVICE_UNAVAILABLE", reason=reason, message=message, retry_after_ms=1000)
