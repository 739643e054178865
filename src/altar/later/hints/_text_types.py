"""The standard library's classes that travel as text, each made into a node on first use."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes_text import NumericText, TextNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later.hints._nodes import Node

__all__ = ["duration_text", "text_node"]

_DURATION: Final = re.compile(
    r"([+-])?P(?=\d|T)(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,9}))?S)?)?"
)
_MAX_BITS: Final = 13_000  # below the interpreter's own limit on decimal texts
_NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,4})?$"
_FRACTION: Final = r"^-?[0-9]+(/0*[1-9][0-9]*|\.[0-9]+)?$"
_REAL: Final = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?"
_COMPLEX: Final = rf"^[-+]?({_REAL}([-+]({_REAL})?j|j)?|j)$"
_COMPLEX_LENGTH: Final = 100


def text_node(cls: type) -> Node | None:
    """The node of a class of this table, or None; subclasses of its classes are built too."""
    for base in cls.__mro__:
        make = _MAKERS.get((base.__module__, base.__qualname__))
        if make is not None:
            return make(cls)
    return None


def _datetime(cls: Any) -> Node:
    from datetime import timedelta  # noqa: PLC0415 - loaded by whoever uses it

    parse_iso = cls.fromisoformat

    def parse(text: str) -> Any:
        if len(text) < 16 or text[10] not in "Tt ":
            raise ValueError
        if text[17:19] == "60":
            return parse_iso(_without_leap(text, "date-time", 17)) + timedelta(seconds=1)
        return parse_iso(f"{text[:-1]}Z" if text[-1] == "z" else text)

    def lenient(value: Any) -> Any:  # a date is its midnight
        return parse_iso(value) if value.__class__ is str and len(value) == 10 else None

    label = "an ISO 8601 date and time (2026-01-31T09:30:00Z)"
    return TextNode("date-time", label, parse, extra={"format": "date-time"}, lenient=lenient)


def _date(cls: Any) -> Node:
    from datetime import datetime, time  # noqa: PLC0415 - loaded by whoever uses it

    parse_iso = cls.fromisoformat

    def parse(text: str) -> Any:
        if len(text) != 10 or text[4] != "-" or text[7] != "-":
            raise ValueError
        return parse_iso(text)

    def lenient(value: Any) -> Any:  # a midnight is its date
        if value.__class__ is not str or len(value) < 16:
            return None
        moment = datetime.fromisoformat(value)
        return parse_iso(value[:10]) if moment.time() == time() else None

    label = "an ISO 8601 date (2026-01-31)"
    return TextNode("date", label, parse, extra={"format": "date"}, lenient=lenient)


def _without_leap(text: str, name: str, at: int) -> str:
    """The second before a leap second, which Python's classes cannot hold."""
    from altar.adm._formats import FORMATS  # noqa: PLC0415 - only for leap seconds

    if not FORMATS[name].holds(text):
        raise ValueError
    upper = text.upper()
    return f"{upper[:at]}59{upper[at + 2 :]}"


def _time(cls: Any) -> Node:
    parse_iso = cls.fromisoformat

    def parse(text: str) -> Any:
        if len(text) < 5 or text[2] != ":":
            raise ValueError
        if text[6:8] == "60":
            clock = parse_iso(_without_leap(text, "time", 6))
            hour, minute = divmod((clock.hour * 60 + clock.minute + 1) % 1440, 60)
            return clock.replace(hour=hour, minute=minute, second=0)
        return parse_iso(f"{text[:-1]}Z" if text[-1] == "z" else text)

    label = "an ISO 8601 time (09:30:00)"
    return TextNode("time", label, parse, extra={"format": "time"})


def _timedelta(cls: Any) -> Node:
    def parse(text: str) -> Any:
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError
        sign, weeks, days, hours, minutes, seconds, fraction = match.groups()
        micros = int((fraction or "0").ljust(6, "0")[:6])
        found = cls(
            weeks=int(weeks or 0),
            days=int(days or 0),
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=int(seconds or 0),
            microseconds=micros,
        )
        return -found if sign == "-" else found

    def lenient(value: Any) -> Any:  # a number is seconds
        return cls(seconds=value) if value.__class__ in (int, float) else None

    label = "an ISO 8601 duration (P1DT2H30M)"
    return TextNode("duration", label, parse, extra={"format": "duration"}, lenient=lenient)


