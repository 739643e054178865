"""What a real broker lets the admitted do, and what it refuses, with our callout behind it."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress

import pytest

pytest.importorskip("nats")
pytest.importorskip("nkeys")
pytest.importorskip("cryptography")

import nats  # noqa: E402
from nats.errors import Error as NatsError  # noqa: E402

from altar_extras.grid.security import (  # noqa: E402
    CALLOUT_SUBJECT,
    Admission,
    ManifestTrust,
    Rules,
    SigningKey,
    callout_answer,
    connection_name,
    decide,
    key_id,
    permissions_of_client,
    read_callout,
)
from tests.grid.security.makes import (  # noqa: E402
    CLIENT,
    HOST,
    ROOT,
    RUNTIME,
    STRANGER,
    key,
    principal,
    signed,
    token,
)

ANA, BOB, EVE = CLIENT, key(20), key(21)
TENANTS = ("acme", "globex")
RUNTIME_NAME = connection_name("runtime", "0a1b2c3d")
RUNTIME_ID = f"{key_id(RUNTIME.public)}-0a1b2c3d"


@pytest.fixture(scope="module")
def server(shared_node):
    return shared_node(callout=True, jetstream=False, tenants=TENANTS)


@pytest.fixture
def rules(tmp_path):
    now = time.time()
    trust = ManifestTrust(ROOT.public, "acme", state_path=tmp_path / "state")
    accepted = trust.accept(signed(now=now), now=now)
    known = [
        principal(ANA, "ana"),
        principal(BOB, "bob"),
        principal(EVE, "eve", "client", "globex"),
    ]
    return Rules(
        principals={one.key: one for one in known},
        host_keys={HOST.public},
        manifests={"acme": accepted},
    )


class Party:
    """One connection, what the server told it, and what it heard."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.heard: list[tuple[str, bytes]] = []
        self.closed = asyncio.Event()
        self.connection = None

    async def told(self, error) -> None:
        self.errors.append(str(error))

    async def gone(self) -> None:
        self.closed.set()

    async def listen(self, subject: str, queue: str = "") -> None:
        """Subscribe; :attr:`errors` says whether the server took it."""

        async def heard(message) -> None:
            self.heard.append((message.subject, message.data))

        await self.connection.subscribe(subject, queue=queue, cb=heard)

    async def send(self, subject: str, body: bytes = b"x") -> None:
        await self.connection.publish(subject, body)

    async def may(self, *tried) -> None:
        """All of it is taken."""
        await self._told_of(tried, 0)

    async def may_not(self, *tried) -> None:
        """Each is refused, and nothing else is."""
        await self._told_of(tried, len(tried))

    async def _told_of(self, tried, count: int) -> None:
        self.errors.clear()
        for one in tried:
            await one
        # what is certainly refused, so that all that was said of the others has come before it
        await self.connection.publish("not.of.the.grid", b"")
        await self.connection.flush()
        while not any('"not.of.the.grid"' in error for error in self.errors):
            if self.connection.is_closed:
                raise NatsError("the connection was ended meanwhile")
            await asyncio.sleep(0.002)
        said = [error for error in self.errors if "permissions violation" in error.lower()]
        assert len(said) - 1 == count, self.errors


class Grid:
    """The server with our callout, and connections to it that are closed at the end."""

    def __init__(self, server, rules: Rules) -> None:
        self.server, self.rules = server, rules
        self.decided: list = []
        self.questions: list[bytes] = []
        self.override = None
        self.issuer = SigningKey.from_seed(server.keys.issuer)
        self.tls = {}
        if server.certificates is not None:
            self.tls = {
                "tls": server.tls(),
                "tls_handshake_first": True,
                "tls_hostname": "localhost",
            }

    async def answer(self, message) -> None:
        self.questions.append(message.data)

        def decided(request):
            found = decide(request, self.rules, now=time.time())
            if self.override is not None and request.name == "overridden":
                found = self.override
            self.decided.append(found)
            return found

        await message.respond(callout_answer(message.data, decided, issuer=self.issuer))

    async def connect(self, found: SigningKey, text: str = "", name: str = "") -> Party:
        party = Party()
        party.connection = await nats.connect(
            self.server.url,
            nkeys_seed_str=found.seed,
            token=text or None,
            name=name or "altar-grid/1 client",
            **self.tls,
            allow_reconnect=False,
            connect_timeout=30,
            error_cb=party.told,
            closed_cb=party.gone,
        )
        self.parties.append(party)
        return party

    async def refused(self, *arguments) -> str:
        """Connect, be refused, and say why it was."""
        with pytest.raises(NatsError, match="(?i)authorization violation"):
            await self.connect(*arguments)
        return self.decided[-1].reason

    @asynccontextmanager
    async def open(self):
        self.parties: list[Party] = []
        host = await nats.connect(**self.server.connect_options())
        await host.subscribe(CALLOUT_SUBJECT, queue="callout", cb=self.answer)
        await host.flush()
        try:
            yield self
        finally:
            for party in self.parties:
                await party.connection.close()
            await host.close()


