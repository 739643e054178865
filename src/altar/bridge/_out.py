"""On the way out: the session behind what was given, and a result as a model reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.later import Session
from altar.llm._calls import result_text

if TYPE_CHECKING:
    from altar.adm import ToolResult

__all__ = ["as_session", "model_text"]


def as_session(tools: Any) -> Session:
    """A Session as it is; of anything else that ``Session(tools=...)`` takes, a new one.

    Every call that a framework makes of exported tools goes through it, so its
    limits, dependencies, policies and traces hold there as well.
    """
    return tools if isinstance(tools, Session) else Session(tools)


def model_text(result: ToolResult) -> str:
    """What a model reads of a result: the content as JSON text, or ``{"error": {...}}``."""
    return result_text(result)
