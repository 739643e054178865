"""A Host in DEVELOPMENT: contracts, sessions, the directory, grants, quarantine."""

from __future__ import annotations

import asyncio
from secrets import token_hex

import pytest

pytest.importorskip("msgpack")

from altar.errors import ConfigurationError
from altar_extras.grid.host import Host, HostSettings
from altar_extras.grid.security import LocalGrant, SessionToken
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    Change,
    LoopbackBroker,
    MemoryStore,
    NotConnectedError,
    StoreUnavailableError,
)
from altar_extras.grid.wire import (
    AnnounceRuntime,
    AuditBatch,
    AuthorizeToolCall,
    CreateSession,
    DestroySession,
    Directory,
    Hello,
    ListTools,
    LogToolResult,
    RegisterTools,
    RenewSession,
    ReportLost,
    Subjects,
    unpack,
)
from tests.grid.host import scenes
from tests.grid.host.scenes import (
    CLIENT,
    NARROW,
    OPERATOR,
    OTHER,
    RUNTIME,
    SIGNER,
    claim,
    contract,
    credentials,
    development,
    hosting,
    party,
    runtime,
    session,
    until,
)


def run(scene) -> None:
    asyncio.run(asyncio.wait_for(scene(), 60))


def test_hello_answers_what_both_can_and_host_time():
    async def scene():
        async with hosting() as (broker, _):
            found = await party(broker, CLIENT)
            said = Hello(id="1", role="client", level=9, features=("many", "teleport", 3))
            answer = await found.ask("hello", said)
            assert (answer.level, answer.features, answer.mode) == (2, ("many",), "development")
            assert answer.time_ms > 1_700_000_000_000
            old = await found.ask(
                "hello", Hello(id="2", role="client", level=1, features=("many",))
            )
            assert (old.level, old.features) == (1, ())

    run(scene)


def test_a_session_token_is_signed_bound_and_lets_its_client_in():
    async def scene():
        async with hosting() as (broker, _):
            found = await session(broker, ttl=1e9)
            token = SessionToken.verified(
                found.created.token, {SIGNER.public}, now=found.created.time_ms / 1000
            )
            assert token.key == CLIENT.public
            assert token.session == found.name
            assert 3500 < token.expires - token.issued <= 3600
            renewed = await found.ask("renew_session", RenewSession(id="r", ttl=1.0))
            assert renewed.session == found.name
            assert 28_000 < renewed.expires_ms - renewed.time_ms <= 30_000
            with pytest.raises(AdmissionRefusedError):
                await broker.connect(seed=NARROW.seed, token=renewed.token)

    run(scene)


def test_a_destroyed_session_is_refused_by_every_host():
    async def scene():
        async with hosting(replicas=2) as (broker, hosts):
            serving = await runtime(broker, RUNTIME, contract().to_dict())
            found = await session(broker)
            await found.ask("destroy_session", DestroySession(id="d"))
            for host in hosts:
                with pytest.raises(AdmissionRefusedError):
                    host.admit(CLIENT.public, found.created.token, "")
                await until(lambda host=host: found.name in host._revoked.names)
            for number in range(4):
                assert await found.refused("directory", Directory(id=str(number))) == "revoked"
            told = [unpack(one.body)[0].notes for one in serving.admin]
            assert {"session": found.name} in told

    run(scene)


def test_the_directory_names_only_runtimes_for_the_askers_tools_with_their_load():
    async def scene():
        async with hosting(replicas=2) as (broker, _):
            first = await runtime(broker, RUNTIME, contract("math", "add", "mul").to_dict())
            second = await runtime(broker, OTHER, contract("text", "upper").to_dict())
            await first.beat(inflight=3, queued=1)
            everybody = await session(broker)
            narrow = await session(broker, NARROW)
            for number in range(4):  # whichever Host answers
                listed = await narrow.ask("directory", Directory(id=f"n{number}"))
                assert [one["runtime"] for one in listed.runtimes] == [first.name]
                assert sorted(listed.runtimes[0]["tools"]) == [["add", 1], ["mul", 1]]
                assert (listed.runtimes[0]["inflight"], listed.runtimes[0]["slots"]) == (3, 4)
                every = await everybody.ask("directory", Directory(id=f"e{number}"))
                assert {one["runtime"] for one in every.runtimes} == {first.name, second.name}
            await second.beat(draining=True)
            every = await everybody.ask("directory", Directory(id="d"))
            assert [one["runtime"] for one in every.runtimes] == [first.name]
            operator = await party(broker, OPERATOR)
            assert len((await operator.ask("directory", Directory(id="o"))).runtimes) == 1

    run(scene)


