"""Checks of options: what was given, what is allowed, and the line to type."""

from __future__ import annotations

from altar.errors import ConfigurationError

_MOST = 10**15  # what is more is a mistake, and overflows somewhere

__all__ = ["check_kind", "check_number", "check_whole"]


def check_whole(owner: str, name: str, value: object, least: int, *, none: bool = False) -> None:
    """``value`` is a whole number from ``least`` to 10**15, or None where that is allowed."""
    if value is None and none:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
        either = ", or None for no bound" if none else ""
        raise ConfigurationError(
            f"{owner}({name}={value!r:.60}): a whole number, {least} or more{either}; "
            f"type {owner}({name}={max(least, 3)})"
        )


def check_number(
    owner: str, name: str, value: object, what: str, *, above: float = -1.0, none: bool = False
) -> None:
    """``value`` is a number above ``above`` (-1: 0 or more) to 10**15, or None where allowed."""
    if value is None and none:
        return
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not above < value <= _MOST or value < 0:  # type: ignore[operator]
        least = "above 0" if above >= 0 else "0 or more"
        either = ", or None" if none else ""
        raise ConfigurationError(
            f"{owner}({name}={value!r:.60}): {what} {least}{either}; type {owner}({name}=5)"
        )


def check_kind(owner: str, name: str, value: object, kind: type, example: str) -> None:
    """``value`` is an instance of ``kind``."""
    if not isinstance(value, kind):
        raise ConfigurationError(
            f"{owner}({name}={value!r:.60}): give a {kind.__name__}; type {owner}({name}={example})"
        )
