"""NatsSubscription: interest in a subject, made anew on every connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from nats.aio.subscription import Subscription

    from altar_extras.grid.transport._nats_link import Link
    from altar_extras.grid.transport._protocol import Inbound

__all__ = ["NatsSubscription"]


class NatsSubscription:
    """What NatsTransport.subscribe returns; ``ended`` is told when it ends."""

    __slots__ = ("_ended", "_handler", "_made", "link", "queue", "subject")

    def __init__(
        self,
        subject: str,
        queue: str,
        handler: Callable[[Inbound], None],
        *,
        ended: Callable[[NatsSubscription], None],
    ) -> None:
        self._ended = ended
        self._handler = handler
        self._made: Subscription | None = None
        self.subject = subject
        self.queue = queue
        self.link: Link | None = None

    async def make(self, link: Link) -> None:
        """Have it on this connection. Raises NotConnectedError."""
        self.link = link
        self._made = await link.hear(self.subject, self.queue, self._handler)

    async def drain(self) -> None:
        """No more from the server; what it sent already is handled first."""
        made = self._stop()
        if made is not None:
            with suppress(NatsError):
                # Whoever awaits this may be cancelled; nats-py's PONG must find its future.
                ending: Coroutine[None, None, None] = made.drain()  # type: ignore[no-untyped-call]
                await asyncio.shield(asyncio.ensure_future(ending))

    async def unsubscribe(self) -> None:
        """No more, at once."""
        made = self._stop()
        if made is not None:
            with suppress(NatsError):
                await made.unsubscribe()

    def _stop(self) -> Subscription | None:
        self._ended(self)
        made, self._made = self._made, None
        return made if self.link is not None and self.link.is_open else None
