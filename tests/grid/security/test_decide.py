"""decide: who is let in, as what, until when; the same for every transport."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography")

from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import (  # noqa: E402
    Admission,
    CalloutRefused,
    ConnectRequest,
    Denial,
    ManifestTrust,
    Rules,
    SigningKey,
    callout_answer,
    connection_name,
    decide,
    key_id,
    read_callout,
)
from tests.grid.security.makes import (  # noqa: E402
    CLIENT,
    DAY,
    HOST,
    NOW,
    ROOT,
    RUNTIME,
    STRANGER,
    contract,
    key,
    manifest,
    principal,
    signed,
    token,
)

OPERATOR = key(40)
NAME = connection_name("runtime", "0123abcd")
KNOWN = {
    one.key: one for one in (principal(CLIENT, "ana"), principal(OPERATOR, "olga", "operator"))
}
OPEN = Rules(
    mode="development",
    principals={**KNOWN, RUNTIME.public: principal(RUNTIME, "r1", "runtime")},
    host_keys={HOST.public},
)


@pytest.fixture
def strict(tmp_path):
    return Rules(principals=KNOWN, host_keys={HOST.public}, manifests={"acme": accepted(tmp_path)})


def accepted(folder, tenant="acme", **how):
    trust = ManifestTrust(ROOT.public, tenant, state_path=folder / f"{tenant}.json")
    found = manifest(contract("math", "add", "mul"), contract("files", "read", version="2.0.0"))
    runtimes = {"math": [RUNTIME.public]}
    return trust.accept(
        signed(found, now=NOW, tenant=tenant, **{"runtimes": runtimes, **how}), now=NOW
    )


def ask(rules, found: SigningKey = CLIENT, text="", name="", now=NOW, signed=True):
    request = ConnectRequest(key=found.public, token=text, name=name, signed=signed)
    return decide(request, rules, now=now)


def denied(rules, *arguments, **how) -> str:
    found = ask(rules, *arguments, **how)
    assert isinstance(found, Denial), found
    return found.reason


def test_a_strict_session_is_for_the_tools_of_the_manifest_and_ends_with_either(strict):
    found = ask(strict, CLIENT, token(tools=("a*", "read")).signed(HOST))
    assert (found.role, found.account, found.session, found.principal) == (
        "client",
        "acme",
        "s-1",
        "ana",
    )
    assert found.expires == int(NOW) + 3600
    calls = {one for one in found.permissions.publish if ".call." in one}
    assert calls == {"grid.v1.call.add.1.s-1", "grid.v1.call.read.2.s-1"}
    late = NOW + 20 * DAY - 100
    ends = ask(strict, CLIENT, token(now=late).signed(HOST), now=late)
    assert ends.expires == int(NOW + 20 * DAY)
    assert (
        denied(strict, CLIENT, token(now=late + 200).signed(HOST), now=late + 200)
        == "manifest_expired"
    )


def test_what_was_narrowed_since_the_token_was_signed_is_gone(strict):
    text = token().signed(HOST)
    known = replace(KNOWN[CLIENT.public], tools=("mul",))
    found = ask(replace(strict, principals={CLIENT.public: known}), CLIENT, text)
    assert [one for one in found.permissions.publish if ".call." in one] == [
        "grid.v1.call.mul.1.s-1"
    ]
    gone = replace(KNOWN[CLIENT.public], tools=())
    assert denied(replace(strict, principals={CLIENT.public: gone}), CLIENT, text) == "no_rights"
    assert denied(replace(strict, principals={}), CLIENT, text) == "unknown_key"


def test_a_token_opens_nothing_that_is_not_its_own(strict):
    text = token().signed(HOST)
    assert denied(strict, STRANGER, text) == "wrong_key"
    assert denied(strict, CLIENT, text, signed=False) == "not_proven"
    assert denied(strict, CLIENT, token(tenant="globex").signed(HOST)) == "foreign_tenant"
    other = {CLIENT.public: replace(KNOWN[CLIENT.public], tenant="globex")}
    elsewhere = replace(strict, principals=other)
    assert denied(elsewhere, CLIENT, token(tenant="globex").signed(HOST)) == "no_manifest"
    for name in ("s-1", CLIENT.public):
        assert denied(replace(strict, revoked={name}), CLIENT, text) == "revoked"
    assert denied(strict, CLIENT, "no token") == "malformed"
    runtime = replace(strict, principals={CLIENT.public: principal(CLIENT, "x", "runtime")})
    assert denied(runtime, CLIENT, text) == "foreign_tenant"


@pytest.mark.parametrize("taken_back", [CLIENT, HOST])
def test_a_key_the_manifest_revoked_opens_nothing(tmp_path, taken_back):
    found = accepted(tmp_path, revoked=[taken_back.public])
    rules = Rules(principals=KNOWN, host_keys={HOST.public}, manifests={"acme": found})
    assert denied(rules, CLIENT, token().signed(HOST)) == "revoked"
    assert (taken_back is HOST) == isinstance(ask(rules, CLIENT), Admission)


def test_a_strict_runtime_serves_what_the_manifest_names_it_for(strict):
    found = ask(strict, RUNTIME, name=NAME)
    own = f"{key_id(RUNTIME.public)}-0123abcd"
    assert (found.role, found.session, found.expires) == ("runtime", own, int(NOW + 20 * DAY))
    assert [one for one, _ in found.permissions.queue_only] == [
        "grid.v1.call.add.1.*",
        "grid.v1.call.mul.1.*",
    ]
    assert denied(strict, STRANGER, name=NAME) == "not_in_manifest"
    assert denied(strict, CLIENT, name=NAME) == "wrong_role"
    assert denied(strict, RUNTIME, name=NAME, now=NOW + 21 * DAY) == "manifest_expired"
    for name in ("", "altar-grid/1 runtime", f"{NAME}9", f"{NAME}\n", NAME.replace("0123", "*.>a")):
        assert denied(strict, RUNTIME, name=name) == "unknown_key"


def test_a_runtime_that_two_tenants_name_must_be_told_whose_it_is(tmp_path):
    both = {name: accepted(tmp_path, name) for name in ("acme", "globex")}
    rules = Rules(manifests=both)
    assert denied(rules, RUNTIME, name=NAME) == "ambiguous_tenant"
    known = {RUNTIME.public: principal(RUNTIME, "r", "runtime", "globex")}
    assert ask(replace(rules, principals=known), RUNTIME, name=NAME).account == "globex"


def test_development_lets_in_who_is_listed_and_knows_no_manifest():
    assert ask(OPEN, RUNTIME, name=NAME).permissions.queue_only == (("grid.v1.call.*.*.*", "rt"),)
    assert denied(OPEN, STRANGER, name=NAME) == "unknown_key"
    everything = ask(OPEN, CLIENT, token().signed(HOST)).permissions
    assert "grid.v1.call.*.*.s-1" in everything.publish
    text = token(tools=("add", "f_*")).signed(HOST)
    known = replace(OPEN, tools={"acme": [("f_a", 3), ("g_a", 1)]})
    calls = [one for one in ask(known, CLIENT, text).permissions.publish if ".call." in one]
    assert calls == ["grid.v1.call.add.*.s-1", "grid.v1.call.f_a.3.s-1"]
    assert denied(OPEN, CLIENT, token(tools=("f_*",)).signed(HOST)) == "no_rights"


def test_development_narrows_what_the_hosts_file_narrowed():
    narrow = {
        **OPEN.principals,
        CLIENT.public: principal(CLIENT, "ana", "client", "acme", "add", "g_*"),
    }
    rules = replace(OPEN, principals=narrow, tools={"acme": [("f_a", 3), ("g_a", 1)]})
    calls = {
        text: [
            one
            for one in ask(rules, CLIENT, token(tools=text).signed(HOST)).permissions.publish
            if ".call." in one
        ]
        for text in (("*",), ("add", "drop"), ("?_a", "mul"))
    }
    assert calls == {
        ("*",): ["grid.v1.call.add.*.s-1", "grid.v1.call.g_a.1.s-1"],
        ("add", "drop"): ["grid.v1.call.add.*.s-1"],
        ("?_a", "mul"): ["grid.v1.call.g_a.1.s-1"],
    }
    assert denied(rules, CLIENT, token(tools=("drop",)).signed(HOST)) == "no_rights"


def test_development_and_a_manifest_exclude_each_other(tmp_path):
    with pytest.raises(ConfigurationError, match="DEVELOPMENT"):
        Rules(mode="development", manifests={"acme": accepted(tmp_path)})
    filled = {}
    rules = replace(OPEN, manifests=filled)
    filled["acme"] = accepted(tmp_path)
    assert denied(rules, CLIENT, token().signed(HOST)) == "manifest_in_development"


def test_a_mode_nobody_knows_is_as_strict_as_strict():
    assert (
        denied(Rules(mode="loose", principals=OPEN.principals), RUNTIME, name=NAME)
        == "not_in_manifest"
    )


def test_who_only_asks_gets_a_minute_and_the_hosts_alone(strict):
    found = ask(strict, CLIENT)
    assert (found.role, found.session, found.expires) == (
        "bootstrap",
        key_id(CLIENT.public),
        NOW + 60,
    )
    operator = ask(strict, OPERATOR)
    assert (operator.role, operator.expires) == ("operator", NOW + 3600)
    for one in (found, operator):
        assert not [subject for subject in one.permissions.publish if ".host." not in subject]
    assert denied(strict, STRANGER) == "unknown_key"
    assert denied(strict, SigningKey(bytes(32), kind="account")) == "no_key"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_whatever_a_peer_sends_is_answered(found, text, name, proven):
    request = ConnectRequest(key=found, token=text, name=name, signed=proven)
    assert isinstance(decide(request, OPEN, now=NOW), Denial)
    known = ConnectRequest(key=CLIENT.public, token=text, name=name, signed=proven)
    assert isinstance(decide(known, OPEN, now=NOW), (Denial, Admission))


@given(
    st.binary(max_size=300)
    | st.from_regex(rb"\A[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{86}\Z")
)
def test_what_is_no_question_of_a_server_is_not_answered(question):
    issuer = SigningKey(bytes(32), kind="account")
    with pytest.raises(CalloutRefused):
        callout_answer(question, lambda request: Denial("x"), issuer=issuer, now=NOW)


def question(server: SigningKey, signer: SigningKey | None = None, **changes) -> bytes:
    from altar_extras.grid.security._callout import _jwt

    nats = {
        "type": "authorization_request",
        "server_id": {"id": server.public},
        "user_nkey": key(50).public,
        "client_info": {"id": 8, "nonce": "v4w3uN505k1IzkA"},
        "connect_opts": {"nkey": CLIENT.public, "sig": CLIENT.sign_nonce("v4w3uN505k1IzkA")},
    }
    claims = {"aud": "nats-authorization-request", "exp": int(NOW), "nats": {**nats, **changes}}
    return _jwt(claims, signer or server, NOW).encode()


def test_a_question_is_believed_from_the_server_it_names_and_in_time():
    server, other = key(51), key(52)
    server, other = (SigningKey(one._raw, kind="server") for one in (server, other))
    asked = read_callout(question(server), now=NOW)
    assert (asked.request.key, asked.request.signed, asked.request.client) == (
        CLIENT.public,
        True,
        8,
    )
    for wrong in (
        question(server, other),
        question(server, CLIENT),
        question(server, type="user"),
        question(server, user_nkey=None),
        question(server)[:-4] + b"AAAA",
    ):
        with pytest.raises(CalloutRefused):
            read_callout(wrong, now=NOW)
    with pytest.raises(CalloutRefused, match="old"):
        read_callout(question(server), now=NOW + 61)
    for broken in (
        {"connect_opts": []},
        {"client_info": {"nonce": "another-nonce-12"}},
        {"client_info": None},
    ):
        assert not read_callout(question(server, **broken), now=NOW).request.signed
    assert not read_callout(
        question(server, client_tls={"verified_chains": 5}), now=NOW
    ).request.certificate
