"""Patterns of a schema, matched against names at a bounded cost."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["matches"]

_LONGEST: Final = 500  # of a name, that is looked at
_LONGEST_PATTERN: Final = 2000
_MOST_STEPS: Final = 250_000
_NESTED: Final = 16  # the longest name where repeats are repeated: each letter may double the work
_MOST_OPTIONS: Final = 12
_PIECE: Final = re.compile(
    r"""(?P<atom>\\.|\[\^?\]?(?:\\.|[^\]\\])*+\])
      | (?P<open>\()(?:\?(?:P?<[^>=!]*+>|<?[=!]|[a-z-]*+:))?
      | (?P<close>\))
      | (?P<either>\|)
      | (?P<repeat>[*+]|\{(?P<least>\d*),?(?P<most>\d*)\})[?+]?
      | (?P<option>\?)[?+]?
      | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def matches(pattern: str, name: str) -> bool:
    """Whether a name has the pattern; one that it would be too dear to tell of has not.

    Only the beginning of a long name is looked at. A pattern that Python
    does not know says nothing.
    """
    longest = _longest_for(pattern)
    if not longest or (longest < _LONGEST and len(name) > longest):
        return False
    return re.search(pattern, name[:_LONGEST]) is not None


@lru_cache(maxsize=512)
def _longest_for(pattern: str) -> int:
    """The longest name that the pattern may be tried on; 0 where it is not to be used."""
    if len(pattern) > _LONGEST_PATTERN:
        return 0
    power = _power(pattern)
    if power is None:
        return 0
    try:
        re.compile(pattern)
    except (re.error, FutureWarning, OverflowError, RecursionError):  # another dialect
        return 0
    if power < 0:
        return _NESTED
    return min(_LONGEST, int(_MOST_STEPS ** (1 / power)) if power else _LONGEST)


def _power(pattern: str) -> int | None:
    """Of which power of a name's length the work is; -1 exponential, None: nobody knows."""
    total = 0 if pattern.startswith("^") else 1
    options, is_nested = 0, False
    inside: list[list[int]] = [[0, 0]]  # repeats and forks in each open group
    closed: list[int] | None = None  # those of the group that ended right before
    for piece in _PIECE.finditer(pattern):
        kind = piece.lastgroup if piece["repeat"] is None else "repeat"
        if kind == "open":
            inside.append([0, 0])
        elif kind == "either" or kind == "option":
            inside[-1][1] += 1
            options += kind == "option"
        elif kind == "repeat" and closed is not None and any(closed):
            if closed[1] or closed[0] > 1 or is_nested:
                return None
            is_nested = True
        if kind == "repeat":
            inside[-1][0] += 1
            is_exact = piece["least"] and "," not in piece["repeat"]
            total += not is_exact
        closed = None
        if kind == "close" and len(inside) > 1:
            closed = inside.pop()
            inside[-1][0] += closed[0]
            inside[-1][1] += closed[1]
    if options > _MOST_OPTIONS or (is_nested and total > 3):
        return None
    return -1 if is_nested else total
