"""The audit: evidence on disk before a call runs and before its reply leaves, then in JetStream.

``Journal`` keeps it, ``Shipper`` takes it to an ``AuditSink``, ``verify`` checks it.
``NatsAuditSink`` and ``read_stream`` are loaded with their first use, since they need nats-py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar_extras.grid.audit._errors import (
    AuditError,
    AuditUnshipped,
    SinkRefused,
    SinkUnavailable,
    SpoolBroken,
    SpoolFull,
)
from altar_extras.grid.audit._heads import Countersignature, Head, countersign
from altar_extras.grid.audit._journal import Journal
from altar_extras.grid.audit._none import NoJournal
from altar_extras.grid.audit._receive import AuditReceiver
from altar_extras.grid.audit._records import Entry, Outcome, Record
from altar_extras.grid.audit._recovery import Recovery
from altar_extras.grid.audit._settings import JournalSettings
from altar_extras.grid.audit._ship import (
    AuditSink,
    Batch,
    HostSink,
    Position,
    Shipper,
    ShipSettings,
)
from altar_extras.grid.audit._spool import read_folder
from altar_extras.grid.audit._verify import Broken, Summary, Verdict, verify

if TYPE_CHECKING:
    from altar_extras.grid.audit._nats import (
        NatsAuditSink,
        audit_stream,
        audit_subject,
        read_stream,
    )

__all__ = [
    "AuditError",
    "AuditReceiver",
    "AuditSink",
    "AuditUnshipped",
    "Batch",
    "Broken",
    "Countersignature",
    "Entry",
    "Head",
    "HostSink",
    "Journal",
    "JournalSettings",
    "NatsAuditSink",
    "NoJournal",
    "Outcome",
    "Position",
    "Record",
    "Recovery",
    "ShipSettings",
    "Shipper",
    "SinkRefused",
    "SinkUnavailable",
    "SpoolBroken",
    "SpoolFull",
    "Summary",
    "Verdict",
    "audit_stream",
    "audit_subject",
    "countersign",
    "read_folder",
    "read_stream",
    "verify",
]

_NATS = {"NatsAuditSink", "audit_stream", "audit_subject", "read_stream"}


def __getattr__(name: str) -> Any:
    if name not in _NATS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from altar_extras.grid.audit import _nats  # noqa: PLC0415 - nats-py, which a spool needs not

    return getattr(_nats, name)
