"""The broker's question who may connect (auth callout), read, decided and answered."""

from __future__ import annotations

import json
import logging
import os
import time
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.adm import loads
from altar.errors import AltarError, ConfigurationError
from altar_extras.grid.security._decide import Admission, ConnectRequest, Denial
from altar_extras.grid.security._keys import SigningKey, VerifyKey
from altar_extras.grid.security._sealed import b64, unb64

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CALLOUT_SUBJECT",
    "CalloutQuestion",
    "CalloutRefused",
    "callout_answer",
    "read_callout",
]

CALLOUT_SUBJECT = "$SYS.REQ.USER.AUTH"
_MAX_BYTES = 256 * 1024  # a question holds a client's certificates at most
_HEADER = b64(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode())
_STALE = 60.0  # seconds; the server itself waits 2 s for an answer
_LONGEST_TIMES = 23 * 3600.0  # past it the times of day would be ambiguous; up to 1 s late then
_log = logging.getLogger("altar.grid.security")


class CalloutRefused(AltarError):  # noqa: N818 - a refusal is an answer, not a fault
    """A question that did not come from a server, or is none; nobody is answered."""


class CalloutQuestion(NamedTuple):
    """What the server asks: about whom, and the names under which it takes an answer."""

    request: ConnectRequest
    user_key: str
    server: str


def read_callout(question: bytes, *, now: float) -> CalloutQuestion:
    """Read an authorization request (nats-server 2.10 or later), whoever sent it.

    The JWT is signed by the server it names. The nonce is the server's own
    (``client_info.nonce``, there when the client sent a signature), so a
    signature seen elsewhere proves nothing here. Raises CalloutRefused.
    """
    claims = _claims(question)
    nats, server = claims.get("nats"), claims.get("iss")
    if not isinstance(nats, dict) or nats.get("type") != "authorization_request":
        raise CalloutRefused("this is no authorization request")
    server_id = _object(nats, "server_id")
    if claims.get("aud") != "nats-authorization-request" or server_id.get("id") != server:
        raise CalloutRefused("this request is not of the server it names")
    expires = claims.get("exp")
    if type(expires) is int and now > expires + _STALE:
        raise CalloutRefused("this request is old; are the clocks right?")
    user_key = nats.get("user_nkey")
    if not _is_key(user_key, "user") or not isinstance(server, str):
        raise CalloutRefused("this request names no user")
    options, client = _object(nats, "connect_opts"), _object(nats, "client_info")
    key = _text(options, "nkey", 64)
    number = client.get("id")
    request = ConnectRequest(
        key=key,
        signed=_signed(key, _text(client, "nonce", 64), _text(options, "sig", 128)),
        token=_token(options),
        name=_text(options, "name", 256),
        certificate=_certificate(nats.get("client_tls")),
        server=server,
        client=number if type(number) is int else 0,
    )
    return CalloutQuestion(request, str(user_key), server)


def callout_answer(
    question: bytes,
    decide: Callable[[ConnectRequest], Admission | Denial],
    *,
    issuer: SigningKey,
    now: float | None = None,
) -> bytes:
    """The authorization response, signed by ``issuer``, that lets in or denies.

    ``decide`` gets the request, and logs its denials; what it raises denies. The
    server logs a denial's reason and tells the client nothing but that it is
    not authorised. Raises CalloutRefused for what is no question of a server
    (say nothing then), ConfigurationError for an issuer that is no account.
    """
    if issuer.kind != "account":
        raise ConfigurationError("answers are signed by an account's key (SA...)")
    now = time.time() if now is None else now
    asked = read_callout(question, now=now)
    try:
        decided = decide(asked.request)
    except Exception:  # noqa: BLE001 - whatever fails, nobody is let in
        _log.exception("the decision about a connection failed; it is denied")
        decided = Denial("internal", "the Host failed to decide")
    nats: dict[str, Any] = {"type": "authorization_response", "version": 2}
    if isinstance(decided, Admission):
        nats["jwt"] = _user(decided, asked.user_key, issuer, now)
    else:
        nats["error"] = f"{decided.reason}: {decided.message}"[:256]
    claims = {"sub": asked.user_key, "aud": asked.server, "nats": nats}
    return _jwt(claims, issuer, now).encode()


