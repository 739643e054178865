"""Single edits that break valid JSON: every document, layout, kind and place, in a fixed order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)')
_SWAPPED = {"}": "]", "]": "}"}

DOCUMENTS: tuple[Any, ...] = (
    {"name": "Grace Hopper", "born": 1906, "languages": ["COBOL", "FLOW-MATIC"], "navy": True},
    {
        "order": 48213,
        "customer": {"name": "Ines Duarte", "vip": False},
        "items": [{"sku": "TX-9", "qty": 2}, {"sku": "LM-1", "qty": 1}],
    },
    [
        {"step": 1, "title": "Preheat the oven, then wait", "minutes": 12.5},
        {"step": 2, "title": "Mix: flour, sugar, salt", "minutes": 4},
    ],
    {"title": "Minutes: budget, hiring", "note": 'We said "no" twice.', "votes": [7, 2, None]},
    {"matrix": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "rank": 3, "singular": False},
    {
        "tool": "search_flights",
        "arguments": {"from": "LIS", "to": "OSL", "date": "2031-05-04", "direct": True},
    },
    {"log": "first line\nsecond line\nlast line", "level": "warn", "code": 504},
    {
        "city": "Porto",
        "weather": {"temp": -3.25, "wind": {"speed": 17, "dir": "NW"}, "alerts": []},
        "source": "https://example.org/w?id=7",
    },
    {
        "question": "Which of these is a mammal?",
        "options": ["Trout", "Bat", "Gecko", "Heron"],
        "answer": 1,
        "why": "Bats nurse their young; trout, geckos and herons do not.",
    },
    {
        "file": "app/main.py",
        "edits": [{"line": 14, "text": 'print("hi")'}, {"line": 20, "text": "return x"}],
        "dry_run": True,
    },
    [["id", "name", "score"], [1, "Ada", 9.5], [2, "Bo", 7.0], [3, "Cy", None]],
    {
        "summary": 'The "blue" plan costs less.\nIt\'s slower.',
        "pros": ["cheap", "simple"],
        "cons": ["slow"],
        "score": 6.5,
        "final": None,
    },
    {"user_id": 77, "roles": ["admin", "editor"], "profile": {"bio": "", "age": 41}, "ok": True},
    {
        "recipe": "Soup",
        "tags": ["vegan", "quick"],
        "parts": [{"what": "leeks", "grams": 300}, {"what": "water, hot", "grams": 900}],
        "rating": {"stars": 4.5, "votes": 1280},
    },
)


def mutations() -> Iterator[tuple[str, str, Any]]:
    """(kind, broken text, the value it was made from), without repeats."""
    seen = set()
    for value in DOCUMENTS:
        compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        indented = json.dumps(value, ensure_ascii=False, indent=2)
        for text in (compact, indented):
            for kind, broken in _edits(text):
                if (kind, broken) not in seen and not _valid(broken):
                    seen.add((kind, broken))
                    yield kind, broken, value


def _valid(text: str) -> bool:
    """True for an edit that left valid JSON behind, as in ``[10]`` from ``[1,0]``."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _edits(text: str) -> Iterator[tuple[str, str]]:
    yield from _structural(text)
    yield from _whole(text)
    for place in re.finditer(r"\\n", text):
        yield "raw_newline", _put(text, place.start(), place.end(), "\n")
    for place in re.finditer(r'\\"', text):
        yield "unescape_quote", _put(text, place.start(), place.end(), '"')


def _structural(text: str) -> Iterator[tuple[str, str]]:
    for token in _TOKEN.finditer(text):
        start, end, found = token.start(), token.end(), token.group()
        if found in "{[":
            yield "del_opener", _put(text, start, end, "")
        elif found in "}]":
            yield "del_closer", _put(text, start, end, "")
            yield "dup_closer", _put(text, start, end, found * 2)
            yield "swap_closer", _put(text, start, end, _SWAPPED[found])
            if text[:start].rstrip()[-1] not in "{[":
                content = len(text[:start].rstrip())
                yield "trailing_comma", _put(text, content, content, ",")
        elif found == ":":
            yield "del_colon", _put(text, start, end, "")
        elif found == ",":
            yield "del_comma", _put(text, start, end, "")
            yield "dup_comma", _put(text, start, end, ",,")
        else:
            yield "del_open_quote", _put(text, start, start + 1, "")
            yield "del_close_quote", _put(text, end - 1, end, "")


def _whole(text: str) -> Iterator[tuple[str, str]]:
    yield "single_quotes_all", _TOKEN.sub(_single, text)
    yield "unquoted_keys_all", _KEY.sub(r"\1\2", text)
    yield "no_commas_all", _TOKEN.sub(lambda found: _blank(found.group()), text)
    yield "fenced", f"```json\n{text}\n```"
    yield "escaped_all", json.dumps(text, ensure_ascii=False)[1:-1]


def _single(found: re.Match[str]) -> str:
    token = found.group()
    return f"'{token[1:-1]}'" if token[0] == '"' else token


def _blank(token: str) -> str:
    return " " if token == "," else token


def _put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]
