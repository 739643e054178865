"""A Host in STRICT: the signed manifest rules, at the start, on reload and when it ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex

import pytest

pytest.importorskip("msgpack")

from altar.adm import ToolManifest
from altar.errors import ConfigurationError
from altar_extras.grid.cli._host import _Serving
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.host._mirror import Mirror
from altar_extras.grid.security import ManifestRefused, SignedManifest, SigningKey, key_id
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    ConflictError,
    LoopbackBroker,
    MemoryStore,
    RemoteError,
    StoreUnavailableError,
)
from altar_extras.grid.wire import CreateSession, Directory, ListTools, RegisterTools, Subjects
from tests.grid.host import scenes
from tests.grid.host.scenes import (
    CLIENT,
    NARROW,
    OTHER,
    RUNTIME,
    claim,
    contract,
    credentials,
    development,
    party,
    runtime,
    session,
    until,
)
from tests.waiting import asoon

ROOT = SigningKey.generate()
MATH, TEXT = contract("math", "add", "mul"), contract("text", "upper")


def sign(path, *, sequence=1, root=ROOT, seconds=3600.0, revoked=(), runtimes=None) -> None:
    if runtimes is None:
        runtimes = {"math": [RUNTIME.public], "text": [RUNTIME.public, OTHER.public]}
    SignedManifest.sign(
        ToolManifest(contracts=(MATH, TEXT)),
        root=root,
        tenant="acme",
        sequence=sequence,
        expires=time.time() + seconds,
        runtimes=runtimes,
        revoked=revoked,
    ).write(path)


def strict(folder, *, store=None, **changes) -> Host:
    fields = {"mode": "strict", "heartbeat": 0.05, "misses": 600, "state_folder": folder}
    settings = HostSettings(manifests={"acme": folder / "signed.json"}, **{**fields, **changes})
    made = credentials(root=ROOT.public, principals=scenes.PRINCIPALS[:2])
    broker = LoopbackBroker()
    host = Host(broker, credentials=made, settings=settings, store=store or MemoryStore())
    broker.admit = host.admit
    host.broker = broker
    return host


@asynccontextmanager
async def serving(folder, **changes):
    host = strict(folder, **changes)
    try:
        await host.start()
        yield host, host.broker
    finally:
        await host.drain()


def run(scene) -> None:
    asyncio.run(asyncio.wait_for(scene(), 60))


def test_only_the_manifests_contracts_by_its_runtimes_count(tmp_path):
    sign(tmp_path / "signed.json")

    async def scene():
        async with serving(tmp_path) as (host, broker):
            one = await runtime(broker, RUNTIME, claim(MATH), claim(TEXT))
            two = await runtime(broker, OTHER)
            await two.beat()
            differs = {**claim(TEXT), "digest": claim(MATH)["digest"]}
            answer = await two.fulfill(claim(MATH), claim(TEXT), claim(contract("new")), differs)
            assert answer.accepted == (claim(TEXT),)
            assert [row["reason"] for row in answer.refused] == [
                "not_in_manifest", "not_in_manifest", "digest_differs",
            ]  # fmt: skip
            found = await session(broker, NARROW)  # "add" and "m*"
            assert [row["name"] for row in found.created.tools] == ["add", "mul"]
            listed = await found.ask("directory", Directory(id="d"))
            assert [row["runtime"] for row in listed.runtimes] == [one.name]
            page = await two.party.ask("list_tools", ListTools(id="l"))
            assert [doc["name"] for doc in page.contracts] == ["text"]
            dynamic = RegisterTools(id="r", runtime=two.name, session=found.name)
            assert await two.party.refused("register_tools", dynamic) == "not_in_development"
            assert "altar_grid_manifest_sequence" in host.metrics.text()
            with pytest.raises(AdmissionRefusedError):
                await runtime(broker, scenes.ACME_KEY.generate())

    run(scene)


def test_a_reload_takes_a_newer_manifest_and_refuses_an_older_or_foreign_one(tmp_path):
    path = tmp_path / "signed.json"
    sign(path, sequence=5)

    async def scene():
        async with serving(tmp_path) as (host, _):
            for wrong, reason in (
                ({"sequence": 4}, "older"),
                ({"sequence": 6, "root": SigningKey.generate()}, "foreign_root"),
            ):
                sign(path, **wrong)
                with pytest.raises(ManifestRefused) as caught:
                    await host.reload()
                assert caught.value.reason == reason
                assert host.health().ready
                assert f'reason="manifest_{reason}"' in host.metrics.text()
            sign(path, sequence=6)
            await host.reload()
            assert 'altar_grid_manifest_sequence{tenant="acme"} 6' in host.metrics.text()
        sign(path, sequence=5)
        late = strict(tmp_path)
        with pytest.raises(ManifestRefused, match="6 has been seen"):
            await late.start()

    run(scene)


def test_a_key_that_a_new_manifest_revokes_is_cut(tmp_path):
    path = tmp_path / "signed.json"
    sign(path)

    async def scene():
        async with serving(tmp_path) as (host, broker):
            one = await runtime(broker, RUNTIME, claim(TEXT))
            two = await runtime(broker, OTHER, claim(TEXT))
            found = await session(broker)
            sign(path, sequence=2, revoked=[OTHER.public, NARROW.public])
            await host.reload()
            await one.beat()
            listed = await found.ask("directory", Directory(id="d"))
            assert [row["runtime"] for row in listed.runtimes] == [one.name]
            await until(lambda: two.admin and one.admin)
            assert Subjects.admin(one.name, "refresh") in [word.subject for word in one.admin]
            assert two.admin[0].subject == Subjects.admin(two.name, "drain")
            assert await two.party.refused("list_tools", ListTools(id="l")) == "revoked"
            with pytest.raises(AdmissionRefusedError):
                await runtime(broker, OTHER)
            with pytest.raises(AdmissionRefusedError):
                await party(broker, NARROW)

    run(scene)


def test_a_manifest_that_ends_stops_everything(tmp_path):
    async def entered(stack, folder):
        """The Host, and who was let in before the manifest ended; None on a machine too busy."""
        try:
            host, broker = await stack.enter_async_context(serving(folder))
            one = await runtime(broker, RUNTIME, claim(MATH))
            return host, broker, one, await session(broker), await party(broker, CLIENT)
        except (ManifestRefused, AdmissionRefusedError, RemoteError):
            return None

    async def scene(folder, seconds):
        async with AsyncExitStack() as stack:
            sign(folder / "signed.json", seconds=seconds)
            there = await entered(stack, folder)
            if there is None:
                return False
            host, broker, serving_one, found, door = there
            assert found.created.expires_ms / 1000 <= time.time() + seconds
            await until(lambda: not host.health().ready)
            assert "expired" in host.health().reasons[0]
            asked = CreateSession(id=token_hex(4))
            assert await door.refused("create_session", asked) == "manifest_expired"
            await until(lambda: not serving_one.party.transport.is_connected)
            with pytest.raises(AdmissionRefusedError):
                await runtime(broker, RUNTIME)
            return True

    for seconds in (1.2, 5.0, 20.0):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        if asyncio.run(asyncio.wait_for(scene(folder, seconds), 60)):
            return
    raise AssertionError("nobody was let in before the manifest ended")


def test_what_was_ever_strict_never_serves_development(tmp_path):
    sign(tmp_path / "signed.json")

    async def scene():
        host = strict(tmp_path)
        await host.start()
        store = host._store
        await host.drain()
        other = Host(
            LoopbackBroker(), credentials=credentials(), settings=development(), store=store
        )
        with pytest.raises(ConfigurationError, match="mode strict"):
            await other.start()

    run(scene)


class Late(MemoryStore):
    """Read at once, and it takes no change until it has a leader."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals, self.leads = 0, False

    async def create(self, key, value, ttl=None):
        if not self.leads:
            self.refusals += 1
            raise StoreUnavailableError("no leader")
        return await super().create(key, value, ttl)


