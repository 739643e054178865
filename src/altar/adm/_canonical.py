"""Canonical JSON bytes (RFC 8785, JCS) and digests over them."""

from __future__ import annotations

from hashlib import sha256
from json.encoder import encode_basestring
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from altar.adm._json import MAX_DEPTH, json_problems
from altar.adm._problem import Problem, json_path
from altar.errors import CanonicalError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["canonical_bytes", "digest"]

BigIntegers = Literal["refuse", "exact"]
_SAFE = 2**53 - 1  # the last integer that a double and its neighbours tell apart (RFC 7493)
_LITERALS = {None: "null", True: "true", False: "false"}
_EXACT = 2**8192 - 1  # past it, writing the digits of one number costs too much


def canonical_bytes(value: Any, *, big_integers: BigIntegers = "refuse") -> bytes:
    """The RFC 8785 form of a JSON value: UTF-8, names by UTF-16 code units, numbers as in ES6.

    JCS writes numbers as doubles, so integers beyond 2^53-1 would merge with
    their neighbours. ``big_integers="refuse"`` raises for them;
    ``"exact"`` writes all their digits, which is altar's own and only for
    digests that stay within altar.

    Raises CanonicalError that lists every part without a canonical form.
    """
    parts: list[str] = []
    try:
        _write(value, parts.append, _EXACT if big_integers == "exact" else _SAFE, MAX_DEPTH)
        return "".join(parts).encode("utf-8")
    except (_UnwritableError, UnicodeEncodeError):
        problems = json_problems(value, any_integer=True)
        problems += _big_integers(value, _EXACT if big_integers == "exact" else _SAFE)
        raise CanonicalError("canonical JSON", problems) from None


def digest(value: Any, *, big_integers: BigIntegers = "refuse") -> str:
    """``sha256:`` and 64 hex digits over the canonical bytes of a JSON value."""
    return f"sha256:{sha256(canonical_bytes(value, big_integers=big_integers)).hexdigest()}"


class _UnwritableError(Exception):
    """Found something without a canonical form; the caller lists where."""


def _write(value: Any, put: Callable[[str], None], limit: int, depth: int) -> None:
    if isinstance(value, str):
        put(encode_basestring(value))
    elif value is None or value is True or value is False:
        put(_LITERALS[value])
    elif isinstance(value, int):
        if not -limit <= value <= limit:
            raise _UnwritableError
        put(int.__repr__(value))  # an enum of integers would print its name
    elif isinstance(value, float):
        put(_number(value))
    elif depth <= 0:
        raise _UnwritableError
    elif isinstance(value, dict):
        _write_object(value, put, limit, depth - 1)
    elif isinstance(value, (list, tuple)):
        lead = "["
        for item in value:
            put(lead)
            _write(item, put, limit, depth - 1)
            lead = ","
        put("]" if value else "[]")
    else:
        raise _UnwritableError


def _write_object(
    value: dict[Any, Any], put: Callable[[str], None], limit: int, depth: int
) -> None:
    names = list(value)
    for name in names:
        if not isinstance(name, str):
            raise _UnwritableError
    ascii_only = all(map(str.isascii, names))
    names.sort(key=None if ascii_only else _utf16)
    lead = "{"
    for name in names:
        put(lead)
        put(encode_basestring(name))
        put(":")
        _write(value[name], put, limit, depth)
        lead = ","
    put("}" if names else "{}")


def _utf16(name: str) -> bytes:
    # big-endian bytes compare as their code units do; a lone surrogate is refused when encoded
    return name.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """A double as ECMAScript writes it (ECMA-262, Number::toString)."""
    if not isfinite(value):
        raise _UnwritableError
    if value == 0:
        return "0"
    text = float.__repr__(value)
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)  # where the point lies in whole + fraction
    padded = whole + fraction
    digits = padded.lstrip("0")
    point -= len(padded) - len(digits)
    digits = digits.rstrip("0")
    return sign + _place(digits, point)


def _place(digits: str, point: int) -> str:
    """Digits d1..dk and n = point, in the four forms of Number::toString."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{rest}e{point - 1:+d}"


def _big_integers(value: Any, limit: int) -> list[Problem]:
    found = []
    stack: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while stack:
        item, path = stack.pop()
        if len(path) > MAX_DEPTH:
            continue
        if isinstance(item, dict):
            stack.extend((inner, (*path, str(name))) for name, inner in item.items())
        elif isinstance(item, (list, tuple)):
            stack.extend((inner, (*path, at)) for at, inner in enumerate(item))
        elif isinstance(item, int) and not -limit <= item <= limit:
            expected = f"an integer within 2^{limit.bit_length()}-1, or the number as a string"
            got = f"an integer of {item.bit_length()} bits"
            found.append(Problem(json_path(path), expected, got, keyword="maximum"))
    return sorted(found, key=lambda problem: problem.path)
