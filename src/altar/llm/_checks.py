"""Checks of options: what was given, what is allowed, and the line to type."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from altar.errors import ConfigurationError

__all__ = [
    "amount",
    "check_amount",
    "check_count",
    "check_kind",
    "check_number",
    "check_share",
    "refuse",
]


def refuse(owner: str, name: str, value: object, allowed: str) -> ConfigurationError:
    """The error for ``owner(name=value)``; ``allowed`` says what to type instead."""
    return ConfigurationError(f"{owner}({name}={_shown(value)}): {allowed}")


def check_count(owner: str, name: str, value: Any, least: int, *, none: bool = True) -> None:
    """``value`` is a whole number of ``least`` or more, or None where that lifts the limit."""
    if value is None and none:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        what = f"a whole number, {least} or more{', or None' if none else ''}"
        example = max(least, _whole(value))
        raise refuse(owner, name, value, f"{what}; type {owner}({name}={example})")


def check_number(owner: str, name: str, value: Any, allowed: str, *, above: float = 0.0) -> None:
    """``value`` is None, or a number above ``above``."""
    if value is None:
        return
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > above:
        raise refuse(owner, name, value, allowed)


def check_share(owner: str, name: str, value: Any, example: float) -> None:
    """``value`` is a number from 0 to 1."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
        allowed = f"a number from 0 to 1; type {owner}({name}={example})"
        raise refuse(owner, name, value, allowed)


def check_amount(owner: str, name: str, value: object, *, none: bool) -> None:
    """``value`` is an exact amount of money, 0 or more, or None where that says "unknown"."""
    if value is None and none:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        allowed = "money is an exact Decimal, 0 or more; type from decimal import Decimal, then"
        raise refuse(owner, name, value, f'{allowed} {owner}({name}=Decimal("{amount(value)}"))')


def amount(value: object) -> str:
    """The amount of money that was probably meant, in digits."""
    try:
        meant = Decimal(str(value))
    except InvalidOperation:
        return "0.50"
    return str(meant) if meant.is_finite() and meant > 0 else "0.50"


def check_kind(owner: str, name: str, value: Any, kind: type[Any], example: str) -> None:
    """``value`` is a ``kind``; ``example`` is one to type."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        allowed = f"{article} {kind.__name__}; type {owner}({name}={example})"
        raise refuse(owner, name, value, allowed)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _whole(value: Any) -> int:
    """The whole number that was probably meant, or 0."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
