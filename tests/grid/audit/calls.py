"""What the audit's tests share: calls, journals with small files, and a sink in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from altar_extras.grid.audit import (
    Batch,
    Entry,
    Journal,
    JournalSettings,
    Outcome,
    Position,
    SinkUnavailable,
)
from altar_extras.grid.security import SigningKey

SMALL = 64 * 1024
KEY = SigningKey.from_seed(SigningKey(bytes(range(32))).seed)


def small(**options: Any) -> JournalSettings:
    return JournalSettings(**{"segment_bytes": SMALL, "max_bytes": 4 * SMALL, **options})


def opened(folder: Path, *, writer: str = "w1", key: SigningKey = KEY, **options: Any) -> Journal:
    return Journal.open(folder / "spool", writer=writer, key=key, settings=small(**options))


def entry(number: int | str) -> Entry:
    digest = "sha256:" + "a" * 64
    return Entry(
        f"call-{number}", "00-trace-01", "get_weather", digest, "s1", "alice", 1, digest, 7
    )


def outcome(number: int | str) -> Outcome:
    return Outcome(f"call-{number}", "SUCCESS", "", "yes", 0.25, "sha256:" + "c" * 64)


async def make_calls(journal: Journal, first: int, last: int) -> None:
    for number in range(first, last):
        await journal.started(entry(number))
        await journal.finished(outcome(number))


class MemorySink:
    """Keeps records by the rule of a sink; ``faults`` answers are lost, after keeping or before."""

    def __init__(self) -> None:
        self.kept: dict[str, list[bytes]] = {}
        self.faults: list[str] = []
        self.batches: list[int] = []

    async def last(self, writer: str) -> Position:
        from altar_extras.grid.audit._frames import sequence_of

        records = self.kept.get(writer)
        return Position(sequence_of(records[-1]), records[-1][-32:]) if records else Position(0)

    async def put(self, batch: Batch) -> int:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise SinkUnavailable("lost on the way there")
        at = (await self.last(batch.writer)).sequence
        if at == batch.after and batch.records:
            self.kept.setdefault(batch.writer, []).extend(batch.records)
            self.batches.append(len(batch.records))
            at = batch.last
        if fault == "after":
            raise SinkUnavailable("lost on the way back")
        return at
