"""The libraries measured: how each reads a text, and how each follows a stream.

A peer is imported only in a process of its own, by ``load``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["PEERS", "Peer", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What is known of a peer without importing it."""

    distribution: str
    entry: str
    stream: str = ""  # how it follows a stream; empty where it cannot


PEERS = {
    "altar": Peer(distribution="altar", entry="`repair.loads`", stream="`StreamParser.feed`"),
    "altar_log": Peer(
        distribution="altar", entry="`repair.parse`, then `.fixes`, `.text`, `.confidence`"
    ),
    "json_repair": Peer(
        distribution="json-repair", entry="`loads`", stream="`loads(..., stream_stable=True)`"
    ),
    "fast_json_repair": Peer(distribution="fast-json-repair", entry="`loads`", stream="`loads`"),
    "jiter": Peer(
        distribution="jiter",
        entry='`from_json(partial_mode="trailing-strings")`',
        stream="the same",
    ),
    "partial_json_parser": Peer(
        distribution="partial-json-parser", entry="`loads`", stream="`loads`"
    ),
    "jsonrepair": Peer(distribution="jsonrepair (npm)", entry="`jsonrepair`, text to text"),
}

Reader = Callable[[str], Any]
Follower = Callable[[Iterable[str]], Any]


def load(name: str) -> tuple[Reader, Follower | None]:
    """Import a peer; what reads a text, and what reads a stream of chunks to its last value."""
    return _LOADERS[name]()


def _again(read: Reader) -> Follower:
    """Follow a stream by reading everything so far again after every chunk."""

    def follow(chunks: Iterable[str]) -> Any:
        buffer = ""
        value = None
        for chunk in chunks:
            buffer += chunk
            try:
                value = read(buffer)
            except Exception:  # nothing to show yet; the next chunk may change that
                value = None
        return value

    return follow


def _altar() -> tuple[Reader, Follower | None]:
    from altar import repair

    def follow(chunks: Iterable[str]) -> Any:
        parser = repair.StreamParser()
        feed = parser.feed
        for chunk in chunks:
            feed(chunk)
        return parser.close().value

    return repair.loads, follow


def _altar_log() -> tuple[Reader, Follower | None]:
    from altar import repair

    def read(text: str) -> Any:
        found = repair.parse(text)
        _ = found.fixes, found.text, found.confidence
        return found.value

    return read, None


def _json_repair() -> tuple[Reader, Follower | None]:
    import json_repair

    return json_repair.loads, _again(lambda text: json_repair.loads(text, stream_stable=True))


def _fast_json_repair() -> tuple[Reader, Follower | None]:
    import fast_json_repair

    return fast_json_repair.loads, _again(fast_json_repair.loads)


def _jiter() -> tuple[Reader, Follower | None]:
    import jiter

    def read(text: str) -> Any:
        return jiter.from_json(text.encode(), partial_mode="trailing-strings")

    def follow(chunks: Iterable[str]) -> Any:
        buffer = b""
        value = None
        for chunk in chunks:
            buffer += chunk.encode()
            try:
                value = jiter.from_json(buffer, partial_mode="trailing-strings")
            except Exception:
                value = None
        return value

    return read, follow


def _partial_json_parser() -> tuple[Reader, Follower | None]:
    import partial_json_parser

    return partial_json_parser.loads, _again(partial_json_parser.loads)


_LOADERS: dict[str, Callable[[], tuple[Reader, Follower | None]]] = {
    "altar": _altar,
    "altar_log": _altar_log,
    "json_repair": _json_repair,
    "fast_json_repair": _fast_json_repair,
    "jiter": _jiter,
    "partial_json_parser": _partial_json_parser,
}