def test_a_runtime_that_is_silent_for_three_beats_is_gone():
    async def scene():
        async with hosting(development(heartbeat=1000.0, misses=3)) as (broker, (host,)):
            serving = await runtime(broker, RUNTIME, contract().to_dict())
            found = await session(broker)

            async def gone():
                return not (await found.ask("directory", Directory(id=token_hex(4)))).runtimes

            assert not await gone()
            known = host._desks["acme"].tenant.runtimes.get(serving.name)
            known.heard -= 2500.0
            assert not await gone()
            known.heard -= 500.0
            assert await gone()

    run(scene)


def test_a_host_that_starts_later_asks_runtimes_what_they_serve():
    async def scene():
        store = MemoryStore()
        async with hosting(store=store) as (broker, _):
            serving = await runtime(broker, RUNTIME, contract().to_dict())
            late = Host(broker, credentials=credentials(), settings=development(), store=store)
            await late.start()
            try:
                await serving.beat()
                await serving.beat()
                await until(lambda: serving.admin)
                assert serving.admin[0].subject == Subjects.admin(serving.name, "refresh")
            finally:
                await late.drain()

    run(scene)


def test_contracts_that_are_served_never_end():
    async def scene():
        async with hosting() as (broker, (host,)):
            serving = await runtime(broker, RUNTIME, contract().to_dict())
            await serving.beat()
            assert not serving.admin
            known = host._desks["acme"].tenant.runtimes.get(serving.name)
            known.asked -= 7 * 3600
            await serving.beat()
            await until(lambda: serving.admin)
            assert serving.admin[0].subject == Subjects.admin(serving.name, "refresh")

    run(scene)


def test_a_second_definition_of_a_name_and_version_is_refused_while_the_first_is_served():
    async def scene():
        async with hosting(replicas=2) as (broker, _):
            first = await runtime(broker, RUNTIME, contract("math", "add").to_dict())
            second = await runtime(broker, OTHER)
            other = contract("math", "add", "sub")
            answer = await second.fulfill(other.to_dict())
            assert [one["reason"] for one in answer.refused] == ["digest_differs"]
            clash = contract("sums", "add")
            answer = await second.fulfill(clash.to_dict())
            assert [one["reason"] for one in answer.refused] == ["ambiguous_tool"]
            newer = contract("math", "add", "sub", version="1.3.0")
            answer = await second.fulfill(newer.to_dict(), claim(contract("math", "add")))
            assert [one["version"] for one in answer.accepted] == ["1.3.0", "1.2.0"]
            await second.fulfill()
            await first.beat(draining=True)
            answer = await second.fulfill(other.to_dict())  # nobody serves the first any more
            assert [one["digest"] for one in answer.accepted] == [claim(other)["digest"]]
            answer = await first.fulfill(contract("renamed", "upper").to_dict())
            await first.beat(draining=True)
            third = await runtime(broker, OTHER)
            answer = await third.fulfill(contract("again", "upper").to_dict())
            assert [one["name"] for one in answer.accepted] == ["again"]
            found = await session(broker)
            upper = [row for row in found.created.tools if row["name"] == "upper"]
            assert [row["contract"] for row in upper] == ["again"]

    run(scene)


def test_the_answer_to_an_offer_says_what_is_wrong_with_each():
    async def scene():
        async with hosting() as (broker, _):
            serving = await runtime(broker)
            good = contract()
            answer = await serving.fulfill(
                good.to_dict(),
                7,
                {"name": "x"},
                claim(contract("unheard")),
                {**contract("two").to_dict(), "digest": "sha256:no"},
                {"name": "bad name", "version": "1.0.0", "function_declarations": []},
            )
            assert answer.accepted == (claim(good),)
            reasons = [one["reason"] for one in answer.refused]
            assert reasons == [
                "malformed", "malformed", "unknown_contract", "digest_differs", "malformed",
            ]  # fmt: skip
            own = contract("two").digest
            message = answer.refused[3]["message"]
            assert f"came with the digest sha256:no..., and its own is {own}" in message

    run(scene)


