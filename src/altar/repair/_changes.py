"""What happened to a growing value, kept small until somebody asks where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["APPEND", "CLOSE", "DEEPEST", "OPEN", "SET", "Change", "Event", "events_of", "replay"]

Change: TypeAlias = tuple[Literal["set", "append"], Any]

# (what, step, value): a step is a name or an index, the root's is 0; the value of OPEN is the
# opener, that of CLOSE the container. Paths are made when they are read: kept ones would fill
# memory with the square of the depth.
Event: TypeAlias = tuple[int, str | int, Any]
SET, APPEND, OPEN, CLOSE = range(4)

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


def replay(
    events: Iterable[Event], path: list[str | int], depth: int
) -> Iterator[tuple[tuple[str | int, ...], Change]]:
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
                yield tuple(path[1:]), ("set", {} if value == "{" else [])
