"""Bearer: who may call over HTTP, by the token they bring."""

from __future__ import annotations

import hashlib
import hmac
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from altar.errors import AltarError, ConfigurationError
from altar.later._log import logger

__all__ = ["Bearer", "NotAdmittedError", "Verify"]

Verify: TypeAlias = Callable[[str], bool | str | Awaitable[bool | str | None] | None]
"""From a token to True, False (or None), or the name of who it is; sync or async."""


class NotAdmittedError(AltarError):
    """No token, or a wrong one; ``header`` is what WWW-Authenticate says."""

    def __init__(self, message: str, header: str) -> None:
        super().__init__(message)
        self.header = header


class Bearer:
    """Checks the Authorization header; without ``tokens`` anybody may call.

    ``tokens`` are the tokens that are known, or a :data:`Verify` function.
    Tokens are kept and compared as digests, each of them, so that the time
    tells nothing. Raises ConfigurationError for a token that no header holds.
    An iterator is read at once: make a Bearer once, and keep it.
    """

    __slots__ = ("_digests", "_verify")

    def __init__(self, tokens: Iterable[str] | Verify = ()) -> None:
        self._verify = tokens if callable(tokens) else None
        known = () if callable(tokens) else [tokens] if isinstance(tokens, str) else tokens
        self._digests = tuple([_digest(_sound(token)) for token in known])

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self._verify is None and not self._digests

    async def admit(self, authorization: str | None) -> str:
        """Who calls, as :meth:`check` says it. Raises NotAdmittedError."""
        who = self.check(authorization)
        return who if isinstance(who, str) else await who

    def check(self, authorization: str | None) -> str | Awaitable[str]:
        """Who calls: the name the function gave, else the token's fingerprint; "" where it is open.

        To be awaited where the function is async, known at once otherwise.
        Raises NotAdmittedError, here or where it is awaited.
        """
        if self.is_open:
            return ""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise NotAdmittedError("a bearer token is missing", 'Bearer realm="altar"')
        if self._verify is None:
            digest = _digest(token)
            if sum([hmac.compare_digest(digest, known) for known in self._digests]) == 0:
                raise _unknown()
            return digest.hex()[:16]
        try:
            said = self._verify(token)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no yes
            raise _failed(error) from None
        return _later(said, token) if inspect.isawaitable(said) else _who(said, token)


async def _later(asked: Awaitable[Any], token: str) -> str:
    try:
        said = await asked
    except Exception as error:  # noqa: BLE001 - as above
        raise _failed(error) from None
    return _who(said, token)


def _who(said: Any, token: str) -> str:
    if isinstance(said, str) and said:
        return said
    if said is True:
        return _digest(token).hex()[:16]
    raise _unknown()


def _failed(error: Exception) -> NotAdmittedError:
    """Only the type is logged: the text of an exception may hold the token."""
    logger.error("the function that checks bearer tokens failed: %s", type(error).__name__)
    return _unknown()


def _unknown() -> NotAdmittedError:
    header = 'Bearer realm="altar", error="invalid_token"'
    return NotAdmittedError("the bearer token is not known", header)


def _sound(token: Any) -> str:
    is_text = isinstance(token, str) and token.isascii() and token.isprintable()
    if not is_text or not token or " " in token:
        raise ConfigurationError(
            "tokens=: each is a text of printable ASCII without spaces, and not empty"
        )
    return str(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
