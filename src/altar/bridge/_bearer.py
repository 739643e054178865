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
        """Who calls: the name the function gave, else the token's fingerprint; "" where it is open.

        Raises NotAdmittedError.
        """
        if self.is_open:
            return ""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise NotAdmittedError("a bearer token is missing", "Bearer")
        if self._verify is None:
            digest = _digest(token)
            if sum([hmac.compare_digest(digest, known) for known in self._digests]) == 0:
                raise _unknown()
            return digest.hex()[:16]
        said = await self._asked(self._verify, token)
        if isinstance(said, str) and said:
            return said
        if said is True:
            return _digest(token).hex()[:16]
        raise _unknown()

    async def _asked(self, verify: Verify, token: str) -> Any:
        try:
            said = verify(token)
            return await said if inspect.isawaitable(said) else said
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no yes
            logger.error("the function that checks bearer tokens failed", exc_info=error)
            return None


def _unknown() -> NotAdmittedError:
    return NotAdmittedError("the bearer token is not known", 'Bearer error="invalid_token"')


def _sound(token: Any) -> str:
    is_text = isinstance(token, str) and token.isascii() and token.isprintable()
    if not is_text or not token or token.strip() != token:
        raise ConfigurationError(
            "tokens=: each is a text of printable ASCII without spaces around it, and not empty"
        )
    return str(token)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
