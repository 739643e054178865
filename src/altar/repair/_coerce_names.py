"""Names and words that mean the same: by case, by separators, by a slip of the pen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

from altar.repair._coerce_slips import is_slip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from altar.repair._schema_node import Node

__all__ = ["Fuzz", "enum_value", "folded", "means_member"]

_MARKS: Final = re.compile(r"[\s_./:;,!?'\"`*()\[\]{}<>\u2010-\u201f-]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TOKEN: Final = re.compile(r"[^\s_./:;,!?'\"`*()\[\]{}<>\u2010-\u201f-]+")
_MOST_WORDS: Final = 6
_MOST_MEMBERS: Final = 500
_LONGEST_PROSE: Final = 2000
_LONGEST_WORD: Final = 64
_SHORTEST_FORM: Final = 5
_COMPARISON: Final = 20  # as dear as so many glances
_MOST_NAMES: Final = 64
_MOST_KEPT: Final = 2000
_NEGATED: Final = re.compile(
    r"""(?: (?:\b(?:not|no|never|neither|without|non)|n['\u2019]t)[\s-]+
        | \b(?:un|in|im|ir|il|dis|de|anti|off|on|ex|mis|re|pre|post|under|over|semi|half)
          [-\u2010-\u2012] )\Z""",
    re.IGNORECASE | re.VERBOSE,
)
_OPTION: Final = re.compile(r"\(?(\w{1,2})[).:](?:\s|\Z)")


class Fuzz:
    """Finds words by a slip of the pen; one call compares so often and no more.

    Words are short, so each comparison takes constant time, and ``left`` says how many there may
    be yet, so that a document full of unknown words costs no more than linear;
    what comes again and again is compared once.
    """

    __slots__ = ("_names", "_words", "left")

    def __init__(self, left: int = 80_000) -> None:
        self.left = left
        self._names: dict[Any, tuple[dict[str, str], dict[str, str]]] = {}
        self._words: dict[tuple[str, int], str | None] = {}

    def renames(self, names: Iterable[str], node: Node) -> tuple[dict[str, str], dict[str, str]]:
        """Names -> names the schema knows: those that are sure, and those that are near.

        A name is replaced only where the schema does not know it and the
        wanted one is missing; where other names were foreseen, only required
        ones are wanted. No wanted name is given out twice.
        """
        key = (id(node), *names)
        found = self._names.get(key)
        if found is None:
            found = _renames(tuple(names), node, self)
            if len(key) <= _MOST_NAMES and len(self._names) < _MOST_KEPT:
                self._names[key] = found
        return found

    def member(self, text: str, node: Node, words: dict[str, str]) -> str | None:
        """The form among ``words``, the members of the node's enum, that is nearest to a text."""
        if len(text) > _LONGEST_WORD:
            return None
        key = (text, id(node))
        if key not in self._words:
            found = self.nearest(text, folded(text), words)
            if len(self._words) >= _MOST_KEPT:
                return found
            self._words[key] = found
        return self._words[key]

    def nearest(self, text: str, form: str, known: Mapping[str, str]) -> str | None:
        """The one form of ``known`` whose word ``text``, folded to ``form``, is a slip of."""
        if not _SHORTEST_FORM <= len(form) <= _LONGEST_WORD or self.left <= 0:
            return None
        found = None
        for other, word in known.items():
            if abs(len(other) - len(form)) > 1 or other[0] != form[0]:
                continue
            self.left -= 1
            if len(set(form).symmetric_difference(other)) > 2:
                continue
            self.left -= _COMPARISON
            if is_slip(text, word):
                if found is not None:
                    return None
                found = other
        return found


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


def _renames(
    names: tuple[str, ...], node: Node, fuzz: Fuzz
) -> tuple[dict[str, str], dict[str, str]]:
    sure: dict[str, str] = {}
    near: dict[str, str] = {}
    props: Any = node.required if node.is_open else node.props or node.required
    missing = set(props).difference(names)
    strange = [name for name in names if not node.knows(name)] if missing else []
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
        form = fuzz.nearest(name, folded(name), forms)
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
            near = fuzz.member(text, node, words)
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
    longest = node.cache.get("longest")
    if longest is None:
        counts = [len(_TOKEN.findall(_CAMEL.sub(" ", member))) for member in words.values()]
        longest = node.cache["longest"] = min(max(counts), _MOST_WORDS)
    tokens = list(_TOKEN.finditer(text))
    forms = [folded(token[0]) for token in tokens]
    found = set()
    at = 0
    while at < len(tokens):
        many = longest
        while many and words.get("".join(forms[at : at + many])) is None:
            many -= 1
        if not many:
            at += 1
            continue
        member = words["".join(forms[at : at + many])]
        start = tokens[at].start()
        # a single letter is a member only as it is written
        if len(member) > 1 or tokens[at][0] == member:
            if _NEGATED.search(text[max(0, start - 12) : start]):
                return None
            found.add(member)
        at += many
    return found.pop() if len(found) == 1 else None
