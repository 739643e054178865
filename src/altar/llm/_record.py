"""CallRecord: one call of a run, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult

__all__ = ["CallRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call of a run: ``call``, the ``result`` the model was given, and its ``seconds``."""

    call: FunctionCall
    result: ToolResult
    seconds: float
