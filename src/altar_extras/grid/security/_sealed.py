"""Signed texts: ``ag1.<kind>.<payload>.<signature>``, checked before they are read."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from altar.adm import canonical_bytes, loads
from altar.errors import AltarError, ConfigurationError
from altar_extras.grid.security._keys import SigningKey, VerifyKey, document
from altar_extras.grid.security._refused import TokenRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "IDENTIFIER",
    "MAX_SEALED",
    "Body",
    "Form",
    "b64",
    "open_sealed",
    "seal",
    "unb64",
]

# characters; a server takes 4,096 bytes for the whole CONNECT line, of which some 450 are others'
MAX_SEALED = 3072
CLOCK_SLACK = 60.0  # seconds by which the clock of a signer may run ahead of the reader's
IDENTIFIER = re.compile(r"[a-z0-9_-]{1,64}")  # one token of a subject, as it stands
_FORM = re.compile(r"ag([0-9]{1,3})\.([a-z]{1,16})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_VERSION = "1"
_DEPTH = 8


def seal(kind: str, payload: dict[str, Any], key: SigningKey) -> str:
    """The payload as a signed text; ConfigurationError where it is longer than 3,072 characters."""
    body = f"ag{_VERSION}.{kind}.{b64(canonical_bytes(payload))}"
    text = f"{body}.{b64(key.sign(document(kind, body.encode())))}"
    if len(text) > MAX_SEALED:
        raise ConfigurationError(
            f"a {kind} of {len(text)} characters is too long ({MAX_SEALED} at most); "
            "give the principal patterns such as 'search_*' in the place of many names"
        )
    return text


def open_sealed(kind: str, text: object) -> Body:
    """The fields of a signed text whose signature is that of the host it names.

    Whether that host is trusted, and whether the text is still in force, is for
    the caller to say. Raises TokenRefused, whatever the text is.
    """
    if not isinstance(text, str):
        raise TokenRefused("malformed", f"this is no {kind} token")
    return _opened(kind, text)


@lru_cache(maxsize=2048)  # a signature that was right stays right; only successes are kept
def _opened(kind: str, text: str) -> Body:
    if len(text) > MAX_SEALED:
        raise TokenRefused("too_large", f"a {kind} token has {MAX_SEALED} characters at most")
    form = _FORM.fullmatch(text)
    if form is None:
        raise TokenRefused("malformed", f"this is no {kind} token")
    version, found, payload, signature = form.groups()
    if version != _VERSION:
        raise TokenRefused("unknown_version", f"version {version} of a token is not known here")
    if found != kind:
        raise TokenRefused("wrong_kind", f"a {found} token is no {kind} token")
    try:
        doc = loads(unb64(payload), max_depth=_DEPTH, max_chars=MAX_SEALED)
        if not isinstance(doc, dict) or canonical_bytes(doc) != unb64(payload):
            raise TokenRefused("malformed", f"this {kind} token is not in canonical form")
        body = Body(kind, doc)
        host = VerifyKey(body.text("host", 60))
        signed = unb64(signature)
    except (AltarError, ValueError, RecursionError) as error:
        if isinstance(error, TokenRefused):
            raise
        raise TokenRefused("malformed", f"this {kind} token cannot be read") from None
    if not host.verify(document(kind, text.rpartition(".")[0].encode()), signed):
        raise TokenRefused("bad_signature", f"the signature of this {kind} token is not its host's")
    return body


class Body:
    """Reads the fields of a signed text; each way of being wrong is a TokenRefused."""

    __slots__ = ("doc", "kind")

    def __init__(self, kind: str, doc: dict[str, Any]) -> None:
        self.kind = kind
        self.doc = doc

    def text(self, name: str, longest: int = 128) -> str:
        """A text of 1 to ``longest`` characters that can be printed."""
        value = self.doc.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
            raise self._wrong(name)
        return value

    def identifier(self, name: str) -> str:
        """A text that may be one token of a subject."""
        value = self.text(name, 64)
        if IDENTIFIER.fullmatch(value) is None:
            raise self._wrong(name)
        return value

    def number(self, name: str) -> int:
        """A whole number from 0 to 2^53-1."""
        value = self.doc.get(name)
        if type(value) is not int or value < 0:
            raise self._wrong(name)
        return value

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """A list of 1 to ``most`` texts that are not empty."""
        value = self.doc.get(name)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            raise self._wrong(name)
        if not all(isinstance(item, str) and 0 < len(item) <= 128 for item in value):
            raise self._wrong(name)
        return tuple(value)

    def _wrong(self, name: str) -> TokenRefused:
        return TokenRefused("malformed", f"the field {name!r} of this {self.kind} token is wrong")


@dataclass(frozen=True, slots=True)
class Form:
    """What a Host signs for one client's key: a kind of text, its ``noun`` for people, the seconds
    it lasts at most, and how each of its ``fields`` is read, beside those that all kinds have.
    """

    kind: str
    noun: str
    seconds: int
    fields: Mapping[str, Callable[[Body, str], Any]]

    def signed(self, document: object, host_key: SigningKey) -> str:
        """The text, of the attributes that are named as the fields."""
        payload = {name: getattr(document, name) for name in (*_ALL, *self.fields)}
        lists = {name: list(one) for name, one in payload.items() if isinstance(one, tuple)}
        return seal(self.kind, payload | lists | {"host": host_key.public}, host_key)

    def verified(
        self, text: object, hosts: Collection[str], *, now: float, key: str | None,
        revoked: Collection[str],
    ) -> dict[str, Any]:  # fmt: skip
        """The fields of a text that one of ``hosts`` signed, for ``key``, in force at ``now``.

        Raises TokenRefused: those of :func:`open_sealed`, unknown_host, expired, not_yet_valid,
        too_long, wrong_key, revoked.
        """
        body = open_sealed(self.kind, text)
        if body.text("host", 60) not in hosts:
            raise TokenRefused("unknown_host", f"no Host known here signed this {self.noun}")
        found = {name: read(body, name) for name, read in (*_ALL.items(), *self.fields.items())}
        _check_times(self, found["issued"], found["expires"], now)
        if key is not None and key != found["key"]:
            raise TokenRefused("wrong_key", f"this {self.noun} is bound to another key")
        named = {found["id"], found["session"], found["key"], found["host"]}
        if revoked and not named.isdisjoint(revoked):
            raise TokenRefused("revoked", f"this {self.noun} was revoked")
        return found


def _key(body: Body, name: str) -> str:
    return body.text(name, 60)


_ALL: dict[str, Callable[[Body, str], Any]] = {
    "id": Body.identifier,
    "key": _key,
    "session": Body.identifier,
    "tenant": Body.identifier,
    "issued": Body.number,
    "expires": Body.number,
    "host": _key,
}


def _check_times(form: Form, issued: int, expires: int, now: float) -> None:
    if expires <= now:
        raise TokenRefused("expired", f"this {form.noun} expired {now - expires:.0f} s ago")
    if issued > now + CLOCK_SLACK:
        raise TokenRefused("not_yet_valid", f"this {form.noun} is of a later time")
    if not 0 < expires - issued <= form.seconds:
        raise TokenRefused("too_long", f"a {form.noun} lasts {form.seconds} s at most")


def b64(data: bytes) -> str:
    """URL base64 without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of URL base64 without padding; ValueError for what no writer writes."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Base64Error as error:
        raise ValueError("no base64") from error
    if b64(data) != text:  # spare bits and foreign characters: one value, one text
        raise ValueError("no canonical base64")
    return data
