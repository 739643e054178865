"""heeded: a cancellation that a library took for itself counts all the same."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["heeded"]


@contextmanager
def heeded() -> Iterator[None]:
    """Raise CancelledError where the task was cancelled within, and nothing came of it.

    ``asyncio.wait_for`` of Python 3.11 forgets a cancellation that comes together with what it
    waits for, and nats-py makes another error of one when its connection has ended: whoever
    waits for the task to end would wait for ever.
    """
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()
    try:
        yield
    except Exception as error:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError from error
        raise
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
