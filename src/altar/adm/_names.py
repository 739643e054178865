"""Function names: the ADM rule, and the nearest legal name for any other text."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from altar.adm._kinds import kind_of
from altar.adm._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["is_name", "legal_name", "name_problem"]

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]+")
_LONGEST = 64


def is_name(value: object) -> bool:
    """True for a legal function name: ``^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$``."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def legal_name(name: str, taken: Container[str] = ()) -> str:
    """The nearest legal function name that is not ``taken``.

    Letters lose their accents, everything illegal becomes ``_``, a name that
    starts otherwise gets a ``_`` in front, 64 characters are kept, and a
    taken name ends in ``_2``, ``_3``, ...
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = _ILLEGAL.sub("_", plain)
    if not plain or not (plain[0].isalpha() or plain[0] == "_"):
        plain = f"_{plain}"
    plain = plain[:_LONGEST]
    legal, count = plain, 1
    while legal in taken:
        count += 1
        ending = f"_{count}"
        legal = plain[: _LONGEST - len(ending)] + ending
    return legal


def name_problem(name: object, path: str = "$.name") -> Problem | None:
    """What is wrong with a function name, and the nearest legal one; None when it is legal."""
    if is_name(name):
        return None
    expected = "a name of letters, digits, _ and -, at most 64, that starts with a letter or _"
    near = legal_name(name) if isinstance(name, str) and name.strip() else None
    return Problem(path, expected, kind_of(name), keyword="pattern", nearest=near)
