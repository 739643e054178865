"""What a NATS connection adds to the contract: TLS, keys, faults of servers, limits."""

from __future__ import annotations

import asyncio
import time

import pytest

pytest.importorskip("nats")
pytest.importorskip("msgpack")

from altar.errors import ConfigurationError
from altar_extras.grid.server import Account, AccountUser, ServerProcess, ServerSettings
from altar_extras.grid.transport import (
    AdmissionRefusedError,
    ClientTls,
    NatsConnector,
    NatsSettings,
    NotConnectedError,
    TooLargeError,
)
from tests.grid.nodes import new_seed, public_of

QUICK = NatsSettings(dead_after=0.3, connect_timeout=1.0)
NOBODY = "SUAAVFNLYV5LADPHEXL3OBTH4Q5VOTSZTTCDZQUUYZF6JE7HLA6DE4PQPM"


def run(main):
    return asyncio.run(asyncio.wait_for(main, 30))


async def until(condition, patience=10.0):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        await asyncio.sleep(0.005)


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
        transport = await NatsConnector(node.url.replace("nats:", "tls:"), tls=tls).connect()
        await transport.flush()
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
    from altar_extras.grid.server import development_certificates

    node, foreign = shared_node(mtls=True), development_certificates(tmp_path)
    tls = ClientTls(ca=str(foreign.ca), cert=str(foreign.client_cert), key=str(foreign.client_key))

    async def main():
        with pytest.raises(NotConnectedError):
            await NatsConnector(node.url.replace("nats:", "tls:"), tls=tls).connect()

    run(main())


@pytest.fixture
def own(tmp_path):
    """``own(seed)``: a server that knows this key alone."""
    made = []

    def start(*seeds):
        users = tuple(
            AccountUser(key=public_of(seed), publish=(">",), subscribe=(">",)) for seed in seeds
        )
        accounts = (Account(name="A", users=users),) if users else ()
        settings = ServerSettings(name="n1", accounts=accounts)
        made.append(ServerProcess(settings, folder=tmp_path / "n").start())
        return made[-1]

    yield start
    for process in made:
        process.close()


def test_a_key_that_is_not_let_in_is_told_so_at_once_and_without_its_secrets(own):
    process = own(new_seed())

    async def main():
        connector = NatsConnector(process.url)
        begin = time.monotonic()
        with pytest.raises(AdmissionRefusedError) as refused:
            await connector.connect(seed=new_seed(), token="secret-token")
        assert time.monotonic() - begin < 5
        assert "secret" not in str(refused.value)
        assert "SU" not in str(refused.value)
        with pytest.raises(ConfigurationError):
            await connector.connect(seed="no seed")

    run(main())


def test_where_nobody_listens_the_answer_comes_at_once():
    with pytest.raises(NotConnectedError):
        run(NatsConnector("nats://127.0.0.1:1,nats://[::1]:1").connect())


def test_a_credential_that_ends_is_told_and_the_next_connection_asks_for_another_token(own):
    """A user who is gone after a reload is put out; so is one whose time is up."""
    seed, other = new_seed(), new_seed()
    process = own(seed)
    tokens = iter(("first", "second", "third", "fourth"))
    shown = []

    def token():
        shown.append(next(tokens, "last"))
        return shown[-1]

    async def main():
        connector = NatsConnector(process.url)
        renewed = await connector.connect(seed=seed, token=token)
        fixed = await connector.connect(seed=seed, token="the only one")
        events, ended = [], []
        renewed.listen(lambda event: events.append(event.kind))
        fixed.listen(lambda event: ended.append(event.kind))
        users = (AccountUser(key=public_of(other), publish=(">",), subscribe=(">",)),)
        process.reload(ServerSettings(name="n1", accounts=(Account(name="A", users=users),)))
        await until(lambda: ended[-1:] == ["closed"] and events.count("denied") == 2)
        assert ended == ["denied", "disconnected", "closed"]
        assert events[:2] == ["denied", "disconnected"]
        assert shown[:2] == ["first", "second"]
        with pytest.raises(NotConnectedError, match="closed"):
            fixed.publish("a", b"x")
        users += (AccountUser(key=public_of(seed), publish=(">",), subscribe=(">",)),)
        process.reload(ServerSettings(name="n1", accounts=(Account(name="A", users=users),)))
        await until(lambda: renewed.is_connected)
        assert events == ["denied", "disconnected", "denied", "connected"]
        await renewed.close()

    run(main())


def test_a_server_that_is_silent_behind_an_open_socket_counts_as_lost(own):
    process = own()

    async def main():
        transport = await NatsConnector(process.url, settings=QUICK).connect()
        events = []
        transport.listen(events.append)
        process.suspend()
        try:
            await until(lambda: not transport.is_connected)
            assert events[0].kind == "disconnected"
            assert "silent" in events[0].text
        finally:
            process.resume()
        await until(lambda: transport.is_connected)
        await transport.flush()
        await transport.close()

    run(main())


def test_a_stop_that_is_announced_is_told(own):
    process = own()

    async def main():
        transport = await NatsConnector(process.url).connect()
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
        transport = await NatsConnector(node.url).connect()
        body, headers = b"x" * (transport.max_payload - 50), {"name": "v" * 40}
        with pytest.raises(TooLargeError):
            await transport.request("$JS.API.INFO", body, headers=headers)
        answer = await transport.request("$JS.API.INFO", b"", headers={"name": "v" * 40})
        assert answer.data
        with pytest.raises(NotConnectedError, match="nobody"):
            await transport.request("nobody.here")
        assert transport.is_connected
        await transport.close()

    run(main())


def test_when_its_server_dies_a_connection_goes_on_at_another_it_was_told_of(cluster):
    nodes = cluster(3, jetstream=False)

    async def main():
        near = await NatsConnector(nodes[0].url).connect()
        far = await NatsConnector(nodes[1].url).connect()
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
        connector = NatsConnector(process.url)
        transport = await connector.connect(seed=seed, token="secret-token", name="one")
        for thing in (connector, transport):
            assert seed not in repr(thing)
            assert "secret" not in repr(thing)
        await transport.close()
        assert "closed" in repr(transport)

    run(main())
