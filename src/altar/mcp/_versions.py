"""Versions: the revisions of MCP that altar speaks, and the two eras they fall into.

A revision is a name out of a list, not a number: an unknown one is never
"newer", however its text sorts.
"""

from __future__ import annotations

__all__ = [
    "HANDSHAKE_VERSIONS",
    "LATEST_HANDSHAKE",
    "LATEST_MODERN",
    "MODERN_VERSIONS",
    "STRUCTURED_SINCE",
    "VERSIONS",
    "at_least",
]

# a connection opens with ``initialize`` and keeps what was agreed there
HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
# every request carries version and capabilities in its ``_meta``; nothing is kept
MODERN_VERSIONS = ("2026-07-28",)
VERSIONS = (*HANDSHAKE_VERSIONS, *MODERN_VERSIONS)  # oldest first

LATEST_HANDSHAKE = HANDSHAKE_VERSIONS[-1]
LATEST_MODERN = MODERN_VERSIONS[-1]

# outputSchema, structuredContent, title and elicitation came with this one
STRUCTURED_SINCE = "2025-06-18"


def at_least(version: str, minimum: str) -> bool:
    """Whether a known revision is this one or a later one; False for an unknown one."""
    return version in VERSIONS and VERSIONS.index(version) >= VERSIONS.index(minimum)
