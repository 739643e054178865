"""What a process of the grid is made of: a Host or a runtime with all that belongs to it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.runtime import stays_local
from altar_extras.grid.audit import JournalSettings
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.node._audit import ShippedJournal, StreamSink, host_journal
from altar_extras.grid.node._figures import RuntimeFigures
from altar_extras.grid.operate import Health, HealthServer
from altar_extras.grid.runtime import RuntimeServer, RuntimeSettings
from altar_extras.grid.transport import (
    ClientTls,
    GridTransportError,
    NatsConnector,
    NatsStore,
    StoreSettings,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.adm import ToolContract, ToolManifest
    from altar_extras.grid.security import Credentials, SignedManifest

__all__ = ["RuntimeMember", "RuntimeOptions", "connector_of", "host_member"]

_BUCKET = "grid"


def connector_of(credentials: Credentials) -> NatsConnector:
    """The connector to the servers that these credentials name. Raises ConfigurationError."""
    if not credentials.url:
        raise ConfigurationError("these credentials name no server: add --url nats://HOST:PORT")
    tls = credentials.tls
    secure = None
    if tls.ca and tls.cert and tls.key:
        secure = ClientTls(ca=tls.ca, cert=tls.cert, key=tls.key)
    return NatsConnector(credentials.url, tls=secure)


def host_member(
    credentials: Credentials,
    settings: HostSettings,
    *,
    replicas: int = 1,
    in_memory: bool = False,
    audit_folder: Path | None = None,
) -> Host:
    """A Host whose state and audit lie in JetStream, ``replicas`` of each (1, 3 or 5).

    With ``in_memory`` its state ends with the servers; the audit stays. With
    ``audit_folder`` it keeps evidence of its own there, and countersigns runtimes' heads.
    """
    kept = StoreSettings(replicas=replicas, timeout=5.0, in_memory=in_memory)
    return Host(
        connector_of(credentials),
        credentials=credentials,
        settings=settings,
        store=lambda transport: NatsStore(_nats(transport), _BUCKET, settings=kept),
        journal=None if audit_folder is None else partial(host_journal, credentials, audit_folder),
        audit=partial(StreamSink, replicas=replicas),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """Beside the tools: what they find as ``Context.deps``, what to fulfil, where the audit's
    spool lies (None: no audit), HTTP. With ``audit_sync`` a call waits, at its start and
    its end, until a Host has kept the record: what has run is known after the loss of this
    disk too, and where no Host keeps records nothing runs.
    """

    settings: RuntimeSettings | None = None
    contracts: ToolManifest | SignedManifest | Iterable[ToolContract] | None = None
    audit_folder: Path | None = None
    audit_sync: bool = False
    http: tuple[str, int] | None = None
    deps: Any = None


class RuntimeMember:
    """A RuntimeServer with its journal on disk, what ships it, and health over HTTP."""

    def __init__(self, credentials: Credentials, tools: Any, options: RuntimeOptions) -> None:
        connector = connector_of(credentials)
        self.audit: ShippedJournal | None = None
        if options.audit_folder is not None:
            kept = JournalSettings(sync=options.audit_sync)
            folder = options.audit_folder
            self.audit = ShippedJournal(connector, credentials, folder, settings=kept)
        elif options.audit_sync:
            raise ConfigurationError("audit_sync needs an audit_folder: there is no audit")
        # whatever mode altar.toml says here: this process is where calls arrive
        self._context = copy_context()
        self._context.run(stays_local.set, True)
        try:
            self.server = self._context.run(
                RuntimeServer,
                connector,
                tools,
                credentials=credentials,
                settings=options.settings or RuntimeSettings(),
                journal=None if self.audit is None else self.audit.journal,
                contracts=options.contracts,
                deps=options.deps,
            )
        except BaseException:
            if self.audit is not None:
                self.audit.journal.close()
            raise
        self.metrics = RuntimeFigures(
            self.server, None if self.audit is None else self.audit.journal
        )
        self.http: HealthServer | None = None
        if options.http is not None:
            host, port = options.http
            self.http = HealthServer(self.health, self.metrics, host=host, port=port, public=True)

    async def start(self) -> None:
        """Connect, serve, and ship. Raises GridTransportError and ConfigurationError."""
        try:
            await asyncio.create_task(self.server.start(), context=self._context)
            if self.audit is not None:
                await self.audit.start()
            if self.http is not None:
                await self.http.start()
        except BaseException:
            await self.close()
            raise

    def health(self) -> Health:
        """Ready: it serves, is connected, and its journal can be written."""
        status = self.server.status()
        reasons = [] if status.state == "serving" else [f"it is {status.state}"]
        if not status.connected:
            reasons.append("not connected")
        if not status.tools:
            reasons.append("no contract was accepted")
        if self.audit is not None and not self.audit.journal.writable:
            reasons.append("the journal cannot be written")
        return Health(not reasons, tuple(reasons))

    async def run_forever(self) -> None:
        """Return when it was drained, by a Host for instance, or closed."""
        await self.server.run_forever()

    async def drain(self) -> None:
        """Finish what runs, ship the audit, and leave."""
        await self.server.drain()
        if self.audit is not None:
            with suppress(GridTransportError):
                await self.audit.drain()
        await self.close()

    async def close(self) -> None:
        """Leave at once; again is nothing."""
        await self.server.close()
        if self.http is not None:
            await self.http.close()
        if self.audit is not None:
            await self.audit.close()


def _nats(transport: Any) -> Any:
    return transport
