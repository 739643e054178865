"""Isolation: calls that run in worker processes, which may be killed."""

from __future__ import annotations

__all__: list[str] = []
