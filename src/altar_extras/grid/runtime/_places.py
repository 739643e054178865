"""Places: what the subject of a call means to this runtime; Denials: what was turned away."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from altar_extras.grid.wire import Subjects, is_id

if TYPE_CHECKING:
    from altar_extras.grid.runtime._contracts import Served

__all__ = ["Denials", "Place", "Places"]

_log = logging.getLogger("altar.grid")
_MOST = 8192


class Place(NamedTuple):
    """What the subject of a call says."""

    served: Served
    session: str
    is_direct: bool


class Places:
    """Subjects of calls, read once each. ``served`` are the tools, by name and major version."""

    def __init__(self, runtime: str) -> None:
        self._runtime = runtime
        self._known: dict[str, Place] = {}
        self.served: dict[tuple[str, int], Served] = {}

    def read(self, subject: str) -> Place | None:
        """The tool and the session; None for what is not served here."""
        found = self._known.get(subject)
        return found if found is not None else self._read(subject)

    def serve(self, key: tuple[str, int], served: Served | None) -> None:
        """Serve a tool from now on, or (None) no more."""
        self._known.clear()
        if served is None:
            self.served.pop(key, None)
        else:
            self.served[key] = served

    def _read(self, subject: str) -> Place | None:
        address = Subjects.read_call(subject)
        if address is None or not is_id(address.session):
            return None
        if address.runtime not in (None, self._runtime):
            return None
        served = self.served.get((address.tool, address.major))
        if served is None:
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        place = Place(served, address.session, address.runtime is not None)
        self._known[subject] = place
        return place


class Denials(Counter[str]):
    """How often something was refused or dropped, by reason."""

    def note(self, reason: str, text: str) -> None:
        """Count one more; the log hears of the first, the second, the fourth and so on."""
        count = self[reason] = self[reason] + 1
        if count & (count - 1) == 0:  # a flood of them does not fill the log
            _log.warning("refused (%s, the %d.): %.200s", reason, count, text)
