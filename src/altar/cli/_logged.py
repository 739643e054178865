"""The log of a command that serves: what went wrong in calls, for whoever runs it."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.cli._console import Console

__all__ = ["logged"]


class _ToConsole(logging.Handler):
    """A line per record; the traceback, which may hold a secret, only with ``--debug``."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        if logging.getLogger().handlers:  # the served file has set up a log of its own
            return
        error = record.exc_info[1] if record.exc_info else None
        with suppress(OSError, ValueError):  # whoever reads has gone: serving goes on
            about = f" ({type(error).__name__})" if error is not None else ""
            message = " ".join(record.getMessage().split())
            self._console.note(f"{record.levelname.lower()}: {message}{about}")
            if error is not None and self._console.debug:
                self._console.traceback(error)


@contextmanager
def logged(console: Console) -> Iterator[None]:
    """Write the warnings of altar's logger to standard error; with ``--debug`` everything."""
    logger, handler = logging.getLogger("altar"), _ToConsole(console)
    before = logger.level
    logger.addHandler(handler)
    if console.debug:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
