"""Credentials files: everything a party needs, and nothing that others can read."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography")

from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import Credentials, SigningKey, TlsFiles  # noqa: E402
from tests.grid.security.makes import CLIENT, HOST, ROOT, RUNTIME, key, principal  # noqa: E402

ISSUER = SigningKey(bytes(32), kind="account")
POSIX = pytest.mark.skipif(os.name != "posix", reason="modes of files say nothing here")


def client(**changes) -> Credentials:
    fields = {"role": "client", "tenant": "acme", "name": "ana", "seed": CLIENT.seed}
    return Credentials(**{**fields, **changes})


def host(**changes) -> Credentials:
    fields = {
        "role": "host",
        "tenant": "grid",
        "name": "h1",
        "seed": key(30).seed,
        "url": "tls://grid.example:4222",
        "root": ROOT.public,
        "tls": TlsFiles(ca="CA", cert="CERT", key="SECRET"),
        "host_keys": (HOST.public,),
        "host_seed": HOST.seed,
        "issuer_seed": ISSUER.seed,
        "system_seed": key(32).seed,
        "tenants": {"acme": key(31).seed},
        "principals": (principal(CLIENT, "ana"), principal(RUNTIME, "r1", "runtime")),
    }
    return Credentials(**{**fields, **changes})


@pytest.mark.parametrize("made", [client(), client(role="operator", url="nats://x"), host()])
def test_what_is_written_is_read(tmp_path, made):
    path = made.write(tmp_path / "a.json")
    assert Credentials.read(path, role=made.role) == made
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_a_file_written_over_a_readable_one_is_private(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(0o644)
    client().write(path)
    assert Credentials.read(path).name == "ana"


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_that_others_can_read_is_refused(tmp_path, mode):
    path = client().write(tmp_path / "a.json")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Credentials.read(path)


def test_a_missing_file_and_a_wrong_role_say_what_to_type(tmp_path):
    with pytest.raises(ConfigurationError, match="altar grid keys make"):
        Credentials.read(tmp_path / "none.json")
    path = client().write(tmp_path / "a.json")
    with pytest.raises(ConfigurationError, match="of a client, and a host's are needed"):
        Credentials.read(path, role="host")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"v": 2}, "version 2"),
        ({"v": None}, "version None"),
        ({"role": "root"}, "one of client"),
        ({"seed": "SUAAA"}, '"seed"'),
        ({"seed": ISSUER.seed}, "seed of account"),
        ({"seed": None}, '"seed"'),
        ({"tenant": "Acme!"}, r"\[a-z0-9_-\]"),
        ({"surprise": 1}, "unknown fields surprise"),
        ({"root": "UAAA"}, "public key"),
        ({"tls": []}, None),
        ({"tls": [1]}, '"tls"'),
        ({"host_seed": None}, "host_seed"),
        ({"host_seed": key(30).seed}, "they differ"),
        ({"issuer_seed": HOST.seed}, "seed of user"),
        ({"tenants": {"acme": "x"}}, "tenants"),
        ({"tenants": {"acme": HOST.seed}}, "they differ"),
        ({"principals": [{}]}, '"key"'),
        ({"principals": [1]}, "principals"),
    ],
)
def test_a_file_with_one_field_wrong_is_refused(change, says):
    text = json.dumps({**host().to_dict(), **change})
    if says is None:
        Credentials.loads(text)
        return
    with pytest.raises(ConfigurationError, match=says) as error:
        Credentials.loads(text)
    assert not [seed for seed in (HOST.seed, ISSUER.seed, key(31).seed) if seed in str(error.value)]


def test_no_secret_is_in_the_repr():
    shown = repr(host())
    for secret in (key(30), HOST, ISSUER, key(31), key(32)):
        assert secret.seed not in shown
    assert "SECRET" not in shown


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(host().to_dict())), ANY, max_size=4))
def test_whatever_stands_in_a_field_the_file_is_read_or_refused(changes):
    try:
        Credentials.loads(json.dumps({**host().to_dict(), **changes}))
    except ConfigurationError:
        pass


@given(st.binary(max_size=60))
def test_bytes_that_are_no_credentials_are_refused(data):
    with pytest.raises(ConfigurationError):
        Credentials.loads(data)
