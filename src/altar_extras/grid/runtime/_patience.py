"""Patience: how long a runtime that starts waits for a Host, and how often it tries."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from altar_extras.grid.transport import GridTransportError, RemoteError

__all__ = ["PATIENCE", "STORE_UNAVAILABLE", "Patience"]

_log = logging.getLogger("altar.grid")
PATIENCE = 15.0  # seconds in which a Host must be found again, or must change its mind
STORE_UNAVAILABLE = "store_unavailable"  # three new servers have theirs only soon
_QUIET = 2.0  # seconds before somebody is told that it waits


class Patience:
    """The pauses between attempts to find a Host, for ``seconds`` in all; None: for ever."""

    def __init__(self, seconds: float | None) -> None:
        self._began = monotonic()
        self._seconds = seconds
        self._pause = 0.02
        self._has_said = False

    async def pause(self, error: GridTransportError) -> None:
        """Return when the next attempt is due. Raises GridTransportError when time is up.

        A Host that answers with a refusal is asked for 15 seconds at most, unless it waits too.
        """
        gone = monotonic() - self._began
        limit = self._seconds
        if isinstance(error, RemoteError) and error.reason != STORE_UNAVAILABLE:
            limit = PATIENCE if limit is None else min(limit, PATIENCE)
        if limit is not None and gone >= limit:
            raise GridTransportError(f"no Host answers: {error}") from error
        if gone > _QUIET and not self._has_said:
            self._has_said = True
            _log.warning("no Host answers yet (%s); it keeps trying", error)
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, 0.5)
