"""The C scanner of the standard library, for what is sound JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decode", "decode_raw", "sound"]


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)

sound: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]
"""The value at a position, and where it ends; raises StopIteration or ValueError for none."""
decode = _decoder.decode
"""The value of a whole text."""
decode_raw = json.JSONDecoder(parse_constant=_refuse, strict=False).decode
"""The same where control characters may stand in strings as they are."""
