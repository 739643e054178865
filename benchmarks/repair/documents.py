"""Documents of a wished size, whole and damaged, with the value each should give.

Everything follows from the size alone: no file, no clock, no chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["DAMAGES", "SIZES", "Document", "document", "value_of"]

SIZES = {"1 KB": 1_000, "100 KB": 100_000, "1 MB": 1_000_000}
NAMES = ("Ana Duarte", "Björn Åkesson", "Chidi Okafor", "Dana Levy", "Emre Yılmaz", "Farah Khan")
CITIES = ("Lisbon", "Malmö", "Lagos", "Haifa", "Izmir", "Lahore", "San José")
TAGS = ("early", "paid", "window seat", "late", "refund")


@dataclass(frozen=True, slots=True)
class Document:
    """A text, the value it should give, and the valid text of the same document."""

    text: str
    expected: Any
    valid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a value is written: what is left out or added at every place."""

    indent: int | None = None
    trailing: bool = False
    bare_keys: bool = False
    open_ended: str = ""  # the name whose texts lose their closing quote
    inner_quotes: bool = False


def _record(number: int) -> dict[str, Any]:
    name = NAMES[number % len(NAMES)]
    return {
        "id": number,
        "name": name,
        "city": CITIES[number * 3 % len(CITIES)],
        "active": number % 3 > 0,
        "score": number * 37 % 1000 / 8,
        "tags": [TAGS[(number + step) % len(TAGS)] for step in range(number % 3 + 1)],
        "note": f'{name} said "call me" and left, room {number % 90}',
        "address": {"street": f"{number % 200} Garden Road", "zip": f"{number % 9000 + 1000}-014"},
        "manager": None,
    }


def value_of(size: int) -> dict[str, Any]:
    """A document whose valid text has about ``size`` characters, a little more at most."""
    items: list[dict[str, Any]] = []
    length = 30
    while length < size:
        items.append(_record(len(items)))
        length += len(json.dumps(items[-1], ensure_ascii=False)) + 2
    return {"kind": "guests", "items": items}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write(value: Any, style: Style, level: int = 0, key: str = "") -> str:
    """``value`` in a style; level and key are those of the place it stands at."""
    if isinstance(value, dict):
        parts = [
            f"{name if style.bare_keys else _text(name)}: {_write(item, style, level + 1, name)}"
            for name, item in value.items()
        ]
        return _enclose("{", parts, "}", style, level)
    if isinstance(value, list):
        return _enclose("[", [_write(item, style, level + 1) for item in value], "]", style, level)
    text = _text(value)
    if isinstance(value, str):
        if style.inner_quotes:
            text = text.replace('\\"', '"')
        if key and key == style.open_ended:
            text = text[:-1]
    return text


def _enclose(opener: str, parts: list[str], closer: str, style: Style, level: int) -> str:
    if not parts:
        return opener + closer
    comma = "," if style.trailing else ""
    if style.indent is None:
        return opener + ", ".join(parts) + comma + closer
    inner = "\n" + " " * style.indent * (level + 1)
    outer = "\n" + " " * style.indent * level
    return opener + inner + f",{inner}".join(parts) + comma + outer + closer


def _without_a_comma(text: str) -> str:
    at = text.index(', "city"', len(text) // 3)
    return text[:at] + text[at + 1 :]


def _valid(value: Any) -> str:
    return _text(value)


def _fenced(value: Any) -> str:
    return f"```json\n{_text(value)}\n```"


def _prose(value: Any) -> str:
    return f"Here is the list you asked for:\n\n{_text(value)}\n\nTell me if anything is missing."


def _one_error(value: Any) -> str:
    return _without_a_comma(_text(value))


def _fenced_error(value: Any) -> str:
    return f"Sure, here it is:\n\n```json\n{_without_a_comma(_text(value))}\n```\n"


def _truncated(value: Any) -> str:
    text = _text(value)
    return text[: text.rindex('"note": "') + 14]


def _styled(**options: Any) -> Callable[[Any], str]:
    style = Style(**options)
    return lambda value: _write(value, style)


DAMAGES: dict[str, Callable[[Any], str]] = {
    "valid": _valid,
    "fenced valid": _fenced,
    "prose + valid": _prose,
    "1 missing comma": _one_error,
    "fenced + 1 error": _fenced_error,
    "truncated": _truncated,
    "trailing commas": _styled(trailing=True),
    "trailing commas, indented": _styled(trailing=True, indent=2),
    "unquoted keys": _styled(bare_keys=True),
    "unquoted keys, indented": _styled(bare_keys=True, indent=2),
    "python repr": repr,
    "missing end quotes": _styled(open_ended="city"),
    "inner quotes": _styled(inner_quotes=True),
}
"""What is wrong with a document -> its text; from ``truncated`` on, wrong at every place."""


def document(damage: str, size: int) -> Document:
    """The document of a size, damaged in one way."""
    value = value_of(size)
    text = DAMAGES[damage](value)
    expected = json.loads(text + '"}]}') if damage == "truncated" else value
    return Document(text, expected, _text(value))
