"""What counts as right: one broken text with its values, and when two values are the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_WORD = re.compile(r"\w+")


class Case:
    """A broken text of one class, the value a reader would expect, and others as good."""

    __slots__ = ("class_", "expected", "input", "others")

    def __init__(self, class_: str, input_: str, expected: Any, *others: Any) -> None:
        self.class_ = class_
        self.input = input_
        self.expected = expected
        self.others = others

    def accepts(self, value: Any) -> bool:
        """True when the value is the expected one, or one of the others."""
        return any(same(value, good) for good in (self.expected, *self.others))

    def __repr__(self) -> str:
        return f"<{self.class_}: {self.input[:60]!r}>"


class Inconsistent(NamedTuple):
    """Where a view of a stream says what the final value does not."""

    view: Any
    final: Any


def same(value: Any, expected: Any, *, trim: bool = False) -> bool:
    """True when two JSON values mean the same: 1 is 1.0, True is not 1, key order is free.

    ``trim`` leaves the white space at the end of strings out of the comparison.
    """
    todo = [(value, expected)]
    while todo:
        a, b = todo.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            if trim:
                a, b = ({key.rstrip(): item for key, item in d.items()} for d in (a, b))
            if a.keys() != b.keys():
                return False
            todo += [(a[key], b[key]) for key in a]
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                return False
            todo += zip(a, b, strict=True)
        elif not _same_scalar(a, b, trim):
            return False
    return True


def _same_scalar(a: Any, b: Any, trim: bool) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, str) and isinstance(b, str):
        return a == b or (trim and a.rstrip() == b.rstrip())
    numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
    return bool(a == b) if numbers else a is None and b is None


def inconsistent(view: Any, final: Any) -> Inconsistent | None:
    """The first place where a live view and the final value disagree; None where they agree.

    A view may show less: fewer keys, fewer items, the beginning of a string.
    What it shows must stay. Before there is anything to show it is None.
    """
    if view is None:
        return None
    todo = [(view, final)]
    while todo:
        a, b = todo.pop()
        if isinstance(a, dict) and isinstance(b, dict) and a.keys() <= b.keys():
            todo += [(a[key], b[key]) for key in a]
        elif isinstance(a, list) and isinstance(b, list) and len(a) <= len(b):
            todo += zip(a, b[: len(a)], strict=True)
        elif isinstance(a, str) and isinstance(b, str) and b.startswith(a):
            pass
        elif isinstance(a, (dict, list, str)) or not _same_scalar(a, b, False):
            return Inconsistent(a, b)
    return None


def leaves(value: Any) -> Iterator[str]:
    """Every key and scalar of a value as text."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield from item
            todo += item.values()
        elif isinstance(item, list):
            todo += item
        else:
            yield item if isinstance(item, str) else json.dumps(item)


def words(value: Any) -> set[str]:
    """The words and numbers that a value holds."""
    return {word for leaf in leaves(value) for word in _WORD.findall(leaf)}


def lost_words(case: Case, value: Any, dropped: Iterator[str]) -> set[str]:
    """Words of the input that are expected, and are neither in the value nor logged as dropped."""
    given = set(_WORD.findall(case.input))
    logged = {word for text in dropped for word in _WORD.findall(text)}
    missing = []
    for good in (case.expected, *case.others):
        missing.append((words(good) & given) - words(value) - logged)
    return min(missing, key=len)


def replay(text: str, fixes: Iterator[Any]) -> str:
    """The text with every fix done: what each says it found must stand there, in order."""
    done = []
    at = 0
    for fix in fixes:
        assert fix.start >= at, f"{fix} starts before the end of the fix before it"
        assert fix.before == text[fix.start : fix.end], f"{fix} is not what stands there"
        done += [text[at : fix.start], fix.after]
        at = fix.end
    done.append(text[at:])
    return "".join(done)
