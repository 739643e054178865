"""SessionToken: what a Host signs when a client's session is made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altar_extras.grid.security._sealed import Body, Form

if TYPE_CHECKING:
    from collections.abc import Collection

    from altar_extras.grid.security._keys import SigningKey

__all__ = ["MAX_SESSION_SECONDS", "SessionToken"]

MAX_SESSION_SECONDS = 24 * 3600
_MOST_TOOLS = 100


def _tools(body: Body, name: str) -> tuple[str, ...]:
    return body.texts(name, _MOST_TOOLS)


_FORM = Form(
    "session", "session token", MAX_SESSION_SECONDS, {"principal": Body.text, "tools": _tools}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionToken:
    """One session: who, in which tenant, with which tools, until when.

    ``key`` is the client's public key: the token opens nothing without it.
    ``tools`` are exact names or patterns (``"search_*"``, ``"*"``). ``issued``
    and ``expires`` are whole seconds since 1970 in Host time, at most 24 h
    apart. ``host`` is the public key that signed. ``id`` names the token in a
    list of the revoked, where ``session`` and ``key`` may stand as well.
    """

    session: str
    tenant: str
    principal: str
    key: str
    tools: tuple[str, ...]
    issued: int
    expires: int
    host: str = ""
    id: str = field(default_factory=lambda: os.urandom(8).hex())

    def signed(self, host_key: SigningKey) -> str:
        """The text a client shows, 3,072 characters at most; ConfigurationError beyond."""
        return _FORM.signed(self, host_key)

    @classmethod
    def verified(
        cls,
        text: str,
        host_public_keys: Collection[str],
        *,
        now: float,
        key: str | None = None,
        revoked: Collection[str] = (),
    ) -> SessionToken:
        """The token of a text that one of the Hosts signed and that is in force at ``now``.

        ``key`` is the public key of whoever shows it, proven elsewhere (by the
        nonce). Raises TokenRefused with a ``reason``: malformed, too_large,
        unknown_version, wrong_kind, bad_signature, unknown_host, expired,
        not_yet_valid, too_long, wrong_key, revoked.
        """
        return cls(**_FORM.verified(text, host_public_keys, now=now, key=key, revoked=revoked))

    def __repr__(self) -> str:
        return f"SessionToken(session={self.session!r}, principal={self.principal!r})"
