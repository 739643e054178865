"""Text: times, amounts and values in few characters, and what a terminal may be shown."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from unicodedata import combining, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

__all__ = [
    "Line",
    "arguments",
    "columns",
    "count",
    "cut",
    "duration",
    "money",
    "padded",
    "pairs",
    "plain",
    "plural",
    "value",
    "when",
    "wrapped",
]

Line: TypeAlias = "list[tuple[str, str]]"  # pieces of text, each with a style or ""

# Control characters, and those that turn the direction of what follows: a name or a
# message from elsewhere must not rule the terminal.
_MARKS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_UNSAFE = (*range(0x20), *range(0x7F, 0xA0), *_MARKS, *range(0xE0000, 0xE0080))
_CONTROLS = {**dict.fromkeys(_UNSAFE, "\ufffd"), 9: " ", 10: " ", 13: " "}
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_MINUTE, _HOUR = 60, 3600
_THOUSAND, _MILLION = 1000, 1_000_000


def plain(text: str) -> str:
    """The text on one line, without control characters."""
    return text.translate(_CONTROLS).translate(_SURROGATES) if not text.isprintable() else text


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(combining(one) != 0 for one in text)


def cut(text: str, width: int) -> str:
    """The text in at most so many columns, its end marked where something is missing."""
    if columns(text) <= width:
        return text
    return text[: _fitting(text, max(0, width - 1))].rstrip() + "…" if width > 0 else ""


def _fitting(text: str, room: int) -> int:
    """How many characters of the text take so many columns at most."""
    end = 0
    for one in text:
        room -= columns(one)
        if room < 0:
            break
        end += 1
    return end


def padded(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many columns."""
    text = cut(text, width)
    space = " " * (width - columns(text))
    return space + text if right else text + space


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, broken between words to so many columns; each keeps its indentation."""
    return [line for part in text.splitlines() or [""] for line in _broken(plain(part), width)]


def _broken(text: str, width: int) -> Iterator[str]:
    words = text.lstrip(" ").split(" ")
    indent = " " * min(len(text) - len(text.lstrip(" ")), max(0, width - 2) // 2)
    line, is_empty = indent, True
    for word in words:
        longer = line + word if is_empty else f"{line} {word}"
        if columns(longer) > width and not is_empty:
            yield line
            longer = indent + word
        while columns(longer) > width and len(longer) > len(indent) + 1:
            head = longer[: _fitting(longer, width)]
            if len(head) <= len(indent):
                break  # a single character is wider than the room
            yield head
            longer = indent + longer[len(head) :]
        line, is_empty = longer, False
    yield line


def duration(seconds: float) -> str:
    """A time in seven columns at most: ``0.3 ms``, ``412 ms``, ``2.31 s``, ``3m 05s``."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.2f} s"
    if seconds < _HOUR:
        return f"{int(seconds) // _MINUTE}m {int(seconds) % _MINUTE:02}s"
    return f"{int(seconds) // _HOUR}h {int(seconds) % _HOUR // _MINUTE:02}m"


def money(amount: Decimal | None) -> str:
    """An amount in US dollars; nothing where it is not known."""
    if amount is None:
        return ""
    if not amount:
        return "$0"
    if amount >= 1:
        return f"${amount:,.2f}"
    return "<$0.0001" if amount < 0.0001 else f"${amount:.4f}"


def count(number: int) -> str:
    """A number in five columns at most: ``950``, ``4.1k``, ``120k``, ``3.2M``."""
    if number < _THOUSAND:
        return str(number)
    if number < 10 * _THOUSAND:
        return f"{number / _THOUSAND:.1f}k"
    if number < _MILLION:
        return f"{number // _THOUSAND}k"
    return f"{number / _MILLION:.1f}M" if number < _THOUSAND * _MILLION else f"{number:.0e}"


def plural(number: int, noun: str) -> str:
    """A number of things: ``1 span``, ``2,400 spans``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def when(nanoseconds: int, *, date: bool = True) -> str:
    """A moment in local time."""
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000).astimezone()
    except (OverflowError, OSError, ValueError):  # beyond what the system's calendar holds
        return str(nanoseconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}" if date else f"{moment:%H:%M:%S}"


def value(found: Any) -> str:
    """A JSON value on one line; a text that holds JSON as that JSON."""
    if isinstance(found, str):
        return found
    return json.dumps(found, ensure_ascii=False, default=str)


def arguments(text: Any) -> str:
    """The arguments of a call as they are written in Python: ``city="Oslo", days=3``."""
    found = text
    if isinstance(text, str):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return text
    if isinstance(found, dict):
        return pairs(found.items())
    return value(found) if found is not None else ""


def pairs(items: Iterable[tuple[Any, Any]]) -> str:
    """Names and values: ``attempt=2, error="TIMEOUT"``."""
    return ", ".join(f"{key}={json.dumps(one, ensure_ascii=False)}" for key, one in items)
