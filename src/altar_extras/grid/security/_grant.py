"""LocalGrant: a Host's leave to run a contract's tools in the client's own process, for seconds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.security._digest import contract_digest, is_remote_only
from altar_extras.grid.security._refused import TokenRefused
from altar_extras.grid.security._sealed import Body, Form

if TYPE_CHECKING:
    from collections.abc import Collection

    from altar.adm import ToolContract
    from altar_extras.grid.security._keys import SigningKey
    from altar_extras.grid.security._token import SessionToken

__all__ = ["MAX_GRANT_CALLS", "MAX_GRANT_SECONDS", "GrantUses", "LocalGrant"]

MAX_GRANT_SECONDS = 60
MAX_GRANT_CALLS = 10_000
_FORM = Form(
    "grant",
    "local grant",
    MAX_GRANT_SECONDS,
    {"contract": Body.text, "digest": Body.text, "calls": Body.number},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalGrant:
    """GOVERNED_LOCAL for one client key, one contract digest, some calls, 60 s at most.

    It guides a client that means well and is evidence afterwards; it cannot
    hold back one that does not. What must never run outside the grid is marked
    ``x_remote_only`` in its contract and is never granted.
    """

    key: str
    session: str
    tenant: str
    contract: str
    digest: str
    calls: int
    issued: int
    expires: int
    host: str = ""
    id: str = field(default_factory=lambda: os.urandom(16).hex())

    @classmethod
    def of(
        cls, contract: ToolContract, session: SessionToken, *, calls: int, now: float, seconds: int
    ) -> LocalGrant:
        """A grant of ``contract`` to the client of ``session``, not longer than the session.

        Raises TokenRefused (``remote_only``, ``expired``) and ConfigurationError
        for more than 60 s or 10,000 calls.
        """
        if is_remote_only(contract):
            raise TokenRefused("remote_only", f"{contract.name} runs on the grid's runtimes only")
        if not 0 < seconds <= MAX_GRANT_SECONDS or not 0 < calls <= MAX_GRANT_CALLS:
            raise ConfigurationError(
                f"a local grant is for 1 to {MAX_GRANT_SECONDS} s and 1 to {MAX_GRANT_CALLS} calls"
            )
        issued = int(now)
        expires = min(issued + seconds, session.expires)
        if expires <= now:
            raise TokenRefused("expired", "the session has ended, and with it what it may grant")
        return cls(
            key=session.key,
            session=session.session,
            tenant=session.tenant,
            contract=contract.name,
            digest=contract_digest(contract),
            calls=calls,
            issued=issued,
            expires=expires,
        )

    def signed(self, host_key: SigningKey) -> str:
        """The text a client keeps, 3,072 characters at most."""
        return _FORM.signed(self, host_key)

    @classmethod
    def verified(
        cls,
        text: str,
        host_public_keys: Collection[str],
        *,
        now: float,
        key: str | None = None,
        digest: str | None = None,
        revoked: Collection[str] = (),
    ) -> LocalGrant:
        """The grant of a text that a Host signed, for ``key`` and ``digest``, in force at ``now``.

        Raises TokenRefused with a ``reason``: those of
        :meth:`SessionToken.verified`, and digest_differs.
        """
        grant = cls(**_FORM.verified(text, host_public_keys, now=now, key=key, revoked=revoked))
        if not 0 < grant.calls <= MAX_GRANT_CALLS:
            raise TokenRefused("malformed", f"a local grant is for 1 to {MAX_GRANT_CALLS} calls")
        if digest is not None and digest != grant.digest:
            raise TokenRefused("digest_differs", "this local grant is for another contract")
        return grant


class GrantUses:
    """Counts the calls made under grants, in one process; not safe across processes."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: dict[str, tuple[int, int]] = {}  # grant id -> calls made, expires

    def take(self, grant: LocalGrant, now: float) -> bool:
        """Whether one more call may be made, which is then counted."""
        if grant.expires <= now:
            return False
        if len(self._used) > 256:
            self._used = {name: use for name, use in self._used.items() if use[1] > now}
        used = self._used.get(grant.id, (0, 0))[0]
        if used >= grant.calls:
            return False
        self._used[grant.id] = (used + 1, grant.expires)
        return True
