"""Signed manifests: believed when everything fits, refused with a reason otherwise."""

from __future__ import annotations

import json
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("cryptography")

from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import (  # noqa: E402
    ManifestRefused,
    ManifestTrust,
    SignedManifest,
    contract_digest,
    is_remote_only,
)
from tests.grid.security.makes import (  # noqa: E402
    CLIENT,
    DAY,
    NOW,
    OTHER_ROOT,
    ROOT,
    RUNTIME,
    STRANGER,
    contract,
    manifest,
    signed,
)


@pytest.fixture
def trust(tmp_path):
    return ManifestTrust(ROOT.public, "acme", state_path=tmp_path / "trust.json")


def refused(trust, found, now=NOW) -> str:
    with pytest.raises(ManifestRefused) as error:
        trust.accept(found, now=now)
    assert str(error.value)
    return error.value.reason


def test_a_manifest_that_fits_is_believed_and_its_sequence_is_on_disk(trust, tmp_path):
    path = tmp_path / "m.json"
    signed(now=NOW).write(path)
    accepted = trust.accept_file(path, now=NOW)
    assert accepted.sequence == trust.sequence == 7
    assert accepted.tools() == (("add", 1), ("mul", 1))
    digest = contract_digest(contract())
    assert accepted.digest_of("math") == digest
    assert accepted.may_fulfil(RUNTIME.public, "math", digest)
    assert not accepted.may_fulfil(STRANGER.public, "math", digest)
    assert not accepted.may_fulfil(RUNTIME.public, "math", digest[:-1] + "x")
    assert not accepted.may_fulfil(RUNTIME.public, "other", digest)
    trust.accept_file(path, now=NOW)  # the same again, as after a restart
    assert os.name != "posix" or trust.state_path.stat().st_mode & 0o777 == 0o600


def test_an_older_one_is_refused_by_whoever_shares_the_memory(trust):
    trust.accept(signed(now=NOW, sequence=9), now=NOW)
    again = ManifestTrust(ROOT.public, "acme", state_path=trust.state_path)
    assert refused(again, signed(now=NOW, sequence=8)) == "older"
    assert (
        refused(again, signed(manifest(contract("other")), now=NOW, sequence=9))
        == "sequence_reused"
    )
    again.accept(signed(now=NOW, sequence=10), now=NOW)
    assert refused(trust, signed(now=NOW, sequence=9)) == "older"


def test_it_stops_at_its_expiry(trust):
    found = signed(now=NOW, days=30)
    accepted = trust.accept(found, now=NOW)
    accepted.check(NOW + 30 * DAY - 1)
    with pytest.raises(ManifestRefused, match="expired"):
        accepted.check(NOW + 30 * DAY)
    assert refused(trust, found, NOW + 30 * DAY) == "expired"
    assert refused(trust, found, NOW - 3600) == "not_yet_valid"


def test_what_is_another_s_is_refused(trust):
    assert refused(trust, signed(now=NOW, root=OTHER_ROOT)) == "foreign_root"
    assert refused(trust, signed(now=NOW, tenant="globex")) == "foreign_tenant"
    forged = {**signed(now=NOW, root=OTHER_ROOT).to_dict(), "root": ROOT.public}
    assert refused(trust, json.dumps(forged)) == "bad_signature"
    assert not trust.state_path.exists()


def test_revoked_keys_fulfil_nothing(trust):
    accepted = trust.accept(signed(now=NOW, revoked=[RUNTIME.public]), now=NOW)
    assert accepted.is_revoked(RUNTIME.public)
    assert not accepted.may_fulfil(RUNTIME.public, "math", contract_digest(contract()))
    assert accepted.tools(RUNTIME.public) == ()


