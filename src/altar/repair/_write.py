"""A value as JSON text again, however deep it is."""

from __future__ import annotations

import json
from math import isinf
from typing import Any

__all__ = ["written"]


def written(value: Any) -> str:
    """The value as JSON text; what was 1e999 in the text is written so again."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return _step_by_step(value)


def _step_by_step(value: Any) -> str:
    pieces: list[str] = []
    ahead: list[tuple[str, Any]] = [("", value)]  # a text to write, and a value behind it
    while ahead:
        text, one = ahead.pop()
        pieces.append(text)
        if one is _NOTHING:
            continue
        if isinstance(one, dict):
            pieces.append("{")
            ahead.append(("}", _NOTHING))
            parts = [(f"{_scalar(name)}: ", item) for name, item in one.items()]
        elif isinstance(one, list):
            pieces.append("[")
            ahead.append(("]", _NOTHING))
            parts = [("", item) for item in one]
        else:
            pieces.append(_scalar(one))
            continue
        commas = [("" if not number else ", ") for number in range(len(parts))]
        joined = zip(commas, parts, strict=True)
        ahead += reversed([(comma + lead, item) for comma, (lead, item) in joined])
    return "".join(pieces)


_NOTHING = object()


def _scalar(one: Any) -> str:
    if isinstance(one, float) and isinf(one):
        return "-1e999" if one < 0 else "1e999"
    return json.dumps(one, ensure_ascii=False)
