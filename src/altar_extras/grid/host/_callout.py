"""Callout: where servers ask who may connect, heard at each server, so that one may go."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from altar_extras.grid.security import CALLOUT_SUBJECT, connection_name
from altar_extras.grid.transport import GridTransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar_extras.grid.transport import Connector, Inbound, Transport

__all__ = ["Callout"]

_log = logging.getLogger("altar.grid.host")
_MOST_KNOWN = 256  # questions; the same one comes by each connection within milliseconds
_PAUSE = 0.5


class Callout:
    """Answers by every connection that a question came by: the decision is made once.

    A server whose question nobody hears keeps a party waiting for seconds and
    then refuses it. With one connection, that is whenever the server it is at
    goes; ``keep`` holds one at each.
    """

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer
        self._known: OrderedDict[tuple[str, bytes], bytes | None] = OrderedDict()
        self._transports: list[Transport] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def hear(self, transport: Transport) -> None:
        """Answer the questions that come by this connection."""

        def asked(inbound: Inbound) -> None:
            answer = self._answered(inbound)
            if answer is not None and inbound.reply:
                with suppress(GridTransportError):  # then another connection does, or a Host
                    transport.publish(inbound.reply, answer)

        await transport.subscribe(CALLOUT_SUBJECT, asked)

    @property
    def heard_at(self) -> int:
        """By how many connections of ``keep`` it is heard now, each at a server of its own."""
        return sum(one.is_connected for one in self._transports)

    def keep(self, connectors: Iterable[Connector], seed: str) -> None:
        """Hear it by a connection of each of these, as soon as they can be had."""
        self._tasks += [asyncio.create_task(self._connect(one, seed)) for one in connectors]

    async def close(self) -> None:
        """End these connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._transports:
            await transport.close()

    def _answered(self, inbound: Inbound) -> bytes | None:
        question = (inbound.reply, inbound.body)
        if question not in self._known:
            self._known[question] = self._answer(inbound.body)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return self._known[question]

    async def _connect(self, connector: Connector, seed: str) -> None:
        while True:
            try:
                made = await connector.connect(seed=seed, name=connection_name("host"))
            except GridTransportError as error:
                _log.debug("no connection for the callout at one server yet: %s", error)
            else:
                await self.hear(made)
                self._transports.append(made)
                return  # it comes back by itself
            await asyncio.sleep(_PAUSE)