def test_tools_are_listed_page_by_page():
    async def scene():
        async with hosting() as (broker, _):
            text = "x" * 150_000
            many = [contract(f"c{number}", f"t{number}", x_text=text) for number in range(6)]
            serving = await runtime(broker)
            await serving.beat()
            for one in many:
                await serving.fulfill(one.to_dict())
            found = await session(broker)
            names, cursor = [], 0
            while True:
                page = await found.ask("list_tools", ListTools(id=f"p{cursor}", cursor=cursor))
                names += [one["name"] for one in page.contracts]
                cursor = page.next
                if not cursor:
                    break
            assert names == [one.name for one in many]

    run(scene)


def test_a_session_made_for_some_tools_sees_and_is_granted_no_others():
    async def scene():
        async with hosting() as (broker, hosts):
            one, two = contract("math", "add"), contract("text", "upper")
            await runtime(broker, RUNTIME, one.to_dict(), two.to_dict())
            found = await session(broker, tools=("add", "nothing"))
            assert [row["name"] for row in found.created.tools] == ["add"]
            page = await found.ask("list_tools", ListTools(id="l"))
            assert [doc["name"] for doc in page.contracts] == ["math"]
            asked = AuthorizeToolCall(id="a", tool="upper", digest=claim(two)["digest"])
            assert await found.refused("authorize_tool_call", asked) == "not_allowed"
            door = await party(broker, NARROW)
            wrong = CreateSession(id="w", tools=("upper",))
            assert await door.refused("create_session", wrong) == "no_rights"
            assert hosts[0]._mirror.count("session", "acme") == 1

    run(scene)


def test_ten_thousand_abandoned_sessions_leave_nothing_in_memory():
    async def scene():
        async with hosting() as (broker, hosts):
            door = await party(broker, CLIENT)
            asked = [
                door.ask("create_session", CreateSession(id=str(number)), timeout=50)
                for number in range(2_000)
            ]
            made = await asyncio.gather(*asked)
            assert len({one.session for one in made}) == 2_000
            assert not hosts[0]._mirror._held
            assert not hosts[0]._desks["acme"]._pending

    run(scene)


def test_a_grant_is_bound_counted_and_never_wider_than_the_rights():
    async def scene():
        async with hosting(replicas=2) as (broker, hosts):
            free = contract("math", "add")
            held = contract("vault", "move", x_remote_only=True)
            wide = contract("mixed", "mul", "secret")
            await runtime(broker, RUNTIME, free.to_dict(), held.to_dict(), wide.to_dict())
            found = await session(broker, NARROW)

            def asking(tool, one, **fields):
                return AuthorizeToolCall(
                    id=token_hex(8), tool=tool, digest=claim(one)["digest"], **fields
                )

            answer = await found.ask("authorize_tool_call", asking("add", free, uses=2))
            now = answer.expires_ms / 1000 - 1
            grant = LocalGrant.verified(answer.grant, {SIGNER.public}, now=now, key=NARROW.public)
            assert (grant.calls, grant.digest) == (2, claim(free)["digest"])
            assert grant.expires - grant.issued <= 60
            op = "authorize_tool_call"
            assert await found.refused(op, asking("move", held)) == "remote_only"
            assert await found.refused(op, asking("secret", wide)) == "not_allowed"
            assert await found.refused(op, asking("mul", wide)) == "grant_wider"
            assert await found.refused(op, asking("add", wide)) == "digest_differs"

            def told(phase, grant_id=grant.id):
                return LogToolResult(
                    id=token_hex(8), grant_id=grant_id, invocation_id="i", tool="add", phase=phase
                )

            for _ in range(2):
                await found.ask("log_tool_result", told("started"))
                await found.ask("log_tool_result", told("finished"))
            op = "log_tool_result"
            assert await found.refused(op, told("started")) == "grant_used_up"
            assert await found.refused(op, told("started", "none")) == "unknown_grant"
            assert await found.refused(op, told("dreamt")) == "malformed"
            thief = await session(broker)
            assert await thief.refused(op, told("started")) == "foreign_grant"
            assert hosts[0].metrics.text().count("grant_used_up") + hosts[1].metrics.text().count(
                "grant_used_up"
            )

    run(scene)


