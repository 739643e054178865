"""MCP: altar's tools for any MCP client, and any MCP server's tools for altar."""

from __future__ import annotations

__all__: list[str] = []
