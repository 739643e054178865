"""Hypothesis strategies: annotations with JSON that fits them, and functions made of these."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, NotRequired, Optional, TypedDict, Union

from hypothesis import strategies as st

__all__ = ["Typed", "functions", "json_values", "typed"]

MAX = 2**63 - 1


class Typed(NamedTuple):
    """An annotation, the JSON that fits it exactly, and whether its objects are hashable."""

    annotation: Any
    values: st.SearchStrategy[Any]
    hashable: bool = True


class Color(enum.Enum):
    """Three colours."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2
    RUN = 4


texts = st.text(st.characters(codec="utf-8"), max_size=8)
# whole floats are left out: JSON Schema takes 3.0 for an integer, altar coerces it
numbers = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer())
integers = st.integers(-MAX - 1, MAX)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | integers
    | numbers
    | texts
    | st.sampled_from(["red", "a", "1", 1, 2]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts | st.sampled_from(["a", "b", "kind"]), inner, max_size=3)
    ),
    max_leaves=6,
)

_scalars = st.sampled_from(
    [
        Typed(str, texts),
        Typed(int, integers),
        Typed(float, numbers | integers),
        Typed(bool, st.booleans()),
        Typed(None, st.none()),
        Typed(Any, json_values, hashable=False),
        Typed(Literal["a", "b", 1, True, None], st.sampled_from(["a", "b", 1, True, None])),
        Typed(Color, st.sampled_from(["red", "green", "blue"])),
        Typed(Level, st.sampled_from([1, 2])),
        Typed(Access, st.integers(0, 7)),
    ]
)


def _containers(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        inner.map(
            lambda t: Typed(list[t.annotation], st.lists(t.values, max_size=3), hashable=False)
        ),
        inner.map(
            lambda t: Typed(
                dict[str, t.annotation],
                st.dictionaries(texts, t.values, max_size=3),
                hashable=False,
            )
        ),
        inner.map(
            lambda t: Typed(
                dict[int, t.annotation],
                st.dictionaries(integers.map(str), t.values, max_size=3),
                hashable=False,
            )
        ),
        st.lists(inner, min_size=1, max_size=3).map(_tuple),
        inner.map(lambda t: Typed(Optional[t.annotation], st.none() | t.values, t.hashable)),
        st.lists(inner, min_size=2, max_size=3).map(_union),
        st.lists(inner, min_size=1, max_size=3).flatmap(_dataclass),
        st.lists(inner, min_size=1, max_size=3).flatmap(_typeddict),
        st.lists(inner, min_size=1, max_size=2).map(_namedtuple),
    )


def _tuple(parts: list[Typed]) -> Typed:
    annotation = tuple[tuple(part.annotation for part in parts)]  # type: ignore[misc]
    values = st.tuples(*(part.values for part in parts)).map(list)
    return Typed(annotation, values, all(part.hashable for part in parts))


def _union(parts: list[Typed]) -> Typed:
    annotation = Union[tuple(part.annotation for part in parts)]
    return Typed(annotation, st.one_of(*(part.values for part in parts)), hashable=False)


def _record(parts: Mapping[str, Typed], optional: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    required = {name: part.values for name, part in parts.items() if name not in optional}
    rest = {name: part.values for name, part in parts.items() if name in optional}
    return st.fixed_dictionaries(required, optional=rest)


def _dataclass(parts: list[Typed]) -> st.SearchStrategy[Typed]:
    named = dict(zip("abc", parts, strict=False))

    def build(count: int) -> Typed:
        last = list(named)[len(named) - count :]
        fields: list[Any] = []
        for name, part in named.items():
            default = dataclasses.field(default=None) if name in last else dataclasses.field()
            fields.append((name, part.annotation, default))
        cls = dataclasses.make_dataclass("Made", fields)
        return Typed(cls, _record(named, set(last)), hashable=False)

    return st.integers(0, len(named)).map(build)


def _typeddict(parts: list[Typed]) -> st.SearchStrategy[Typed]:
    named = dict(zip("abc", parts, strict=False))

    def build(optional: set[str]) -> Typed:
        fields = {
            name: NotRequired[part.annotation] if name in optional else part.annotation
            for name, part in named.items()
        }
        cls = TypedDict("Typing", fields)  # type: ignore[misc]
        return Typed(cls, _record(named, optional), hashable=False)

    return st.sets(st.sampled_from(sorted(named))).map(build)


def _namedtuple(parts: list[Typed]) -> Typed:
    named = dict(zip("ab", parts, strict=False))
    cls = NamedTuple("Pair", [(name, part.annotation) for name, part in named.items()])  # type: ignore[misc]
    by_name = st.fixed_dictionaries({name: part.values for name, part in named.items()})
    by_place = st.tuples(*(part.values for part in parts)).map(list)
    return Typed(cls, by_name | by_place, all(part.hashable for part in parts))


typed = st.recursive(_scalars, _containers, max_leaves=5)


@st.composite
def functions(draw: Any) -> tuple[Callable[..., Any], st.SearchStrategy[dict[str, Any]]]:
    """A function that returns its arguments, and JSON arguments that fit it."""
    parts = draw(st.lists(typed, min_size=1, max_size=3))
    names = [f"p{at}" for at in range(len(parts))]
    optional = draw(st.integers(0, len(parts)))
    cut = draw(st.integers(0, len(parts)))  # what stands after it is keyword-only

    source = [*names[:cut], *(["*"] if cut < len(names) else []), *names[cut:]]
    spelled = [
        f"{name}=None" if name in names[len(names) - optional :] else name for name in source
    ]
    namespace: dict[str, Any] = {}
    exec(f"def fn({', '.join(spelled)}): return ({', '.join(names)},)", namespace)  # noqa: S102
    fn = namespace["fn"]
    fn.__annotations__ = {n: part.annotation for n, part in zip(names, parts, strict=True)}
    fn.__module__ = __name__
    named = dict(zip(names, parts, strict=True))
    return fn, _record(named, set(names[len(names) - optional :]))