def in_grid(server, rules, body) -> None:
    async def main() -> None:
        async with Grid(server, rules).open() as grid:
            await body(grid)

    asyncio.run(asyncio.wait_for(main(), 60))


def shown(found: SigningKey = ANA, host: SigningKey = HOST, **changes) -> str:
    return token(found, now=time.time(), **changes).signed(host)


def test_a_client_and_a_runtime_do_what_they_should(server, rules):
    async def body(grid: Grid) -> None:
        client = await grid.connect(ANA, shown())
        runtime = await grid.connect(RUNTIME, name=RUNTIME_NAME)
        await client.may(client.listen("grid.v1.re.s-1.>"))
        await runtime.may(runtime.listen("grid.v1.call.add.1.*", "rt"))
        await runtime.may(runtime.listen(f"grid.v1.rt.{RUNTIME_ID}.add.1.*"))
        await runtime.may(runtime.listen(f"grid.v1.rt.{RUNTIME_ID}.cancel.*"))
        await runtime.may(runtime.listen(f"grid.v1.rt.{RUNTIME_ID}.admin.*"))
        await client.may(client.send("grid.v1.call.add.1.s-1"))
        await client.may(client.send(f"grid.v1.rt.{RUNTIME_ID}.add.1.s-1"))
        await client.may(client.send(f"grid.v1.rt.{RUNTIME_ID}.cancel.s-1"))
        await client.may(client.send("grid.v1.host.directory.s-1"))
        await runtime.may(runtime.send("grid.v1.re.s-1.abc", b"answer"))
        await runtime.may(runtime.send(f"grid.v1.host.announce_runtime.{RUNTIME_ID}"))
        for party, count in ((client, 1), (runtime, 3)):
            while len(party.heard) < count:
                await asyncio.sleep(0.002)
        assert client.heard == [("grid.v1.re.s-1.abc", b"answer")]
        assert [one.role for one in grid.decided] == ["client", "runtime"]

    in_grid(server, rules, body)


def test_a_client_can_do_nothing_that_is_another_s(server, rules):
    async def body(grid: Grid) -> None:
        spy = await grid.connect(BOB, shown(BOB, session="s-2"))
        heard = [
            "grid.v1.re.s-1.>",  # another's replies
            "grid.v1.re.*.>",
            "grid.v1.re.>",
            "grid.v1.>",
            ">",
            "_INBOX.>",
            "grid.v1.call.add.1.*",  # calls
            f"grid.v1.rt.{RUNTIME_ID}.add.1.*",
            "grid.v1.host.*.*",
            CALLOUT_SUBJECT,
            "$SYS.>",
        ]
        for subject in heard:
            await spy.may_not(spy.listen(subject), spy.listen(subject, "rt"))
        said = [
            "grid.v1.call.add.1.s-1",  # as another session
            f"grid.v1.rt.{RUNTIME_ID}.cancel.s-1",
            "grid.v1.host.destroy_session.s-1",
            "grid.v1.host.create_session.s-2",  # not with a session
            "grid.v1.host.announce_runtime.s-2",  # a runtime's
            "grid.v1.call.add.2.s-2",  # a version, a tool the manifest does not hold
            "grid.v1.call.drop.1.s-2",
            f"grid.v1.rt.{RUNTIME_ID}.admin.drain",  # Hosts only
            "grid.v1.re.s-1.abc",  # a forged reply
            "grid.v1.re.s-2.abc",
            "$JS.API.STREAM.PURGE.audit",
            "$SYS.REQ.SERVER.PING",
        ]
        for subject in said:
            await spy.may_not(spy.send(subject))
        await spy.may(spy.listen("grid.v1.re.s-2.>"))

    in_grid(server, rules, body)


