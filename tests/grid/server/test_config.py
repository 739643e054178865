"""Configurations: those we write are taken by the server and safe; unsafe ones are refused."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest

pytest.importorskip("nkeys")
pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar_extras.grid.server import (
    GridKeys,
    JetStream,
    Limits,
    Site,
    Times,
    Tls,
    check_config,
    development_certificates,
    effective_config,
    find_server,
    node_settings,
)
from tests.grid.nodes import Keys

KEYS = Keys.fresh(("acme",)).public()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    made = development_certificates(tmp_path_factory.mktemp("tls"))
    return Tls(ca=str(made.ca), cert=str(made.server_cert), key=str(made.server_key))


def site(shape: str, tls: Tls | None, folder="/tmp/never") -> Site:
    nodes = {} if shape == "one" else {"nodes": ("n1", "n2", "n3"), "region": "east"}
    regions = {"east": ("n1", "n2", "n3"), "west": ("w1:7333",)} if shape == "two" else {}
    return Site(name="n1", tls=tls, folder=str(folder), host="0.0.0.0", regions=regions, **nodes)


SHAPES = ["one", "three", "two"]


def settings(shape, tls, folder="/tmp/never"):
    return node_settings(site(shape, tls, folder), KEYS)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_we_write_is_taken_by_the_server_and_has_no_problem(shape, tls, tmp_path):
    path = tmp_path / "nats.conf"
    path.write_text(settings(shape, tls, tmp_path / "js").text())
    assert check_config(path) == []
    tried = subprocess.run([find_server(), "-t", "-c", path], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_that_matters_is_left_to_a_default(shape, tls):
    text = settings(shape, tls).text()
    assert all(said for _, _, said in effective_config(text))
    told = dict((name, value) for name, value, _ in effective_config(text))
    assert told["ping_interval"] == "1s"
    assert told["write_deadline"] == "2s"
    assert told["jetstream.sync_interval"] == "always"
    assert told["tls"] == "verify True, min_version 1.3, handshake_first True"
    assert told["accounts.acme"] == "1 users, without JetStream"
    assert "allow_responses" not in text


def test_what_a_bare_server_goes_by_is_told_and_marked_as_a_default():
    rows = {name: (value, said) for name, value, said in effective_config("port: 4333")}
    assert rows["ping_interval"] == ("2m", False)
    assert rows["listen"] == ("0.0.0.0:4333", True)
    assert rows["tls"] == ("none", False)


# What is replaced in a safe configuration of two regions, and where the problem is seen.
UNSAFE = {
    "off loopback in plaintext": (r"(?s)\ntls \{.*?\n\}\n", "\n", "tls"),
    "routes in plaintext": (r"(?s)(cluster \{.*?)  tls \{.*?\n  \}\n", r"\1", "cluster.tls"),
    "no client certificates": ("verify: true", "verify: false", "tls.verify"),
    "a client as a server": ("verify_cert_and_check_known_urls: true", "", "cluster.tls.verify_cert_and_check_known_urls"),
    "older TLS": ('min_version: "1.3"', 'min_version: "1.2"', "tls.min_version"),
    "a plaintext greeting": ("handshake_first: true", "handshake_first: auto", "tls.handshake_first"),
    "a delayed handshake": ("handshake_first: true", 'handshake_first: "300ms"', "tls.handshake_first"),
    "plaintext by choice": (r"\A", "allow_non_tls: true\n", "allow_non_tls"),
    "no sync": ("sync_interval: always", "", "jetstream.sync_interval"),
    "late sync": ("sync_interval: always", "sync_interval: 2m", "jetstream.sync_interval"),
    "default pings": (r"\nping_interval: \S+", "", "ping_interval"),
    "slow pings": (r"\nping_interval: \S+", "\nPING_INTERVAL = 60", "ping_interval"),
    "default write deadline": (r"\nwrite_deadline: \S+", "", "write_deadline"),
    "open monitoring": ('http: "127.0.0.1', 'http: "0.0.0.0', "http"),
    "open monitoring port": (r'http: "127.0.0.1:8222"', "http_port: 8222", "http_port"),
    "no payload limit": (r"\nmax_payload: \S+", "", "max_payload"),
    "a huge payload": (r"\nmax_payload: \S+", "\nmax_payload: 64MB", "max_payload"),
    "no tenant limit": (r"      max_connections: \d+\n", "", "accounts.acme.limits.max_connections"),
    "JetStream in a tenant": ('  "acme" {', '  "acme" {\n jetstream: {max_mem: 1M}', "accounts.acme.jetstream"),
    "an import": ('  "acme" {', '  "acme" {\n imports: [{stream: {account: GRID, subject: a}}]', "accounts.acme.imports"),
    "an empty list": (r"publish: \{ allow: \[[^]]*\] \}", "publish: { allow: [] }", "accounts.acme.users[0].permissions.publish"),
    "a deny list only": (r"subscribe: \{ allow: \[[^]]*\] \}", 'subscribe: { deny: "x" }', "accounts.acme.users[0].permissions.subscribe"),
    "everything": (r"publish: \{ allow: \[[^]]*\] \}", 'publish: ">"', "accounts.acme.users[0].permissions.publish"),
    "allow_responses": (r"permissions: \{ ", "permissions: { allow_responses: {max: 1}, ", "accounts.acme.users[0].permissions.allow_responses"),
    "no permissions": (r", permissions: .*", "}", "accounts.acme.users[0].permissions"),
    "a password": (r'nkey: "[^"]*"', "user: a, password: b", "accounts.acme.users[0]"),
    "no callout": (r"(?s)auth_callout \{.*?\}", "", "authorization.auth_callout"),
    "a stranger in auth_users": (r"auth_users: \[", "auth_users: [UX, ", "authorization.auth_callout.auth_users"),
    "a door": (r"\A", "websocket { port: 80, no_tls: true }\n", "websocket"),
    "profiling": (r"\A", "prof_port: 6060\n", "prof_port"),
    "nobody is somebody": (r"\A", "no_auth_user: x\n", "no_auth_user"),
    "a talkative log": (r"\A", "trace: true\n", "trace"),
    "any cluster": ("reject_unknown_cluster: true", "", "gateway.reject_unknown_cluster"),
    "no system account": (r"system_account: \S+", "", "system_account"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSAFE)
def test_unsafe_is_refused_with_its_place(case, tls):
    pattern, instead, place = UNSAFE[case]
    text = settings("two", tls).text()
    changed = re.sub(pattern, instead, text)
    assert changed != text
    assert place in {problem.path for problem in check_config(changed)}


def test_a_bare_configuration_has_many_problems():
    seen = {problem.path for problem in check_config("jetstream: enabled")}
    assert {"tls", "accounts", "ping_interval", "jetstream.sync_interval"} <= seen


def test_comments_includes_variables_and_both_quotes_are_read_as_the_server_does(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("GRID_PING", "1s")
    (tmp_path / "limits.conf").write_text("max_payload = 1MB // of one message\n")
    (tmp_path / "nats.conf").write_text(
        "# a comment\nDEADLINE: '2s'\nwrite_deadline $DEADLINE; ping_interval=$GRID_PING\n"
        'include "./limits.conf"\nlisten: "[::1]:4222"\n'
        "cluster { name: a, listen: localhost:-1, routes: [nats://a:1\n nats://b:2] }\n"
    )
    rows = {name: value for name, value, _ in effective_config(tmp_path / "nats.conf")}
    assert rows["write_deadline"] == "2s"
    assert rows["ping_interval"] == "1s"
    assert rows["max_payload"] == "1MB"
    seen = {problem.path for problem in check_config(tmp_path / "nats.conf")}
    assert not seen & {"tls", "cluster.tls", "ping_interval", "write_deadline", "max_payload"}


@pytest.mark.parametrize(
    "text",
    [
        "a {",
        "a: [1",
        "a }",
        "{",
        "a: $NOT_SET_ANYWHERE",
        "include 'other.conf'",
        "a: ",
        '"a',
        "a {" * 99,
        "a: " + "[" * 99,
        "tls {}; TLS { verify: true }",
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text):
    with pytest.raises(ConfigurationError, match="line 1:"):
        check_config(text)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check_config(tmp_path / "none.conf")


def test_keys_may_be_left_to_the_environment(tls, monkeypatch):
    keys = GridKeys(issuer="$GRID_ISSUER", hosts={"GRID": "$GRID_KEY", "SYS": "$GRID_SYS"})
    text = node_settings(replace(site("one", tls), name="$GRID_SERVER"), keys).text()
    with pytest.raises(ConfigurationError, match="neither in the file nor in the environment"):
        check_config(text)
    for name, value in {"SERVER": "n1", "ISSUER": "AX", "KEY": "UX", "SYS": "UY"}.items():
        monkeypatch.setenv(f"GRID_{name}", value)
    assert check_config(text) == []


def test_limits_and_times_reach_the_text(tls):
    made = node_settings(
        site("one", tls),
        times=Times(ping=5, lame_duck=60),
        limits=Limits(max_payload="2MB"),
        jetstream=JetStream(folder="/x", max_file="1GB", domain="d"),
    ).text()
    for line in ('ping_interval: "5s"', 'lame_duck_duration: "60s"', "max_payload: 2MB", 'domain: "d"'):  # fmt: skip
        assert line in made


def test_servers_known_by_address_are_refused_with_tls(tls):
    with pytest.raises(ConfigurationError, match="DNS names"):
        node_settings(replace(site("three", tls), nodes=("10.0.0.1",))).text()
    node_settings(replace(site("three", None), nodes=("127.0.0.1",))).text()


VALUES = st.sampled_from(
    ["{}", "[]", "[{}]", "[[1]]", "1", "-1", "1.5", "x", "true", '"1.2.3s"', "9" * 5000, '{a: "}', "[" * 99]
)  # fmt: skip


@given(data=st.data())
def test_whatever_stands_in_a_configuration_it_is_checked_or_refused_in_words(data):
    text = settings("two", Tls(ca="a", cert="b", key="c")).text()
    spots = list(re.finditer(r"(?<=: )[^\s{[][^\s,}]*|\{[^{}]*\}|\[[^\[\]]*\]", text))
    spot = data.draw(st.sampled_from(spots))
    changed = text[: spot.start()] + data.draw(VALUES) + text[spot.end() :]
    try:
        found = check_config(changed)
        effective_config(changed)
    except ConfigurationError:
        return
    assert all(problem.text and problem.path for problem in found)
