"""Router: which runtime a call goes to, by the Hosts' directory and what answers say. No I/O."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.resilience import CircuitBreaker
from altar_extras.grid.wire import Subjects, is_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar_extras.grid.client._settings import ClientSettings

__all__ = ["Peer", "Route", "Router"]

_MOST_SLOTS = 1_000_000


class Peer:
    """One runtime, as this client knows it."""

    __slots__ = ("at", "breakers", "epoch", "features", "id", "own", "queued", "slots", "subjects")

    def __init__(self, runtime: str) -> None:
        self.id = runtime
        self.epoch = ""
        self.slots = 1
        self.queued = 0  # calls of others that wait or run there
        self.own = 0  # calls of ours that are there
        self.at = 0.0  # when it last said so
        self.features: frozenset[str] | None = None  # None: as many as we have
        self.breakers: dict[str, CircuitBreaker] = {}  # by tool, those that failed lately
        self.subjects: dict[str, str] = {}  # by tool

    def can(self, feature: str) -> bool:
        """Whether it has a feature of Level 2."""
        return self.features is None or feature in self.features


class Route(NamedTuple):
    """Where a call goes: the subject, and the runtime, or None for whichever takes it."""

    subject: str
    peer: Peer | None
    ticket: int = 0


class Router:
    """The runtimes of one session.

    ``pick`` takes two of those that serve a tool by chance, and of these the one
    with fewer calls for its slots: those of this client that are there now, and
    what it said of its queue not longer than ``load_age`` ago.
    """

    def __init__(
        self,
        session: str,
        settings: ClientSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._serving: dict[str, list[Peer]] = {}
        self._shared: dict[str, str] = {}
        self.peers: dict[str, Peer] = {}
        self.quarantined: frozenset[str] = frozenset()  # "tool digest"
        self.is_empty = True

    def learn(self, rows: Iterable[Any], quarantined: Iterable[Any] = ()) -> None:
        """Take the Hosts' directory, which replaces the one before."""
        serving: dict[str, list[Peer]] = {}
        peers: dict[str, Peer] = {}
        for row in rows:
            peer = self._read(row)
            if peer is None:
                continue
            peers[peer.id] = peer
            for pair in row.get("tools", ()):
                if isinstance(pair, (list, tuple)) and len(pair) == 2 and type(pair[0]) is str:
                    serving.setdefault(f"{pair[0]}.{pair[1]}", []).append(peer)
        self.peers, self._serving = peers, serving
        self.quarantined = frozenset(
            one if isinstance(one, str) else " ".join(map(str, one))
            for one in quarantined
            if isinstance(one, (str, list, tuple))
        )
        self.is_empty = not peers

    def pick(self, tool: str, major: int, avoid: tuple[str, ...] = ()) -> Route | float:
        """Where a call of the tool goes; a float is when to ask again, in seconds: all are out."""
        key = f"{tool}.{major}"
        serving = self._serving.get(key)
        if not serving:
            subject = self._shared.get(key)
            if subject is None:
                subject = self._shared[key] = Subjects.call(tool, major, self._session)
            return Route(subject, None)
        if len(serving) == 1 and not serving[0].breakers:
            return Route(self._subject(serving[0], key, tool, major), serving[0])
        return self._choose(serving, key, (tool, major), avoid)

    def serving(self, tool: str, major: int) -> tuple[Peer, ...]:
        """The runtimes that serve a tool, as far as the directory knows."""
        return tuple(self._serving.get(f"{tool}.{major}", ()))

    def majors(self, tool: str) -> list[int]:
        """The major versions of a tool that the directory knows, the highest last."""
        head = f"{tool}."
        found = [key[len(head) :] for key in self._serving if key.startswith(head)]
        return sorted(int(one) for one in found if one.isdigit())

    def heard(self, peer: Peer, load: dict[str, Any] | None) -> None:
        """What an answer says of its runtime's load."""
        if load is not None:
            inflight, queued, slots = load.get("inflight"), load.get("queued"), load.get("slots")
            if type(slots) is int and 0 < slots < _MOST_SLOTS:
                peer.slots = slots
            if type(queued) is int and type(inflight) is int:
                peer.queued = max(0, queued + inflight - peer.own)
                peer.at = self._clock()

    def good(self, peer: Peer, tool: str) -> None:
        """The runtime answered."""
        breaker = peer.breakers.get(tool)
        if breaker is not None:
            breaker.succeed()
            if breaker.pristine:
                del peer.breakers[tool]

    def bad(self, peer: Peer, tool: str) -> None:
        """The runtime was lost, full, or did not answer in time."""
        breaker = peer.breakers.get(tool)
        if breaker is None:
            breaker = peer.breakers[tool] = CircuitBreaker(
                failures=self._settings.breaker_failures,
                wait=self._settings.breaker_wait,
                clock=self._clock,
            )
        breaker.fail()

    def forgive(self) -> None:
        """The connection was lost and is back: what failed meanwhile says nothing of runtimes."""
        for peer in self.peers.values():
            peer.breakers.clear()

    def gone(self, runtime: str) -> None:
        """Nobody hears the runtime: it is not asked until the directory says it is there."""
        peer = self.peers.pop(runtime, None)
        if peer is not None:
            for serving in self._serving.values():
                if peer in serving:
                    serving.remove(peer)
        self.is_empty = not self.peers

    def _choose(
        self, serving: list[Peer], key: str, tool: tuple[str, int], avoid: tuple[str, ...]
    ) -> Route | float:
        # those that were tried come last, and only when there is no other
        fresh = [peer for peer in serving if peer.id not in avoid] if avoid else serving
        wait = 0.0
        for group in (fresh, [peer for peer in serving if peer.id in avoid] if avoid else ()):
            candidates = list(group)
            while candidates:
                peer = self._better(candidates)
                breaker = peer.breakers.get(tool[0])
                if breaker is None or breaker.allow():
                    return Route(self._subject(peer, key, *tool), peer)
                wait = min(wait or breaker.retry_after, breaker.retry_after)
                candidates.remove(peer)
        return wait or self._settings.breaker_wait

    def _better(self, candidates: list[Peer]) -> Peer:
        count = len(candidates)
        if count == 1:
            return candidates[0]
        first = int(self._chance() * count) % count
        second = (first + 1 + int(self._chance() * (count - 1)) % (count - 1)) % count
        one, other = candidates[first], candidates[second]
        old = self._clock() - self._settings.load_age
        here = (one.own + (one.queued if one.at > old else 0)) / one.slots
        there = (other.own + (other.queued if other.at > old else 0)) / other.slots
        return one if here <= there else other

    def _subject(self, peer: Peer, key: str, tool: str, major: int) -> str:
        subject = peer.subjects.get(key)
        if subject is None:
            subject = Subjects.direct(peer.id, tool, major, self._session)
            peer.subjects[key] = subject
        return subject

    def _read(self, row: Any) -> Peer | None:
        if not isinstance(row, dict) or not is_id(row.get("runtime")) or row.get("draining"):
            return None
        name, epoch = row["runtime"], row.get("epoch")
        peer = self.peers.get(name) or Peer(name)
        peer.epoch = epoch if isinstance(epoch, str) else ""
        features = row.get("features")
        if isinstance(features, (list, tuple)):
            peer.features = frozenset(one for one in features if isinstance(one, str))
        elif row.get("level") == 1:
            peer.features = frozenset()
        age = row.get("age_ms")
        at = self._clock() - (age if isinstance(age, (int, float)) else 0) / 1000
        if at > peer.at:
            self.heard(peer, row)
            peer.at = at
        return peer
