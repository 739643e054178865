"""Documented parameters, and their docstrings in five styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

__all__ = ["STYLES", "Documented", "documented"]


@dataclass(frozen=True, slots=True)
class Documented:
    """One parameter as its author thinks of it."""

    name: str
    stars: str
    type: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)


_WORDS = st.sampled_from(
    ("the", "size:", "of", "(inner)", "a,", "b", "note:", "É", "x:", "5", "`code`", "--", "100%")
)
_LINE = st.builds(
    lambda first, rest: " ".join((first, *rest)),
    st.sampled_from(("Text", "Name", "How", "Ünit", "See:", "The")),
    st.lists(_WORDS, max_size=5),
)
_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
_TYPES = st.sampled_from(
    ("", "int", "str, optional", 'Literal["a: b", "c"]', "dict[str, tuple[int, (1)]]", "{'a', 'b'}")
)
_PARAM = st.builds(
    Documented,
    name=_NAMES,
    stars=st.sampled_from(("", "", "", "*", "**")),
    type=_TYPES,
    lines=st.lists(_LINE, min_size=1, max_size=3).map(tuple),
)
documented = st.lists(_PARAM, min_size=1, max_size=6, unique_by=lambda p: p.name)


def google(params: list[Documented], pad: str) -> list[str]:
    out = ["Args:"]
    for p in params:
        type_ = f" ({p.type})" if p.type else ""
        out.append(f"{pad}{p.stars}{p.name}{type_}: {p.lines[0]}")
        out += [f"{pad}{pad}{line}" for line in p.lines[1:]]
    return out


def numpy(params: list[Documented], pad: str) -> list[str]:
    out = ["Parameters", "----------"]
    for p in params:
        out.append(f"{p.stars}{p.name}" + (f" : {p.type}" if p.type else ""))
        out += [f"{pad}{line}" for line in p.lines]
    return out


def _fields(mark: str) -> Callable[[list[Documented], str], list[str]]:
    def render(params: list[Documented], pad: str) -> list[str]:
        out = []
        for p in params:
            out.append(f"{mark}param {p.stars}{p.name}: {p.lines[0]}")
            out += [f"{pad}{line}" for line in p.lines[1:]]
            if p.type:
                out.append(f"{mark}type {p.name}: {p.type}")
        return out

    return render


def pep257(params: list[Documented], pad: str) -> list[str]:
    out = ["Keyword arguments:"]
    for p in params:
        out.append(f"{p.stars}{p.name} -- {p.lines[0]}")
        out += [f"{pad}{line}" for line in p.lines[1:]]
    return out


STYLES: dict[str, Callable[[list[Documented], str], list[str]]] = {
    "google": google,
    "numpy": numpy,
    "sphinx": _fields(":"),
    "epydoc": _fields("@"),
    "pep257": pep257,
}
