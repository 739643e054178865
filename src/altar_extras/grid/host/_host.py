"""Host: the control plane of a grid, in as many replicas as one likes, none of them special."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self

from altar.adm import ToolContract
from altar.errors import AltarError, ClosedError, ConfigurationError
from altar_extras.grid.audit import AuditReceiver, NoJournal
from altar_extras.grid.host._callout import Callout
from altar_extras.grid.host._desk import Desk
from altar_extras.grid.host._door import Door
from altar_extras.grid.host._evidence import Evidence
from altar_extras.grid.host._figures import Figures
from altar_extras.grid.host._manifests import Manifests
from altar_extras.grid.host._mirror import Mirror
from altar_extras.grid.host._reload import Known
from altar_extras.grid.host._revoked import Revoked
from altar_extras.grid.host._sessions import revoke
from altar_extras.grid.host._settings import HostSettings, check_deployment, tenants_of
from altar_extras.grid.host._tenant import Shared, Tenant
from altar_extras.grid.operate import Health, HealthServer, Metrics
from altar_extras.grid.security import Rules, SigningKey, connection_name
from altar_extras.grid.transport import (
    GridTransportError,
    MemoryStore,
    NatsConnector,
    StoreError,
    StoreUnavailableError,
    insist,
)
from altar_extras.grid.wire import HOST_QUEUE, Ack, Subjects, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar_extras.grid.audit import AuditSink, Journal
    from altar_extras.grid.host._mirror import Doc
    from altar_extras.grid.security import AcceptedManifest, Credentials
    from altar_extras.grid.transport import (
        Connector,
        Inbound,
        Rights,
        Store,
        Subscription,
        Transport,
    )

__all__ = ["Host"]

_log = logging.getLogger("altar.grid.host")
_SWEEP = 1.0
_PATIENCE = 10.0  # seconds for a silent server, for the store at the start, for requests at the end
_OPENING = 30.0  # for a store that is to be made, and cannot be yet
_AGAIN = 0.1
_AFTER_ANSWER = 0.2  # seconds until a session's connection is cut that asked for its own end


class Host:
    """One replica of the control plane.

    ``connector`` is where its connections come from; ``tenants`` gives a tenant
    another one (brokers in this process carry one tenant each). ``store`` is
    shared by all replicas: a MemoryStore within one process, or a function that
    makes one of the Host's own connection (``NatsStore``). ``audit`` makes a
    tenant's sink of that connection. ``journal`` takes the Host's own evidence: an
    open one, or a function that opens a tenant's (its writer's key is ``host_seed``'s),
    which this Host then ships to ``audit`` and closes.

    ``await start()`` and ``await drain()``, or ``async with``. Raises
    ConfigurationError for what must not be served, and ManifestRefused.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        credentials: Credentials,
        settings: HostSettings | None = None,
        store: Store | Callable[[Transport], Store] | None = None,
        tenants: Mapping[str, Connector] | None = None,
        journal: Journal | Callable[[str], Journal] | None = None,
        audit: Callable[[str, Transport], AuditSink] | None = None,
    ) -> None:
        self.settings = settings or HostSettings()
        check_deployment(self.settings, credentials)
        assert credentials.host_seed is not None
        self.metrics = Metrics()
        self._credentials = credentials
        self._connector = connector
        self._connectors = dict(tenants or {})
        self._store = store if store is not None else MemoryStore()
        self._evidence = Evidence(journal)
        self._audit = audit
        self._key = SigningKey.from_seed(credentials.host_seed)
        self._seeds = tenants_of(credentials)
        self._revoked = Revoked()
        self._figures = Figures(self.metrics)
        self._rules, manifests, self._tools = self._make_rules()
        self._door = Door(
            self._rules,
            hosts=self._host_keys(),
            issuer=credentials.issuer_seed,
            denials=self._figures.denials,
            clock=time,
        )
        self._manifests = Manifests(
            manifests,
            settings=self.settings,
            root=credentials.root,
            figures=self._figures,
            cut=self._door.cut,
        )
        self._callout = Callout(self._asked)
        self._figures.watch_callout(self._callout)
        self._transports: dict[str, Transport] = {}
        self._desks: dict[str, Desk] = {}
        self._subscriptions: list[Subscription] = []
        self._mirror: Mirror | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._http: HealthServer | None = None
        self._state = "new"

    # --- for brokers in this process

    def admit(self, public: str, token: str, name: str) -> tuple[Rights, float | None]:
        """Who may connect to a LoopbackBroker of the only tenant; see :meth:`admitting`."""
        if len(self._seeds) != 1:
            raise ConfigurationError("this Host has several tenants: say admitting(tenant)")
        return self._door.admit(next(iter(self._seeds)), public, token, name)

    def admitting(self, tenant: str) -> Callable[[str, str, str], tuple[Rights, float | None]]:
        """The ``admit`` of a LoopbackBroker that carries this tenant."""
        return partial(self._door.admit, tenant)

    # --- life

    async def start(self) -> None:
        """Connect, read the store and the manifests, and serve."""
        if self._state != "new":
            raise ClosedError("a Host is started once")
        self._state = "starting"
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise
        self._state = "serving"

    async def drain(self) -> None:
        """Take nothing new, answer what came, and close."""
        if self._state == "serving":
            self._state = "draining"
            for subscription in self._subscriptions:
                with suppress(GridTransportError):
                    await subscription.drain()
            for desk in self._desks.values():
                await desk.drain(_PATIENCE)
            await self._evidence.drain()
            for transport in self._transports.values():
                with suppress(GridTransportError, TimeoutError):
                    await transport.flush()
        await self.close()

    async def close(self) -> None:
        """Stop at once; again is nothing."""
        if self._state == "closed":
            return
        self._state = "closed"
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for desk in self._desks.values():
            await desk.drain(0.0)
        if self._http is not None:
            await self._http.close()
        await self._manifests.close()
        for desk in self._desks.values():
            desk.tenant.awaited.close()
        if self._mirror is not None:
            await self._mirror.close()
        await self._callout.close()
        await self._evidence.close()
        for transport in self._transports.values():
            await transport.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drain()

    # --- what an operator asks

    def health(self) -> Health:
        """Ready: connected everywhere, the store was read, manifests valid, journal writable."""
        reasons = [] if self._state == "serving" else [f"it is {self._state}"]
        reasons += [
            f"not connected in {name}"
            for name, transport in self._transports.items()
            if not transport.is_connected
        ]
        if self._mirror is None or not self._mirror.is_settled:
            reasons.append("the store was not read yet")
        reasons += self._manifests.problems()
        for name, desk in self._desks.items():
            stopped = desk.tenant.contracts.problem()
            if stopped is not None:
                reasons.append(f"{name}: {stopped.message}")
        if not self._evidence.writable:
            reasons.append("the journal cannot be written")
        return Health(not reasons, tuple(reasons))

    @property
    def http_url(self) -> str | None:
        """Where /live, /ready and /metrics are; None without HTTP."""
        return None if self._http is None else self._http.url

    async def reload(self, credentials: Credentials | None = None) -> None:
        """Read the manifests again; a refused one (ManifestRefused) leaves the old in force.

        Of ``credentials``, this Host's file anew, the principals and ``host_keys`` are taken:
        who is in it no more is revoked, whose rights changed has to connect again. Raises
        ConfigurationError for another Host's or grid's, before anything has changed.
        """
        if self._state != "serving":
            raise ClosedError(f"this Host is {self._state}")
        if credentials is not None:
            await self._know(credentials)
        await self._manifests.reload([desk.tenant for desk in self._desks.values()])

    async def _know(self, credentials: Credentials) -> None:
        gone, changed, late = self._known.take(credentials)
        for desk in self._desks.values():
            desk.tenant.askers.know(self._known.principals)
        if late:
            _log.warning("%s changed in the credentials: restart this Host", " and ".join(late))
        self._door.cut({*gone, *changed})
        for key, one in gone.items():
            _log.info("%s %s of %s is known no more", one.role, one.name, one.tenant)
            if one.tenant in self._desks:
                with suppress(StoreError):  # every Host has the new file; runtimes are told here
                    await revoke(self._desks[one.tenant].tenant, key)

    async def revoke(self, tenant: str, name: str) -> None:
        """Believe a session (its id) or a public key no more.

        Its connections are cut at once where ``system_seed`` is given; elsewhere
        they last until their token ends, while Hosts and runtimes refuse them.
        Raises StoreUnavailableError.
        """
        desk = self._desks.get(tenant)
        if desk is None:
            raise ConfigurationError(f"this Host has no tenant {tenant!r:.80}")
        await revoke(desk.tenant, name)

    async def serves(self, tenant: str, runtime: str) -> tuple[str, ...]:
        """The tools for which this Host sends a tenant's sessions to a runtime (its id). Another
        may have heard of it earlier, or later.
        """
        desk = self._desks.get(tenant)
        if desk is None:
            raise ConfigurationError(f"this Host has no tenant {tenant!r:.80}")
        await desk.tenant.awaited.come()
        return desk.tenant.served_by(runtime)

    # --- the parts

    def _make_rules(
        self,
    ) -> tuple[Rules, dict[str, AcceptedManifest], dict[str, list[tuple[str, int]]]]:
        manifests: dict[str, AcceptedManifest] = {}
        tools: dict[str, list[tuple[str, int]]] = {}
        self._known = Known(self._credentials, self._key.public)
        rules = Rules(
            mode=self.settings.mode,
            principals=self._known.principals,
            host_keys=self._known.host_keys,
            manifests=manifests,
            tools=tools,
            revoked=self._revoked.names,
        )
        return rules, manifests, tools

    def _host_keys(self) -> set[str]:
        seeds = {self._credentials.seed, *self._seeds.values()}
        named = {one.key for one in self._credentials.principals if one.role == "host"}
        return {SigningKey.from_seed(seed).public for seed in seeds} | named

    async def _start(self) -> None:
        self._evidence.open(self._seeds)
        own = await self._connect("GRID", self._connector, self._credentials.seed)
        store = self._store(own) if callable(self._store) else self._store
        await _open(store, monotonic() + _OPENING)
        self._mirror = Mirror(store, timeout=self.settings.store_timeout)
        shared = Shared(
            settings=self.settings,
            key=self._key,
            mirror=self._mirror,
            revoked=self._revoked,
            journal=self._evidence.of,
            clock=time,
            monotonic=monotonic,
        )
        for name in self._seeds:
            tenant = Tenant(name, shared, self._rules.principals)
            tenant.tell = partial(self._tell, name)
            tenant.sessions = partial(self._door.sessions.of, name)
            figures = self._figures
            self._desks[name] = Desk(
                tenant, denials=figures.denials, requests=figures.requests, health=self.health
            )
        self._mirror.listen("revoked", self._on_revoked)
        self._mirror.listen("contract", self._on_contract)
        until = monotonic() + _PATIENCE
        await self._mirror.start(_PATIENCE)
        tenants = [desk.tenant for desk in self._desks.values()]
        await self._manifests.start(self._mirror, tenants, patience=until - monotonic())
        await self._open_doors(own)
        self._figures.watch(self._desks, self._evidence)
        if self.settings.http_port is not None:
            self._http = HealthServer(
                self.health,
                self.metrics,
                host=self.settings.http_host,
                port=self.settings.http_port,
                public=self.settings.http_public,
            )
            await self._http.start()
        self._sweeper = asyncio.create_task(self._sweep(), name="altar-host-sweep")

    async def _open_doors(self, own: Transport) -> None:
        if self.settings.system_seed is not None:
            system = await self._connect("SYS", self._connector, self.settings.system_seed)
            self._door.kick = partial(_kick, system)
        for name, desk in self._desks.items():
            connector = self._connectors.get(name, self._connector)
            transport = await self._connect(name, connector, self._seeds[name])
            desk.transport = transport
            if self._audit is not None:
                sink = self._audit(name, own)
                journal = self._evidence.of(name)
                kept = None if isinstance(journal, NoJournal) else journal
                desk.tenant.receiver = AuditReceiver(sink, key=self._key, journal=kept)
                await self._evidence.ship(name, sink)
            for op in desk.heard_ops:
                await self._hear(transport, Subjects.host(op, "*"), desk.hear)
            await self._hear(transport, Subjects.host("*", "*"), desk.take, queue=HOST_QUEUE)
        if self._credentials.issuer_seed is not None:
            # every Host answers, and the first answer counts: one that was chosen for it might
            # sit behind a server that is silent, and nobody could connect for seconds
            await self._callout.hear(own)
            if isinstance(self._connector, NatsConnector):
                self._callout.keep(self._connector.each(), self._credentials.seed)

    async def _connect(self, name: str, connector: Connector, seed: str) -> Transport:
        named = connection_name("host")
        made = await insist(lambda: connector.connect(seed=seed, name=named), within=_PATIENCE)
        self._transports[name] = made
        return made

    async def _hear(
        self,
        transport: Transport,
        subject: str,
        handler: Callable[[Inbound], None],
        *,
        queue: str = "",
    ) -> None:
        self._subscriptions.append(await transport.subscribe(subject, handler, queue=queue))

    def _asked(self, question: bytes) -> bytes | None:
        """A server asks who may connect."""
        answer = self._door.answer(question)
        if answer is not None:
            self._figures.callouts.add()
        return answer

    def _tell(self, tenant: str, runtime: str, op: str, notes: dict[str, Any]) -> None:
        transport = self._transports.get(tenant)
        if transport is None:
            return
        message = Ack(id=op, time_ms=int(time() * 1000), notes=notes)
        with suppress(GridTransportError):
            transport.publish(Subjects.admin(runtime, op), pack(message))

    def _on_revoked(self, tenant: str, name: str, doc: Doc | None) -> None:
        if doc is None:
            return
        if self._revoked.add(name, float(doc.get("expires", "inf"))):
            if name[:1] == "U" and tenant in self._desks:
                self._desks[tenant].tenant.runtimes.cut({name})
            asyncio.get_running_loop().call_later(_AFTER_ANSWER, self._door.cut, {name})

    def _on_contract(self, tenant: str, name: str, doc: Doc | None) -> None:
        desk = self._desks.get(tenant)
        if desk is None or self.settings.mode == "strict":
            return
        contracts = desk.tenant.contracts
        try:
            contracts.put(name, None if doc is None else ToolContract.from_dict(doc["contract"]))
        except (AltarError, KeyError):
            _log.warning("a contract in the store cannot be read: %s", name)
        self._tools[tenant] = [(one.name, one.major) for one in contracts.tools]

    async def _sweep(self) -> None:
        assert self._mirror is not None
        while True:
            await asyncio.sleep(_SWEEP)
            self._mirror.sweep()
            self._revoked.sweep(time())
            for desk in self._desks.values():
                desk.tenant.runtimes.sweep(monotonic())


async def _open(store: Store, until: float) -> None:
    """Have a store made, which three new servers cannot before each knows of the others."""
    opened = getattr(store, "open", None)
    while opened is not None:
        try:
            await opened()
        except StoreUnavailableError:
            if monotonic() >= until:
                raise
            await asyncio.sleep(_AGAIN)
        else:
            return


def _kick(system: Transport, server: str, connection: int) -> None:
    body = json.dumps({"cid": connection}).encode()
    with suppress(GridTransportError):
        # the server acts on a question only where it may answer, though nobody listens here
        reply = Subjects.reply("host", "kick")
        system.publish(f"$SYS.REQ.SERVER.{server}.KICK", body, reply=reply)