def test_tools_of_a_session_are_its_own_and_never_shadow_a_contract():
    async def scene():
        async with hosting() as (broker, _):
            serving = await runtime(broker, RUNTIME, contract("math", "add").to_dict())
            mine, others = await session(broker), await session(broker)

            def asking(*names):
                tools = tuple({"name": name, "description": "A tool."} for name in names)
                return RegisterTools(
                    id=token_hex(8), runtime=serving.name, session=mine.name, tools=tools
                )

            op = "register_tools"
            answer = await serving.party.ask(op, asking("mine", "add"))
            assert answer.status == "PARTIAL_SUCCESS"
            assert answer.refused[0]["reason"] == "shadows_contract"
            assert (await serving.party.ask(op, asking("add"))).status == "FAILURE"
            many = await serving.party.ask(op, asking(*[f"t{n}" for n in range(60)]))
            assert (many.status, len(many.registered)) == ("PARTIAL_SUCCESS", 49)
            assert (await serving.party.ask(op, asking("mine"))).status == "SUCCESS"
            listed = await mine.ask("directory", Directory(id="m"))
            assert ["mine", 0] in listed.runtimes[0]["tools"]
            listed = await others.ask("directory", Directory(id="o"))
            assert listed.runtimes[0]["tools"] == [["add", 1]]
            thief = await runtime(broker, OTHER)
            stolen = RegisterTools(
                id="s", runtime=thief.name, session=mine.name, tools=({"name": "x"},)
            )
            assert await thief.party.refused(op, stolen) == "foreign_session"

    run(scene)


def test_a_call_that_killed_three_runtimes_is_quarantined_unless_they_live():
    async def scene():
        async with hosting(replicas=2) as (broker, _):
            serving = [await runtime(broker, RUNTIME, contract().to_dict()) for _ in range(3)]
            found = await session(broker)

            def lost(one, **fields):
                base = {"tool": "add", "args_digest": "sha256:x", "invocation_id": "i"}
                run_of = {"runtime": one.name, "epoch": one.epoch}
                return ReportLost(**{"id": token_hex(8), **base, **run_of, **fields})

            async def quarantined():
                listed = await found.ask("directory", Directory(id=token_hex(4)))
                return [*listed.quarantined]

            for one in serving[:2]:
                for _ in range(2):
                    await found.ask("report_lost", lost(one))
            assert await quarantined() == []
            unknown = await found.ask("report_lost", lost(serving[2], epoch="made-up"))
            assert unknown.notes == {"counted": False}
            await found.ask("report_lost", lost(serving[2]))
            for _ in range(4):
                assert await quarantined() == ["add sha256:x"]
            assert (await serving[0].beat()).notes["quarantined"] == ["add sha256:x"]
            foreign = lost(serving[0], tool="other")
            assert await found.refused("report_lost", foreign) == "not_allowed"

    run(scene)


def test_nobody_may_ask_under_anothers_name_or_in_anothers_role():
    async def scene():
        async with hosting() as (broker, hosts):
            broker.admit = None  # as if the broker let everything through
            found = await session(broker)
            door = await party(broker, CLIENT)
            serving = await runtime(broker)
            assert await door.refused("directory", Directory(id="1")) == "wrong_role"
            assert await found.refused("create_session", CreateSession(id="2")) == "wrong_role"
            batch = AuditBatch(id="3", writer="w", epoch="e")
            assert await found.refused("audit_batch", batch) == "wrong_role"
            foreign = AnnounceRuntime(id="4", runtime="0" * 16 + "-" + "0" * 8, epoch="e", slots=1)
            op = "announce_runtime"
            assert await serving.party.refused(op, foreign) == "foreign_runtime"
            assert await found.refused("directory", ListTools(id="5")) == "wrong_message"
            assert await found.refused("fly", Directory(id="6")) == "unknown_op"
            stranger = await party(broker, CLIENT, "f" * 16)
            assert await stranger.refused("hello", Hello(id="7", role="x")) == "unknown_key"
            wrong_kind = await party(broker, CLIENT, "no-such-thing")
            assert await wrong_kind.refused("hello", Hello(id="8", role="x")) == "unknown_asker"
            assert 'reason="unknown_key"' in hosts[0].metrics.text()

    run(scene)