CHANGES = {
    "tenant": ("globex", "bad_signature"),
    "sequence": (8, "bad_signature"),
    "issued": (int(NOW) - 1, "bad_signature"),
    "expires": (int(NOW) + 100, "bad_signature"),
    "revoked": ([CLIENT.public], "bad_signature"),
    "runtimes": ({"math": [STRANGER.public]}, "bad_signature"),
    "digests": ({"math": "sha256:" + "0" * 64}, "digest_differs"),
    "manifest": (manifest(contract("math", "add", "drop")).to_dict(), "digest_differs"),
    "signature": ("A" * 86 + "==", "bad_signature"),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_after_the_signature_is_noticed(trust, name):
    value, reason = CHANGES[name]
    assert refused(trust, json.dumps({**signed(now=NOW).to_dict(), name: value})) == reason


def without(doc, name):
    return {key: value for key, value in doc.items() if key != name}


def test_what_is_no_signed_manifest_is_refused(trust, tmp_path):
    doc = signed(now=NOW).to_dict()
    assert refused(trust, manifest().dumps()) == "unsigned"
    assert refused(trust, json.dumps(without(doc, "signature"))) == "unsigned"
    assert refused(trust, json.dumps(without(doc, "expires"))) == "malformed"
    assert refused(trust, json.dumps({**doc, "more": 1})) == "malformed"
    assert refused(trust, json.dumps({**doc, "v": 2})) == "unknown_version"
    assert refused(trust, json.dumps({**doc, "v": True})) == "unknown_version"
    assert refused(trust, json.dumps({**doc, "sequence": 2**53})) == "integer_too_large"
    assert refused(trust, json.dumps({**doc, "expires": int(NOW) + 31 * DAY})) == "too_long"
    assert refused(trust, json.dumps({**doc, "runtimes": {"x": []}})) == "malformed"
    assert refused(trust, json.dumps({**doc, "revoked": ["U"]})) == "malformed"
    inner = {**doc["manifest"], "surprise": 1}  # would be dropped, and what is signed differ
    assert refused(trust, json.dumps({**doc, "manifest": inner})) == "malformed"
    assert refused(trust, b'{"v":1,"v":1}') == "malformed"
    assert refused(trust, json.dumps(doc)[:-40]) == "malformed"
    assert refused(trust, b" " * (8 * 1024 * 1024 + 1)) == "too_large"
    with pytest.raises(ManifestRefused, match="cannot be read"):
        trust.accept_file(tmp_path / "none.json", now=NOW)
    huge = json.dumps(doc).replace('"name": "add"', '"x_most": 9007199254740993, "name": "add"')
    assert refused(trust, huge) == "integer_too_large"
    assert not trust.state_path.exists()


def test_two_contracts_may_not_declare_one_tool_in_one_major_version():
    """A runtime of the one would be called for the other's tool."""
    with pytest.raises(ConfigurationError, match="both declare add 1.x"):
        signed(manifest(contract("a", "add"), contract("b", "add")), now=NOW)
    signed(manifest(contract("a", "add"), contract("b", "add", version="2.0.0")), now=NOW)


def test_what_no_trust_would_accept_is_not_signed():
    for wrong in ({"days": 31}, {"days": -1}, {"runtimes": {"no": []}}, {"tenant": "A B"}):
        with pytest.raises(ConfigurationError, match="manifest"):
            signed(now=NOW, **wrong)


def test_a_broken_memory_refuses_everything_until_somebody_looks(trust):
    found = signed(now=NOW)
    trust.accept(found, now=NOW)
    good = trust.state_path.read_text()
    for text in ("", "{", "[]", good.replace("7", '"7"'), good.replace("acme", "globex")):
        trust.state_path.write_text(text)
        assert refused(trust, found) == "state_broken"
    trust.state_path.unlink()
    trust.state_path.mkdir()
    assert refused(trust, found) == "state_broken"


def test_many_at_once_end_with_the_highest_sequence(trust):
    found = [signed(now=NOW, sequence=number) for number in range(1, 21)]

    def accept(one) -> None:
        try:
            trust.accept(one, now=NOW)
        except ManifestRefused as error:
            assert error.reason == "older"

    threads = [threading.Thread(target=accept, args=(one,)) for one in reversed(found)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trust.sequence == 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
DOC = signed(now=NOW).to_dict()


@settings(max_examples=150)
@given(
    st.binary(max_size=50)
    | st.dictionaries(st.sampled_from(sorted(DOC)), JSON, min_size=1, max_size=3)
)
def test_whatever_a_file_holds_it_is_refused_and_never_fails_otherwise(found):
    data = found if isinstance(found, bytes) else json.dumps({**DOC, **found})
    try:
        read = SignedManifest.loads(data)
    except ManifestRefused:
        return
    assert read.is_signed_by(ROOT.verify_key) == (read.to_dict() == DOC)


def test_a_contract_says_that_it_is_remote_only():
    assert not is_remote_only(contract())
    assert not is_remote_only(contract(x_remote_only=False))
    assert is_remote_only(contract(x_remote_only=True))
    assert is_remote_only(contract(x_remote_only="yes"))
