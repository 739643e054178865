"""Call: one request of the client's while it runs, with its time and its approval."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Call"]


@dataclass(slots=True, kw_only=True)
class Call:
    """What is known about a request while it runs.

    ``until`` is when its time is over (of the loop's clock, None for never);
    while a person is asked it stands still, and ``rest`` holds what is left.
    """

    tool: str = ""
    approved: bool = False
    idempotent: bool = False
    progress: Callable[[dict[str, Any]], None] | None = None
    told: int = 0
    questions: int = 0
    seconds: float = 0.0
    until: float | None = None
    rest: float = 0.0
    clock: asyncio.Timeout | None = None

    def begin(self, seconds: float) -> None:
        """The time of the call is counted from now."""
        self.seconds = seconds
        self.until = asyncio.get_running_loop().time() + seconds

    def left(self) -> float:
        """The seconds that are left; for a call that has begun."""
        return 0.0 if self.until is None else self.until - asyncio.get_running_loop().time()

    def take_approval(self) -> bool:
        """Whether a person allowed the call, and no question of the server's was told so yet."""
        taken, self.approved = self.approved, False
        return taken
