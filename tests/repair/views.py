"""What tests of growing values share: texts, cuts, views of a value, replayed changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

STRINGS = st.text(max_size=12) | st.sampled_from(
    ['"', "\\", "\\n", "é\n\t", "😀", "\ud83d", "\ude00x", "[1, 2", '{"a": 1}', "a, b: c", "\u2028"]
)


def json_values() -> st.SearchStrategy[Any]:
    """Any plain JSON value, small ones mostly."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | STRINGS
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(STRINGS, inner, max_size=5),
        max_leaves=20,
    )


def json_texts() -> st.SearchStrategy[str]:
    """The text of any value, in any layout."""
    return st.builds(
        lambda value, ascii_only, indent, separators, around: (
            around
            + json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)
            + around
        ),
        json_values(),
        st.booleans(),
        st.sampled_from([None, 0, 2]),
        st.sampled_from([None, (",", ":"), (" , ", "\t:\n")]),
        st.sampled_from(["", "", " \r\n"]),
    )


def cuts() -> st.SearchStrategy[int]:
    """How to cut a text: 1 to 40, the size of every piece; above, the seed of random sizes."""
    return st.one_of(st.just(1), st.integers(1, 40), st.integers(41, 10_000))


def cut(text: str, how: int) -> list[str]:
    """The pieces of ``text``."""
    sizes = Random(how)
    pieces, at = [], 0
    while at < len(text):
        size = how if how <= 40 else sizes.choice([0, 1, 1, 2, 3, 7, 30])
        pieces.append(text[at : at + size])
        at += size
    return pieces


def is_view(view: Any, final: Any) -> bool:
    """Whether ``view`` may be shown on the way to ``final``: less of it, and nothing else."""
    todo = [(view, final)]
    while todo:
        part, whole = todo.pop()
        if part.__class__ is not whole.__class__:
            return False
        if isinstance(part, dict):
            if not part.keys() <= whole.keys():
                return False
            todo += [(value, whole[name]) for name, value in part.items()]
        elif isinstance(part, list):
            if len(part) > len(whole):
                return False
            todo += zip(part, whole, strict=False)
        elif isinstance(part, str):
            if not whole.startswith(part):
                return False
        elif part != whole:
            return False
    return True


def replayed(changes: Iterator[tuple[tuple[Any, ...], tuple[str, Any]]], mirror: list[Any]) -> None:
    """Make the changes on ``mirror``, a list that holds the root once there is one."""
    for path, (what, value) in changes:
        place: Any = mirror
        at: Any = 0
        for step in path:
            place, at = place[at], step
        if what == "append":
            place[at] += value
        elif isinstance(place, list) and at == len(place):
            place.append(value)
        else:
            place[at] = value
