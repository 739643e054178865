"""Mirror: the store in memory, fed by its watch; reads are free, changes compare and set."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.errors import AltarError
from altar_extras.grid.transport import ConflictError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from altar_extras.grid.transport import Store

    Doc = dict[str, Any]
    Listener = Callable[[str, str, Doc | None], None]

__all__ = ["Mirror"]

_log = logging.getLogger("altar.grid.host")
_TRIES = 16
_PAUSE = 0.004  # seconds more before each look at what was in the way of a change
_SHUT = 0.5  # after a store that did not answer: so long nobody waits for it again
_AGAIN = 0.2


class _Held(NamedTuple):
    doc: dict[str, Any]
    revision: int


class Mirror:
    """What every Host must know, by keys ``<kind>.<tenant>.<name>``; values are JSON objects.

    A value may say when it ends (``expires``, seconds since 1970): it is gone
    from memory then, whatever the store says. Changes raise
    StoreUnavailableError soon after ``timeout`` at the latest; reads never wait.
    """

    def __init__(
        self, store: Store, *, timeout: float = 1.0, clock: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._timeout = timeout
        self._clock = clock
        self._held: dict[str, _Held] = {}
        self._groups: dict[str, set[str]] = {}  # the keys by kind and tenant
        self._owners: Counter[str] = Counter()  # how many of a group are whose
        self._gone: dict[str, int] = {}  # revisions of deletions that a late change must not undo
        self._listeners: dict[str, Listener] = {}
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._shut_until = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether all that was in the store has been read."""
        return self._settled.is_set()

    def listen(self, kind: str, listener: Listener) -> None:
        """Tell ``listener`` (tenant, name, value or None) of every change of this kind."""
        self._listeners[kind] = listener

    async def start(self, patience: float) -> None:
        """Begin to watch, and wait until what is there was read, ``patience`` seconds at most."""
        self._task = asyncio.create_task(self._watch(), name="altar-host-store")
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._settled.wait()

    async def close(self) -> None:
        """Watch no more."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            task.cancel()  # again where a store took one for itself
            await asyncio.wait([task], timeout=1.0)

    def get(self, key: str) -> Doc | None:
        """The value in memory; None for none, and for one that ended."""
        held = self._held.get(key)
        if held is None or _ends(held.doc) <= self._clock():
            return None
        return held.doc

    def of_kind(self, kind: str, tenant: str) -> list[Doc]:
        """The values of a kind."""
        now = self._clock()
        keys = self._groups.get(f"{kind}.{tenant}", ())
        return [held.doc for held in map(self._held.__getitem__, keys) if _ends(held.doc) > now]

    def count(self, kind: str, tenant: str) -> int:
        """How many of a kind there are."""
        return len(self._groups.get(f"{kind}.{tenant}", ()))

    def count_of(self, kind: str, tenant: str, owner: str) -> int:
        """How many of a kind have names that begin with ``owner`` and "-"."""
        return self._owners[f"{kind}.{tenant}.{owner}"]

    async def change(self, key: str, edit: Callable[[Doc | None], Doc | None]) -> Doc | None:
        """Set a key to what ``edit`` makes of its value; None from it changes nothing.

        ``edit`` is called again when another was first. The key ends with the
        ``expires`` of its value.
        """
        held = self._held.get(key)
        for tried in range(_TRIES):
            current = None if held is None else held.doc
            made = edit(current)
            if made is None:
                return current
            raw = json.dumps(made, separators=(",", ":")).encode()
            ttl = max(1.0, _ends(made) - self._clock()) if "expires" in made else None
            try:
                async with self._quickly():
                    if held is None:
                        revision = await self._store.create(key, raw, ttl)
                    else:
                        revision = await self._store.update(key, raw, held.revision, ttl=ttl)
            except ConflictError:
                # a store of several servers refuses already while another's change is on its way,
                # and shows it a moment later: all tries at once would see the old value
                await asyncio.sleep(_PAUSE * tried)
                async with self._quickly():
                    found = await self._store.get(key)
                held = None if found is None else _held(found.value, found.revision)
                if held is not None:  # the watch may bring it later, and this is relied on
                    self._take(key, held)
                continue
            self._take(key, _Held(made, revision))
            return made
        raise StoreUnavailableError(f"{key} changes too often")

    async def look(self, key: str) -> None:
        """Read a key from the store, whose watch may be late. Raises StoreUnavailableError."""
        async with self._quickly():
            found = await self._store.get(key)
        held = None if found is None else _held(found.value, found.revision)
        if held is not None:
            self._take(key, held)

    async def remove(self, key: str) -> None:
        """Delete a key, whatever it holds."""
        async with self._quickly():
            await self._store.delete(key)
        self._drop(key, None)

    def sweep(self) -> None:
        """Forget what has ended."""
        now = self._clock()
        for key in [key for key, held in self._held.items() if _ends(held.doc) <= now]:
            self._drop(key, None)

    @asynccontextmanager
    async def _quickly(self) -> AsyncIterator[None]:
        """Bounded in time; after a store that did not answer nobody waits for a moment."""
        now = asyncio.get_running_loop().time
        if now() < self._shut_until:
            raise StoreUnavailableError("the store did not answer a moment ago")
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError:
            self._shut_until = now() + _SHUT
            raise StoreUnavailableError("the store did not answer in time") from None
        except StoreUnavailableError:
            self._shut_until = now() + _SHUT
            raise

    async def _watch(self) -> None:
        while True:
            before, seen = dict(self._held), set[str]()
            settled = partial(self._settle, before, seen)
            try:
                async for change in self._store.watch("", settled=settled):
                    seen.add(change.key)
                    if change.value is None:
                        self._drop(change.key, change.revision)
                    else:
                        held = _held(change.value, change.revision)
                        if held is not None:
                            self._take(change.key, held)
            except AltarError as error:
                _log.warning("the store cannot be watched now: %s", error)
            except Exception:  # noqa: BLE001 - it is watched again, whatever it was
                _log.exception("the watch of the store failed")
            await asyncio.sleep(_AGAIN)

    def _settle(self, before: dict[str, _Held], seen: set[str]) -> None:
        """What was known and is not there any more went while nobody watched."""
        for key, held in before.items():
            if key not in seen and self._held.get(key) is held:
                self._drop(key, None)
        seen.clear()
        self._settled.set()

    def _take(self, key: str, held: _Held) -> None:
        known = self._held.get(key)
        if held.revision <= (known.revision if known is not None else self._gone.get(key, -1)):
            return
        self._gone.pop(key, None)
        if known is None:
            self._owners[_owner(key)] += 1
        self._held[key] = held
        self._groups.setdefault(_group(key), set()).add(key)
        self._tell(key, held.doc)

    def _drop(self, key: str, revision: int | None) -> None:
        known = self._held.get(key)
        if revision is not None:
            if known is not None and known.revision > revision:
                return
            self._gone[key] = revision
            if len(self._gone) > 10_000:
                self._gone.pop(next(iter(self._gone)))
        if known is not None:
            del self._held[key]
            self._owners[_owner(key)] -= 1
            if not self._owners[_owner(key)]:
                del self._owners[_owner(key)]
            self._groups[_group(key)].discard(key)
            self._tell(key, None)

    def _tell(self, key: str, doc: Doc | None) -> None:
        kind, _, rest = key.partition(".")
        tenant, _, name = rest.partition(".")
        listener = self._listeners.get(kind)
        if listener is not None:
            listener(tenant, name, doc)


def _held(raw: bytes, revision: int) -> _Held | None:
    try:
        doc = json.loads(raw)
    except ValueError:
        doc = None
    if not isinstance(doc, dict):
        _log.warning("a value in the store is no JSON object; it is left alone")
        return None
    return _Held(doc, revision)


def _group(key: str) -> str:
    kind, _, rest = key.partition(".")
    return f"{kind}.{rest.partition('.')[0]}"


def _owner(key: str) -> str:
    """Kind, tenant, and the name up to its first "-": a session's id begins with its key's."""
    kind, tenant, name = (*key.split(".", 2), "", "")[:3]
    return f"{kind}.{tenant}.{name.partition('-')[0]}"


def _ends(doc: dict[str, Any]) -> float:
    expires = doc.get("expires")
    return float(expires) if isinstance(expires, (int, float)) else float("inf")
