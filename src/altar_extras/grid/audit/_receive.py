"""AuditReceiver: a Host's side of shipping: checks, keeps, countersigns, and then confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.audit._errors import SinkRefused
from altar_extras.grid.audit._frames import frame_at
from altar_extras.grid.audit._heads import Head, countersign, head_bytes, is_signed
from altar_extras.grid.audit._records import EPOCH, HEAD
from altar_extras.grid.security import key_id

if TYPE_CHECKING:
    from altar_extras.grid.audit._journal import Journal
    from altar_extras.grid.audit._ship import AuditSink, Batch
    from altar_extras.grid.security import SigningKey

__all__ = ["AuditReceiver", "owns"]

_ID = 16


def owns(runtime: str, writer: str) -> bool:
    """Whether a runtime, known from the subject, may write as ``writer``: it has the same key."""
    return runtime == writer or (writer[_ID : _ID + 1] == "-" and runtime[:_ID] == writer[:_ID])


class AuditReceiver:
    """Takes batches of runtimes for a Host; what it confirms is kept, and its heads countersigned.

    ``sink`` is where they go (a NatsAuditSink of the tenant), ``journal`` the Host's
    own, which takes the countersignatures made with ``key``.
    """

    def __init__(self, sink: AuditSink, *, key: SigningKey, journal: Journal | None = None) -> None:
        self._sink = sink
        self._key = key
        self._journal = journal
        self._keys: dict[tuple[str, int], str] = {}

    async def take(self, batch: Batch, *, runtime: str) -> int:
        """How far the runtime's records are kept now; raises SinkRefused, SinkUnavailable.

        ``runtime`` is who asks, from the subject, never from the batch.
        """
        if not owns(runtime, batch.writer):
            raise SinkRefused(f"{runtime} does not write as {batch.writer}")
        if not batch.records:
            return (await self._sink.last(batch.writer)).sequence
        heads = self._checked(batch)
        last = await self._sink.put(batch)
        for head in heads:
            if head.sequence <= last and self._journal is not None:
                await self._journal.countersigned(countersign(head, self._key))
        return last

    def _checked(self, batch: Batch) -> list[Head]:
        """The signed heads in a batch of whole records in rising order."""
        heads, at = [], batch.after
        for raw in batch.records:
            frame = frame_at(raw)
            if frame is None or len(frame.raw) != len(raw) or frame.sequence <= at:
                raise SinkRefused(f"what follows on record {at} of {batch.writer} is no record")
            at = frame.sequence
            record = frame.record()
            if record is None:
                raise SinkRefused(f"record {at} of {batch.writer} cannot be read")
            if record.kind == EPOCH:
                self._learn(batch.writer, record.field("key"), record.field("epoch"))
            elif record.kind == HEAD:
                values = record.field("epoch"), record.field("sequence"), record.field("head")
                heads.append(Head(batch.writer, *values, record.field("signature")))
        return [head for head in heads if self._is_genuine(head)]

    def _learn(self, writer: str, key: str, epoch: int) -> None:
        try:
            named = key_id(key)
        except ConfigurationError:
            raise SinkRefused(f"epoch {epoch} of {writer} names no key") from None
        if writer[_ID : _ID + 1] == "-" and named != writer[:_ID]:
            raise SinkRefused(f"epoch {epoch} of {writer} names another's key")
        self._keys[writer, epoch] = key

    def _is_genuine(self, head: Head) -> bool:
        """A key that another Host learned is found by ``verify``; here it is taken on trust."""
        key = self._keys.get((head.writer, head.epoch))
        return key is None or is_signed(key, head_bytes(head), head.signature)
