"""CallOptions: what a caller's side knows of a call beside the call and its context."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CallOptions"]


class CallOptions(NamedTuple):
    """``idempotent``: a second run does no harm. ``strict`` and ``max_result_bytes`` hold at
    the runtime as they do in the session that asks.
    """

    idempotent: bool = False
    strict: bool = False
    max_result_bytes: int = 65_536
