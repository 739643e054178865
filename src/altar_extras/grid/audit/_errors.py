"""What the audit refuses: each with a reason for the wire, and whether the call may have run."""

from __future__ import annotations

from altar.errors import AltarError

__all__ = [
    "AuditError",
    "AuditUnshipped",
    "SinkRefused",
    "SinkUnavailable",
    "SpoolBroken",
    "SpoolFull",
]


class AuditError(AltarError):
    """The evidence for a call could not be kept; ``reason`` is the word that goes on the wire.

    Raised by ``started``, nothing has run; raised by ``finished``, the body has.
    """

    reason = "audit_refused"


class SpoolFull(AuditError):  # noqa: N818 - it says what is the case
    """No space for a call's two records: nothing was written, and nothing runs."""

    reason = "spool_full"


class SpoolBroken(AuditError):  # noqa: N818 - it says what is the case
    """The disk refused a write, or the journal is closed; it takes nothing until opened again."""

    reason = "spool_broken"


class AuditUnshipped(AuditError):  # noqa: N818 - it says what is the case
    """With ``sync=True``: on this disk, but not confirmed by the sink within ``sync_timeout``."""

    reason = "audit_unshipped"


class SinkUnavailable(AuditError):  # noqa: N818 - it says what is the case
    """The sink did not answer; whether it took the batch is found out before the next."""

    reason = "sink_unavailable"


class SinkRefused(AuditError):  # noqa: N818 - it says what is the case
    """The sink will not have these records: another's writer, or bytes that are no records."""

    reason = "sink_refused"