def manifests(keys: list[str]) -> list[str]:
    return [key for key in keys if key.startswith("manifest.acme.")]


async def is_stored(store: MemoryStore) -> bool:
    """Whether it has the mode and the manifest that a strict Host accepted."""
    keys = await store.keys()
    return "mode.grid.this" in keys and bool(manifests(keys))


def test_a_host_has_started_when_the_store_has_what_it_accepted(tmp_path):
    sign(tmp_path / "signed.json")

    async def scene():
        store = Late()
        host = strict(tmp_path, store=store)
        starting = asyncio.create_task(host.start())
        assert await asoon(lambda: store.refusals > 0 and host._manifests.problems())
        assert not starting.done()
        assert not host.health().ready
        store.leads = True
        await starting
        assert await is_stored(store)
        assert host.health().ready
        await host.drain()

    run(scene)


def test_what_the_store_did_not_take_in_time_is_stored_later_and_ready_is_said_then(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("altar_extras.grid.host._host._PATIENCE", 0.5)
    sign(tmp_path / "signed.json")

    async def scene():
        store = Late()
        host = strict(tmp_path, store=store)
        starting = asyncio.create_task(_Serving(host, None).start())
        waiting = "what it accepted is not in the store yet"
        assert await asoon(lambda: host.health().reasons == (waiting,))  # it serves
        assert not starting.done()
        store.leads = True
        await starting
        assert await is_stored(store)
        await host.drain()

    run(scene)


def test_what_another_host_accepted_meanwhile_is_said_and_no_reason_to_try_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("altar_extras.grid.host._host._PATIENCE", 0.5)
    sign(tmp_path / "signed.json")

    async def scene():
        store = Late()
        host = strict(tmp_path, store=store)
        await host.start()
        key = f"manifest.acme.{key_id(ROOT.public)}"
        await MemoryStore.create(store, key, b'{"sequence":2,"digest":"another"}')
        store.leads = True
        assert await asoon(lambda: "refused" in str(host.health().reasons))
        assert "put the newest manifest" in str(host.health().reasons)
        sign(tmp_path / "signed.json", sequence=3)
        await host.reload()
        assert await asoon(lambda: host.health().ready)
        assert (await store.get(key)).value.startswith(b'{"sequence":3,')
        await host.drain()

    run(scene)


def test_a_change_that_its_twin_made_is_made_though_the_store_shows_it_late():
    class Replicated(MemoryStore):
        """It refuses while another's change is on its way, and shows that a moment later."""

        async def update(self, key, value, revision, *, ttl=None):
            asyncio.get_running_loop().call_later(0.03, self._arrive, key, value)
            raise ConflictError("somebody else was first")

        def _arrive(self, key, value):
            if self._entries[key].value != value:
                self._put(key, value, None)

    async def scene():
        mirror = Mirror(Replicated())
        await mirror.change("manifest.acme.r", lambda _: {"sequence": 1})

        def second(doc):
            return None if doc == {"sequence": 2} else {"sequence": 2}

        assert await mirror.change("manifest.acme.r", second) == {"sequence": 2}

    run(scene)