def test_a_runtime_hears_calls_in_the_queue_only_and_of_its_own_tools_only(server, rules):
    async def body(grid: Grid) -> None:
        runtime = await grid.connect(RUNTIME, name=RUNTIME_NAME)
        await runtime.may_not(runtime.listen("grid.v1.call.add.1.*"))
        await runtime.may_not(runtime.listen("grid.v1.call.add.1.*", "tap"))
        await runtime.may_not(runtime.listen("grid.v1.call.*.1.*", "rt"))
        await runtime.may_not(runtime.listen("grid.v1.call.drop.1.*", "rt"))
        await runtime.may_not(runtime.listen("grid.v1.rt.*.add.1.*"))
        await runtime.may_not(runtime.listen("grid.v1.re.s-1.>"))
        await runtime.may_not(runtime.send("grid.v1.call.add.1.s-1"))
        await runtime.may_not(runtime.send("grid.v1.host.create_session.s-1"))
        await runtime.may_not(runtime.send(f"grid.v1.rt.{RUNTIME_ID}.admin.drain"))
        await runtime.may(runtime.listen("grid.v1.call.add.1.*", "rt"))

    in_grid(server, rules, body)


def test_a_bootstrap_connection_asks_for_a_session_and_nothing_else(server, rules):
    async def body(grid: Grid) -> None:
        found = await grid.connect(ANA)
        own = key_id(ANA.public)
        await found.may(found.listen(f"grid.v1.re.{own}.>"))
        await found.may(found.send(f"grid.v1.host.create_session.{own}"))
        await found.may_not(found.send(f"grid.v1.host.create_session.{key_id(BOB.public)}"))
        await found.may_not(found.send(f"grid.v1.host.directory.{own}"))
        await found.may_not(found.send(f"grid.v1.call.add.1.{own}"))
        await found.may_not(found.listen(f"grid.v1.re.{key_id(BOB.public)}.>"))

    in_grid(server, rules, body)


def test_tenants_do_not_hear_each_other(server, rules):
    async def body(grid: Grid) -> None:
        eve = await grid.connect(EVE)
        ana = await grid.connect(ANA)
        assert grid.decided[-2].account == "globex"
        # the same subject in two accounts: nothing crosses
        host = await nats.connect(**server.connect_options("globex"))
        heard = []

        async def hear(message) -> None:
            heard.append(message.subject)

        await host.subscribe("grid.v1.host.>", cb=hear)
        await host.flush()
        await ana.may(ana.send(f"grid.v1.host.hello.{key_id(ANA.public)}"))
        await eve.may(eve.send(f"grid.v1.host.hello.{key_id(EVE.public)}"))
        while not heard:
            await asyncio.sleep(0.002)
        await host.close()
        assert heard == [f"grid.v1.host.hello.{key_id(EVE.public)}"]
        assert await grid.refused(EVE, shown(EVE)) == "foreign_tenant"

    in_grid(server, rules, body)


def test_what_is_replayed_expired_forged_or_revoked_is_not_let_in(server, rules):
    async def body(grid: Grid) -> None:
        now = int(time.time())
        assert await grid.refused(BOB, shown(ANA)) == "wrong_key"
        old = shown(issued=now - 100, expires=now - 1)
        assert await grid.refused(ANA, old) == "expired"
        assert await grid.refused(ANA, shown(host=STRANGER)) == "unknown_host"
        assert await grid.refused(ANA, shown()[:-3] + "AAA") == "bad_signature"
        assert await grid.refused(ANA, "x" * 2000) == "malformed"
        longest = shown(principal="p" * 128, tools=("t" * 128,) * 13)
        assert 2850 < len(longest) <= 3072  # the server takes no longer CONNECT
        assert await grid.refused(ANA, longest) == "no_rights"
        assert await grid.refused(ANA, longest + "x" * 300) == "too_large"
        assert await grid.refused(ANA, shown(tools=("drop_*",))) == "no_rights"
        assert await grid.refused(STRANGER) == "unknown_key"
        assert await grid.refused(STRANGER, "", RUNTIME_NAME) == "not_in_manifest"
        grid.rules = Rules(**{**_fields(rules), "revoked": frozenset({"s-1"})})
        assert await grid.refused(ANA, shown()) == "revoked"

    in_grid(server, rules, body)


