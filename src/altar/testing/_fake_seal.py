"""Signatures a fake server can check without remembering: sealed digests of what was said."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Seal", "decoded", "digest_of"]

# bytes whose standard base64 has "+" and "/", so that a client that turns a
# signature into URL-safe base64, as Google's does, is seen to
_HEAD = b"\xfb\xef\xbe\xff\xff\xff"
_SIZE, _NONCE, _MAC = 8, 8, 16


def digest_of(value: Any) -> bytes:
    """A short digest of a JSON value, whatever the order of its members."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:_SIZE]


def decoded(signature: object) -> bytes | None:
    """The bytes behind base64, in its standard or its URL-safe alphabet; None when it is none."""
    if not isinstance(signature, str):
        return None
    plain = signature.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None


class Seal:
    """Signs facts for one ``realm`` (a vendor's API), and reads back their digests.

    Every server of a realm reads the signatures of every other, so that a
    conversation can be taken up again in another process.
    """

    __slots__ = ("_key",)

    def __init__(self, realm: str) -> None:
        self._key = hashlib.sha256(f"altar fake {realm}".encode()).digest()

    def sign(self, number: int, *facts: Any) -> str:
        """A signature of ``facts``, in standard base64; ``number`` makes it one of its own."""
        body = _HEAD + number.to_bytes(_NONCE, "big") + b"".join(digest_of(fact) for fact in facts)
        return base64.b64encode(body + self._mac(body)).decode()

    def read(self, signature: object) -> Sequence[bytes] | None:
        """The digests of the facts that were signed; None when this realm did not sign it."""
        data = decoded(signature)
        if data is None or len(data) < len(_HEAD) + _NONCE + _MAC:
            return None
        body, mac = data[:-_MAC], data[-_MAC:]
        if not body.startswith(_HEAD) or not hmac.compare_digest(mac, self._mac(body)):
            return None
        facts = body[len(_HEAD) + _NONCE :]
        return [facts[at : at + _SIZE] for at in range(0, len(facts), _SIZE)]

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).digest()[:_MAC]
