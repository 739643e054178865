"""altar's one logger, and how failures are told to it without telling secrets."""

from __future__ import annotations

import logging

__all__ = ["log_failure", "logger"]

logger = logging.getLogger("altar")
logger.addHandler(logging.NullHandler())


def log_failure(what: str, name: str, call_id: str | None, error: BaseException) -> None:
    """Log a failure by the class of its exception.

    The exception's own text and traceback may hold a secret, so they are
    written at DEBUG only, for whoever turns that on.
    """
    kind = type(error).__name__
    logger.warning("tool %r, call %s: %s (%s)", name, call_id or "-", what, kind)
    logger.debug("tool %r, call %s: the traceback", name, call_id or "-", exc_info=error)
