"""Saving: one trace as a single HTML file that opens from disk and asks nothing of anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.viewer._api import columns, tables
from altar.viewer._follow import Follower
from altar.viewer._page import with_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar.viewer._store import Trace

__all__ = ["export", "inert", "save"]


def save(path: str | Path, target: str | Path, *, trace: str) -> Path:
    """Write one trace of a trace file as an HTML file that opens without a server.

    ``trace`` is its id, or the first characters of it that no other id begins
    with, or ``last`` for the one that began last. ConfigurationError when there
    is no such trace, or no trace file.
    """
    source = Path(path)
    if not source.is_file():
        raise ConfigurationError(f"there is no trace file {str(path)!r}")
    follower = Follower(source)
    while follower.advance(1.0):
        pass
    if follower.problem is not None:
        raise ConfigurationError(follower.problem)
    traces = follower.store.traces
    found = [one for one in traces if one.id.startswith(trace.lower())]
    if trace == "last":
        found = sorted(traces, key=lambda one: one.first)[-1:]
    if len(found) != 1:
        raise ConfigurationError(
            f"{len(found) or 'no'} traces of {path} begin with {trace!r}: "
            f"give the first characters of one id, or 'last'"
        )
    target = Path(target)
    with target.open("wb") as file:
        for piece in export(follower, found[0]):
            file.write(piece)
    return target


def export(follower: Follower, trace: Trace) -> Iterator[bytes]:
    """The file, piece by piece; nothing in a trace can end the element its data stands in."""
    before, after = with_data()
    count = len(trace.spans)
    yield before.encode()
    with follower.lock:
        head = {"file": follower.path.name, "tables": tables(follower, trace)}
        pieces, begin = [], 0
        while begin < count:
            pieces.append(columns(follower, trace, {"from": str(begin)}))
            begin += len(pieces[-1]["key"])
    yield b'{"head":' + inert(head) + b',"pieces":' + inert(pieces) + b',"spans":['
    for number in range(count):
        yield (b"," if number else b"") + inert(follower.document(trace.spans[number]))
    yield b"]}" + after.encode()


def inert(value: Any) -> bytes:
    """JSON in ASCII in which no character means anything to HTML."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("ascii")
