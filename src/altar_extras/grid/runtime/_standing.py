"""Standing: what the Hosts know of a runtime, and the calls that it hears for that."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.errors import ClosedError
from altar_extras.grid.runtime._patience import STORE_UNAVAILABLE
from altar_extras.grid.transport import GridTransportError, RemoteError
from altar_extras.grid.wire import RUNTIME_QUEUE, Subjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar_extras.grid.runtime._contracts import Served
    from altar_extras.grid.runtime._desk import Desk
    from altar_extras.grid.runtime._journal import Lost
    from altar_extras.grid.runtime._offer import Offer
    from altar_extras.grid.runtime._patience import Patience
    from altar_extras.grid.runtime._presence import Presence
    from altar_extras.grid.transport import Subscription, Transport

__all__ = ["Standing"]

_log = logging.getLogger("altar.grid")


class Standing:
    """One runtime before the Hosts: it is announced, its offer is accepted as far as it is, and
    calls are heard for just that; ``refused`` is the rest, and why. ``lost`` are the calls that
    an earlier life did not survive, until a Host has heard of them.
    """

    def __init__(
        self,
        offer: Offer,
        *,
        runtime: str,
        presence: Presence,
        desk: Desk,
        transport: Transport,
        lost: Iterable[Lost] = (),
    ) -> None:
        self.refused: tuple[Any, ...] = ()
        self._runtime = runtime
        self._presence = presence
        self._desk = desk
        self._transport = transport
        self._lost = list(lost)
        self._heard: dict[tuple[str, int], list[Subscription]] = {}
        self._fulfilling = asyncio.Lock()
        self._is_over = False
        self.use(offer)

    @property
    def manifest_sequence(self) -> int:
        """Of the manifest that the Hosts go by; 0 without one."""
        return self._presence.manifest_sequence

    def use(self, offer: Offer) -> None:
        """Offer this from now on; :meth:`introduce` tells the Hosts."""
        self._offer = offer
        if offer.manifest is not None:
            self._desk.gate.expires_ms = offer.manifest.expires * 1000.0

    async def introduce(self, patience: Patience) -> dict[str, Any]:
        """Find a Host, which may start later than this runtime, and offer the contracts to it;
        what it notes.
        """
        while True:
            if self._is_over:
                raise ClosedError("this runtime takes its leave: it says no more of itself")
            try:
                await self._presence.hello()
                await self._presence.announce(self._desk.load(), draining=False)
            except GridTransportError as error:
                await patience.pause(error)
                continue
            try:
                await self._fulfill()
                return await self._presence.announce(self._desk.load(), draining=False)
            except RemoteError as error:
                if error.reason != STORE_UNAVAILABLE:
                    raise
                await patience.pause(error)
            except GridTransportError as error:  # it left in between
                await patience.pause(error)

    async def beat(self, told: Callable[[dict[str, Any]], None]) -> None:
        """One heartbeat; what the Hosts note is told."""
        await self._presence.beat(self._desk.load, told)
        if self._lost and not self._fulfilling.locked():
            await self._report()

    async def leave(self) -> None:
        """Tell the Hosts that no more calls are taken, and hear those that are on their way."""
        self.end()
        with suppress(GridTransportError):
            await self._presence.announce(self._desk.load(), draining=True)
        async with self._fulfilling:
            subscriptions = [one for both in self._heard.values() for one in both]
            self._heard.clear()
        for one in subscriptions:
            with suppress(GridTransportError):
                await one.drain()

    def end(self) -> None:
        """Begin to hear no other calls."""
        self._is_over = True

    async def _fulfill(self) -> None:
        """Offer the contracts, and hear the calls of those that were accepted."""
        async with self._fulfilling:
            accepted, refused = await self._presence.fulfill(self._offer.contracts)
            self.refused = tuple(refused)
            # before the first call comes: it may be the one that ended the last life
            await self._report()
            for one in refused:
                _log.warning("the Hosts refused a contract: %.300s", one)
            served = self._offer.served
            wanted = {key: one for key, one in served.items() if one.digest in accepted}
            for key in [one for one in self._heard if one not in wanted]:
                self._desk.places.serve(key, None)
                for subscription in self._heard.pop(key):
                    await subscription.unsubscribe()
            for key, tool in wanted.items():
                if self._is_over:
                    return
                self._desk.places.serve(key, tool)
                if key not in self._heard:
                    await self._hear(tool)

    async def _hear(self, tool: Served) -> None:
        hear, transport = self._desk.hear_call, self._transport
        direct = Subjects.direct(self._runtime, tool.name, tool.major, "*")
        anyone = Subjects.call(tool.name, tool.major, "*")
        mine = await transport.subscribe(direct, hear)
        try:
            ours = await transport.subscribe(anyone, hear, queue=RUNTIME_QUEUE)
        except BaseException:
            with suppress(GridTransportError):
                await mine.unsubscribe()
            raise
        self._heard[tool.name, tool.major] = [mine, ours]

    async def _report(self) -> None:
        """Tell the Hosts of calls that an earlier life did not survive; what is left stays."""
        while self._lost:
            lost = self._lost[0]
            if not await self._presence.report_lost(lost):
                return
            if lost in self._lost:  # a heartbeat may have reported it meanwhile
                self._lost.remove(lost)
