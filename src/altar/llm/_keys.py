"""Keys on their way: checked before they are sent, and out of whatever repeats them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from altar.errors import AuthenticationError

__all__ = ["sendable_key", "without_key"]

_SENDABLE = re.compile(r"[\x20-\x7e]*")
_SHORTEST = 8  # shorter ones ("ollama", "local") are words that a message may say of itself


def sendable_key(key: str, *, provider: str, variable: str) -> str:
    """The key without the white space around it: a file's last line break is no part of it.

    Raises AuthenticationError, which names ``variable`` and never the key, for
    one that no header of HTTP can carry.
    """
    key = key.strip()
    if _SENDABLE.fullmatch(key):
        return key
    why = "other letters than ASCII" if key.isprintable() else "a line break or control character"
    raise AuthenticationError(
        f"{provider}: the key cannot be sent: it has {why}",
        provider=provider,
        sent=False,
        hint=f"Set the variable {variable}, or key=, to the key itself and nothing else.",
    )


def without_key(value: Any, key: str | None) -> Any:
    """What a server or a library said, a text or JSON, with "[secret]" wherever it says the key."""
    if not key or len(key) < _SHORTEST:
        return value
    if isinstance(value, str):
        return value.replace(key, "[secret]")
    if isinstance(value, Mapping):
        return {without_key(name, key): without_key(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [without_key(item, key) for item in value]
    return value
