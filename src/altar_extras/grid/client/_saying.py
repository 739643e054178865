"""A call as it travels: one message, and the parts of arguments that are too large for it."""

from __future__ import annotations

from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from altar.adm import dumps, json_problems
from altar.errors import ErrorType
from altar_extras.grid.client._flow import cut_up
from altar_extras.grid.wire import VERSION, Fault, FrameError, Ready, pack

if TYPE_CHECKING:
    from altar.runtime import CallContext
    from altar_extras.grid.client._invocation import Invocation
    from altar_extras.grid.client._link import Link
    from altar_extras.grid.client._options import CallOptions
    from altar_extras.grid.client._router import Peer
    from altar_extras.grid.client._session import ToolRight

__all__ = ["Speaker", "Spoken", "UnspeakableError", "spoken_call"]

_NOT_SAID = 65_536  # the largest result when nothing is said


class Speaker(Protocol):
    """A run, as far as its call is to be said."""

    inv: Invocation
    ctx: CallContext
    right: ToolRight | None
    options: CallOptions
    deadline: float | None
    trace: tuple[str | None, str | None]


class Spoken(NamedTuple):
    """The body of a call, and what follows it."""

    body: bytes
    parts: list[bytes]


class UnspeakableError(Exception):
    """A call that cannot travel; ``fault`` says why to its caller."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.message)


def spoken_call(run: Speaker, link: Link, peer: Peer | None) -> Spoken:
    """The ToolCall of this attempt, for this peer. Raises UnspeakableError."""
    inv, ctx, right = run.inv, run.ctx, run.right
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
    if run.deadline is not None:
        left = max(0.0, run.deadline - monotonic()) * 1000
        doc["budget_ms"] = int(left)
        now = link.clock.now_ms()
        if now is not None:
            doc["expires_ms"] = int(now + left)
    if inv.chunks is not None and (peer is None or peer.can("credits")):
        doc["credit"] = inv.settings.window
    if ctx.approved is True:
        doc["approved"] = True
    _say_rest(doc, run)
    body = _packed(doc, call.args)
    if len(body) <= inv.settings.large_bytes:
        return Spoken(body, [])
    return _in_parts(doc, run, peer)


def _packed(doc: dict[str, Any], args: dict[str, Any]) -> bytes:
    problems = None if _is_plain(args, 8) else json_problems(args)
    if problems:
        raise UnspeakableError(_no_json(str(problems[0])))
    try:
        return pack(Ready(doc))
    except FrameError as error:
        raise UnspeakableError(_no_json(error.reason)) from None


def _is_plain(value: Any, depth: int) -> bool:
    """Whether a value surely is JSON; what msgpack refuses itself (huge integers) may pass."""
    cls = value.__class__
    if cls is str or cls is int or cls is bool or value is None:
        return True
    if cls is float:
        return bool(value - value == 0.0)  # not so for NaN and the infinities
    if not depth:
        return False
    if cls is list:
        return False not in [_is_plain(one, depth - 1) for one in value]
    if cls is not dict or False in [key.__class__ is str for key in value]:
        return False
    return False not in [_is_plain(one, depth - 1) for one in value.values()]


def _say_rest(doc: dict[str, Any], run: Speaker) -> None:
    """What most calls do not have."""
    options, (parent, state) = run.options, run.trace
    if options.strict:
        doc["strict"] = True
    if options.max_result_bytes != _NOT_SAID:
        doc["max_result_bytes"] = options.max_result_bytes
    if run.ctx.baggage:
        doc["baggage"] = run.ctx.baggage
    if parent is not None:
        doc["traceparent"] = parent
        if state:
            doc["tracestate"] = state


def _in_parts(doc: dict[str, Any], run: Speaker, peer: Peer | None) -> Spoken:
    """Announce the arguments, which follow as UTF-8 JSON."""
    if peer is not None and not peer.can("parts"):
        fault = Fault.of("too_large", "The arguments are more than the runtime of this tool takes.")
        raise UnspeakableError(fault)
    call = run.inv.call
    data = dumps(call.args).encode()
    doc["call"] = {"call_id": call.call_id, "name": call.name}
    doc["size"] = len(data)
    doc["sha256"] = sha256(data).hexdigest()
    return Spoken(pack(Ready(doc)), cut_up(data, run.inv.settings.part_bytes))


def _no_json(why: str) -> Fault:
    return Fault(
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        reason="no_json",
        message=f"The arguments cannot travel: {why[:200]}",
    )
