"""Viewer: a trace file as a tree in a terminal, and as a page in a browser."""

from __future__ import annotations

__all__: list[str] = []
