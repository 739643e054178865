"""Plain: texts of JSON read and written as a trace needs them, and numbers as JSON has them."""

from __future__ import annotations

from json import JSONDecoder, JSONEncoder
from typing import Any

__all__ = ["number_of", "read_json", "write_json"]

_NUMBERS = 1 << 63


def _pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(found)
    if len(made) < len(found):
        raise ValueError  # of two fields of one name, one would not be seen
    return made


_decode = JSONDecoder(object_pairs_hook=_pairs).decode
write_json = JSONEncoder(separators=(",", ":")).encode


def read_json(text: str) -> Any:
    """What a text of JSON says; None where it is none."""
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return None


def number_of(value: Any) -> Any:
    """A number as JSON has it."""
    if isinstance(value, float):
        number = float.__add__(value, 0.0)
        return number if number - number == 0 else str(number)
    whole = int.__add__(value, 0)
    if -_NUMBERS <= whole < 2 * _NUMBERS:
        return whole
    bits = whole.bit_length()
    return str(whole) if bits < 2_048 else f"<a whole number of {bits:,} bits>"
