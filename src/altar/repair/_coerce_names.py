"""Names and words that mean the same: by case, by separators, by a slip of the pen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.repair._schema_node import Node

__all__ = ["Fuzz", "enum_value", "folded", "means_member", "renames"]

_MARKS: Final = re.compile(r"[\W_]+")
_MOST_MEMBERS: Final = 500
_LONGEST_PROSE: Final = 2000
_LONGEST_WORD: Final = 64
_NEGATED: Final = re.compile(
    r"(?:\b(?:not|no|never|neither|without|non)|n['\u2019]t)[\s-]+\Z", re.IGNORECASE
)
_OPTION: Final = re.compile(r"\(?(\w{1,2})[).:](?:\s|\Z)")


class Fuzz:
    """Finds words by a slip of the pen; one call compares so often and no more.

    Each comparison takes constant time, and there are at most ``left`` of
    them, so that a document full of unknown words costs no more than linear.
    """

    __slots__ = ("left",)

    def __init__(self, left: int = 20_000) -> None:
        self.left = left

    def nearest(self, word: str, known: Iterable[str]) -> str | None:
        """The one word of ``known`` that is nearest to ``word``, if it is near and alone."""
        limit = 0 if len(word) < 4 else 1 if len(word) < 7 else 2
        if not limit or len(word) > _LONGEST_WORD:
            return None
        best, found = limit + 1, None
        for other in known:
            if abs(len(other) - len(word)) > limit or len(other) < 4:
                continue
            if self.left <= 0:
                return None
            self.left -= 1
            far = _distance(word, other, limit)
            if far < best:
                best, found = far, other
            elif far == best <= limit:
                found = None
        return found


def _distance(one: str, other: str, limit: int) -> int:
    """How many letters differ; two that changed places count one. Above ``limit``: limit + 1."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        oldest, before, row = before, row, [i]
        for j, another in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != another))
            if i > 1 < j and letter == other[j - 2] and one[i - 2] == another:
                best = min(best, oldest[j - 2] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
    return row[-1]


def folded(text: str) -> str:
    """A word without case and separators: ``firstName``, ``first-name`` and ``First Name`` meet."""
    return _MARKS.sub("", normalize("NFKC", text[:500]).casefold())


def _index(words: Iterable[str]) -> dict[str, str]:
    """Words by their folded form; forms that several share are left out."""
    found: dict[str, str | None] = {}
    for word in words:
        form = folded(word)
        found[form] = None if form in found else word
    return {form: word for form, word in found.items() if word is not None and form}


def renames(value: dict[str, Any], node: Node, fuzz: Fuzz) -> tuple[dict[str, str], dict[str, str]]:
    """Names in ``value`` -> names the schema knows: those that are sure, and those that are near.

    A name is replaced only where the schema does not know it and the wanted
    one is missing; where other names were foreseen, only required ones are
    wanted. No wanted name is given out twice.
    """
    sure: dict[str, str] = {}
    near: dict[str, str] = {}
    props: Any = node.required if node.is_open else node.props or node.required
    missing = {name for name in props if name not in value}
    strange = [name for name in value if not node.knows(name)] if missing else []
    if not strange:
        return sure, near
    index: dict[str, str] | None = node.cache.get("names")
    if index is None:
        index = node.cache["names"] = _index(props)
    rest = []
    for name in strange:
        wanted = index.get(folded(name))
        if wanted is None:
            rest.append(name)
        elif wanted in missing:
            sure[name] = wanted
            missing.remove(wanted)
    forms = {form: word for form, word in index.items() if word in missing} if rest else {}
    for name in rest[:_MOST_MEMBERS] if forms else ():
        form = fuzz.nearest(folded(name), forms)
        if form is not None:
            near[name] = forms.pop(form)
    return sure, near


def means_member(text: str, node: Node) -> str | None:
    """The text among the node's ``enum`` that differs in case and separators alone, or None."""
    return _words(node).get(folded(text)) if len(text) <= 500 else None


def enum_value(text: str, node: Node, fuzz: Fuzz) -> str | None:
    """The text among the node's ``enum`` that ``text`` means; None where none or several do."""
    words = _words(node)
    if not words:
        return None
    found = means_member(text, node)
    if found is None and len(text) <= _LONGEST_PROSE and len(words) <= _MOST_MEMBERS:
        found = _in_prose(text, node, words)
        if found is None:
            near = fuzz.nearest(folded(text), words)
            found = None if near is None else words[near]
    return found


def _words(node: Node) -> dict[str, str]:
    """The texts among the node's ``enum`` by their folded form."""
    words: dict[str, str] | None = node.cache.get("words")
    if words is None:
        members = [value for value in node.enum or () if isinstance(value, str)]
        words = node.cache["words"] = _index(members)
    return words


def _in_prose(text: str, node: Node, words: dict[str, str]) -> str | None:
    """The one member that stands in a sentence as a word of its own, and is not denied there."""
    option = _OPTION.match(text.lstrip())
    if option and option[1] in words.values():
        return option[1]
    pattern = node.cache.get("prose")
    if pattern is None:
        pattern = node.cache["prose"] = _pattern(words.values())
    found = set()
    for match in pattern.finditer(text):
        member = words.get(folded(match[0]))
        if member is None or (len(member) == 1 and match[0] != member):
            continue  # a single letter is a member only as it is written
        if _NEGATED.search(text[max(0, match.start() - 12) : match.start()]):
            return None
        found.add(member)
    return found.pop() if len(found) == 1 else None


def _pattern(members: Iterable[str]) -> re.Pattern[str]:
    """Finds any member as a word, the longest first, whatever stands between its parts."""
    parts = []
    for member in sorted(members, key=len, reverse=True):
        steps = [re.escape(step) for step in _MARKS.split(_spaced(member)) if step]
        if steps:
            parts.append(r"[\s_-]*".join(steps))
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts) or '(?!)'})(?!\w)", re.IGNORECASE)


def _spaced(member: str) -> str:
    """A camelCase word with its parts set apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", member)
