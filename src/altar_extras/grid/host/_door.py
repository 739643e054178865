"""Door: who is let in, on a server by its callout and on a broker in this process alike."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from altar.errors import AltarError
from altar_extras.grid.host._seen import SeenSessions
from altar_extras.grid.security import (
    Admission,
    CalloutRefused,
    ConnectRequest,
    Denial,
    Rules,
    SigningKey,
    callout_answer,
    decide,
)
from altar_extras.grid.transport import AdmissionRefusedError, Rights

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from altar_extras.grid.operate import Counter

__all__ = ["Door"]

_log = logging.getLogger("altar.grid.host")
_MOST_KNOWN = 50_000
_EVERYTHING = Rights(publish=(">",), subscribe=(">",))


class Door:
    """Decides from memory alone. ``kick`` (server id, connection) cuts one, where it is set."""

    def __init__(
        self,
        rules: Rules,
        *,
        hosts: Collection[str],
        issuer: str | None,
        denials: Counter,
        clock: Callable[[], float],
    ) -> None:
        self.rules = rules
        self._hosts = frozenset(hosts)
        self._issuer = SigningKey.from_seed(issuer) if issuer else None
        self._denials = denials
        self._clock = clock
        self.kick: Callable[[str, int], None] | None = None
        self.sessions = SeenSessions()
        self._connections: OrderedDict[tuple[str, int], tuple[str, ...]] = OrderedDict()
        self._ends: dict[tuple[str, int], float] = {}  # of those that end by themselves
        self._by_name: dict[str, set[tuple[str, int]]] = {}

    def decide(self, request: ConnectRequest) -> Admission | Denial:
        """SE's decision; who is let in is remembered where it could be cut later."""
        now = self._clock()
        found = decide(request, self.rules, now=now)
        if isinstance(found, Denial):
            self._denials.add(found.reason)
            _log.warning("not let in (%s): %s", found.reason, found.message[:200])
            return found
        self.sessions.saw(found, now)
        if self.kick is not None and request.server:
            at = (request.server, request.client)
            self._remember(at, (found.session, found.key), found.expires)
        return found

    def answer(self, question: bytes) -> bytes | None:
        """The answer to a server's question; None where nothing is to be said."""
        if self._issuer is None:
            return None
        try:
            return callout_answer(question, self.decide, issuer=self._issuer, now=self._clock())
        except CalloutRefused as refused:
            self._denials.add("no_callout")
            _log.warning("a question on the callout's subject is none: %s", refused)
        except AltarError:
            _log.exception("a server's question could not be answered")
        return None

    def admit(self, tenant: str, public: str, token: str, name: str) -> tuple[Rights, float | None]:
        """The same for a broker in this process, which carries one tenant."""
        if public and public in self._hosts:
            return _EVERYTHING, None
        found = self.decide(ConnectRequest(key=public, signed=True, token=token, name=name))
        if isinstance(found, Admission) and found.tenant != tenant:
            found = Denial("foreign_tenant", f"this broker is that of {tenant}")
        if isinstance(found, Denial):
            raise AdmissionRefusedError("not let in", found.reason)
        may = found.permissions
        rights = Rights(publish=may.publish, subscribe=may.subscribe, queues=may.queue_only)
        return rights, None if found.expires is None else found.expires - self._clock()

    def cut(self, names: Collection[str]) -> int:
        """Cut the connections of these sessions and keys that this Host let in; how many."""
        self.sessions.forget(names)
        if self.kick is None:
            return 0
        found = {at for name in names for at in self._by_name.get(name, ())}
        for at in found:
            self._forget(at)
            self.kick(*at)
        return len(found)

    def _remember(self, at: tuple[str, int], names: tuple[str, ...], ends: int | None) -> None:
        self._forget(at)
        self._connections[at] = names
        if ends is not None:
            self._ends[at] = ends
        for name in names:
            self._by_name.setdefault(name, set()).add(at)
        if len(self._connections) > _MOST_KNOWN:
            self._make_room()

    def _make_room(self) -> None:
        """Forget those that have ended by themselves; else those that end soonest: a runtime
        that stays for weeks must be found when its key is revoked.
        """
        now = self._clock()
        gone = [at for at, ends in self._ends.items() if ends <= now]
        if len(gone) < _MOST_KNOWN // 10:
            gone = sorted(self._ends, key=self._ends.__getitem__)[: _MOST_KNOWN // 10]
        for at in gone or list(self._connections)[:1]:
            self._forget(at)

    def _forget(self, at: tuple[str, int]) -> None:
        self._ends.pop(at, None)
        for name in self._connections.pop(at, ()):
            known = self._by_name[name]
            known.discard(at)
            if not known:
                del self._by_name[name]
