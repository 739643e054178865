"""The fast lane: one generated function per tool that checks, calls and answers.

It does what the general way does for the happy path of the plainest tools, and
nothing else: whatever it does not expect before the body has run is a miss
(None), and whatever it does not expect afterwards is handed to the same code
that the general way uses.
"""

from __future__ import annotations

from asyncio import current_task
from typing import TYPE_CHECKING, Any

from altar.adm._result import ResultDraft, ToolResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later._entry import Entry
    from altar.later._tasks import TaskTracker

__all__ = ["fast_factory"]

_HEAD = """\
def factory(Draft, Result, name, cap, finish, failed, tracker, running, stopping, current_task):
    {define} fast(args, call_id=None):
"""
_RUN_SYNC = """\
        try:
            value = {call}
        except BaseException as error:
            return failed(call_id, error)
"""
# only a task's outermost tool takes this lane; a tool within a tool takes the general way
_RUN_ASYNC = """\
        task = current_task()
        if task is None or task in running:
            return None
        running[task] = before = task.cancelling()
        if tracker.closed is not None:
            tracker.leave(task)
            return None
        try:
            value = await {call}
        except BaseException as error:
            return failed(call_id, error, task, before)
        del running[task]
        if stopping and task in stopping:
            tracker.late(task)
"""
_TAIL = """\
        kind = value.__class__
        if kind is str:
            if len(value) > cap or not value.isascii():
                return finish(call_id, value)
        elif kind is int:
            if not -9223372036854775808 <= value <= 9223372036854775807:
                return finish(call_id, value)
        elif kind is not bool and value is not None:
            if kind is not float or value - value != 0.0:
                return finish(call_id, value)
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
    if entry.kind not in ("sync", "async") or entry.context or options.timeout is not None:
        return None
    if options.approval or options.policy is not None:  # the lane asks nobody, and limits nothing
        return None
    emitted = entry.emit()
    if emitted is None:
        return None
    is_async = entry.kind == "async"
    head = _HEAD.format(define="async def" if is_async else "def")
    run = (_RUN_ASYNC if is_async else _RUN_SYNC).format(call=emitted.call)
    body = "".join(f"    {line}\n" for line in emitted.lines)
    source = head + body + run + _TAIL
    space: dict[str, Any] = dict(emitted.namespace)
    exec(compile(source, f"<altar fast lane of {entry.name}>", "exec"), space)  # noqa: S102
    factory: Callable[..., Any] = space["factory"]
    return factory


def make_fast(
    factory: Callable[..., Any],
    name: str,
    cap: int,
    finish: Callable[..., ToolResult],
    failed: Callable[..., ToolResult],
    tracker: TaskTracker,
) -> Callable[..., Any]:
    """A runtime's own fast function."""
    fast: Callable[..., Any] = factory(
        ResultDraft,
        ToolResult,
        name,
        cap,
        finish,
        failed,
        tracker,
        tracker.running,
        tracker.stopping,
        current_task,
    )
    return fast