def duration_text(delta: Any) -> str:
    """A timedelta in ISO 8601: ``P1DT2H30M``."""
    micros = delta.days * 86_400_000_000 + delta.seconds * 1_000_000 + delta.microseconds
    sign = "-" if micros < 0 else ""
    seconds, micros = divmod(abs(micros), 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    second = f"{seconds}.{micros:06d}".rstrip("0") if micros else str(seconds)
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    clock += f"{second}S" * (second != "0")
    text = f"{days}D" * bool(days) + (f"T{clock}" if clock else "")
    return f"{sign}P{text or 'T0S'}"


def _uuid(cls: Any) -> Node:
    def parse(text: str) -> Any:
        if len(text) != 36 or text[8] != "-" or text[13] != "-" or text[18] != "-":
            raise ValueError
        return cls(text)

    def lenient(value: Any) -> Any:
        return cls(value) if value.__class__ is str and len(value) <= 45 else None

    label = "a UUID (123e4567-e89b-12d3-a456-426614174000)"
    return TextNode("uuid", label, parse, extra={"format": "uuid"}, lenient=lenient)


def _decimal(cls: Any) -> Node:
    pattern = re.compile(_NUMBER)

    def parse(value: Any) -> Any:
        if value.__class__ is not str:
            return cls(_number_text(value))
        if pattern.fullmatch(value) is None:
            raise ValueError
        return cls(value)

    return NumericText("decimal", "a decimal number", parse, extra={"pattern": _NUMBER})


def _fraction(cls: Any) -> Node:
    pattern = re.compile(_FRACTION)

    def parse(value: Any) -> Any:
        if value.__class__ is not str:
            return cls(_number_text(value))
        if len(value) > 1000 or pattern.fullmatch(value) is None:
            raise ValueError
        return cls(value)

    return NumericText("fraction", "a fraction (3/4)", parse, extra={"pattern": _FRACTION})


def _number_text(value: Any) -> str:
    if value.__class__ is int:
        if value.bit_length() > _MAX_BITS:
            raise ValueError
        return str(value)
    if value - value != 0.0:
        raise ValueError
    return repr(value)


def _complex(cls: Any) -> Node:
    pattern = re.compile(_COMPLEX)

    def parse(text: str) -> Any:
        if len(text) > _COMPLEX_LENGTH or pattern.fullmatch(text) is None:
            raise ValueError
        return _finite(cls(text))

    def lenient(value: Any) -> Any:
        if value.__class__ is str:  # as repr writes it
            return parse(value[1:-1]) if value[:1] + value[-1:] == "()" else None
        return _finite(cls(value)) if value.__class__ in (int, float) else None

    label = 'a complex number as text ("1+2j")'
    extra = {"pattern": _COMPLEX, "maxLength": _COMPLEX_LENGTH}
    return TextNode("complex", label, parse, extra=extra, lenient=lenient)


def _finite(number: complex) -> complex:
    if number - number != 0:
        raise ValueError
    return number


def _bytes(cls: Any) -> Node:
    def parse(text: str) -> Any:
        data = b64decode(text, validate=True)
        return data if cls is bytes else cls(data)

    return TextNode(cls.__name__, "bytes in base64", parse, extra={"format": "byte"})


def _pattern(cls: Any) -> Node:
    label = "a regular expression"
    return TextNode("regex", label, re.compile, extra={"format": "regex"})


def _path(cls: Any) -> Node:
    from pathlib import Path  # noqa: PLC0415 - loaded by whoever uses it

    def parse(text: str) -> Any:
        if "\0" in text:
            raise ValueError
        return make(text)

    make = Path if cls.__module__ == "os" else cls  # os.PathLike has no constructor
    return TextNode("path", "a file path", parse, extra={"format": "path"})


def _by_constructor(label: str, **extra: Any) -> Callable[[Any], Node]:
    name = str(extra.get("format", label))
    return lambda cls: TextNode(name, label, cls, extra=extra)


_V4 = "an IPv4 address (192.0.2.1)"
_V6 = "an IPv6 address (2001:db8::1)"
_MAKERS: Final[dict[tuple[str, str], Callable[[Any], Node]]] = {
    ("datetime", "datetime"): _datetime,
    ("datetime", "date"): _date,
    ("datetime", "time"): _time,
    ("datetime", "timedelta"): _timedelta,
    ("uuid", "UUID"): _uuid,
    ("decimal", "Decimal"): _decimal,
    ("fractions", "Fraction"): _fraction,
    ("builtins", "complex"): _complex,
    ("builtins", "bytes"): _bytes,
    ("builtins", "bytearray"): _bytes,
    ("re", "Pattern"): _pattern,
    ("os", "PathLike"): _path,
    ("pathlib", "PurePath"): _path,
    ("pathlib._local", "PurePath"): _path,  # where Python 3.13 keeps it
    ("ipaddress", "IPv4Address"): _by_constructor(_V4, format="ipv4"),
    ("ipaddress", "IPv6Address"): _by_constructor(_V6, format="ipv6"),
    ("ipaddress", "IPv4Network"): _by_constructor("an IPv4 network (192.0.2.0/24)"),
    ("ipaddress", "IPv6Network"): _by_constructor("an IPv6 network (2001:db8::/32)"),
    ("ipaddress", "IPv4Interface"): _by_constructor("an IPv4 interface (192.0.2.1/24)"),
    ("ipaddress", "IPv6Interface"): _by_constructor("an IPv6 interface (2001:db8::1/32)"),
    ("zoneinfo", "ZoneInfo"): _by_constructor("a time zone (Europe/Paris)"),
}
