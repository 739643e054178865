"""Which tracer records now, if any: one slot to look at where nothing is traced."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar.trace._span import Recorder

__all__ = ["Switch", "switch"]


class Switch:
    """``tracer`` is the process's, or None.

    ``settled`` is whether the settings were asked for one, since they changed last.
    """

    __slots__ = ("settled", "tracer")

    def __init__(self) -> None:
        self.tracer: Recorder | None = None
        self.settled = False


switch = Switch()
