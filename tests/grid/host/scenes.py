"""A tenant with a Host on a broker in this process, and parties that talk to it by hand."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from secrets import token_hex

from altar.adm import FunctionDeclaration, ToolContract
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.security import (
    Credentials,
    Principal,
    SigningKey,
    connection_name,
    contract_digest,
    key_id,
)
from altar_extras.grid.transport import LoopbackBroker, MemoryStore, RemoteError, Requests
from altar_extras.grid.wire import (
    AnnounceRuntime,
    CreateSession,
    FulfillTools,
    Subjects,
)

CLIENT, NARROW, OPERATOR, RUNTIME, OTHER = (SigningKey.generate() for _ in range(5))
SIGNER, GRID_KEY, ACME_KEY = (SigningKey.generate() for _ in range(3))
PRINCIPALS = (
    Principal(key=CLIENT.public, name="ana", tenant="acme", tools=("*",)),
    Principal(key=NARROW.public, name="nia", tenant="acme", tools=("add", "m*")),
    Principal(key=OPERATOR.public, name="ops", tenant="acme", role="operator"),
    Principal(key=RUNTIME.public, name="r1", tenant="acme", role="runtime"),
    Principal(key=OTHER.public, name="r2", tenant="acme", role="runtime"),
)


def contract(name: str = "math", *tools: str, version: str = "1.2.0", **extensions) -> ToolContract:
    declared = tuple(
        FunctionDeclaration(name=one, description=f"What {one} does.") for one in tools or ("add",)
    )
    return ToolContract(
        name=name,
        version=version,
        description=f"The tools of {name}.",
        function_declarations=declared,
        extensions=extensions or None,
    )


def claim(one: ToolContract) -> dict[str, str]:
    return {"name": one.name, "version": one.version, "digest": contract_digest(one)}


def credentials(**changes) -> Credentials:
    fields = {
        "role": "host",
        "tenant": "acme",
        "name": "h1",
        "seed": GRID_KEY.seed,
        "host_seed": SIGNER.seed,
        "tenants": {"acme": ACME_KEY.seed},
        "principals": PRINCIPALS,
    }
    return Credentials(**{**fields, **changes})


def development(**changes) -> HostSettings:
    return HostSettings(**{"mode": "development", "heartbeat": 0.05, "misses": 600, **changes})


@asynccontextmanager
async def hosting(settings: HostSettings | None = None, *, replicas: int = 1, **how):
    """(broker, hosts): replicas with one store on one broker, which the first one guards."""
    broker = LoopbackBroker()
    store = how.pop("store", None) or MemoryStore()
    how.setdefault("credentials", credentials())
    hosts = [
        Host(broker, store=store, settings=settings or development(), **how)
        for _ in range(replicas)
    ]
    broker.admit = hosts[0].admit
    try:
        for host in hosts:
            await host.start()
        yield broker, hosts
    finally:
        for host in hosts:
            await host.drain()


class Party:
    """One connection and what it asks under its own name."""

    def __init__(self, transport, name: str) -> None:
        self.transport = transport
        self.name = name
        self.requests = Requests(transport, name)

    async def ask(self, op: str, message, *, timeout: float = 30.0):
        return await self.requests.ask(Subjects.host(op, self.name), message, timeout=timeout)

    async def refused(self, op: str, message) -> str:
        """The reason why it is refused."""
        try:
            answer = await self.ask(op, message)
        except RemoteError as error:
            return error.reason
        raise AssertionError(f"it was not refused: {answer}")


async def party(connector, key: SigningKey, asker: str = "", **how) -> Party:
    made = Party(await connector.connect(seed=key.seed, **how), asker or key_id(key.public))
    await made.requests.start()
    return made


async def session(connector, key: SigningKey = CLIENT, **fields) -> Party:
    """A client with a session, on the session's own connection."""
    door = await party(connector, key)
    try:
        made = await door.ask("create_session", CreateSession(id=token_hex(8), **fields))
    finally:
        await door.transport.close()
    found = await party(connector, key, made.session, token=made.token)
    found.created = made
    return found


class Runtime:
    """A runtime by hand: it announces itself and fulfils what it is told to."""

    def __init__(self, found: Party, admin: list) -> None:
        self.party, self.admin = found, admin
        self.name, self.epoch = found.name, token_hex(4)

    async def beat(self, **fields):
        said = AnnounceRuntime(
            **{"id": token_hex(8), "runtime": self.name, "epoch": self.epoch, "slots": 4, **fields}
        )
        return await self.party.ask("announce_runtime", said)

    async def fulfill(self, *contracts):
        said = FulfillTools(id=token_hex(8), runtime=self.name, contracts=contracts)
        return await self.party.ask("fulfill_tools", said)

    async def close(self) -> None:
        await self.party.transport.close()


async def runtime(connector, key: SigningKey = RUNTIME, *contracts) -> Runtime:
    instance = token_hex(4)
    name = f"{key_id(key.public)}-{instance}"
    found = await party(connector, key, name, name=connection_name("runtime", instance))
    admin: list = []
    await found.transport.subscribe(Subjects.admin(name, "*"), admin.append)
    made = Runtime(found, admin)
    try:
        if contracts:
            await made.beat()
            await made.fulfill(*contracts)
    except BaseException:
        await made.close()
        raise
    return made


async def until(condition, *, seconds: float = 30.0) -> None:
    """Return when it holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.005)
