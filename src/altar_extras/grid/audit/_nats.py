"""NatsAuditSink: records in JetStream, one subject for each writer, neither lost nor doubled."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import nats.errors
import nats.js.errors
from nats.js.api import DiscardPolicy, Header, RetentionPolicy, StorageType, StreamConfig

from altar.errors import ConfigurationError
from altar_extras.grid.audit._errors import SinkRefused, SinkUnavailable
from altar_extras.grid.audit._frames import scan
from altar_extras.grid.audit._ship import Position
from altar_extras.grid.wire import is_id

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from altar_extras.grid.audit._ship import Batch

__all__ = ["NatsAuditSink", "audit_stream", "audit_subject", "read_stream"]

_WRONG_LAST = {10071, 10164}  # err_code: wrong last sequence, with or without the number
_LATE = 5.0  # seconds in which a message comes; it is read anew when one does not
_READS = 3
_REFUSED = {10054, 10077, 10023}  # too large for the stream; the stream is full


class _Known(NamedTuple):
    position: Position
    stream_sequence: int


def audit_stream(tenant: str, *, replicas: int = 1, max_bytes: int = -1) -> StreamConfig:
    """The stream of a tenant: on disk, nothing deleted or purged, what is full takes no more.

    ``sync_interval: always`` is the server's own setting; without it a
    confirmed record may be lost when the machine loses power.
    """
    return StreamConfig(
        name=_stream(tenant),
        subjects=[audit_subject(tenant, "*")],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        deny_delete=True,
        deny_purge=True,
        num_replicas=replicas,
        max_bytes=max_bytes,
        max_age=0,
    )


def audit_subject(tenant: str, writer: str) -> str:
    """The subject of a writer's records."""
    for name in (tenant, writer):
        if name != "*" and not is_id(name):
            raise ConfigurationError(f"{name!r:.80} is no id: [a-z0-9_-], 1 to 64 characters")
    return f"grid.v1.audit.{tenant}.{writer}"


class NatsAuditSink:
    """Keeps batches in the stream of a tenant; each names the message it follows on its subject.

    A server that has another last message refuses it, so that a batch whose
    answer was lost is neither lost nor kept twice, whatever time went by.
    """

    def __init__(self, js: JetStreamContext, *, tenant: str, timeout: float = 2.0) -> None:
        self._js = js
        self._tenant = tenant
        self._timeout = timeout
        self._known: dict[str, _Known] = {}
        audit_subject(tenant, "*")

    async def open(self, *, replicas: int = 1, max_bytes: int = -1) -> None:
        """Create the stream where there is none; raises SinkUnavailable."""
        try:
            config = audit_stream(self._tenant, replicas=replicas, max_bytes=max_bytes)
            try:
                await self._js.stream_info(_stream(self._tenant))
            except nats.js.errors.NotFoundError:
                await self._js.add_stream(config)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise SinkUnavailable(f"the audit stream cannot be created: {error}") from error

    async def last(self, writer: str) -> Position:
        """What the stream's leader has of this writer."""
        return (await self._look(writer)).position

    async def put(self, batch: Batch) -> int:
        """Keep a batch as one message."""
        known = self._known.get(batch.writer) or await self._look(batch.writer)
        if known.position.sequence != batch.after or not batch.records:
            return known.position.sequence
        expected = {Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(known.stream_sequence)}
        subject = audit_subject(self._tenant, batch.writer)
        try:
            ack = await self._js.publish(
                subject,
                b"".join(batch.records),
                timeout=self._timeout,
                stream=_stream(self._tenant),
                headers=expected,
            )
        except nats.js.errors.APIError as error:
            self._known.pop(batch.writer, None)
            if error.err_code in _WRONG_LAST:
                return (await self._look(batch.writer)).position.sequence
            if error.err_code in _REFUSED:
                raise SinkRefused(f"the audit stream refuses records: {error}") from error
            raise SinkUnavailable(f"the audit stream: {error}") from error
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            self._known.pop(batch.writer, None)
            raise SinkUnavailable(f"the audit stream did not answer: {error!r}") from error
        except BaseException:  # cancelled: whether it was kept is not known
            self._known.pop(batch.writer, None)
            raise
        position = Position(batch.last, batch.records[-1][-32:])
        self._known[batch.writer] = _Known(position, ack.seq)
        return position.sequence

    async def _look(self, writer: str) -> _Known:
        subject = audit_subject(self._tenant, writer)
        try:
            found = await self._js.get_last_msg(_stream(self._tenant), subject)
        except nats.js.errors.NotFoundError as error:
            if error.err_code != 10037:  # no message found: the stream is there
                raise SinkUnavailable(f"the audit stream: {error}") from error
            known = _Known(Position(0), 0)
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise SinkUnavailable(f"the audit stream did not answer: {error!r}") from error
        else:
            frames = scan(found.data or b"").frames
            if not frames or found.seq is None:
                raise SinkRefused(f"the last message on {subject} holds no records")
            known = _Known(Position(frames[-1].sequence, frames[-1].head), found.seq)
        self._known[writer] = known
        return known


async def read_stream(js: JetStreamContext, *, tenant: str) -> dict[str, list[bytes]]:
    """Every writer's records in a tenant's stream, in the stream's order, for ``verify``.

    Raises SinkUnavailable.
    """
    try:
        left = (await js.stream_info(_stream(tenant))).state.messages
        for again in reversed(range(_READS)):
            try:
                return await _read(js, tenant, left)
            except nats.errors.TimeoutError:  # what is sent to a reader may be lost
                if not again:
                    raise
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
        raise SinkUnavailable(f"the audit stream cannot be read: {error!r}") from error
    raise AssertionError("it is read, or it is not")


async def _read(js: JetStreamContext, tenant: str, left: int) -> dict[str, list[bytes]]:
    """The first ``left`` messages. Raises TimeoutError (of nats-py) where one did not come."""
    found: dict[str, list[bytes]] = {}
    subject = audit_subject(tenant, "*")
    reader = await js.subscribe(subject, stream=_stream(tenant), ordered_consumer=True)
    try:
        for number in range(1, left + 1):
            message = await reader.next_msg(timeout=_LATE)
            if message.metadata.sequence.consumer != number:
                raise nats.errors.TimeoutError
            seen = scan(message.data)
            records = found.setdefault(message.subject.rpartition(".")[2], [])
            records += [frame.raw for frame in seen.frames]
            if seen.damaged or seen.torn:
                records.append(message.data[seen.end :] or b"?")
    finally:
        with contextlib.suppress(nats.errors.Error):
            await reader.unsubscribe()
    return found


def _stream(tenant: str) -> str:
    return f"GRID_AUDIT_{tenant}"
