"""Catalogue: which tools a text is about, by the words it shares with them."""

from __future__ import annotations

import re
from functools import lru_cache
from heapq import nlargest
from math import log
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.adm import FunctionDeclaration

__all__ = ["STOP_WORDS", "VERBS", "Catalogue", "resolve", "takes_null", "words_of"]

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIGNS = re.compile(r"(?<=\d)\s*([+*/])\s*(?=\d)")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_SAME = {"plus": "add", "sum": "add", "times": "multiply", "minus": "subtract", "over": "divide"}
_SAME |= {"+": "add", "*": "multiply", "/": "divide"}
_STOP_TEXT = """a an the is are was be do does did can could will would should please me my i you
your we us it its of in on at to for from by with about and or then also what whats which who how
when where why that this there tell give show let lets want need now today some any as if s"""
_VERB_TEXT = """find get search look call send compute calculate add make create list run check
translate convert book order read write open count multiply divide subtract sum use fetch set start
stop remind resize"""
STOP_WORDS = frozenset(_STOP_TEXT.split())
VERBS = frozenset(_VERB_TEXT.split())  # with which a request may open


def words_of(text: str) -> list[str]:
    """The words that carry meaning: lower case, stop words out, plain endings cut."""
    spelt = _SIGNS.sub(lambda sign: f" {_SAME[sign[1]]} ", text)
    spelt = _CAMEL.sub(" ", spelt)
    return [stem for stem in map(_stem, _WORD.findall(spelt)) if stem]


@lru_cache(maxsize=16_384)
def _stem(written: str) -> str:
    """What forms of one word share; nothing for words that every sentence has."""
    word = written.lower()
    if word in STOP_WORDS or (len(word) == 1 and word.isascii()):
        return ""
    word = _SAME.get(word, word)
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        word = word[:-1]
    for ending in ("ing", "ed", "er", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word.isalpha():
        word = word[:-1]  # "stopp", "call"
    return f"{word[:-1]}i" if word.endswith("y") and len(word) > 3 else word


def resolve(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a local $ref, and the first branch or type that is not null."""
    found: dict[str, Any] = schema if isinstance(schema, dict) else {}
    for _ in range(8):
        name, branches = str(found.get("$ref", "")), found.get("anyOf") or found.get("oneOf") or ()
        if name.startswith("#/$defs/"):
            branches = (root.get("$defs", {}).get(name[8:], {}),)
        found = next((one for one in branches if one.get("type") != "null"), found)
    kinds = found.get("type")
    if isinstance(kinds, list):
        found = {**found, "type": next((kind for kind in kinds if kind != "null"), "null")}
    return found


def takes_null(schema: Any) -> bool:
    """Whether null is a value of the schema, as where a strict one wants every name."""
    if not isinstance(schema, dict):
        return False
    kinds, branches = schema.get("type", ()), schema.get("anyOf") or schema.get("oneOf") or ()
    null = "null" in ([kinds] if isinstance(kinds, str) else kinds) or None in schema.get(
        "enum", ()
    )
    return null or any(takes_null(branch) for branch in branches)


class Catalogue:
    """Tools found by their words: names, descriptions, parameters and what these may be.

    A word counts the more the fewer tools use it, and twice where it is in a
    tool's name. Words are looked up, tools are not gone through: a search
    among ten thousand tools reads those that share a word with the query. The
    index is made at once, and never changes.
    """

    def __init__(self, declarations: Iterable[FunctionDeclaration]) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self._names: list[str] = []
        self._sizes: list[int] = []
        self._users: dict[str, list[int]] = {}  # a word -> the tools it is a word of
        self._named: dict[str, set[int]] = {}  # and those with it in their names
        for declaration in declarations:
            self._add(declaration.to_dict(dialect="json-schema"))

    def _add(self, document: dict[str, Any]) -> None:
        at, name = len(self._names), document["name"]
        self.documents[name] = document
        self._names.append(name)
        texts = [name, document["description"]]
        root = document["parameters"]
        for parameter, schema in root.get("properties", {}).items():
            known = schema if isinstance(schema, dict) else {}
            choices = resolve(known, root).get("enum", ())
            texts += [parameter, str(known.get("description", "")), *map(str, choices)]
        bag = set(words_of(" ".join(texts)))
        self._sizes.append(len(bag))
        for word in bag:
            self._users.setdefault(word, []).append(at)
        for word in set(words_of(name)):
            self._named.setdefault(word, set()).add(at)

    def search(self, query: str, limit: int = 10) -> list[tuple[str, float]]:
        """The names of at most ``limit`` tools and their scores, the best first.

        A tool that shares no word with ``query`` is not among them. Of equals
        the one that says less comes first, then the one that was given first.
        """
        scores: dict[int, float] = {}
        for word in set(words_of(query)):
            users = self._users.get(word, ())
            weight = log(1 + len(self._names) / len(users)) if users else 0.0
            named = self._named.get(word, ())
            for at in users:
                scores[at] = scores.get(at, 0.0) + (2 * weight if at in named else weight)

        def better(at: int) -> tuple[float, int, int]:
            return round(scores[at], 9), -self._sizes[at], -at  # sums differ by their order

        best = nlargest(limit, scores, key=better)
        return [(self._names[at], scores[at]) for at in best]
