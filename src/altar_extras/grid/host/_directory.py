"""Runtimes: who is there, with which load, heard in announcements and kept in memory only."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from altar_extras.grid.host._contracts import Claim
    from altar_extras.grid.wire import AnnounceRuntime

__all__ = ["Runtime", "Runtimes"]

_MOST_PAST = 4096
_PAST_SECONDS = 900.0


@dataclass(slots=True, kw_only=True)
class Runtime:
    """One runtime: its last announcement, when it was heard, and what it claims to serve."""

    id: str
    key: str
    heard: float
    said: AnnounceRuntime | None = None
    claims: tuple[Claim, ...] = ()
    has_claimed: bool = False
    beats: int = 0
    asked: float  # when it last fulfilled, or was asked to
    pairs: tuple[tuple[str, int], ...] = ()  # what it serves, worked out for `pairs_of`
    pairs_of: tuple[int, int] = (-1, 0)


class Runtimes:
    """The runtimes of one tenant. Times are seconds of one monotonic clock."""

    def __init__(self, *, absent_after: float, most: int) -> None:
        self._absent_after = absent_after
        self._most = most
        self._all: dict[str, Runtime] = {}
        self._past: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    def announce(self, name: str, key: str, said: AnnounceRuntime, now: float) -> Runtime | None:
        """A heartbeat; None where there are too many runtimes already."""
        found = self._entry(name, key, now)
        if found is None:
            return None
        if found.said is not None and found.said.epoch != said.epoch:
            found.beats, found.claims, found.has_claimed = 0, (), False
        found.heard, found.said = now, said
        found.beats += 1
        self._past[name, said.epoch] = now
        self._past.move_to_end((name, said.epoch))
        if len(self._past) > _MOST_PAST:
            self._past.popitem(last=False)
        return found

    def claim(self, name: str, key: str, claims: tuple[Claim, ...], now: float) -> None:
        """What it says it serves, in the place of what it said before."""
        found = self._entry(name, key, now)
        if found is not None:
            found.claims, found.has_claimed, found.asked = claims, True, now

    def present(self, now: float) -> Iterator[tuple[Runtime, AnnounceRuntime]]:
        """Those that announced themselves in time and take calls."""
        for one in self._all.values():
            said = one.said
            if said is not None and not said.draining and now - one.heard <= self._absent_after:
                yield one, said

    def claims(self, digest: str, now: float, *, but: str = "") -> bool:
        """Whether a runtime other than ``but`` that is there claims this digest."""
        return any(
            claim.digest == digest
            for one in self._all.values()
            if one.id != but
            and now - one.heard <= self._absent_after
            and not (one.said is not None and one.said.draining)
            for claim in one.claims
        )

    def get(self, name: str) -> Runtime | None:
        """A runtime that was heard of late."""
        return self._all.get(name)

    def heard_at(self, name: str, epoch: str) -> float | None:
        """When this run of a runtime was last heard; None when never, or long ago."""
        return self._past.get((name, epoch))

    def cut(self, keys: Collection[str]) -> list[str]:
        """Forget the runtimes of these keys; their ids."""
        gone = [one.id for one in self._all.values() if one.key in keys]
        for name in gone:
            del self._all[name]
        return gone

    def sweep(self, now: float) -> None:
        """Forget who is long absent."""
        limit = 5 * self._absent_after
        for name in [one.id for one in self._all.values() if now - one.heard > limit]:
            del self._all[name]
        while self._past:
            first = next(iter(self._past))
            if now - self._past[first] <= _PAST_SECONDS:
                break
            del self._past[first]

    def _entry(self, name: str, key: str, now: float) -> Runtime | None:
        found = self._all.get(name)
        if found is None:
            if len(self._all) >= self._most:
                return None
            found = self._all[name] = Runtime(id=name, key=key, heard=now, asked=now)
        return found
