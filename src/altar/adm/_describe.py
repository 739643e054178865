"""Short words about values: what came, and which allowed name is nearest."""

from __future__ import annotations

from collections.abc import Iterable

from altar.adm._problem import json_path

__all__ = ["article", "brief", "kind_of", "nearest", "safe_path"]

_LONGEST = 60
_LONGEST_STEP = 80
_CANDIDATES = 256


def kind_of(value: object) -> str:
    """The JSON type of a Python value, or the Python type's name where it is none."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return type(value).__name__


def article(word: str) -> str:
    """The word with "a" or "an" before it; "null" stands alone."""
    if word == "null":
        return word
    return f"an {word}" if word[:1] in "aeio" else f"a {word}"


def brief(value: object) -> str:
    """The kind of a value and as much of it as fits in some sixty characters."""
    kind = kind_of(value)
    if value is None:
        return kind
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        return f"string {_safe(repr(text))}"
    if isinstance(value, int):
        bits = value.bit_length()
        # repr refuses integers of more than 4300 digits, and nobody reads 60
        return f"integer {value}" if bits <= 128 else f"integer of {bits} bits"
    if isinstance(value, float):
        return f"number {value!r}"
    if isinstance(value, list):
        return f"array of {_count(len(value), 'item')}"
    if isinstance(value, dict):
        return f"object with {_count(len(value), 'property', 'properties')}"
    return f"Python object {kind}"


def safe_path(steps: list[str | int]) -> str:
    """The JSON path of some steps, with overlong names cut and lone surrogates escaped."""
    return json_path([_step(step) for step in steps])


def nearest(word: object, candidates: Iterable[object]) -> str | None:
    """The candidate text closest to a word, or None when none is close."""
    if not isinstance(word, str) or not 0 < len(word) <= _LONGEST:
        return None
    texts = [text for text in candidates if isinstance(text, str)][:_CANDIDATES]
    folded = _fold(word)
    for text in texts:
        if _fold(text) == folded:
            return text
    best, best_cost = None, max(1, len(word) // 3) + 1
    for text in texts:
        if abs(len(text) - len(word)) < best_cost and len(text) <= _LONGEST:
            cost = _edits(folded, _fold(text), best_cost)
            if cost < best_cost:
                best, best_cost = text, cost
    return best


def _fold(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")


def _edits(left: str, right: str, limit: int) -> int:
    """The edit distance with swapped neighbours counted once; stops at ``limit``."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left):
        older, before, row = before, row, [i + 1]
        for j, b in enumerate(right):
            cost = min(before[j] + (a != b), before[j + 1] + 1, row[j] + 1)
            if i and j and a == right[j - 1] and left[i - 1] == b:
                cost = min(cost, older[j - 1] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
    return row[-1]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _step(step: str | int) -> str | int:
    if isinstance(step, int):
        return step
    short = step if len(step) <= _LONGEST_STEP else step[: _LONGEST_STEP - 1] + "…"
    return _safe(short)


def _safe(text: str) -> str:
    """The text with what UTF-8 cannot carry (lone surrogates) escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
