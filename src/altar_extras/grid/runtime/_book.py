"""Book: which invocations this runtime knows, so that none runs twice. Sans-I/O."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Literal

from altar_extras.grid.runtime._invocation import Invocation, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALL_ATTEMPTS", "Arrival", "Book", "State"]

ALL_ATTEMPTS = 1 << 30
_RECORD = 700  # bytes of an invocation and its place in the tables, beside what it holds
_TOMBSTONES = 50_000
_BURIED = "buried"  # the fingerprint of what never came

State = Literal["result", "running", "never_seen", "unknown"]


class Arrival(Enum):
    """What a call that came is to this runtime."""

    FRESH = "fresh"  # run it
    JOINED = "joined"  # the same as one that runs, or has ended
    DIFFERS = "differs"  # the id of another call
    BURIED = "buried"  # it was said that it never came


class Book:
    """The invocations of this runtime's epoch.

    Each is kept until its deadline and ``keep_ms`` more. Together they hold
    ``limit`` bytes at most: the oldest that ended go first, and while one that
    went might still be asked for, an id nobody knows is "unknown" instead of
    "never_seen", and no retry is told to be safe. What was answered "no" does
    not go; of that one client's key (a session's id begins with the key's) has a
    quarter of the room at most, or it could have every other one refused. Ids in
    ``lost`` are those an earlier process began and never ended.
    """

    def __init__(self, *, keep_ms: float, limit: int, lost: Iterable[str] = ()) -> None:
        self._keep_ms = keep_ms
        self._limit = limit
        self._lost = frozenset(lost)
        self._known: dict[tuple[str, str], Invocation] = {}
        self._due: dict[int, list[Invocation]] = {}
        self._tombs = 0
        self._held: Counter[str] = Counter()  # by owner, the bytes of what does not go
        self._share = limit // 4
        self._forgot_until = 0.0
        self._stuck = -1
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def is_full(self) -> bool:
        """Whether nothing may be let go and nothing more be kept."""
        return self.bytes > self._limit

    def is_full_for(self, session: str, *, part: float = 1.0) -> bool:
        """The same for one session: its key may have used up its share, or a ``part`` of it."""
        return self.is_full or self._held[_owner(session)] > self._share * part

    def arrive(
        self,
        key: tuple[str, str],
        fingerprint: str,
        *,
        expires_ms: float,
        attempt: int,
    ) -> tuple[Arrival, Invocation]:
        """A call came; ``key`` is (session, invocation id)."""
        found = self._known.get(key)
        floor = 0
        if found is not None:
            if found.fingerprint == _BURIED:
                if attempt <= found.floor:
                    return Arrival.BURIED, found
            elif found.fingerprint != fingerprint:
                return Arrival.DIFFERS, found
            elif not found.may_try_again(attempt):
                return Arrival.JOINED, found
            floor = found.floor
            self._drop(found)
        made = Invocation(
            key[0], key[1], fingerprint=fingerprint, expires_ms=expires_ms, attempt=attempt
        )
        made.floor = floor
        self._add(made, expires_ms + self._keep_ms)
        return Arrival.FRESH, made

    def find(self, key: tuple[str, str]) -> Invocation | None:
        """The invocation, where it is known and did come."""
        found = self._known.get(key)
        return None if found is None or found.fingerprint == _BURIED else found

    def query(
        self, key: tuple[str, str], *, attempt: int, now_ms: float, horizon_ms: float
    ) -> tuple[State, Invocation | None]:
        """What became of a call? One never seen is refused from now on, until ``horizon_ms``.

        ``attempt`` 0 means every attempt there may be.
        """
        up_to = attempt or ALL_ATTEMPTS
        found = self._known.get(key)
        if found is not None and found.fingerprint != _BURIED:
            if found.attempt < up_to and found.may_try_again(up_to):
                # an earlier attempt was refused; the one asked for never came
                found.bury(up_to)
                found.keep_until = max(found.keep_until, horizon_ms + self._keep_ms)
            return ("result" if found.phase is Phase.ENDED else "running"), found
        if found is not None:
            found.bury(up_to)
            found.keep_until = max(found.keep_until, horizon_ms + self._keep_ms)
            return "never_seen", None
        if key[1] in self._lost or now_ms < self._forgot_until:
            return "unknown", None
        if self._tombs >= _TOMBSTONES or self.is_full_for(key[0]):
            return "unknown", None
        tomb = Invocation(key[0], key[1], fingerprint=_BURIED, expires_ms=now_ms, attempt=0)
        tomb.bury(up_to)
        tomb.phase = Phase.ENDED
        self._tombs += 1
        self._add(tomb, horizon_ms + self._keep_ms)
        self._hold(tomb)
        return "never_seen", None

    def kept(self, invocation: Invocation) -> None:
        """An invocation has got its answer: count it, and make room."""
        more = len(invocation.body) + len(invocation.payload)
        invocation.size += more
        self.bytes += more
        if invocation.floor:
            self._hold(invocation)
        if self.bytes > self._limit:
            self._make_room()

    def sweep(self, now_ms: float) -> None:
        """Forget what nobody can ask for any more; call it about once a second."""
        for second in [one for one in self._due if one * 1000 <= now_ms]:
            for invocation in self._due.pop(second):
                if self._known.get((invocation.session, invocation.id)) is not invocation:
                    continue
                later = int(invocation.keep_until // 1000) + 1
                if invocation.phase is not Phase.ENDED:  # a body that does not stop
                    self._due.setdefault(int(now_ms // 1000) + 60, []).append(invocation)
                elif later * 1000 > now_ms:  # it was asked about meanwhile
                    self._due.setdefault(later, []).append(invocation)
                else:
                    self._drop(invocation)

    def _add(self, invocation: Invocation, keep_until: float) -> None:
        invocation.keep_until = keep_until
        invocation.size = _RECORD
        self.bytes += _RECORD
        self._known[(invocation.session, invocation.id)] = invocation
        self._due.setdefault(int(keep_until // 1000) + 1, []).append(invocation)
        if self.bytes > self._limit:
            self._make_room()

    def _drop(self, invocation: Invocation) -> None:
        owner = _owner(invocation.session)
        del self._known[(invocation.session, invocation.id)]
        self.bytes -= invocation.size
        if invocation.fingerprint == _BURIED:
            self._tombs -= 1
        self._held[owner] -= invocation.held
        if not self._held[owner]:
            del self._held[owner]

    def _hold(self, invocation: Invocation) -> None:
        """Count what does not go by itself."""
        self._held[_owner(invocation.session)] += invocation.size - invocation.held
        invocation.held = invocation.size

    def _make_room(self) -> None:
        """Let the oldest tenth go; what was answered "no" stays, or it might run after all."""
        if len(self._known) == self._stuck:
            return
        wanted = self._limit - self._limit // 10
        for invocation in list(self._known.values()):
            if self.bytes <= wanted:
                return
            if invocation.phase is Phase.ENDED and not invocation.floor:
                self._forgot_until = max(self._forgot_until, invocation.keep_until)
                self._drop(invocation)
        self._stuck = len(self._known)  # not again until that changes


def _owner(session: str) -> str:
    """The id of the key whose session it is."""
    return session.partition("-")[0]
