"""Slips of the pen: a misspelt word told from another word."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

__all__ = ["is_slip"]

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+")
_SHORTEST: Final = 5
_LONG: Final = 7
_STEM: Final = 3  # letters at the beginning that tell maximize from minimize
_VOWELS: Final = frozenset("aeiouy")
# words that are a slip away from another word, and what they say all the same
_WORDS: Final = frozenset(
    _TOKEN.findall("""
    angel angle board bother brand breadth breath broad brother cannon canon carton cartoon
    casual cation causal cause caution chose cloth clothe coast coats coma comma complaint
    complement compliant compliment conservation contact continence contract conversation
    costume council counsel country county critic custom customs dairy desert dessert diary
    diner dinner discreet discrete dual early except exits expect farther field fiend filed
    fired formally formerly friend hoping hopping import impost lapse later latter lightening
    lightning loose lose massage message mistake month moral morale moth mouth nerve never
    parties party pasty patient personal personnel petal plane planed planet planned plant price
    prince principal principle quiet quite relay reply revenue revue rogue rouge sacred scared
    signal signed signs silver singe singed single sings sliver staring starring starting
    stationary stationery sting string stripe striped stripped super supper tenant tenants
    thorough though through tile tiled title titled trail trial united unity untied weather
    wether
    """)
)


def is_slip(given: str, wanted: str) -> bool:
    """Whether ``given`` is ``wanted`` with one word of it clearly misspelt.

    A slip swaps two letters, doubles one or drops one, after the first
    letter of a word that is not short; digits, prefixes and whole words
    that differ are none.
    """
    ours, theirs = _tokens(given), _tokens(wanted)
    if len(ours) != len(theirs):
        return False
    odd = [(one, other) for one, other in zip(ours, theirs, strict=True) if one != other]
    return len(odd) == 1 and _is_misspelt(*odd[0])


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(normalize("NFKC", _CAMEL.sub(" ", text)).casefold())


def _is_misspelt(given: str, wanted: str) -> bool:
    if min(len(given), len(wanted)) < _SHORTEST or given in _WORDS or given.isdecimal():
        return False
    at = _first_difference(given, wanted)
    if not at:
        return False
    if len(given) == len(wanted):
        return _is_swapped(given, wanted, at) or _is_other_vowel(given, wanted, at)
    if len(given) == len(wanted) + 1:
        return given[at] == given[at - 1] and given[:at] + given[at + 1 :] == wanted
    if len(given) != len(wanted) - 1 or wanted[:at] + wanted[at + 1 :] != given:
        return False
    return at < len(given) or wanted[at] == wanted[at - 1]


def _first_difference(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)


def _is_swapped(given: str, wanted: str, at: int) -> bool:
    return given[at : at + 2] == wanted[at : at + 2][::-1] and given[at + 2 :] == wanted[at + 2 :]


def _is_other_vowel(given: str, wanted: str, at: int) -> bool:
    """Whether one vowel stands for another within a long word: calender, seperate."""
    is_inside = len(given) >= _LONG and _STEM <= at < len(given) - 1
    both = {given[at], wanted[at]}
    return is_inside and both <= _VOWELS and given[at + 1 :] == wanted[at + 1 :]
