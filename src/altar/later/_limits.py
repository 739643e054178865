"""SessionLimits: how much one session may use, and the clock its lifetime is read from."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SessionLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Bounds that hold for every call of a session.

    ``max_result_bytes``: a result's JSON beyond this keeps its head and tail;
    ``ToolResult.value`` stays whole. ``max_concurrency``: how many calls of one
    ``execute_many`` may run at once, whatever the caller asks for.
    ``max_chunks``: how many chunks a streaming tool may yield.
    ``max_remembered``: how many supplied call ids are kept for deduplication.
    ``clock``: what a session's ``ttl`` is measured with, in seconds.
    """

    max_result_bytes: int = 65_536
    max_concurrency: int = 32
    max_chunks: int = 100_000
    max_remembered: int = 1024
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "clock":
                if not callable(value):
                    raise ConfigurationError(
                        f"SessionLimits(clock={value!r}): give a function that returns seconds"
                    )
            elif type(value) is not int or value < 1:
                raise ConfigurationError(
                    f"SessionLimits({field.name}={value!r}): give an integer of at least 1"
                )
