"""Gate: which calls come in at all, by the contract they name and by what the Hosts have said."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from altar_extras.grid.runtime import _faults as faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar_extras.grid.runtime._places import Place
    from altar_extras.grid.wire import Fault, ToolCall

__all__ = ["Gate"]

_REVOKED = 100_000


class Gate:
    """Whom the Hosts have revoked, what they have stopped and quarantined; ``expires_ms`` is when
    the manifest stops. Nothing of a call that is refused here is remembered.
    """

    __slots__ = ("_quarantined", "_revoked", "_stopped", "expires_ms")

    def __init__(self) -> None:
        self.expires_ms = float("inf")
        self._quarantined: frozenset[str] = frozenset()  # a tool, a space, its arguments' digest
        self._revoked: OrderedDict[str, None] = OrderedDict()
        self._stopped = ""  # why nothing runs now

    def told(self, notes: Mapping[str, Any]) -> None:
        """What a Host noted beside its answer."""
        listed = notes.get("quarantined")
        if isinstance(listed, (list, tuple)):
            self._quarantined = frozenset(one for one in listed if isinstance(one, str))
        stopped = notes.get("stopped", "")
        self._stopped = stopped[:64] if isinstance(stopped, str) else ""

    def revoke(self, session: str) -> None:
        """No more calls of this session; the id of a key stands for all that begin with it."""
        self._revoked[session] = None
        if len(self._revoked) > _REVOKED:
            self._revoked.popitem(last=False)

    def refusal(
        self, message: ToolCall, place: Place, args_digest: str, now: float
    ) -> Fault | None:
        """Why this is no call for this runtime at all; ``args_digest`` is "" where it has none."""
        served = place.served
        if message.call.get("name") != served.name or not message.invocation_id:
            if not message.invocation_id:
                return faults.malformed("its invocation_id is empty")
            return faults.not_this_tool(served.name)
        if message.digest and message.digest != served.digest:
            return faults.digest_differs(served.contract)
        revoked = self._revoked
        if revoked and (place.session in revoked or place.session.partition("-")[0] in revoked):
            return faults.session_ended()
        if self._stopped or now >= self.expires_ms:
            return faults.stopped(self._stopped or "manifest_expired")
        if not args_digest:
            return faults.malformed("its arguments have no canonical form")
        if self._quarantined and f"{served.name} {args_digest}" in self._quarantined:
            return faults.quarantined()
        return None
