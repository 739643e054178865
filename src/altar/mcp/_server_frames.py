"""Frames that always can be sent: what has no JSON form becomes an error that has."""

from __future__ import annotations

from typing import Any

from altar.later._log import logger
from altar.mcp._jsonrpc import INTERNAL_ERROR, RpcError, encode, error_frame

__all__ = ["safely"]


def safely(frame: dict[str, Any]) -> bytes:
    """The frame as bytes."""
    try:
        return encode(frame)
    except (TypeError, ValueError, RecursionError) as error:
        logger.error("MCP: an answer has no JSON form", exc_info=error)
        return encode(error_frame(frame.get("id"), RpcError(INTERNAL_ERROR, "Internal error")))
