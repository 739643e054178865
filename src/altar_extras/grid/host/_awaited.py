"""Awaited: contracts that runtimes serve, and that this Host has yet to hear of from the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from altar_extras.grid.host._contracts import contract_key
from altar_extras.grid.transport import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar_extras.grid.host._contracts import Claim, Contracts
    from altar_extras.grid.host._mirror import Mirror

__all__ = ["Awaited"]

_MOST = 256
_SECONDS = 20.0  # a Host that is asked for longer than 15 refuses for good


class _One(NamedTuple):
    digest: str
    until: float


class Awaited:
    """Every Host hears what runtimes claim, and one of them puts it into the store: what the
    watch of that has not brought here yet is looked up before anybody is told what there is.

    ``prefix`` is what the store's keys of a tenant's contracts begin with. In STRICT nothing
    is awaited: the manifest has all contracts.
    """

    def __init__(
        self, prefix: str, mirror: Mirror, contracts: Contracts, *, monotonic: Callable[[], float]
    ) -> None:
        self._prefix = prefix
        self._mirror = mirror
        self._contracts = contracts
        self._monotonic = monotonic
        self._all: dict[str, _One] = {}
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many there are; those that came, or will not come any more, are forgotten."""
        if self._all:
            now = self._monotonic()
            for key, one in list(self._all.items()):
                if one.until < now or self._contracts.by_digest(one.digest) is not None:
                    del self._all[key]
        return len(self._all)

    def add(self, claims: Iterable[Claim]) -> None:
        """A runtime says that it serves these."""
        until = self._monotonic() + _SECONDS
        for claim in claims:
            if self._contracts.by_digest(claim.digest) is None:
                self._all.pop(contract_key(claim), None)
                self._all[contract_key(claim)] = _One(claim.digest, until)
        while len(self._all) > _MOST:
            del self._all[next(iter(self._all))]

    def begin(self) -> asyncio.Task[None] | None:
        """Look for them, unless somebody does; the task that does, None for nothing to look for."""
        if not len(self):
            return None
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        return self._looking

    async def come(self) -> None:
        """Return when they are here, or are not in the store either; it may not answer."""
        begun = self._looking
        task = self.begin()
        if task is None:
            return
        await asyncio.shield(task)
        if task is begun:  # what it read may be older than what is asked now
            task = self.begin()
            if task is not None:
                await asyncio.shield(task)

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        for key in list(self._all):
            try:
                await self._mirror.look(f"{self._prefix}{key}")
            except StoreError:  # what is known here is told
                return
