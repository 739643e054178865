"""What happened to a growing value, kept small until somebody asks where."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "APPEND",
    "CLOSE",
    "DEEPEST",
    "OPEN",
    "SET",
    "Change",
    "Event",
    "Told",
    "differences",
    "events_of",
    "replay",
]

Change: TypeAlias = tuple[Literal["set", "append"], Any]
Told: TypeAlias = tuple[tuple[str | int, ...], Change]

# (what, step, value): a step is a name or an index, the root's is 0. The value of OPEN is the
# opener, "" where the container was there before; that of CLOSE is the container. Paths are made
# when they are read: kept ones would fill memory with the square of the depth.
Event: TypeAlias = tuple[int, str | int, Any]
SET, APPEND, OPEN, CLOSE = range(4)

_LEAVE, _ABSENT = object(), object()

# A path costs its length, so deeper containers are told whole, when they are.
DEEPEST = 256


def events_of(step: str | int, value: Any) -> list[Event]:
    """The events that make ``value`` at ``step``."""
    events: list[Event] = []
    above: list[tuple[str | int, Any, Iterator[tuple[str | int, Any]]]] = []
    members: Iterator[tuple[str | int, Any]] = iter([(step, value)])
    while True:
        for at, inner in members:
            if isinstance(inner, dict):
                inside: Iterator[tuple[str | int, Any]] = iter(inner.items())
                events.append((OPEN, at, "{"))
            elif isinstance(inner, list):
                inside = enumerate(inner)
                events.append((OPEN, at, "["))
            else:
                events.append((SET, at, inner))
                continue
            above.append((at, inner, members))
            members = inside
            break
        else:
            if not above:
                return events
            at, inner, members = above.pop()
            events.append((CLOSE, at, inner))


def differences(old: Any, new: Any) -> list[Event]:
    """The events that make ``new`` of ``old``, both of them roots."""
    events: list[Event] = []
    todo: list[tuple[str | int, Any, Any]] = [(0, old, new)]
    while todo:
        at, before, after = todo.pop()
        if before is _LEAVE:
            events.append((CLOSE, at, after))
        elif before is after:
            continue
        elif isinstance(before, str) and isinstance(after, str) and after.startswith(before):
            if before != after:
                events.append((APPEND, at, after[len(before) :]))
        elif isinstance(before, dict) and isinstance(after, dict) and before.keys() <= after.keys():
            events.append((OPEN, at, ""))
            todo.append((at, _LEAVE, after))
            todo += [(name, before.get(name, _ABSENT), after[name]) for name in reversed(after)]
        elif isinstance(before, list) and isinstance(after, list) and len(before) <= len(after):
            events.append((OPEN, at, ""))
            todo.append((at, _LEAVE, after))
            members = list(enumerate(zip_longest(before, after, fillvalue=_ABSENT)))
            todo += [(index, *both) for index, both in reversed(members)]
        elif isinstance(after, (dict, list)) or not _same(before, after):
            events += events_of(at, after)
    return events


def _same(one: Any, other: Any) -> bool:
    """Whether two scalars are: 1 is not true, nor 1.0."""
    return one.__class__ is other.__class__ and bool(one == other)


def replay(events: Iterable[Event], path: list[str | int], depth: int) -> Iterator[Told]:
    """The changes that the events made, each with its path.

    They start ``depth`` containers deep, of which ``path`` holds the steps of the
    outer ``DEEPEST``.
    """
    path = path.copy()
    for what, step, value in events:
        if what == CLOSE:
            depth -= 1
            if depth < DEEPEST:
                path.pop()
            elif depth == DEEPEST:
                yield (*path[1:], step), ("set", value)
        elif depth > DEEPEST:
            depth += what == OPEN
        elif what != OPEN:
            yield (*path, step)[1:], ("append" if what == APPEND else "set", value)
        else:
            depth += 1
            if depth <= DEEPEST:
                path.append(step)
                if value:
                    yield tuple(path[1:]), ("set", {} if value == "{" else [])