def _fields(rules: Rules) -> dict:
    return {name: getattr(rules, name) for name in Rules.__slots__}


def test_a_key_shown_without_a_signature_over_the_nonce_is_not_let_in(server, rules):
    async def body(grid: Grid) -> None:
        host, port = server.url.removeprefix("nats://").split(":")
        for options in (
            f'{{"nkey":"{ANA.public}","auth_token":"{shown()}"}}',
            f'{{"nkey":"{ANA.public}","sig":"{"A" * 86}","auth_token":"{shown()}"}}',
            f'{{"auth_token":"{shown()}"}}',
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            await reader.readline()
            writer.write(f"CONNECT {options}\r\nPING\r\n".encode())
            answer = await reader.read()
            assert b"Authorization Violation" in answer
            writer.close()
        assert [one.reason for one in grid.decided] == ["not_proven", "not_proven", "no_key"]

    in_grid(server, rules, body)


def test_a_session_ends_with_its_token(server, rules):
    async def body(grid: Grid) -> None:
        for seconds in (2, 10, 30):  # until it is let in before it ends, on a busy machine too
            expires = int(time.time()) + seconds
            with suppress(NatsError):
                client = await grid.connect(ANA, shown(expires=expires))
                await client.may(client.send("grid.v1.call.add.1.s-1"))
                break
        await client.closed.wait()
        late = time.time() - expires
        assert late > -0.05  # how much it may be more on a quiet machine, see docs

    in_grid(server, rules, body)


@pytest.mark.parametrize("hours", [1, 12, 22.9, 24])
def test_a_session_may_end_on_another_day(server, rules, hours):
    """One of these ends after midnight, whenever this runs; times of day must not shut it out."""

    async def body(grid: Grid) -> None:
        client = await grid.connect(ANA, shown(expires=int(time.time() + hours * 3600)))
        await client.may(client.send("grid.v1.call.add.1.s-1"))

    in_grid(server, rules, body)


def test_an_answer_without_permissions_would_permit_everything_so_none_is_ever_made(server, rules):
    """The reason for the rule: the broker takes an empty list for "all"."""

    class Bare:
        def to_nats(self):
            return {"pub": {"allow": []}, "sub": {"allow": []}}

    async def body(grid: Grid) -> None:
        grid.override = Admission(
            account="acme",
            tenant="acme",
            permissions=Bare(),
            expires=None,
            role="client",
            session="s-1",
            principal="ana",
            key=ANA.public,
        )
        party = await grid.connect(ANA, "", "overridden")
        await party.listen("grid.v1.re.>")
        while not party.heard:
            await party.send("grid.v1.re.s-1.secret")
            await party.connection.flush()
        with pytest.raises(Exception, match="no tool at all"):
            permissions_of_client("s-1", [])

    in_grid(server, rules, body)


def test_a_wrong_issuer_and_a_host_that_fails_let_nobody_in(server, rules):
    async def body(grid: Grid) -> None:
        grid.issuer = SigningKey.generate(kind="account")
        with pytest.raises(NatsError, match="(?i)authorization violation"):
            await grid.connect(ANA)
        grid.issuer = SigningKey.from_seed(server.keys.issuer)
        grid.rules = None  # decide raises
        with pytest.raises(NatsError, match="(?i)authorization violation"):
            await grid.connect(ANA)

    in_grid(server, rules, body)


def test_over_mutual_tls_the_host_is_told_the_verified_certificate(shared_node, rules):
    """It is for the log; the key decides."""

    async def body(grid: Grid) -> None:
        client = await grid.connect(ANA, shown())
        await client.may(client.send("grid.v1.call.add.1.s-1"))
        request = read_callout(grid.questions[-1], now=time.time()).request
        assert request.certificate.startswith("-----BEGIN CERTIFICATE-----")
        assert (request.key, request.signed) == (ANA.public, True)
        assert await grid.refused(STRANGER) == "unknown_key"

    in_grid(shared_node(callout=True, mtls=True, jetstream=False, tenants=TENANTS), rules, body)
