"""Policy: how calls to a tool are tried, as one small value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a tool, a session or a process asks of its calls; None leaves it to the next level."""