def test_the_host_survives_a_store_that_does_not_answer_and_says_so():
    class Broken(MemoryStore):
        gone = False

        async def create(self, key, value, ttl=None):
            if self.gone:
                raise StoreUnavailableError("no leader")
            return await super().create(key, value, ttl)

        async def update(self, key, value, revision, *, ttl=None):
            if self.gone:
                await asyncio.sleep(3600 * self.gone)
            return await super().update(key, value, revision, ttl=ttl)

    async def scene():
        store = Broken()
        async with hosting(development(store_timeout=0.05), store=store) as (broker, hosts):
            one = contract()
            await runtime(broker, RUNTIME, one.to_dict())
            found = await session(broker)
            store.gone = True
            asked = AuthorizeToolCall(id="a", tool="add", digest=claim(one)["digest"])
            assert await found.refused("authorize_tool_call", asked) == "store_unavailable"
            assert await found.refused("destroy_session", DestroySession(id="d")) == (
                "store_unavailable"
            )
            # what needs no change goes on
            assert (await found.ask("directory", Directory(id="x"))).runtimes
            assert (await found.ask("renew_session", RenewSession(id="r"))).token
            assert hosts[0].health().ready

    run(scene)


def test_a_host_ends_though_its_store_took_a_cancellation_for_itself():
    class Deaf(MemoryStore):
        heard = 0

        async def watch(self, prefix="", *, settled=None):
            settled()
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.heard += 1
                    if self.heard > 1:
                        raise
                yield Change("nothing.acme.here", b"{}", 1)

    async def scene():
        store = Deaf()
        async with hosting(store=store):
            pass
        assert store.heard == 2

    run(scene)


def test_health_is_told_over_http_and_the_wire():
    async def scene():
        settings = development(http_port=0)
        async with hosting(settings) as (broker, (host,)):
            operator = await party(broker, OPERATOR)
            answer = await operator.ask("health", Hello(id="h", role="operator"))
            assert answer.notes == {"live": True, "ready": True, "reasons": []}
            address = host.http_url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(address[0], int(address[1]))
            writer.write(b"GET /ready HTTP/1.1\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
            broker.disconnect()
            assert not host.health().ready
            broker.reconnect()

    run(scene)


def test_drain_answers_what_came_and_another_host_goes_on():
    async def scene():
        async with hosting(replicas=2) as (broker, hosts):
            broker.admit = hosts[1].admit
            door = await party(broker, CLIENT)
            asked = [
                asyncio.ensure_future(door.ask("create_session", CreateSession(id=str(number))))
                for number in range(100)
            ]
            await asyncio.sleep(0)
            await hosts[0].drain()
            assert len({one.session for one in await asyncio.gather(*asked)}) == 100
            assert (await door.ask("create_session", CreateSession(id="after"))).token

    run(scene)


@pytest.mark.parametrize(
    ("settings", "changes", "what"),
    [
        (HostSettings(), {}, "root"),
        (development(manifests={"acme": "m.json"}), {}, "mode='strict'"),
        (development(), {"root": SIGNER.public}, "mode='strict'"),
        (development(), {"url": "tls://grid.example:4222"}, "this machine"),
        (development(http_port=0, http_host="0.0.0.0", http_public=True), {}, "this machine"),
        (development(), {"role": "client"}, "altar grid keys make"),
    ],
)
def test_a_mode_that_does_not_fit_the_deployment_is_refused(settings, changes, what):
    with pytest.raises(ConfigurationError, match=what):
        Host(LoopbackBroker(), credentials=credentials(**changes), settings=settings)


def test_a_stranger_is_not_let_in_and_a_guest_hears_only_itself():
    async def scene():
        async with hosting() as (broker, _):
            with pytest.raises(AdmissionRefusedError):
                await broker.connect(seed=scenes.SigningKey.generate().seed)
            found = await session(broker)
            events = []
            found.transport.listen(events.append)
            other = await session(broker)
            found.transport.publish(Subjects.host("destroy_session", other.name), b"x", reply="r")
            assert events[0].kind == "denied"
            await broker_end(found)

    async def broker_end(found):
        await found.transport.close()
        with pytest.raises(NotConnectedError):
            found.transport.publish("grid.v1.x", b"")

    run(scene)
