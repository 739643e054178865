"""What clients and runtimes try at a Host, beyond what is theirs."""

from __future__ import annotations

import asyncio
import time

import pytest

pytest.importorskip("msgpack")
pytest.importorskip("cryptography")

from altar_extras.grid.host._askers import new_session
from altar_extras.grid.host._door import Door
from altar_extras.grid.host._mirror import Mirror, _Held
from altar_extras.grid.host._revoked import Revoked
from altar_extras.grid.operate import Metrics
from altar_extras.grid.security import Rules
from altar_extras.grid.transport import AdmissionRefusedError, Inbound, MemoryStore
from altar_extras.grid.wire import CreateSession, Directory, Error, Hello, ReportLost, pack
from tests.grid.host.scenes import (
    CLIENT,
    NARROW,
    OTHER,
    RUNTIME,
    contract,
    development,
    hosting,
    party,
    runtime,
    session,
)


def run(scene) -> None:
    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_runtime_cannot_have_another_runtimes_calls_quarantined():
    async def scene():
        async with hosting() as (broker, hosts):
            victim = await runtime(broker, RUNTIME, contract("math", "add").to_dict())
            evil = await runtime(broker, OTHER, contract("text", "upper").to_dict())
            lie = {"invocation_id": "x", "args_digest": "sha256:00", "runtime": evil.name}
            for epoch in ("1", "2", "3", "4"):
                said = ReportLost(id=epoch, tool="add", epoch=epoch, **lie)
                assert await evil.party.refused("report_lost", said) == "not_allowed"
            assert hosts[0]._desks["acme"].tenant.quarantined() == []
            own = ReportLost(id="5", tool="upper", epoch="1", **lie)
            assert (await evil.party.ask("report_lost", own)).notes == {"counted": True}
            for each in (victim, evil):
                await each.close()

    run(scene)


def test_whoever_was_struck_off_is_not_let_in_by_an_old_token():
    async def scene():
        async with hosting() as (broker, hosts):
            found = await session(broker)
            hosts[0]._rules.principals.pop(CLIENT.public)
            with pytest.raises(AdmissionRefusedError) as caught:
                await broker.connect(seed=CLIENT.seed, token=found.created.token)
            assert caught.value.reason == "unknown_key"

    run(scene)


def test_a_revoked_key_stays_revoked_and_a_flood_of_ended_sessions_does_not_prevent_it(
    monkeypatch,
):
    monkeypatch.setattr("altar_extras.grid.host._revoked._MOST", 1000)

    async def scene():
        settings = development(session_seconds=1.0, shortest_session=0.5)
        async with hosting(settings) as (broker, hosts):
            host = hosts[0]
            later = time.time() + 600
            for number in range(1000):  # as if other sessions had been destroyed
                host._revoked.add(f"{number:016x}-s{number:024x}", later)
            await host.revoke("acme", CLIENT.public)
            host._revoked.sweep(time.time() + 10 * 365 * 24 * 3600)
            assert host._revoked.names == {CLIENT.public}
            with pytest.raises(AdmissionRefusedError, match="not let in"):
                await party(broker, CLIENT)

    run(scene)


def test_one_key_cannot_use_up_the_list_of_the_revoked():
    found = Revoked()
    for number in range(20_000):
        found.add(f"aaaaaaaaaaaaaaaa-s{number:024x}", 10.0)
    assert found.is_full("aaaaaaaaaaaaaaaa-sffff")
    assert not found.is_full("bbbbbbbbbbbbbbbb-sffff")
    found.sweep(11.0)
    assert not found.is_full("aaaaaaaaaaaaaaaa-sffff")


def test_a_runtimes_connection_is_found_when_its_key_is_revoked_however_many_came_after():
    clock = [1000.0]
    door = Door(
        Rules(mode="development"),
        hosts=(),
        issuer=None,
        denials=Metrics().counter("altar_grid_x", "x"),
        clock=lambda: clock[0],
    )
    cut = []
    door.kick = lambda server, number: cut.append((server, number))
    door._remember(("s", 0), ("runtime", "UKEY"), 10_000_000)
    for number in range(1, 50_102):
        door._remember(("s", number), ("client", f"U{number}"), 1060)
    assert len(door._connections) <= 50_000
    assert door.cut({"UKEY"}) == 1
    assert cut == [("s", 0)]


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.API.STREAM.PURGE.GRID_AUDIT_acme",
        "$SYS.REQ.SERVER.PING",
        "grid.v1.rt.victim.admin.drain",
        "grid.v1.host.destroy_session.victim",
        "grid.v1.re.victim.0a1b",
        "grid.v1.re.{own}.*",
        "grid.v1.re.{own}.>",
        "grid.v1.re.{own}",
        "",
    ],
)
def test_a_host_answers_under_the_askers_own_replies_and_nowhere_else(reply):
    async def scene():
        async with hosting() as (_, hosts):
            sent = []
            desk = hosts[0]._desks["acme"]
            desk.transport.publish = lambda subject, body, **_: sent.append(subject)
            found = new_session(CLIENT.public)
            address = reply.replace("{own}", found)
            for op, message in (
                ("directory", Directory(id="d")),
                ("hello", Hello(id="h", role="client")),
                ("nothing", Hello(id="n", role="client")),
            ):
                desk.take(Inbound(f"grid.v1.host.{op}.{found}", pack(message), address))
            await asyncio.sleep(0)
            assert sent == []

    run(scene)


def test_a_client_that_floods_a_host_leaves_room_for_the_others():
    async def scene():
        async with hosting(development(most_pending=40)) as (broker, hosts):
            flood = await party(broker, CLIENT)
            asked = CreateSession(id="f", tools=("add",))
            answers = []
            flood.requests.expect("f", answers.append)
            one = await runtime(broker, RUNTIME, contract("math", "add").to_dict())

            def burst():
                for _ in range(100):
                    subject = f"grid.v1.host.create_session.{flood.name}"
                    reply = f"{flood.requests.inbox}.1"
                    flood.transport.publish(subject, pack(asked), reply=reply)

            for _ in range(20):
                burst()
                found = await session(broker, NARROW)  # nobody else is told "overloaded"
                await found.transport.close()
            refused = [x for x in answers if isinstance(x, Error)]
            assert refused[0].error["details"]["reason"] == "overloaded"
            assert hosts[0]._desks["acme"]._of == {}
            await one.close()

    run(scene)


def test_one_key_cannot_use_up_the_sessions_that_a_host_keeps():
    mirror = Mirror(MemoryStore())
    for number in range(5):
        mirror._take(f"session.a-b.{1:016x}-s{number}", _Held({"expires": 2e10}, number + 1))
    assert mirror.count_of("session", "a-b", f"{1:016x}") == 5
    assert mirror.count_of("session", "a-b", f"{2:016x}") == 0
    mirror._drop(f"session.a-b.{1:016x}-s0", None)
    assert mirror.count_of("session", "a-b", f"{1:016x}") == 4
