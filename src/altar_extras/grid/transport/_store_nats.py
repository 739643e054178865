"""NatsStore: a Store in a key-value bucket of JetStream."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import DeliverPolicy, StorageType
from nats.js.errors import APIError, NotFoundError

from altar_extras.grid.transport._heed import heeded
from altar_extras.grid.transport._nats_link import header_size
from altar_extras.grid.transport._protocol import GridTransportError, TooLargeError
from altar_extras.grid.transport._store import (
    Change,
    ConflictError,
    Entry,
    StoreUnavailableError,
    check_key,
)
from altar_extras.grid.transport._store_progress import DeafError, Progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from altar_extras.grid.transport._nats import NatsTransport

__all__ = ["NatsStore", "StoreSettings"]

# From nats-server's errors.json: stream wrong last sequence, with and without a number.
_WRONG_LAST = frozenset({10071, 10164})
_IN_USE = 10058  # a stream of this name with other settings
_OPERATION = "KV-Operation"
_MARKER = "Nats-Marker-Reason"
_GONE = frozenset({"DEL", "PURGE"})
_LOOK = 0.25  # seconds between looks whether the connection is still the same
_RETRY = 0.1
_READS = 3  # of the keys, where what is told gets lost


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """``replicas`` of the bucket (1, 3 or 5), ``timeout`` of every step in seconds, ``in_memory``
    for a bucket that ends with its servers, ``marker_seconds`` for how long a removed key is
    remembered, so that those who watch hear of it.
    """

    replicas: int = 1
    timeout: float = 2.0
    in_memory: bool = False
    marker_seconds: int = 60


class NatsStore:
    """A Store in the bucket ``bucket``, which is made when it is not there; see ``open``.

    Reads come from the bucket's leader, so that compare-and-set never starts
    from an old value.
    """

    def __init__(
        self, transport: NatsTransport, bucket: str, *, settings: StoreSettings | None = None
    ) -> None:
        self._transport = transport
        self._bucket = bucket
        self._stream = f"KV_{bucket}"
        self._prefix = f"$KV.{bucket}."
        self._settings = settings or StoreSettings()

    async def open(self) -> None:
        """Make the bucket where it is missing. Raises StoreUnavailableError."""
        settings = self._settings
        async with self._bounded() as js:
            try:
                await js.create_key_value(
                    bucket=self._bucket,
                    history=1,
                    replicas=settings.replicas,
                    storage=StorageType.MEMORY if settings.in_memory else StorageType.FILE,
                    limit_marker_ttl=settings.marker_seconds,
                )
            except APIError as error:
                if error.err_code != _IN_USE:
                    raise
                await js.key_value(self._bucket)

    async def get(self, key: str) -> Entry | None:
        """See Store."""
        check_key(key)
        async with self._bounded() as js:
            value, revision = await self._last(js, key)
        return None if value is None else Entry(value, revision)

    async def create(self, key: str, value: bytes, ttl: float | None = None) -> int:
        """See Store."""
        check_key(key)
        async with self._bounded() as js:
            try:
                return await self._put(js, key, value, self._headers(0, ttl))
            except ConflictError:
                found, revision = await self._last(js, key)
                if found is not None or not revision:
                    raise
            # what is there only remembers that the key was removed
            return await self._put(js, key, value, self._headers(revision, ttl))

    async def update(
        self, key: str, value: bytes, revision: int, *, ttl: float | None = None
    ) -> int:
        """See Store."""
        check_key(key)
        async with self._bounded() as js:
            return await self._put(js, key, value, self._headers(revision, ttl))

    async def delete(self, key: str, revision: int | None = None) -> None:
        """See Store."""
        check_key(key)
        headers = self._headers(revision, float(self._settings.marker_seconds))
        headers |= {_OPERATION: "PURGE", "Nats-Rollup": "sub"}
        async with self._bounded() as js:
            await self._put(js, key, b"", headers)

    async def watch(
        self, prefix: str = "", *, settled: Callable[[], None] | None = None
    ) -> AsyncIterator[Change]:
        """See Store. It goes on over lost connections; what was removed meanwhile is told then."""
        known: dict[str, int] = {}
        first = True
        while True:
            try:
                async for change in self._watch_once(prefix, known):
                    if change is not None:
                        yield change
                    elif first:
                        first = False
                        if settled is not None:
                            settled()
            except StoreUnavailableError as error:
                if first and not isinstance(error, DeafError):
                    raise
            await asyncio.sleep(_RETRY)

    async def keys(self, prefix: str = "") -> list[str]:
        """See Store."""
        for again in reversed(range(_READS)):
            try:
                return await self._keys(prefix)
            except DeafError:
                if not again:
                    raise
        return []

    async def _keys(self, prefix: str) -> list[str]:
        known: dict[str, int] = {}
        changes = self._watch_once(prefix, known)
        try:
            async for change in changes:
                if change is None:
                    break
        finally:
            await changes.aclose()  # type: ignore[attr-defined]
        return sorted(known)

    async def _watch_once(self, prefix: str, known: dict[str, int]) -> AsyncIterator[Change | None]:
        """Changes over one connection; None once what was there has been given."""
        connection = self._transport.connections
        folder, dot, _ = prefix.rpartition(".")
        below = f"{folder}{dot}>"
        progress = Progress(partial(self._newest, below))
        async with self._bounded() as js:
            heard = await js.subscribe(
                f"{self._prefix}{below}",
                stream=self._stream,
                ordered_consumer=True,
                deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            )
        seen: set[str] = set()
        was_through = False
        try:
            await progress.begin()
            while self._transport.connections == connection and self._transport.is_connected:
                if progress.is_through and not was_through:
                    was_through = True
                    for change in _missing(known, seen):
                        yield change
                    yield None
                try:
                    with heeded():
                        message = await heard.next_msg(timeout=_LOOK)
                except NatsTimeoutError:
                    progress.look()
                    continue
                told = message.metadata
                pair = told.sequence
                progress.came(pair.stream, consumer=told.consumer, number=pair.consumer)
                key = message.subject[len(self._prefix) :]
                if key.startswith(prefix):
                    seen.add(key)
                    changed = _change(key, message, known)
                    if changed is not None:
                        yield changed
        except NatsError as error:
            raise StoreUnavailableError(f"the watch of {self._bucket} was lost") from error
        finally:
            progress.end()
            with suppress(NatsError, OSError):
                await heard.unsubscribe()

    async def _newest(self, below: str) -> int:
        """The highest revision there is under some keys, as the leader has it; 0 for none."""
        async with self._bounded() as js:
            return (await self._last(js, below))[1]

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[JetStreamContext]:
        """JetStream, with what goes wrong there said in a Store's words."""
        timeout = self._settings.timeout
        try:
            js = self._transport.jetstream(timeout=timeout)
            with heeded():
                async with asyncio.timeout(2 * timeout):
                    yield js
        except TooLargeError:
            raise
        except (NatsError, OSError, TimeoutError, GridTransportError) as error:
            raise StoreUnavailableError(
                f"the store {self._bucket} did not answer ({type(error).__name__})"
            ) from error

    async def _last(self, js: JetStreamContext, key: str) -> tuple[bytes | None, int]:
        """The value (None when there is none) and the last revision of a key, 0 for none."""
        try:
            found = await js.get_msg(self._stream, subject=self._prefix + key, direct=False)
        except NotFoundError:
            return None, 0
        headers = found.headers or {}
        if headers.get(_OPERATION) in _GONE or _MARKER in headers:
            return None, found.seq or 0
        return found.data or b"", found.seq or 0

    def _headers(self, revision: int | None, ttl: float | None) -> dict[str, str]:
        headers: dict[str, str] = {}
        if revision is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(revision)
        if ttl is not None:
            headers["Nats-TTL"] = str(max(1, math.ceil(ttl)))
        return headers

    async def _put(
        self, js: JetStreamContext, key: str, value: bytes, headers: dict[str, str]
    ) -> int:
        size = len(value) + header_size(headers)
        if size > self._transport.max_payload:
            raise TooLargeError(size, self._transport.max_payload)
        try:
            ack = await js.publish(self._prefix + key, value, headers=dict(headers))
        except APIError as error:
            if error.err_code in _WRONG_LAST:
                raise ConflictError(f"{key} has another revision, or is there already") from error
            raise
        return ack.seq


def _missing(known: dict[str, int], seen: set[str]) -> list[Change]:
    """What was removed while nobody looked."""
    return [Change(key, None, known.pop(key)) for key in sorted(known.keys() - seen)]


def _change(key: str, message: Msg, known: dict[str, int]) -> Change | None:
    """What a message of the bucket changes, given the revisions already told."""
    revision = message.metadata.sequence.stream
    headers = message.headers or {}
    if headers.get(_OPERATION) in _GONE or _MARKER in headers:
        return None if known.pop(key, None) is None else Change(key, None, revision)
    if known.get(key, 0) >= revision:
        return None
    known[key] = revision
    return Change(key, message.data, revision)
