"""The first use: the tracer that the settings ask for begins with the first span of anybody's."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from altar.trace._active import switch

if TYPE_CHECKING:
    from altar.trace._span import Recorder

__all__ = ["begun"]

_CONFIG = "altar.config"  # by its name: it stands beside this part, and imports it


class _First:
    """One thread asks at a time, and none within its own asking."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.is_asking = False


_first = _First()


def begun() -> Recorder | None:
    """Start the tracer that the settings ask for, if they do; the one that is active then."""
    with _first.lock:
        if not switch.settled and not _first.is_asking:
            _first.is_asking = True
            try:
                __import__(_CONFIG, fromlist=["begin_trace"]).begin_trace(first=True)
            finally:
                _first.is_asking = False
        return switch.tracer
