"""Asked: what a worker and an answer see of an exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from altar.adm import FunctionCall
    from altar.isolate._target import Target

__all__ = ["Asked"]


class Asked(Protocol):
    """An :class:`altar.isolate._exchange.Exchange`; ``limit`` is in bytes of memory, or 0."""

    call: FunctionCall
    target: Target
    limit: int

    def forsaken(self) -> bool: ...

    def is_overdue(self) -> bool: ...
