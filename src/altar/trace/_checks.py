"""Checks of the options a tracer takes."""

from __future__ import annotations

from altar.errors import ConfigurationError

__all__ = ["number", "whole"]


def whole(owner: str, name: str, value: object, *, least: int) -> None:
    """Refuse what is no whole number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(
            f"{owner}({name}={value!r:.60}): a whole number, {least} or more; "
            f"type {owner}({name}={max(least, 50_000):_})"
        )


def number(owner: str, name: str, value: object, *, example: float, most: float = 1e9) -> None:
    """Refuse what is no number above 0, and ``most`` at most; or from 0 to 1."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    least = 0 if most == 1 else 1e-9
    if not (is_number and isinstance(value, (int, float)) and least <= value <= most):
        allowed = "a number from 0 to 1" if most == 1 else "seconds, above 0"
        raise ConfigurationError(
            f"{owner}({name}={value!r:.60}): {allowed}; type {owner}({name}={example})"
        )
