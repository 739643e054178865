"""JournalSettings: how much a journal may hold, and when it signs."""

from __future__ import annotations

from dataclasses import dataclass

from altar.errors import ConfigurationError

__all__ = ["JournalSettings"]

_SMALLEST = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """How much a journal may hold, and when it signs.

    ``max_bytes`` bounds the spool; a call takes about 550 bytes of it until the
    sink has confirmed it. Files of ``segment_bytes`` are written with zeros
    ahead of their use, so that a later write needs no space. ``commit_interval``
    waits that many seconds for more records before each write to disk; with 0
    a write takes what came during the one before. A head is signed every
    ``head_records`` records and ``head_seconds`` seconds. With ``sync`` a record
    counts only once the sink has confirmed it, within ``sync_timeout`` seconds.

    Raises ConfigurationError.
    """

    max_bytes: int = 256 * 1024 * 1024
    segment_bytes: int = 4 * 1024 * 1024
    commit_interval: float = 0.0
    head_records: int = 1024
    head_seconds: float = 60.0
    sync: bool = False
    sync_timeout: float = 10.0

    def __post_init__(self) -> None:
        if self.segment_bytes < _SMALLEST:
            raise ConfigurationError(
                f"segment_bytes={self.segment_bytes} is too small: give {_SMALLEST} or more"
            )
        if self.max_bytes < 2 * self.segment_bytes:
            raise ConfigurationError(
                f"max_bytes={self.max_bytes} is less than two segments of {self.segment_bytes} "
                "bytes: raise max_bytes or lower segment_bytes"
            )
        if not 0 <= self.commit_interval <= 1:
            raise ConfigurationError("commit_interval goes from 0 to 1 second")
        if self.head_records < 1 or self.head_seconds <= 0 or self.sync_timeout <= 0:
            raise ConfigurationError(
                "head_records, head_seconds and sync_timeout are positive numbers"
            )
