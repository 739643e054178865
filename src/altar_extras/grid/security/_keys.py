"""SigningKey and VerifyKey: Ed25519 keys in the text form of NATS (nkeys)."""

from __future__ import annotations

import os
import re
from base64 import b32decode, b32encode, urlsafe_b64encode
from binascii import Error as Base32Error
from binascii import crc_hqx
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["KEY_ID_LENGTH", "KeyKind", "SigningKey", "VerifyKey", "document", "key_id"]

KeyKind = Literal["account", "server", "user"]
KEY_ID_LENGTH = 16  # hexadecimal digits of a key_id: 64 bits name a key, the key itself proves it

_SEED = 18 << 3  # the letter S
_PREFIXES: dict[KeyKind, int] = {"account": 0, "server": 13 << 3, "user": 20 << 3}  # A, N, U
_KINDS: dict[int, KeyKind] = {prefix: kind for kind, prefix in _PREFIXES.items()}
_PUBLIC_CHARS, _SEED_CHARS = 56, 58
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")


class VerifyKey:
    """A public key: ``U...`` (a user: whoever connects or signs) or ``A...`` (an account).

    Raises ConfigurationError for a text that is no such key.
    """

    __slots__ = ("_key", "kind", "public", "raw")

    def __init__(self, public: str) -> None:
        self.kind, self.raw = _read_public(public)
        self.public = public
        self._key = Ed25519PublicKey.from_public_bytes(self.raw)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` (64 bytes) is this key's over ``message``."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and other.public == self.public

    def __hash__(self) -> int:
        return hash(self.public)

    def __repr__(self) -> str:
        return f"VerifyKey({self.public!r})"


class SigningKey:
    """A private key; its text is the seed, ``SU...`` or ``SA...``, which no repr shows.

    A key that connects signs texts which the server chooses (the nonce), so a
    key that signs documents (manifest, tokens, grants, heads) never connects.
    """

    __slots__ = ("_key", "_raw", "kind", "public", "verify_key")

    def __init__(self, raw: bytes, *, kind: KeyKind = "user") -> None:
        if len(raw) != 32:
            raise ConfigurationError(f"a key has 32 bytes, not {len(raw)}")
        self._raw = bytes(raw)
        self._key = Ed25519PrivateKey.from_private_bytes(self._raw)
        self.kind: KeyKind = kind
        self.public = _written(_PREFIXES[kind], self._key.public_key().public_bytes_raw())
        self.verify_key = VerifyKey(self.public)

    @classmethod
    def generate(cls, *, kind: KeyKind = "user") -> SigningKey:
        """A new key from the system's randomness."""
        return cls(os.urandom(32), kind=kind)

    @classmethod
    def from_seed(cls, seed: str) -> SigningKey:
        """The key of a seed; raises ConfigurationError, which never repeats the text."""
        problem = "this is no seed of a key (SU... or SA..., 58 letters and digits)"
        data = _decoded(seed, _SEED_CHARS)
        if data is None:
            raise ConfigurationError(f"{problem}; type: altar grid keys make FOLDER")
        prefix = (data[0] & 7) << 5 | data[1] >> 3
        if data[0] & 248 != _SEED or prefix not in _KINDS or data[1] & 7:
            raise ConfigurationError(f"{problem}; type: altar grid keys make FOLDER")
        return cls(data[2:], kind=_KINDS[prefix])

    @property
    def seed(self) -> str:
        """The secret, as text. Whoever has it is this party."""
        prefix = _PREFIXES[self.kind]
        return _written(bytes([_SEED | prefix >> 5, (prefix & 31) << 3]), self._raw)

    def sign(self, message: bytes) -> bytes:
        """64 bytes that only this key can make over ``message``."""
        return self._key.sign(message)

    def sign_nonce(self, nonce: str) -> str:
        """A server's challenge signed, as its CONNECT wants it (URL base64, no padding).

        Raises ConfigurationError for a challenge that is not 8 to 64
        characters of URL base64: a hostile server could otherwise have a
        document signed in the place of a nonce.
        """
        if _NONCE.fullmatch(nonce) is None:
            raise ConfigurationError("the server's nonce is no nonce; nothing was signed")
        return urlsafe_b64encode(self.sign(nonce.encode())).rstrip(b"=").decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and other.public == self.public

    def __hash__(self) -> int:
        return hash(self.public)

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a SigningKey is not pickled: its seed would travel with it")


@lru_cache(maxsize=4096)
def key_id(public: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 over the raw public key.

    Raises ConfigurationError for a text that is no public key.
    """
    return sha256(_read_public(public)[1]).hexdigest()[:KEY_ID_LENGTH]


def document(kind: str, body: bytes) -> bytes:
    """What is signed in the place of ``body``: a text, a manifest, a head.

    It begins with its kind, so that no signature stands for another kind of
    document, and with a byte that no UTF-8 text holds, so that no nonce, which
    is text, can ever be one: clients of NATS sign whatever nonce a server sends.
    """
    return f"altar-grid/{kind}/1\0".encode() + b"\xff" + body


def _read_public(public: object) -> tuple[KeyKind, bytes]:
    data = _decoded(public, _PUBLIC_CHARS)
    if data is None or data[0] not in _KINDS:
        seed = isinstance(public, str) and public[:1] == "S"
        shown = "this text" if seed else f"{public!r:.60}"
        raise ConfigurationError(
            f"{shown} is no public key (U..., A... or N..., 56 letters and digits)"
        )
    return _KINDS[data[0]], data[1:]


def _decoded(text: object, length: int) -> bytes | None:
    """The bytes before a right checksum; None for what is not exactly one key's text."""
    if not isinstance(text, str) or len(text) != length or not text.isascii():
        return None
    try:
        data = b32decode(text + "=" * (-length % 8))
    except Base32Error:
        return None
    body, crc = data[:-2], data[-2:]
    if crc_hqx(body, 0).to_bytes(2, "little") != crc:
        return None
    # base32 of 36 bytes leaves bits over; one key has one text only
    return body if b32encode(data).rstrip(b"=").decode() == text else None


def _written(prefix: int | bytes, raw: bytes) -> str:
    body = (bytes([prefix]) if isinstance(prefix, int) else prefix) + raw
    return b32encode(body + crc_hqx(body, 0).to_bytes(2, "little")).rstrip(b"=").decode()
