"""Patterns of JSON Schema (ECMA-262) as Python regular expressions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

__all__ = ["compile_pattern"]

_LONGEST = 16_384
_SPACE = r"\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NO_SPACE = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
)
_DOT = r"[^\n\r\u2028\u2029]"
_PYTHON_LETTERS = "AZ"  # Python's own anchors, which its authors write
_KEPT = "dDwWbBnrtfv"  # re.ASCII gives these ECMA's meaning
_GROUPS = {
    "L": "Letter", "Lu": "Uppercase_Letter", "Ll": "Lowercase_Letter", "Lt": "Titlecase_Letter",
    "Lm": "Modifier_Letter", "Lo": "Other_Letter", "M": "Mark", "Mn": "Nonspacing_Mark",
    "Mc": "Spacing_Mark", "Me": "Enclosing_Mark", "N": "Number", "Nd": "Decimal_Number",
    "Nl": "Letter_Number", "No": "Other_Number", "P": "Punctuation",
    "Pc": "Connector_Punctuation", "Pd": "Dash_Punctuation", "Ps": "Open_Punctuation",
    "Pe": "Close_Punctuation", "Pi": "Initial_Punctuation", "Pf": "Final_Punctuation",
    "Po": "Other_Punctuation", "S": "Symbol", "Sm": "Math_Symbol", "Sc": "Currency_Symbol",
    "Sk": "Modifier_Symbol", "So": "Other_Symbol", "Z": "Separator", "Zs": "Space_Separator",
    "Zl": "Line_Separator", "Zp": "Paragraph_Separator", "C": "Other", "Cc": "Control",
    "Cf": "Format", "Cs": "Surrogate", "Co": "Private_Use", "Cn": "Unassigned",
}  # fmt: skip
_SHORT = {long.casefold(): short for short, long in _GROUPS.items()} | {
    short.casefold(): short for short in _GROUPS
} | {"punct": "P", "digit": "Nd", "cntrl": "Cc", "combining_mark": "M"}  # fmt: skip


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The Python pattern that means what ECMA-262's does; raises ValueError with the reason.

    ``search`` it: JSON Schema patterns are not anchored.
    """
    if len(pattern) > _LONGEST:
        raise ValueError(f"a pattern longer than {_LONGEST} characters")
    try:
        return re.compile(_Reader(pattern).read(), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


class _Reader:
    """Walks a pattern once and writes its Python form."""

    __slots__ = ("_at", "_out", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._out: list[str] = []

    def read(self) -> str:
        steps: dict[str, Callable[[], str]] = {
            "\\": lambda: self._escape(in_class=False),
            "[": self._class,
            "(": self._group,
        }
        plain = {"$": r"\Z", ".": _DOT}
        while self._at < len(self._text):
            char = self._take(1)
            self._out.append(steps[char]() if char in steps else plain.get(char, char))
        return "".join(self._out)

    def _take(self, count: int) -> str:
        part = self._text[self._at : self._at + count]
        self._at += count
        return part

    def _next_is(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _until(self, end: str) -> str:
        stop = self._text.find(end, self._at)
        if stop < 0:
            raise ValueError(f"missing {end!r}")
        part = self._text[self._at : stop]
        self._at = stop + len(end)
        return part

    def _group(self) -> str:
        if self._next_is("?<"):
            follows = self._text[self._at : self._at + 1]
            return "(?<" if follows in ("=", "!") else f"(?P<{self._until('>')}>"
        return "("

    def _class(self) -> str:
        negated = self._next_is("^")
        out = ["[^" if negated else "["]
        while True:
            char = self._take(1)
            if not char:
                raise ValueError("missing ']'")
            if char == "]":
                break
            if char == "\\":
                out.append(self._escape(in_class=True))
            else:  # Python reads set operations where ECMA reads characters
                out.append("\\" + char if char in "[&|~^" else char)
        if len(out) > 1:
            return "".join(out) + "]"
        return r"[\s\S]" if negated else "(?!)"

    def _escape(self, *, in_class: bool) -> str:
        char = self._take(1)
        if not char:
            raise ValueError("a backslash at the end")
        if char in _KEPT:
            return r"\x08" if char == "b" and in_class else "\\" + char
        if char in "sS":
            body = _SPACE if char == "s" else _NO_SPACE
            return body if in_class else f"[{body}]"
        if char in "pP":
            return self._property(negated=char == "P", in_class=in_class)
        if char in "ux":
            return self._code_point(char)
        if char == "c":
            return re.escape(chr(ord(self._take(1) or "@") % 32))
        if char == "k" and self._next_is("<"):
            return f"(?P={self._until('>')})"
        if char.isdigit():
            return r"\x00" if char == "0" else "\\" + char
        if char in _PYTHON_LETTERS and not in_class:
            return "\\" + char
        return re.escape(char)

    def _code_point(self, kind: str) -> str:
        if kind == "u" and self._next_is("{"):
            return re.escape(_char(self._until("}")))
        size = 4 if kind == "u" else 2
        code = _char(self._take(size))
        if "\ud800" <= code <= "\udbff" and self._text.startswith("\\u", self._at):
            low = _char(self._text[self._at + 2 : self._at + 6])
            if "\udc00" <= low <= "\udfff":
                self._at += 6
                code = chr(0x10000 + (ord(code) - 0xD800) * 0x400 + ord(low) - 0xDC00)
        return re.escape(code)

    def _property(self, *, negated: bool, in_class: bool) -> str:
        if not self._next_is("{"):
            raise ValueError(r"\p needs a property name in braces, like \p{Letter}")
        name = self._until("}")
        key, _, value = name.rpartition("=")
        if key not in ("", "gc", "General_Category"):
            raise ValueError(f"the Unicode property {name!r} is not supported")
        body = _category_class(value, negated)
        return body if in_class else f"[{body}]"


def _char(digits: str) -> str:
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        raise ValueError(f"{digits!r} is no code point") from None


@lru_cache(maxsize=64)
def _category_class(name: str, negated: bool) -> str:
    """The code points of a general category as the inside of a character class.

    One pass over Unicode (a tenth of a second), for patterns that need it only.
    """
    folded = name.casefold()
    if folded == "any":
        return r"\x00-\U0010ffff"
    if folded == "ascii":
        return r"\x80-\U0010ffff" if negated else r"\x00-\x7f"
    short = _SHORT.get(folded)
    if short is None:
        raise ValueError(f"the Unicode property {name!r} is not supported")
    category = unicodedata.category
    out: list[str] = []
    start = -1
    for code in range(0x110000):
        inside = category(chr(code)).startswith(short) is not negated
        if inside and start < 0:
            start = code
        elif not inside and start >= 0:
            out.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = -1
    if start >= 0:
        out.append(f"\\U{start:08x}-\\U0010ffff")
    return "".join(out)
