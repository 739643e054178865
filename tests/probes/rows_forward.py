"""Probes: names that are known only later, written as strings one by one."""

from dataclasses import dataclass, field
from typing import NamedTuple, Optional, TypedDict, Union

from tests.probes._row import one, row, see

__all__ = ["ROWS"]

Json = Union[int, str, None, list["Json"], dict[str, "Json"]]


def later(x: "Later", y: "int | None" = None) -> "str":
    """Probe."""
    return see(x, y)


@dataclass
class Later:
    n: int


@dataclass
class Tree:
    value: int
    children: list["Tree"] = field(default_factory=list)


@dataclass
class Folder:
    name: str
    entries: list["Entry"] = field(default_factory=list)


@dataclass
class Entry:
    size: int
    folder: Optional["Folder"] = None


class Node(TypedDict):
    value: int
    next: Optional["Node"]


class Link(NamedTuple):
    value: int
    next: "Link | None" = None


def json_value(x: Json) -> str:
    """Probe."""
    return see(x)


ROWS = [
    row(
        "string forward ref",
        "forward",
        later,
        runs=[({"x": {"n": 1}}, (Later(1), None)), ({"x": {"n": 1}, "y": 2}, (Later(1), 2))],
        bad=[{}, {"x": {"n": "a"}}, {"x": 5}, {"x": {"n": 1}, "y": "q"}],
        optional=("y",),
    ),
    one(
        "recursive dataclass",
        "forward",
        Tree,
        [
            ({"value": 1}, Tree(1)),
            (
                {"value": 1, "children": [{"value": 2, "children": [{"value": 3}]}]},
                Tree(1, [Tree(2, [Tree(3)])]),
            ),
        ],
        [
            {"value": 1, "children": [{"value": 2, "children": [{"value": "x"}]}]},
            {"children": []},
            5,
        ],
        hard=True,
    ),
    one(
        "mutually recursive dataclasses",
        "forward",
        Folder,
        [
            (
                {"name": "a", "entries": [{"size": 1, "folder": {"name": "b"}}]},
                Folder("a", [Entry(1, Folder("b"))]),
            )
        ],
        [
            {"name": "a", "entries": [{"size": 1, "folder": {"name": 5}}]},
            {"name": "a", "entries": [{"size": "x"}]},
            {"entries": []},
        ],
        hard=True,
    ),
    row(
        "recursive Union alias (implicit)",
        "forward",
        json_value,
        runs=[
            ({"x": value}, (value,))
            for value in (1, "a", None, [1, ["b", [None]]], {"a": {"b": [1, "c"]}})
        ],
        bad=[{}, {"x": 1.5}, {"x": [1, [2.5]]}, {"x": {"a": {"b": True}}}],
        optional=(),
        hard=True,
    ),
    one(
        "recursive TypedDict",
        "forward",
        Node,
        [({"value": 1, "next": {"value": 2, "next": None}},) * 2],
        [{"value": 1, "next": {"value": "x", "next": None}}, {"value": 1, "next": 5}],
        table=False,
    ),
    one(
        "recursive NamedTuple",
        "forward",
        Link,
        [([1, [2, None]], Link(1, Link(2, None))), ({"value": 1}, Link(1))],
        [[1, ["x", None]], []],
        table=False,
    ),
]
