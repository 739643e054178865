"""Presence: how a runtime tells the Hosts that it is there, what it serves and how loaded it is."""

from __future__ import annotations

import logging
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar_extras.grid.transport import GridTransportError, RemoteError
from altar_extras.grid.wire import (
    LEVEL,
    AnnounceRuntime,
    FulfillTools,
    FulfillToolsAnswer,
    Hello,
    HelloAnswer,
    ReportLost,
    Subjects,
    op_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar.adm import ToolContract
    from altar_extras.grid.runtime._journal import Lost
    from altar_extras.grid.runtime._outbox import Identity
    from altar_extras.grid.runtime._settings import RuntimeSettings
    from altar_extras.grid.runtime._time import HostTime
    from altar_extras.grid.transport import Requests
    from altar_extras.grid.wire import Message

__all__ = ["FEATURES", "SOFTWARE", "Presence"]

_log = logging.getLogger("altar.grid")
FEATURES = ("cancel", "credits", "many", "parts", "query")
SOFTWARE = "altar-python"
_BATCH = 64  # contracts of one message


class Presence:
    """What one runtime says to the Hosts, and what they answer."""

    def __init__(
        self, identity: Identity, requests: Requests, settings: RuntimeSettings, *, time: HostTime
    ) -> None:
        self._identity = identity
        self._requests = requests
        self._settings = settings
        self._time = time
        self.mode = ""
        self.manifest_sequence = 0
        self.features: frozenset[str] = frozenset()
        self.last_heard = 0.0  # of time.monotonic: when a Host answered

    async def hello(self) -> None:
        """Who we are, and what time it is there. Raises GridTransportError."""
        answer = await self._ask(
            Hello(id=token_hex(8), role="runtime", features=FEATURES, software=SOFTWARE),
        )
        if isinstance(answer, HelloAnswer):
            self.mode = answer.mode
            self.manifest_sequence = answer.manifest_sequence
            self.features = frozenset(one for one in answer.features if isinstance(one, str))

    async def announce(self, load: dict[str, int], *, draining: bool) -> dict[str, Any]:
        """We are there; what the Hosts note. Raises GridTransportError."""
        answer = await self._ask(
            AnnounceRuntime(
                id=token_hex(8),
                runtime=self._identity.runtime,
                epoch=self._identity.epoch,
                slots=load["slots"],
                inflight=load["inflight"],
                queued=load["queued"],
                level=LEVEL,
                features=FEATURES,
                draining=draining,
                software=SOFTWARE,
                manifest_sequence=self.manifest_sequence,
            ),
        )
        notes = getattr(answer, "notes", None)
        return notes if isinstance(notes, dict) else {}

    async def fulfill(self, contracts: Iterable[ToolContract]) -> tuple[set[str], list[Any]]:
        """Offer contracts: the digests that were accepted, and what was refused and why.

        Raises GridTransportError.
        """
        accepted: set[str] = set()
        refused: list[Any] = []
        offered = list(contracts)
        for at in range(0, len(offered), _BATCH):
            rows = tuple(self._row(one) for one in offered[at : at + _BATCH])
            answer = await self._ask(
                FulfillTools(id=token_hex(8), runtime=self._identity.runtime, contracts=rows),
            )
            if not isinstance(answer, FulfillToolsAnswer):
                continue
            names = {row["name"]: row["digest"] for row in rows}
            for one in answer.accepted:
                row = one if isinstance(one, dict) else {"name": one}
                mine = names.get(str(row.get("name")))
                if mine is not None and row.get("digest", mine) == mine:
                    accepted.add(mine)
            refused.extend(answer.refused)
        return accepted, refused

    async def report_lost(self, lost: Lost) -> bool:
        """A call that an earlier life did not survive; False where no Host took the report."""
        if not (lost.tool and lost.args_digest and lost.runtime and lost.epoch):
            return True  # nobody could count it
        message = ReportLost(
            id=token_hex(8),
            invocation_id=lost.invocation_id[:64],
            tool=lost.tool,
            args_digest=lost.args_digest,
            runtime=lost.runtime,
            epoch=lost.epoch,
        )
        try:
            await self._ask(message)
        except RemoteError as error:
            _log.warning("the Hosts refused the report of a lost call: %s", error)
        except GridTransportError as error:
            _log.warning("no Host took the report of a lost call yet: %s", error)
            return False
        return True

    async def beat(
        self, load: Callable[[], dict[str, int]], told: Callable[[dict[str, Any]], None]
    ) -> None:
        """One heartbeat; what the Hosts note is told. Never raises for what they do."""
        try:
            told(await self.announce(load(), draining=False))
        except RemoteError as error:
            _log.warning("the Hosts refused a heartbeat: %s", error)
            if error.reason in ("unknown_runtime", "not_fulfilled"):
                told({"refresh": True})
        except GridTransportError as error:
            _log.debug("no Host heard a heartbeat: %s", error)

    def _row(self, contract: ToolContract) -> dict[str, Any]:
        row: dict[str, Any] = {
            "name": contract.name,
            "version": contract.version,
            "digest": contract.digest,
        }
        return row if self.mode == "strict" else {**contract.to_dict(), "digest": row["digest"]}

    async def _ask(self, message: Message) -> Message:
        subject = Subjects.host(op_of(type(message)), self._identity.runtime)
        sent = self._time.local()
        answer = await self._requests.ask(subject, message, timeout=self._settings.ask_seconds)
        told = getattr(answer, "time_ms", 0)
        if told:
            self._time.sample(sent, told)
        self.last_heard = monotonic()
        return answer
