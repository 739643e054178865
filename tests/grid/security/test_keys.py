"""Keys: the text form of NATS, and nothing secret where it could be seen."""

from __future__ import annotations

import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("cryptography")
nkeys = pytest.importorskip("nkeys")

from altar.errors import ConfigurationError  # noqa: E402
from altar_extras.grid.security import SigningKey, VerifyKey, key_id  # noqa: E402

RAW = st.binary(min_size=32, max_size=32)
PREFIXES = {
    "user": nkeys.PREFIX_BYTE_USER,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "server": nkeys.PREFIX_BYTE_SERVER,
}
KINDS = st.sampled_from(sorted(PREFIXES))


@given(RAW, KINDS, st.binary(max_size=200))
def test_a_key_of_ours_is_a_key_of_nkeys(raw, kind, message):
    ours = SigningKey(raw, kind=kind)
    theirs = nkeys.from_seed(bytearray(ours.seed.encode()))
    assert theirs.public_key.decode() == ours.public
    assert theirs.sign(message) == ours.sign(message)
    assert theirs.verify(message, ours.sign(message))


@given(RAW, KINDS, st.binary(max_size=200))
def test_a_key_of_nkeys_is_a_key_of_ours(raw, kind, message):
    seed = nkeys.encode_seed(raw, PREFIXES[kind])
    ours = SigningKey.from_seed(seed.decode())
    assert (ours.seed, ours.kind) == (seed.decode(), kind)
    theirs = nkeys.from_seed(bytearray(seed))
    public = VerifyKey(theirs.public_key.decode())
    assert public == ours.verify_key
    assert public.kind == kind
    assert public.verify(message, theirs.sign(message))
    assert not public.verify(message + b"x", theirs.sign(message))


@given(st.text(max_size=80) | st.from_regex(r"\A[SUAN][A-Z2-7]{54,58}\Z"))
def test_any_other_text_is_refused_and_never_repeated_where_it_may_be_a_seed(text):
    with pytest.raises(ConfigurationError) as error:
        SigningKey.from_seed(text)
    assert len(text) < 8 or text not in str(error.value)
    with pytest.raises(ConfigurationError):
        VerifyKey(text)
    with pytest.raises(ConfigurationError):
        key_id(text)


@given(RAW, st.integers(0, 57), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_seed_or_key_with_one_letter_changed_is_refused(raw, at, letter):
    key = SigningKey(raw)
    for text, read in ((key.seed, SigningKey.from_seed), (key.public, VerifyKey)):
        changed = text[:at] + letter + text[at + 1 :]
        if changed not in {text, text + letter}:
            with pytest.raises(ConfigurationError):
                read(changed)


def test_no_secret_is_shown():
    key = SigningKey.generate()
    secrets = {key.seed, key.seed[4:20]}
    shown = f"{key!r} {key} {key.verify_key!r}"
    try:
        SigningKey.from_seed(key.seed[:-1] + ("A" if key.seed[-1] != "A" else "B"))
    except ConfigurationError:
        shown += traceback.format_exc()
    assert not [secret for secret in secrets if secret in shown]
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)


def test_a_key_id_is_sixteen_hex_digits_and_its_key_s_alone():
    ids = {key_id(SigningKey(bytes([n]) * 32).public) for n in range(50)}
    assert len(ids) == 50
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in ids)


@pytest.mark.parametrize(
    "nonce", ["", "short", "ag1.session.e30", "x" * 65, '{"a": 1} and more', "ä" * 10]
)
def test_only_a_nonce_is_signed_as_a_nonce(nonce):
    with pytest.raises(ConfigurationError, match="nothing was signed"):
        SigningKey.generate().sign_nonce(nonce)
    assert len(SigningKey.generate().sign_nonce("v4w3uN505k1IzkA")) == 86
