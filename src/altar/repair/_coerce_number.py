"""Numbers, booleans and nothing at all, as people write them in text."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

__all__ = ["boolean_of", "is_nothing", "number_of"]

_LONGEST: Final = 80
_MOST_DIGITS: Final = 4000  # Python reads 4300 by default
_PLAIN: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_HEX: Final = re.compile(r"[+-]?0x[0-9a-f]{1,32}", re.ASCII | re.IGNORECASE)
_SPACES: Final = " \u00a0\u2009\u202f"
# what is clearly one number with marks between its thousands, or with a comma for a point
_GROUPED: Final = (
    (re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII), ",", "."),
    (re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d*)?", re.ASCII), ",", "."),  # as in India
    (re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}", re.ASCII), ".", ","),
    (re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+,\d+", re.ASCII), ".", ","),
    (re.compile(rf"[1-9]\d{{0,2}}(?:[{_SPACES}]\d{{3}})+(?:,\d+)?", re.ASCII), _SPACES, ","),
    (re.compile(rf"[1-9]\d{{0,2}}(?:[{_SPACES}]\d{{3}})+(?:\.\d+)?", re.ASCII), _SPACES, "."),
    (re.compile(r"[1-9]\d{0,2}(?:['\u2019]\d{3})+(?:\.\d+)?", re.ASCII), "'\u2019", "."),
    (re.compile(r"\d+(?:_\d+)+(?:\.\d+)?", re.ASCII), "_", "."),
    (re.compile(r"\d+,(?:\d{1,2}|\d{4,})", re.ASCII), "", ","),
    (re.compile(r"0,\d+", re.ASCII), "", ","),
)
_CODES: Final = (
    "USD|EUR|GBP|JPY|CNY|RMB|CHF|CAD|AUD|NZD|INR|KRW|SEK|NOK|DKK|PLN|CZK|HUF|RON|RUB|UAH|TRY|"
    "BRL|MXN|ARS|CLP|COP|ZAR|SGD|HKD|TWD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|EGP|NGN|KES|BTC|ETH"
)
_SIGNS: Final = r"(?:US|CA|AU|NZ|HK|[ACRS])?\$|[€£¥₹₽₩₪₫₴₦฿₿¢₺₱]|z[łl]|kr\.?|Rs\.?"
_MONEY: Final = rf"(?:{_SIGNS}|\b(?:{_CODES})\b)"
_PRICE: Final = re.compile(rf"([+-]?)\s*{_MONEY}\s*(.*)", re.IGNORECASE)
_PAID: Final = re.compile(rf"(.*?\d)\s*{_MONEY}", re.IGNORECASE)
_DOLLARS: Final = re.compile(
    r"(.*?\d)\s*(?:USD|CAD|AUD|NZD|SGD|HKD|TWD|MXN|ARS|CLP|COP|BRL)", re.IGNORECASE
)
_MEASURED: Final = re.compile(
    r"(.*?\d\.?)\s*(%|\u2030|°\s?[CFK]?|(?:percent|per cent|pct)\b\.?|"
    r"[^\W\d_]{1,14}[23\u00b2\u00b3]?(?:/[^\W\d_]{1,6}[23\u00b2\u00b3]?)?\.?)"
)
# words after a number that change it, or that make it part of something else
_NO_UNITS: Final = re.compile(
    r"""st|nd|rd|th | k|bn|mn|mio|mrd|tn|thousands?|[mbtr]+illions?|hundreds?|dozen|lakh|crore
    | am|pm|e|x|b|bc|ad|b?ce | and|or|to|of
    | (?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)
    | (?:january|february|march|april|august|september|october|november|december)""",
    re.IGNORECASE | re.VERBOSE,
)
_ABOUT: Final = re.compile(
    r"(?:(?:about|approx\.?|approximately|around|roughly|circa|ca\.?)\s+|[~\u2248\u223c]\s*)(?=\S)",
    re.IGNORECASE,
)
# words that say no more than the unit before them, or that are a part of the unit behind them
_SAID_AFTER: Final = re.compile(
    r"(?<=[^\W\d_])\s+(?:old|of age|long|high|tall|wide|deep|thick|in total|total|each)\.?\Z",
    re.IGNORECASE,
)
_SAID_BEFORE: Final = re.compile(
    r"(?<=\d)\s*\b(?:full|whole|square|sq\.?|cubic|cu\.?|US|metric|nautical|light|fluid|fl\.?|"
    r"calendar|business|working)\s+(?=[^\W\d_])",
    re.IGNORECASE,
)
_MULTIPLES: Final = frozenset("KMBTG")
_TRUE: Final = frozenset({"true", "yes", "on", "y", "t", "1", "✓", "✔", "✔\ufe0f", "✅", "☑"})
_FALSE: Final = frozenset({"false", "no", "off", "n", "f", "0", "✗", "✘", "❌", "✖", "☐"})
_ANSWER: Final = re.compile(r"(yes|no|true|false)\s*[,!;\u2013\u2014]", re.IGNORECASE)
_NOTHING: Final = re.compile(
    r"""[-\u2013\u2014]{0,3} | null|none|nil|nan|undefined|<null>|[(\[]none[)\]]
    | \#?n/?a|n\.a\.? | not[ ]available|not[ ]applicable""",
    re.IGNORECASE | re.VERBOSE,
)


