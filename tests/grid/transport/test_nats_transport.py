"""What a NATS connection adds to the contract: TLS, keys, faults of servers, limits."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.errors import ConfigurationError
from altar_extras.grid.security import (
    CALLOUT_SUBJECT,
    Admission,
    Permissions,
    SigningKey,
    callout_answer,
)
from altar_extras.grid.server import ServerProcess, development_certificates
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    ClientTls,
    NatsConnector,
    NatsSettings,
    NotConnectedError,
    TooLargeError,
    may_pass,
)
from tests.grid.nodes import connector as patient
from tests.grid.nodes import new_seed, public_of
from tests.grid.silent import SilentAtFirst
from tests.waiting import asoon

QUICK = NatsSettings(dead_after=0.3, connect_timeout=1.0)
NOBODY = "SUAAVFNLYV5LADPHEXL3OBTH4Q5VOTSZTTCDZQUUYZF6JE7HLA6DE4PQPM"


def run(main):
    return asyncio.run(asyncio.wait_for(main, 60))


async def until(condition):
    assert await asoon(condition), "it never came to that"


@pytest.mark.parametrize(
    "url",
    [
        "nats://example.invalid:4222",
        "nats://10.0.0.1",
        "nats://[2001:db8::1]:4222",
        "nats://127.0.0.1.example.invalid",
        "nats://127.0.0.1:4222,nats://10.0.0.1",
        "ws://127.0.0.1:8080",
        "127.0.0.1:4222",
        "tls://example.invalid:4222",
        "tls://127.0.0.1:4222",
        "nats://user:secret@127.0.0.1:4222",
        "nats://127.0.0.1:port",
        "",
    ],
)
def test_a_url_that_would_be_unsafe_is_refused_before_anything_is_sent(url):
    with pytest.raises(ConfigurationError) as refused:
        NatsConnector(url)
    assert "secret" not in str(refused.value)


def test_the_inbox_prefix_that_everybody_knows_is_refused():
    for prefix in ("_INBOX", "_inbox.mine", "_INBOX.>"):
        with pytest.raises(ConfigurationError, match="_INBOX"):
            NatsSettings(inbox=prefix)
    assert NatsSettings().inbox_prefix() != NatsSettings().inbox_prefix()


def test_certificates_that_cannot_be_read_are_a_configuration_error(tmp_path):
    for ca in (str(tmp_path / "none.pem"), "-----BEGIN CERTIFICATE-----\nnonsense\n"):
        with pytest.raises(ConfigurationError, match="TLS"):
            NatsConnector("tls://127.0.0.1:1", tls=ClientTls(ca=ca, cert=ca, key=ca))
    assert "SECRET" not in repr(ClientTls(ca="a", cert="b", key="SECRET"))


def texts(node):
    found = node.certificates
    return ClientTls(
        ca=found.ca.read_text(),
        cert=found.client_cert.read_text(),
        key=found.client_key.read_text(),
    )


def test_certificates_may_be_given_as_texts_and_speak_tls_1_3(shared_node):
    node = shared_node(mtls=True)

    async def main():
        tls = texts(node)
        assert tls.context().minimum_version.name == "TLSv1_3"
        transport = await patient(node.url.replace("nats:", "tls:"), tls=tls).connect()
        await transport.flush(30.0)
        await transport.close()

    run(main())


def test_a_server_that_offers_plaintext_gets_no_connection_with_tls(shared_node):
    """And no key, no token: the handshake comes before any line of either side."""
    plain, tls = shared_node(jetstream=False), texts(shared_node(mtls=True))

    async def main():
        connector = NatsConnector(plain.url.replace("nats:", "tls:"), tls=tls, settings=QUICK)
        with pytest.raises(NotConnectedError):
            await connector.connect(seed=NOBODY, token="secret-token")

    run(main())


def test_a_server_of_another_authority_gets_no_connection(shared_node, tmp_path):
    node, foreign = shared_node(mtls=True), development_certificates(tmp_path)
    tls = ClientTls(ca=str(foreign.ca), cert=str(foreign.client_cert), key=str(foreign.client_key))

    async def main():
        with pytest.raises(NotConnectedError):
            await patient(node.url.replace("nats:", "tls:"), tls=tls).connect()

    run(main())


def known(*seeds):
    """A server that knows these keys alone, or everybody; it can be told otherwise by a reload."""
    users = ", ".join(f"{{nkey: {public_of(seed)}}}" for seed in seeds)
    accounts = f"accounts {{ A {{ users: [{users}] }} }}" if seeds else ""
    return f"listen: 127.0.0.1:-1\nlame_duck_duration: 30s\n{accounts}\n"


@pytest.fixture
def own(tmp_path):
    """``own(seed)``: a server that knows this key alone."""
    made = []

    def start(*seeds):
        made.append(ServerProcess(known(*seeds), folder=tmp_path / "n").start(timeout=60))
        return made[-1]

    yield start
    for process in made:
        process.close()


def test_a_key_that_is_not_let_in_is_told_so_at_once_and_without_its_secrets(own):
    process = own(new_seed())

    async def main():
        connector = patient(process.url)
        with pytest.raises(AdmissionRefusedError) as refused:  # what patience ends is no refusal
            await connector.connect(seed=new_seed(), token="secret-token")
        assert "secret" not in str(refused.value)
        assert "SU" not in str(refused.value)
        with pytest.raises(ConfigurationError):
            await connector.connect(seed="no seed")

    run(main())


def test_where_nobody_listens_the_answer_comes_at_once():
    with pytest.raises(NotConnectedError) as told:
        run(NatsConnector("nats://127.0.0.1:1,nats://[::1]:1").connect())
    assert not may_pass(told.value)


@pytest.mark.parametrize("hangs_up", [False, True])
def test_of_several_servers_the_silent_one_is_told_of_and_may_be_tried_again(own, hangs_up):
    process = own()

    async def main(way):
        nobody = "nats://127.0.0.1:1"
        settings = NatsSettings(connect_timeout=1.0 if not hangs_up else 30.0)
        with pytest.raises(NotConnectedError) as told:
            await NatsConnector([nobody, way.url, nobody], settings=settings).connect()
        assert (told.value.reason, may_pass(told.value)) == ("silent", True)

    with SilentAtFirst(process.url, hangs_up=hangs_up) as way:
        run(main(way))


def test_a_certificate_that_is_refused_is_no_silence(shared_node, tmp_path):
    node, foreign = shared_node(mtls=True), development_certificates(tmp_path)
    theirs, own_key = str(foreign.client_cert), str(foreign.client_key)
    url = node.url.replace("nats:", "tls:")

    async def main():
        for ca in (str(foreign.ca), str(node.certificates.ca)):  # refused here, and there
            with pytest.raises(NotConnectedError) as told:
                await patient(url, tls=ClientTls(ca=ca, cert=theirs, key=own_key)).connect()
            assert not may_pass(told.value), told.value

    run(main())


def test_a_connection_that_is_let_in_no_more_is_told_so_and_keeps_asking(own):
    seed, other = new_seed(), new_seed()
    process = own(seed)

    async def main():
        transport = await patient(process.url).connect(seed=seed)
        kinds = []
        transport.listen(lambda event: kinds.append(event.kind))
        process.reload(known(other), timeout=30)
        await until(lambda: kinds == ["disconnected", "denied"])
        process.reload(known(other, seed), timeout=30)
        await until(lambda: transport.is_connected)
        assert kinds == ["disconnected", "denied", "connected"]
        await transport.close()

    run(main())


def test_a_session_that_ends_is_told_and_goes_on_only_with_another_token(node):
    """The server ends it. nats-py would be closed for good; one token more, and it is back."""
    server = node(callout=True, jetstream=False)
    issuer = SigningKey.from_seed(server.keys.issuer)
    shown = []

    async def main():
        connector, seed = patient(server.url), new_seed()
        host = await connector.connect(seed=server.keys.host["GRID"])
        ends = 0

        def admit(request):
            shown.append(request.token)
            return Admission(
                account="acme",
                tenant="acme",
                permissions=Permissions(
                    publish=("grid.v1.host.a.s1",), subscribe=("grid.v1.re.s1.>",)
                ),
                expires=ends if request.token in ("old", "first") else int(time.time()) + 600,
                role="client",
                session="s1",
                principal="p",
                key=request.key,
            )

        await host.subscribe(
            CALLOUT_SUBJECT,
            lambda one: host.publish(one.reply, callout_answer(one.body, admit, issuer=issuer)),
        )
        for seconds in (3, 20):  # until both are there before it ends, on a busy machine too
            shown.clear()
            ends = int(time.time()) + seconds
            tokens, ended, events = ["first"], [], []
            fixed = await connector.connect(seed=seed, token="old")
            fixed.listen(ended.append)
            renewed = await connector.connect(
                seed=seed, token=lambda tokens=tokens: tokens.pop() if tokens else "second"
            )
            renewed.listen(lambda event, events=events: events.append(event.kind))
            if time.time() < ends - 0.5:
                break
            for one in (fixed, renewed):
                await one.close()
        await until(lambda: len(ended) == 3 and "connected" in events)
        assert [event.kind for event in ended] == ["denied", "disconnected", "closed"]
        assert "expired" in ended[0].text
        assert events == ["denied", "disconnected", "connected"]
        assert shown[:2] == ["old", "first"]
        assert {*shown[2:]} == {"second"}
        with pytest.raises(NotConnectedError, match="closed"):
            fixed.publish("grid.v1.host.a.s1", b"x")
        for one in (fixed, renewed, host):
            await one.close()

    run(main())


def test_a_server_that_is_silent_behind_an_open_socket_counts_as_lost(own):
    process = own()

    async def main():
        alert = NatsSettings(dead_after=0.3, connect_timeout=30.0)
        transport = await NatsConnector(process.url, settings=alert).connect()
        events = []
        transport.listen(events.append)
        process.suspend()
        try:
            await until(lambda: not transport.is_connected)
            assert events[0].kind == "disconnected"
            assert "silent" in events[0].text
        finally:
            process.resume()
        while True:  # as long as it is quick to call a busy machine a silent one
            await until(lambda: transport.is_connected)
            with suppress(NotConnectedError):
                await transport.flush(30.0)
                break
        await transport.close()

    run(main())


def test_a_stop_that_is_announced_is_told(own):
    process = own()

    async def main():
        transport = await patient(process.url).connect()
        kinds = []
        transport.listen(lambda event: kinds.append(event.kind))
        process.lame_duck()
        await until(lambda: "lame_duck" in kinds)
        await transport.close()

    run(main())


def test_headers_count_and_an_oversized_question_leaves_the_connection_as_it_was(shared_node):
    """nats-py counts the body alone, and closes for good when the server counts both."""
    node = shared_node()

    async def main():
        transport = await patient(node.url).connect()
        body, headers = b"x" * (transport.max_payload - 50), {"name": "v" * 40}
        with pytest.raises(TooLargeError):
            await transport.request("$JS.API.INFO", body, headers=headers)
        answer = await transport.request(
            "$JS.API.INFO", b"", headers={"name": "v" * 40}, timeout=30.0
        )
        assert answer.data
        with pytest.raises(NotConnectedError, match="nobody"):
            await transport.request("nobody.here")
        assert transport.is_connected
        await transport.close()

    run(main())


def test_when_its_server_dies_a_connection_goes_on_at_another_it_was_told_of(cluster):
    nodes = cluster(3, jetstream=False)

    async def main():
        near = await patient(nodes[0].url).connect()
        far = await patient(nodes[1].url).connect()
        heard = []
        await near.subscribe("failover.a", lambda one: heard.append(one.body))
        kinds = []
        near.listen(lambda event: kinds.append(event.kind))
        nodes[0].kill()
        await until(lambda: kinds == ["disconnected", "connected"])
        while not heard:  # interest travels between servers
            far.publish("failover.a", b"x")
            await asyncio.sleep(0.01)
        await near.close()
        await far.close()

    run(main())


def test_a_secret_is_in_no_repr(own):
    seed = new_seed()
    process = own(seed)

    async def main():
        connector = patient(process.url)
        transport = await connector.connect(seed=seed, token="secret-token", name="one")
        for thing in (connector, transport):
            assert seed not in repr(thing)
            assert "secret" not in repr(thing)
        await transport.close()
        assert "closed" in repr(transport)

    run(main())
