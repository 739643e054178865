"""The audit's way from a runtime's disk through a Host into the tenant's stream."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.audit import (
    HostSink,
    Journal,
    JournalSettings,
    NatsAuditSink,
    Shipper,
    SinkRefused,
    SinkUnavailable,
)
from altar_extras.grid.security import SigningKey, connection_name, key_id
from altar_extras.grid.transport import (
    GridTransportError,
    NatsTransport,
    RemoteError,
    Requests,
    insist,
)
from altar_extras.grid.wire import AuditAck, AuditBatch, Subjects, op_of

if TYPE_CHECKING:
    from pathlib import Path

    from altar_extras.grid.audit import Batch, Position
    from altar_extras.grid.security import Credentials
    from altar_extras.grid.transport import Connector, Transport

__all__ = ["ShippedJournal", "StreamSink", "host_journal"]

_HOSTS = JournalSettings(segment_bytes=1024 * 1024, max_bytes=64 * 1024 * 1024)  # of each tenant
_PATIENCE = 5.0  # seconds for a Host to keep a batch
_CONNECT = 15.0  # and for a server that is silent, or has no Host to ask


class StreamSink:
    """A tenant's stream on a Host's own connection; it is looked for again after each failure."""

    def __init__(self, tenant: str, transport: Transport, *, replicas: int = 1) -> None:
        if not isinstance(transport, NatsTransport):
            raise ConfigurationError("the audit's stream is in nats-server; this is none")
        self._tenant = tenant
        self._transport = transport
        self._replicas = replicas
        self._sink: NatsAuditSink | None = None

    async def last(self, writer: str) -> Position:
        """See AuditSink."""
        sink = await self._open()
        try:
            return await sink.last(writer)
        except SinkUnavailable:
            self._sink = None
            raise

    async def put(self, batch: Batch) -> int:
        """See AuditSink."""
        sink = await self._open()
        try:
            return await sink.put(batch)
        except SinkUnavailable:
            self._sink = None
            raise

    async def _open(self) -> NatsAuditSink:
        if self._sink is not None:
            return self._sink
        try:
            made = NatsAuditSink(self._transport.jetstream(), tenant=self._tenant)
        except GridTransportError as error:
            raise SinkUnavailable(f"no connection to the audit stream: {error}") from error
        await made.open(replicas=self._replicas)
        self._sink = made
        return made


def host_journal(credentials: Credentials, folder: Path, tenant: str) -> Journal:
    """A Host's journal of one tenant, in a folder of its own below ``folder``.

    Another signing key begins another folder: a writer's name holds its key's id.
    """
    assert credentials.host_seed is not None
    key = SigningKey.from_seed(credentials.host_seed)
    named = key_id(key.public)
    place = folder / f"{tenant}-{named[:8]}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    writer = f"{named}-{token_hex(4)}"
    return Journal.open(place, writer=writer, key=key, settings=_HOSTS)


class ShippedJournal:
    """A runtime's journal in ``folder``, and a connection of its own that ships it to the Hosts."""

    def __init__(
        self,
        connector: Connector,
        credentials: Credentials,
        folder: Path,
        *,
        settings: JournalSettings | None = None,
    ) -> None:
        key = credentials.key
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.journal = Journal.open(
            folder,
            writer=f"{key_id(key.public)}-{token_hex(4)}",
            key=key,
            settings=settings or JournalSettings(),
        )
        self._connector = connector
        self._seed = credentials.seed
        instance = token_hex(4)
        self._id = f"{key_id(key.public)}-{instance}"
        self._name = connection_name("runtime", instance)
        self._shipper: Shipper | None = None
        self._transport: Transport | None = None

    async def start(self) -> None:
        """Connect and ship."""
        self._transport = await insist(
            lambda: self._connector.connect(seed=self._seed, name=self._name), within=_CONNECT
        )
        self._requests = Requests(self._transport, self._id)
        await self._requests.start()
        self._shipper = Shipper(self.journal, HostSink(self._ask))
        await self._shipper.start()

    async def drain(self, *, within: float = _PATIENCE) -> None:
        """Ship what is on disk, as far as a Host takes it within so many seconds, and close."""
        if self._shipper is not None:
            await self._shipper.drain(within=within)
        await self.close()

    async def close(self) -> None:
        """Stop shipping; what is left lies on disk for the next start."""
        if self._shipper is not None:
            await self._shipper.close()
        if self._transport is not None:
            await self._transport.close()
        self.journal.close()

    async def _ask(self, batch: Batch) -> int:
        subject = Subjects.host(op_of(AuditBatch), self._id)
        message = batch.to_message(token_hex(8))
        try:
            answer = await self._requests.ask(subject, message, timeout=_PATIENCE)
        except RemoteError as error:
            if error.reason == "audit_refused":
                raise SinkRefused(str(error)) from error
            raise
        return answer.last if isinstance(answer, AuditAck) else batch.after