def number_of(text: str, *, whole: bool) -> int | float | None:
    """The number a text clearly stands for, or None; ``whole`` asks for an integer.

    Marks between thousands, currencies, percent signs and units are left
    out, never turned into a factor: ``"45%"`` is 45. Nothing is rounded:
    where a whole number is asked, ``"3.7"`` is none.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        is_long = len(text) <= _MOST_DIGITS and text.isascii() and text.isdecimal()
        return int(text) if is_long else None
    text = text.replace("\u2212", "-")
    found = _core(text)
    if found is None:
        found = _bared(text)
    if found is None or found.__class__ is int or not whole:
        return found
    return int(found) if found.is_integer() else None  # type: ignore[union-attr]


def _bared(text: str) -> int | float | None:
    """The number under a currency, a percent sign, a unit, or a word that it is not exact."""
    text = _ABOUT.sub("", text, count=1) if _ABOUT.match(text) else text
    found = _core(text)
    if found is not None:
        return found
    match = _PRICE.fullmatch(text)
    if match:
        rest = match[1] + match[2].strip()
        paid = _DOLLARS.fullmatch(rest) if "$" in text else None
        return _core(paid[1] if paid else rest)
    match = _PAID.fullmatch(text)
    if match:
        return _core(match[1])
    match = _MEASURED.fullmatch(_SAID_BEFORE.sub(" ", _SAID_AFTER.sub("", text)))
    if match:
        unit = match[2].rstrip(".")
        if not _NO_UNITS.fullmatch(unit) and unit not in _MULTIPLES:
            return _core(match[1])
    return None


def _core(text: str) -> int | float | None:
    """The number that digits, a point and marks between thousands make up."""
    if _PLAIN.fullmatch(text):
        return _plain(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    sign, digits = (text[:1], text[1:].lstrip()) if text[:1] in {"+", "-"} else ("", text)
    for pattern, marks, point in _GROUPED:
        if pattern.fullmatch(digits):
            for mark in marks:
                digits = digits.replace(mark, "")
            return _plain(sign + digits.replace(point, "."))
    return None


def _plain(text: str) -> int | float | None:
    if text.lstrip("+-").isdecimal():
        return int(text)
    number = float(text)
    return number if isfinite(number) else None


def boolean_of(text: str) -> bool | None:
    """The boolean a word or a short answer stands for, or None."""
    word = text.strip().strip("\"'`*").rstrip(".!").casefold() if len(text) <= 24 else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    answer = _ANSWER.match(text.lstrip())
    return answer[1].casefold() in _TRUE if answer else None


def is_nothing(text: str) -> bool:
    """Whether a text says that there is no value."""
    return len(text) <= 24 and _NOTHING.fullmatch(text.strip()) is not None
