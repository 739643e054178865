"""Sessions that were let in, as one Host has seen them: whose, since when, until when."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

    from altar_extras.grid.security import Admission

__all__ = ["SeenSessions"]

_MOST = 50_000
_MOST_ROWS = 4096


class _Seen(NamedTuple):
    tenant: str
    principal: str
    key: str
    since: float
    expires: float


class SeenSessions:
    """Sessions whose token has not ended, by what the servers asked this Host.

    Every Host is asked, so each sees all that connect while it runs; what connected before it
    started is seen at its next connection, a renewal at the latest. A client that went away
    without a word is among them until its token ends. Times are seconds since 1970.
    """

    def __init__(self) -> None:
        self._all: OrderedDict[str, _Seen] = OrderedDict()

    def saw(self, admission: Admission, now: float) -> None:
        """Somebody was let in; a session's next connection says until when it lasts now."""
        if admission.role != "client" or admission.expires is None:  # a session's always ends
            return
        before = self._all.pop(admission.session, None)
        since = now if before is None or before.expires <= now else before.since
        self._all[admission.session] = _Seen(
            admission.tenant, admission.principal, admission.key, since, admission.expires
        )
        if len(self._all) > _MOST:
            self._sweep(now)
            while len(self._all) > _MOST:
                self._all.popitem(last=False)

    def forget(self, names: Collection[str]) -> None:
        """Sessions, and public keys with all of theirs, that ended before their time."""
        keys = {name for name in names if name[:1] == "U"}
        for name in names:
            self._all.pop(name, None)
        if keys:
            for session in [at for at, one in self._all.items() if one.key in keys]:
                del self._all[session]

    def of(self, tenant: str, now: float) -> list[dict[str, Any]]:
        """A row for each principal of a tenant, as DirectoryAnswer has them."""
        self._sweep(now)
        found: dict[str, list[_Seen]] = {}
        for one in self._all.values():
            if one.tenant == tenant:
                found.setdefault(one.principal, []).append(one)
        return [
            {
                "principal": name,
                "sessions": len(ones),
                "since_ms": int(min(one.since for one in ones) * 1000),
                "expires_ms": int(min(one.expires for one in ones) * 1000),
            }
            for name, ones in sorted(found.items())
        ][:_MOST_ROWS]

    def _sweep(self, now: float) -> None:
        for session in [at for at, one in self._all.items() if one.expires <= now]:
            del self._all[session]
