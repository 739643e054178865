"""Secrets in streamed answers: a key that comes in pieces is found in none of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altar.testing._redaction import Secrets

__all__ = ["clean_documents", "clean_lines"]

_DATA = re.compile(r"(data: ?)?(?=[\[{])")
# what tells one thing that is streamed from another beside it
_MARKS = ("type", "index", "output_index", "content_index", "summary_index", "item_id")


def clean_lines(lines: list[str], secrets: Secrets) -> list[str]:
    """An answer's lines, of which some or all are JSON, without secrets."""
    found: dict[int, tuple[str, Any]] = {}
    for at, line in enumerate(lines):
        start = _DATA.match(line)
        if start is not None:
            try:
                found[at] = start[0], json.loads(line[start.end() :])
            except (ValueError, RecursionError):
                continue
    clean = clean_documents([document for _, document in found.values()], secrets)
    out = [line if at in found else secrets.answered_text(line) for at, line in enumerate(lines)]
    for (at, (lead, document)), changed in zip(found.items(), clean, strict=True):
        if changed != document:
            out[at] = lead + json.dumps(changed)
    return out


def clean_documents(documents: list[Any], secrets: Secrets) -> list[Any]:
    """The documents of a stream without secrets, also without those that only all spell out.

    The pieces of such a text become one, the first; the others are empty.
    """
    pieces: dict[tuple[Any, ...], list[tuple[int, str]]] = {}
    for at, document in enumerate(documents):
        for place, text in _texts(document, ()):
            pieces.setdefault(place, []).append((at, text))
    folded: dict[tuple[int, tuple[Any, ...]], str] = {}
    for place, said in pieces.items():
        whole = _whole([text for _, text in said], secrets)
        if whole is not None:
            folded.update({(at, place): "" for at, _ in said})
            folded[said[0][0], place] = whole
    return [
        secrets.answered(_with(document, (), at, folded) if folded else document)
        for at, document in enumerate(documents)
    ]


def _whole(texts: list[str], secrets: Secrets) -> str | None:
    """All pieces as one text without its secrets; None when each piece shows its own."""
    joined = "".join(texts)
    alike = len(set(texts)) == 1  # an id that every event repeats spells nothing
    clean = secrets.without_known if alike else secrets.answered_text
    if len(texts) == 1 or clean(joined) == "".join(map(clean, texts)):
        return None
    return secrets.answered_text(joined)


def _texts(value: Any, place: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], str]]:
    """Every text of a document with the place where it stands."""
    if isinstance(value, str):
        return [(place, value)]
    return [found for inner, item in _inside(value, place) for found in _texts(item, inner)]


def _inside(value: Any, place: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        marks = tuple([(mark, str(value[mark])) for mark in _MARKS if mark in value])
        return [((*place, marks, name), item) for name, item in value.items()]
    if isinstance(value, list):
        return [((*place, at), item) for at, item in enumerate(value)]
    return []


def _with(
    value: Any, place: tuple[Any, ...], at: int, folded: dict[tuple[int, tuple[Any, ...]], str]
) -> Any:
    """The document number ``at`` with the texts that were folded."""
    if isinstance(value, str):
        return folded.get((at, place), value)
    items = [_with(item, inner, at, folded) for inner, item in _inside(value, place)]
    if isinstance(value, dict):
        return dict(zip(value, items, strict=True))
    return items if isinstance(value, list) else value
