"""Watched: ties a run's own cancellation to the application's flag and to the driver's fate."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.llm._task import Task

__all__ = ["watched"]


@contextmanager
def watched(task: Task) -> Iterator[None]:
    """Pass the application's flag on to the run, and tell running tools of an abandoned run."""
    flag = task.options.cancel

    def pass_on() -> None:
        task.cancelled.cancel((flag.reason if flag is not None else None) or "cancelled")

    if flag is not None:
        flag.on_cancel(pass_on)
    try:
        yield
    except BaseException:
        task.cancelled.cancel("the run was abandoned")
        raise
    finally:
        if flag is not None:
            flag.forget(pass_on)
