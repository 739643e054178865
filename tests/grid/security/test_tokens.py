"""Session tokens and local grants: what a Host signed, for one key, for a while."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cryptography")

from altar.adm import canonical_bytes  # noqa: E402
from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import (  # noqa: E402
    GrantUses,
    LocalGrant,
    SessionToken,
    TokenRefused,
    contract_digest,
    document,
)
from altar_extras.grid.security._sealed import b64, seal  # noqa: E402
from tests.grid.security.makes import CLIENT, HOST, NOW, STRANGER, contract, token  # noqa: E402

HOSTS = {HOST.public}


def verified(text, *, now=NOW, kind=SessionToken, **how):
    return kind.verified(text, HOSTS, now=now, **how)


def refused(text, **how) -> str:
    with pytest.raises(TokenRefused) as error:
        verified(text, **how)
    assert not text or str(text) not in str(error.value) or text == 5
    return error.value.reason


def grant(seconds=60, calls=3, found=None, session=None) -> LocalGrant:
    session = session or token(expires=int(NOW) + 3600)
    return LocalGrant.of(found or contract(), session, calls=calls, now=NOW, seconds=seconds)


def test_a_token_says_what_was_signed_until_it_expires():
    made = token()
    text = made.signed(HOST)
    found = verified(text, key=CLIENT.public)
    assert (found.session, found.tenant, found.principal, found.tools) == (
        "s-1",
        "acme",
        "ana",
        ("*",),
    )
    assert (found.id, found.host) == (made.id, HOST.public)
    assert len(text) < 600
    assert verified(text, now=NOW + 3599).expires == made.expires
    assert refused(text, now=NOW + 3600) == "expired"
    assert refused(text, now=NOW - 61) == "not_yet_valid"


def test_what_is_signed_is_the_same_bytes_in_every_version():
    made = token(
        session="s1",
        tools=("add", "search_*"),
        issued=1_800_000_000,
        expires=1_800_003_600,
        id="00ff00ff00ff00ff",
    )
    leave = LocalGrant(
        key=CLIENT.public,
        session="s1",
        tenant="acme",
        contract="math",
        digest="sha256:ab",
        calls=3,
        issued=1_800_000_000,
        expires=1_800_000_060,
        id="00ff" * 8,
    )
    assert [sha256(one.signed(HOST).encode()).hexdigest() for one in (made, leave)] == [
        "a5754a19fc02643ff78a013f6a58b07a41a2be7f22929d2e1af2977767612aa8",
        "aa1e35b9cf1b8018f34a8644b809c3242c9df705a8044aca337613a4b0d54566",
    ]


def test_a_token_is_nothing_without_its_key_its_host_and_in_the_list_of_the_revoked():
    made = token()
    text = made.signed(HOST)
    assert refused(text, key=STRANGER.public) == "wrong_key"
    assert refused(made.signed(STRANGER)) == "unknown_host"
    for name in (made.id, made.session, made.key):
        assert refused(text, revoked={name}) == "revoked"
    assert verified(text, revoked={"another"}) == verified(text)
    assert refused(grant().signed(HOST)) == "wrong_kind"
    assert refused(text, kind=LocalGrant) == "wrong_kind"
    assert refused(token(seconds=24 * 3600 + 1).signed(HOST)) == "too_long"
    assert refused(token(session="a.>").signed(HOST)) == "malformed"
    assert refused(text.replace("ag1.", "ag2.")) == "unknown_version"


def test_a_token_is_never_longer_than_3_kb():
    with pytest.raises(ConfigurationError, match="3072"):
        token(tools=tuple(f"a_tool_with_a_long_name_{n}" for n in range(99))).signed(HOST)
    assert refused("x" * 5000) == "too_large"


@settings(max_examples=300)
@given(st.integers(0, 700), st.characters(codec="utf-8"))
def test_a_token_with_one_character_changed_is_refused(at, character):
    text = token(id="a" * 16).signed(HOST)
    at %= len(text)
    changed = text[:at] + character + text[at + 1 :]
    if changed != text:
        refused(changed)


@given(
    st.text(max_size=300)
    | st.from_regex(r"\Aag1\.(session|grant)\.[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{86}\Z")
)
def test_any_text_is_refused_and_never_fails_otherwise(text):
    refused(text)
    refused(text, kind=LocalGrant)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=5,
)
FIELDS = ["id", "session", "tenant", "principal", "key", "tools", "issued", "expires", "host"]
FIELDS += ["contract", "digest", "calls"]


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
    st.sampled_from(["session", "grant"]),
)
def test_whatever_a_host_signed_is_a_token_or_refused(changes, kind):
    base = {"id": "i", "session": "s", "tenant": "t", "principal": "p", "key": CLIENT.public}
    base |= {"tools": ["*"], "issued": int(NOW), "expires": int(NOW) + 50, "host": HOST.public}
    base |= {"contract": "math", "digest": "sha256:0", "calls": 2}
    text = seal(kind, {**base, **changes}, HOST)
    reader = SessionToken if kind == "session" else LocalGrant
    try:
        found = verified(text, kind=reader)
    except TokenRefused:
        return
    assert found.issued < found.expires
    assert found.session.strip(".*> ")


@pytest.mark.parametrize(
    "payload", [b"[]", b"1", b"null", b'{"a":1,"a":2}', b"\xff", b"{ }", b"[" * 2000]
)
def test_what_is_signed_but_no_canonical_object_is_refused(payload):
    body = f"ag1.session.{b64(payload)}"
    signature = HOST.sign(document("session", body.encode()))
    assert refused(f"{body}.{b64(signature)}") == "malformed"


def test_a_signature_with_spare_bits_set_is_refused_so_that_one_token_has_one_text():
    text = token().signed(HOST)
    spare = next(one for one in "BCDEFGHIJKLMNOP" if one != text[-1])  # its low bits are not zero
    assert refused(text[:-1] + spare) in {"malformed", "bad_signature"}


def test_a_signature_over_the_payload_alone_is_none():
    payload = canonical_bytes({"host": HOST.public})
    assert refused(f"ag1.session.{b64(payload)}.{b64(HOST.sign(payload))}") == "bad_signature"


@pytest.mark.parametrize("thing", [None, b"ag1", 5, [], {}])
def test_what_is_no_text_is_refused(thing):
    assert refused(thing) == "malformed"


def test_a_grant_is_for_one_key_one_contract_and_a_minute():
    made = grant()
    text = made.signed(HOST)
    digest = contract_digest(contract())
    found = verified(text, kind=LocalGrant, key=CLIENT.public, digest=digest)
    assert (found.calls, found.expires - found.issued, found.contract) == (3, 60, "math")
    assert refused(text, kind=LocalGrant, key=STRANGER.public) == "wrong_key"
    assert refused(text, kind=LocalGrant, digest="sha256:other") == "digest_differs"
    assert refused(text, kind=LocalGrant, now=NOW + 60) == "expired"
    assert refused(text, kind=LocalGrant, revoked={"s-1"}) == "revoked"
    assert (
        refused(
            LocalGrant(**{**_fields(made), "expires": int(NOW) + 61}).signed(HOST), kind=LocalGrant
        )
        == "too_long"
    )


def _fields(made) -> dict:
    return {name: getattr(made, name) for name in LocalGrant.__slots__}


def test_a_grant_is_never_made_for_remote_only_contracts_or_beyond_its_bounds():
    with pytest.raises(TokenRefused) as error:
        grant(found=contract(x_remote_only=True))
    assert error.value.reason == "remote_only"
    for wrong in ({"seconds": 61}, {"seconds": 0}, {"calls": 0}, {"calls": 10_001}):
        with pytest.raises(ConfigurationError, match="local grant"):
            grant(**wrong)
    assert grant(session=token(expires=int(NOW) + 5)).expires == int(NOW) + 5
    with pytest.raises(TokenRefused):
        grant(session=token(expires=int(NOW)))


def test_uses_are_counted_to_the_number_of_the_grant():
    uses, made = GrantUses(), grant(calls=2)
    assert [uses.take(made, NOW) for _ in range(3)] == [True, True, False]
    assert uses.take(grant(calls=1), NOW)
    assert not uses.take(grant(calls=1), NOW + 60)
    for _ in range(400):
        uses.take(grant(), NOW + 30)
    assert not uses.take(made, NOW + 59)
