"""Watched: ties a run to the application's flag, to the driver's fate, and to its trace."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from altar.config import begin_trace
from altar.llm._traced import RunTrace
from altar.llm._traced_provider import Placed
from altar.trace import switch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.llm._task import Task
    from altar.runtime import Runtime
    from altar.trace import Recorder

__all__ = ["watched"]


@contextmanager
def watched(task: Task, runtime: Runtime) -> Iterator[Runtime]:
    """The runtime of a run, for as long as the run goes on.

    The application's flag is passed on to the run, running tools are told of an
    abandoned run, and the spans of a traced one are ended however it ends.
    """
    flag = task.options.cancel

    def pass_on() -> None:
        task.cancelled.cancel((flag.reason if flag is not None else None) or "cancelled")

    begin_trace()
    if switch.tracer is not None:
        task.trace = _traced(task, switch.tracer, getattr(runtime, "id", None))
        runtime = Placed(task.trace, runtime)
    if flag is not None:
        flag.on_cancel(pass_on)
    try:
        yield runtime
    except BaseException as error:
        task.cancelled.cancel("the run was abandoned")
        if task.trace is not None:
            task.trace.end(error)
        raise
    finally:
        if flag is not None:
            flag.forget(pass_on)
        if task.trace is not None:
            task.trace.end(None)


def _traced(task: Task, tracer: Recorder, session_id: object) -> RunTrace:
    return RunTrace(
        tracer,
        task.provider,
        task.messages,
        instructions=task.instructions,
        sampling=task.options.sampling,
        is_typed=task.output is not None,
        resumed=None if task.resumed is None else task.resumed.trace_id,
        conversation=session_id if isinstance(session_id, str) else None,
    )
