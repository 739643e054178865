"""A Host or a runtime in a process of its own: ``python -m tests.grid.chaos.member FILE``.

FILE is JSON: ``role``, ``credentials`` (a file), and what the role takes. It says "ready ID"
when it serves, drains on SIGTERM, and ends with its parent (its standard input closes).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from altar_extras.grid.audit import JournalSettings
from altar_extras.grid.host import HostSettings
from altar_extras.grid.node import ShippedJournal, connector_of, host_member
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.security import Credentials
from altar_extras.grid.transport import NatsConnector, NatsSettings
from tests.grid.chaos import bodies

PATIENT = NatsSettings(connect_timeout=30.0)  # where there is no other server to go to


class Runtime:
    """A runtime with a journal on disk that is shipped, and a clock of our choice."""

    def __init__(self, given: dict[str, Any], credentials: Credentials) -> None:
        connector = connector_of(credentials)
        if given.get("patient"):
            connector = NatsConnector(credentials.url or "", settings=PATIENT)
        self.audit: ShippedJournal | None = None
        if given.get("audit"):
            settings = JournalSettings(**given.get("journal", {}))
            folder = Path(given["audit"])
            self.audit = ShippedJournal(connector, credentials, folder, settings=settings)
        self.ships = given.get("ships", True)
        rate, ahead = given.get("rate", 1.0), given.get("ahead", 0.0)
        self.server = RuntimeServer(
            connector,
            bodies.TOOLS,
            credentials=credentials,
            settings=RuntimeSettings(**given.get("settings", {})),
            journal=None if self.audit is None else self.audit.journal,
            clock=lambda: time.monotonic() * rate + ahead,
        )

    async def start(self) -> str:
        await self.server.start()
        if self.audit is not None and self.ships:
            await self.audit.start()
        return self.server.id

    async def drain(self) -> None:
        await self.server.drain()
        if self.audit is not None:
            await (self.audit.drain(within=30.0) if self.ships else self.audit.close())


class HostProcess:
    """A Host whose state lies in JetStream."""

    def __init__(self, given: dict[str, Any], credentials: Credentials) -> None:
        skew = given.get("skew", 0.0)
        if skew:  # the wall clock of this machine is off
            real = time.time
            from altar_extras.grid.host import _host

            _host.time = lambda: real() + skew
        settings = HostSettings(mode="development", **given.get("settings", {}))
        self.host = host_member(credentials, settings, replicas=given.get("replicas", 1))

    async def start(self) -> str:
        await self.host.start()
        return "host"

    async def drain(self) -> None:
        await self.host.drain()


async def main(file: str) -> None:
    given = json.loads(Path(file).read_text("utf-8"))
    credentials = Credentials.read(given["credentials"])
    member = (Runtime if given["role"] == "runtime" else HostProcess)(given, credentials)
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_reader(0, lambda: os._exit(3) if not os.read(0, 1) else None)
    said = await member.start()
    print(f"ready {said}", flush=True)
    await told.wait()
    await member.drain()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("ALTAR_GRID_CHAOS_LOG", "ERROR"))
    asyncio.run(main(sys.argv[1]))
