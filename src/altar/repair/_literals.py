"""Words and numbers without quotes: what they are in JSON."""

from __future__ import annotations

import re
import sys

from altar.repair._content import escaped

__all__ = ["literal_begun", "literal_of", "number_of", "quoted"]

_WORDS = {
    "true": "true",
    "false": "false",
    "null": "null",
    "none": "null",
    "nil": "null",
    "undefined": "null",
    "nan": "null",
    "infinity": "null",
    "-infinity": "null",
    "+infinity": "null",
    "inf": "null",
    "-inf": "null",
}
_BEGUN = (
    *((word, word) for word in ("true", "false", "null")),
    *(("True", "true"), ("False", "false"), ("None", "null")),
)
_UNSURE = ("T", "F", "N", "No")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_BASED = re.compile(r"([+-]?)0([xXoObB])([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)\Z")
_LOOSE = re.compile(
    r"([+-]?)([0-9]+(?:_[0-9]+)*|(?=\.[0-9]))(?:\.([0-9]+(?:_[0-9]+)*)?)?(?:[eE]([+-]?)([0-9]*))?[jJlLn]?\Z"
)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\Z")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]{1,2}\Z")
_BASES = {"x": 16, "o": 8, "b": 2}
_FOREIGN = {"．": ".", "٫": ".", "－": "-", "＋": "+", "ｅ": "e", "Ｅ": "E"}
_LIMIT = 4300  # digits Python converts by default (sys.int_info.default_max_str_digits)


def literal_of(word: str) -> str | None:
    """The JSON literal a word of another language stands for; None for any other word."""
    if word in _WORDS:
        return _WORDS[word]
    lowered = word.lower()
    if lowered in _WORDS and (word.istitle() or word.isupper() or word in ("NaN", "-Infinity")):
        return _WORDS[lowered]
    return None


def literal_begun(word: str) -> str | None:
    """The only literal that begins so, where the text was cut off in it."""
    for literal, read in _BEGUN:
        if literal.startswith(word) and (word.islower() or word not in _UNSURE):
            return read
    return None


def number_of(word: str) -> tuple[str, str] | None:
    """The JSON number in another notation and the code of the fix; None for what is no number."""
    if not word.isascii() and (plain := _in_ascii(word)) is not None:
        found = number_of(plain)
        return found and (found[0], found[1] or "number")
    if _NUMBER.match(word):
        digits = word.lstrip("-")
        if digits.isdigit() and len(digits) > min(_LIMIT, sys.get_int_max_str_digits() or _LIMIT):
            return f'"{word}"', "huge_integer"
        return word, ""
    based = _BASED.match(word)
    if based is not None:
        try:
            value = int(based[3].replace("_", ""), _BASES[based[2].lower()])
        except ValueError:
            return None
        return f"{'-' if based[1] == '-' else ''}{value}", "number"
    if _GROUPED.match(word):
        return _loose(word.replace(",", ""))
    if _DECIMAL_COMMA.match(word):
        return _loose(word.replace(",", "."))
    return _loose(word)


def _in_ascii(word: str) -> str | None:
    """The word with the digits and signs of other scripts as ASCII has them, if that is all."""
    made = "".join(
        [c if c.isascii() else str(int(c)) if c.isdecimal() else _FOREIGN.get(c, c) for c in word]
    )
    return made if made.isascii() else None


def _loose(word: str) -> tuple[str, str] | None:
    """A number with a plus sign, underscores, leading zeros, a bare point or exponent."""
    found = _LOOSE.match(word)
    if found is None or not any(c.isdigit() for c in word):
        return None
    sign, whole, fraction, power_sign, power = found.groups()
    if power == "" and len(whole) > 1 and whole[0] == "0":
        return None  # 05e
    whole = whole.replace("_", "").lstrip("0") or "0"
    number = f"{'-' if sign == '-' else ''}{whole}"
    if fraction or "." in word:
        number += f".{(fraction or '0').replace('_', '')}"
    if power:
        number += f"e{power_sign}{power}"
    return number, "number"


def quoted(text: str) -> str:
    """The text as a JSON string."""
    return f'"{escaped(text)}"'
