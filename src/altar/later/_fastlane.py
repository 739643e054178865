"""The fast lane: one generated function per tool that checks, calls and answers.

It does what the general way does for the happy path of the plainest tools, and
nothing else: whatever it does not expect before the body has run is a miss
(None), and whatever it does not expect afterwards is handed to the same code
that the general way uses.
"""

from __future__ import annotations

from asyncio import current_task
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm._result import ResultDraft, ToolResult

if TYPE_CHECKING:
    from altar.later._context import Context
    from altar.later._entry import Entry
    from altar.later._tasks import TaskTracker
    from altar.runtime import CallContext

__all__ = ["LaneParts", "fast_factory", "make_fast"]

_HEAD = """\
def factory(
    Draft, Result, name, cap, finish, failed, tracker, running, stopping, current_task, lend, strict
):
    {define} fast(args, call_id=None, ctx=None):
"""
_RUN_SYNC = """\
{lent}        try:
            value = {call}
        except BaseException as error:
            return failed(call_id, error)
"""
# only a task's outermost tool takes this lane; a tool within a tool takes the general way
_RUN_ASYNC = """\
        task = current_task()
        if task is None or task in running:
            return None
{lent}        running[task] = before = task.cancelling()
        if tracker.closed is not None:
            tracker.leave(task)
            return None
        try:
            value = await {call}
        except BaseException as error:
            return failed(call_id, error, task, before{context})
        del running[task]
        if stopping and task in stopping:
            tracker.late(task)
"""
_LENT = """\
        context = lend(call_id, ctx)
        if context is None:
            return None
        call_id = context.call_id
"""
_COERCED = """\
        if coercions:
            return finish(call_id, value, {told})
"""
_TAIL = """\
        kind = value.__class__
        if kind is str:
            if len(value) > cap or not value.isascii():
                return finish(call_id, value, {told})
        elif kind is int:
            if not -9223372036854775808 <= value <= 9223372036854775807:
                return finish(call_id, value, {told})
        elif kind is not bool and value is not None:
            if kind is not float or value - value != 0.0:
                return finish(call_id, value, {told})
        draft = Draft()
        draft._id = call_id
        draft.name = name
        draft.content = draft.value = value
        draft.error = draft.metadata = draft.cause = None
        draft.__class__ = Result
        return draft
    return fast
"""


def fast_factory(entry: Entry) -> Callable[..., Any] | None:
    """Compile a tool's fast lane, or None where it must go the general way.

    The factory is the tool's; each runtime makes its own function with it.
    """
    options = entry.options
    if entry.kind not in ("sync", "async") or options.timeout is not None:
        return None
    if options.approval or options.policy is not None:  # the lane asks nobody, and limits nothing
        return None
    emitted = entry.emit()
    if emitted is None:
        return None
    is_async = entry.kind == "async"
    takes = entry.context is not None
    parts = {
        "define": "async def" if is_async else "def",
        "call": emitted.call,
        "lent": _LENT if takes else "",
        "context": ", context" if takes else "",
        "told": _told(coerces=emitted.coerces, takes=takes),
    }
    run = _RUN_ASYNC if is_async else _RUN_SYNC
    tail = _COERCED + _TAIL if emitted.coerces else _TAIL
    body = "".join(f"    {line}\n" for line in emitted.lines)
    source = _HEAD.format(**parts) + body + (run + tail).format(**parts)
    space: dict[str, Any] = dict(emitted.namespace)
    exec(compile(source, f"<altar fast lane of {entry.name}>", "exec"), space)  # noqa: S102
    factory: Callable[..., Any] = space["factory"]
    return factory


def _told(*, coerces: bool, takes: bool) -> str:
    """What ``finish`` is told beside the value, as source."""
    if takes:
        return "ctx, coercions, context" if coerces else "ctx, (), context"
    return "ctx, coercions" if coerces else "ctx"


class LaneParts(NamedTuple):
    """What a runtime gives to its lanes: its bounds, how a call ends, what a Context is made of."""

    cap: int
    finish: Callable[..., ToolResult]
    failed: Callable[..., ToolResult]
    tracker: TaskTracker
    lend: Callable[[str | None, CallContext | None], Context[Any] | None] | None
    strict: bool


def make_fast(factory: Callable[..., Any], name: str, parts: LaneParts) -> Callable[..., Any]:
    """A runtime's own fast function."""
    tracker = parts.tracker
    fast: Callable[..., Any] = factory(
        ResultDraft,
        ToolResult,
        name,
        parts.cap,
        parts.finish,
        parts.failed,
        tracker,
        tracker.running,
        tracker.stopping,
        current_task,
        parts.lend,
        parts.strict,
    )
    return fast