def _user(admission: Admission, user_key: str, issuer: SigningKey, now: float) -> str:
    claims: dict[str, Any] = {
        "sub": user_key,
        "aud": admission.account,
        "name": f"{admission.role} {admission.session}",
        "nats": {
            "type": "user",
            "version": 2,
            "subs": -1,
            "data": -1,
            "payload": -1,
            **admission.permissions.to_nats(),
        },
    }
    if admission.expires is not None:
        claims["exp"] = admission.expires
        claims["nats"].update(_punctually(admission.expires, now))
    return _jwt(claims, issuer, now)


def _punctually(expires: int, now: float) -> dict[str, Any]:
    """Allowed times of day that end at ``expires`` to the millisecond.

    The server rounds its own clock down to whole seconds when it sets the
    timer of ``exp`` (client.setExpiration), which is up to 1 s late; the end of
    an allowed time is not rounded (validateTimes). A range that ends earlier
    in the day than it starts runs past midnight; one of the two holds now,
    whatever the clocks of Host and server differ by. ``exp`` ends both.
    """
    if expires - now > _LONGEST_TIMES:
        return {}
    end, later = (time.strftime("%H:%M:%S", time.gmtime(at)) for at in (expires, expires + 1))
    ranges = [("00:00:00", end), (later, end)]
    times = [{"start": start, "end": until} for start, until in ranges if start != until]
    return {"times": times, "times_location": "UTC"}


def _jwt(claims: dict[str, Any], key: SigningKey, now: float) -> str:
    whole = {**claims, "iss": key.public, "iat": int(now), "jti": os.urandom(16).hex()}
    body = f"{_HEADER}.{b64(json.dumps(whole, separators=(',', ':')).encode())}"
    return f"{body}.{b64(key.sign(body.encode()))}"


def _claims(question: bytes) -> dict[str, Any]:
    """The claims of a JWT that the server it names as its issuer has signed."""
    if len(question) > _MAX_BYTES:
        raise CalloutRefused("this request is too large")
    try:
        header, claims, signature = question.decode("ascii").split(".")
        found, about = loads(unb64(claims)), loads(unb64(header))
        if not isinstance(found, dict) or not isinstance(about, dict):
            raise CalloutRefused("this is no authorization request")
        if about.get("alg") not in {"ed25519-nkey", "ed25519"}:
            raise CalloutRefused("this request is not signed as servers sign")
        server = found.get("iss")
        if not _is_key(server, "server"):
            raise CalloutRefused("this request is not of a server")
        good = VerifyKey(str(server)).verify(f"{header}.{claims}".encode(), unb64(signature))
    except (ValueError, RecursionError, AltarError) as error:
        if isinstance(error, CalloutRefused):
            raise
        raise CalloutRefused("this is no authorization request") from None
    if not good:
        raise CalloutRefused("this request's signature is not its server's")
    return found


def _signed(key: str, nonce: str, signature: str) -> bool:
    if not nonce or not _is_key(key, "user"):
        return False
    for decode in (b64decode, urlsafe_b64decode):  # clients of NATS write either
        try:
            raw = decode(signature + "=" * (-len(signature) % 4))
        except (Base64Error, ValueError):
            continue
        if len(raw) == 64 and VerifyKey(key).verify(nonce.encode(), raw):
            return True
    return False


def _is_key(value: object, kind: str) -> bool:
    try:
        return isinstance(value, str) and VerifyKey(value).kind == kind
    except ConfigurationError:
        return False


def _object(doc: dict[str, Any], name: str) -> dict[str, Any]:
    value = doc.get(name)
    return value if isinstance(value, dict) else {}


def _text(doc: dict[str, Any], name: str, longest: int) -> str:
    """A text, or "" for what is none or too long: the decision then denies it."""
    value = doc.get(name)
    return value if isinstance(value, str) and len(value) <= longest else ""


def _token(options: dict[str, Any]) -> str:
    """What was shown, cut short where it is too long for a token: it is then refused as one."""
    value = options.get("auth_token")
    return value[:8192] if isinstance(value, str) else ""


def _certificate(tls: object) -> str:
    chains = tls.get("verified_chains") if isinstance(tls, dict) else None
    first = chains[0] if isinstance(chains, list) and chains else None
    leaf = first[0] if isinstance(first, list) and first else ""
    return leaf if isinstance(leaf, str) else ""
