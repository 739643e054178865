"""A process that is killed: calls without end, each acknowledged step said on standard output."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from altar_extras.grid.audit import Journal, JournalSettings, Shipper
from altar_extras.grid.security import SigningKey
from tests.grid.audit.calls import KEY, entry, outcome


async def main(folder: str, run: str, url: str) -> None:
    settings = JournalSettings(segment_bytes=64 * 1024, max_bytes=4 << 20)
    journal = Journal.open(
        Path(folder), writer="w1", key=SigningKey.from_seed(KEY.seed), settings=settings
    )
    if url:
        import nats

        from altar_extras.grid.audit import NatsAuditSink

        js = (await nats.connect(url)).jetstream()
        await Shipper(journal, NatsAuditSink(js, tenant="acme")).start()
    say(f"u {len(journal.recovery.unknown)}")

    async def calls(caller: int) -> None:
        for number in range(1_000_000):
            name = f"{run}-{caller}-{number}"
            await journal.started(entry(name))
            say(f"s {name}")
            await asyncio.sleep(0)
            await journal.finished(outcome(name))
            say(f"f {name}")

    await asyncio.gather(*[calls(caller) for caller in range(8)])


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
