"""Whether a mended value says what its broken text says: the same words, in the same order."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

__all__ = ["says_the_same"]

_TOKEN: Final = re.compile(
    r"""(?P<number>(?:(?<![^\W_])[-\u2212])?(?<![^\W_])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W_]+)""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrtbf])")
_GROUPING: Final = re.compile(r"(?<=\d)[,_' ](?=\d{3}(?!\d))")
# a comment begins where a member may: inside a string this could be a part of an address
_COMMENT: Final = re.compile(
    r"(?:^|[,{}\[\]]|(?<=[\"'\d])[ \t])[ \t]*(?:(?://|\#)[^\n]*|/\*.*?\*/)",
    re.MULTILINE | re.DOTALL,
)
_MEMBER: Final = re.compile(r"[^\s:=][ \t]*[:=][ \t]*[^\s:=]")
_QUOTES: Final = frozenset("\"'`\u201c\u201d\u2018\u2019")
_LITERALS: Final[dict[Any, frozenset[str]]] = {
    True: frozenset({"true", "yes"}),
    False: frozenset({"false", "no"}),
    None: frozenset({"null", "none", "nil", "undefined", "nan"}),
}
_FEW: Final = 30  # words around the data that may be left out


class _Said(NamedTuple):
    """A word or a number; a literal where ``kind`` says so."""

    kind: str
    what: Any
    spare: bool = False  # stands where no data is
    quoted: bool = False


def says_the_same(value: Any, text: str) -> bool:
    """Whether ``value`` has the words and numbers of ``text``, all of them, in their order.

    Numbers count with their signs; literals are what they are written for. A
    few words may be missing that stand in comments, or in prose around the
    data; none may be added, moved or left out elsewhere.
    """
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)
    sources = {text, plain}
    if "[" not in text:  # where one and two numbers are told apart by a comma
        sources |= {_GROUPING.sub("", source) for source in sources}
    said = [_said_by(value, escaped=escaped) for escaped in (True, False)]
    return any(_matches(list(mended), _read(source)) for source in sources for mended in said)


def _read(text: str) -> list[_Said]:
    """What a broken text says."""
    spare = _spare(text)
    found: list[_Said] = []
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        aside = token["number"] is None and any(a <= start and end <= b for a, b in spare)
        quoted = text[max(0, start - 1) : start] in _QUOTES and text[end : end + 1] in _QUOTES
        found.append(_Said("word", _plain(token), aside, quoted))
    return found


def _spare(text: str) -> list[tuple[int, int]]:
    """Where words may stand that are no data: prose around the brackets, and comments."""
    spans = [found.span() for found in _COMMENT.finditer(text)]
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    if starts:
        last = max(text.rfind("}"), text.rfind("]"))
        around = [(0, min(starts))]
        if last > min(starts):
            around.append((last + 1, len(text)))
        spans += [(a, b) for a, b in around if not _MEMBER.search(text, a, b)]
    return spans


def _said_by(value: Any, *, escaped: bool) -> list[_Said]:
    """What a value says, its strings as JSON writes them or as they are."""
    found: list[_Said] = []
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += reversed([part for member in item.items() for part in member])
        elif isinstance(item, list):
            left += reversed(item)
        elif item is None or isinstance(item, bool):
            found.append(_Said("literal", item))
        else:
            text = item if isinstance(item, str) else repr(item)
            text = json.dumps(text, ensure_ascii=False) if escaped else text
            found += [_Said("word", _plain(token)) for token in _TOKEN.finditer(text)]
    return found


def _plain(token: re.Match[str]) -> Any:
    """A number as such, so that 5.50 is 5.5; a word as it is written."""
    number = token["number"]
    if number is None:
        return token[0]
    number = number.replace("\u2212", "-")
    try:
        return int(number) if number.lstrip("-").isdecimal() else float(number)
    except ValueError:  # more digits than Python reads
        return number


def _matches(mended: list[_Said], source: list[_Said]) -> bool:
    """Whether all that was mended comes in the source, in order, and little else does."""
    at = missing = 0
    for said in source:
        used = _taken(mended, at, said)
        if used:
            at += used
        elif said.spare:
            missing += 1
        else:
            return False
    return at == len(mended) and missing <= _FEW


def _taken(mended: list[_Said], at: int, said: _Said) -> int:
    """How many of the mended words, from ``at``, one word of the source is; 0 for none."""
    if at >= len(mended):
        return 0
    kind, what = mended[at][:2]
    if kind == "literal":
        is_it = isinstance(said.what, str) and said.what.casefold() in _LITERALS[what]
        return int(is_it and not said.quoted)
    if what == said.what and isinstance(what, str) is isinstance(said.what, str):
        return 1
    rest = said.what  # words that stood joined
    used = 0
    while isinstance(rest, str) and rest and at + used < len(mended):
        kind, what = mended[at + used][:2]
        if kind == "literal" or not isinstance(what, str) or not rest.startswith(what):
            return 0
        rest = rest[len(what) :]
        used += 1
    return used if rest == "" else 0
