"""What a Host takes of a new credentials file while it serves: who is known, whom to believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from altar_extras.grid.security import Credentials, Principal

__all__ = ["Known"]

# a Host connects, signs and decides by these: they change with a restart
_FIXED = ("role", "seed", "issuer_seed", "root")


class Known:
    """The principals by key, and the keys that sign tokens; both are the same object for good."""

    def __init__(self, credentials: Credentials, own: str) -> None:
        self._credentials = credentials
        self._own = own
        self.principals: dict[str, Principal] = {one.key: one for one in credentials.principals}
        self.host_keys: set[str] = {own, *credentials.host_keys}

    def take(self, new: Credentials) -> tuple[dict[str, Principal], set[str], list[str]]:
        """The principals that are no more, the keys whose rights changed, and what needs a restart.

        Raises ConfigurationError for another grid's file, and nothing has changed.
        """
        old = self._credentials
        wrong = [name for name in _FIXED if getattr(old, name) != getattr(new, name)]
        if wrong:
            raise ConfigurationError(
                f"this file has another {', '.join(wrong)}: that is taken by a restart, not here"
            )
        late = [
            what
            for what, differs in (
                ("the Hosts' signing key", new.host_seed != old.host_seed),
                ("the tenants", new.tenants != old.tenants),
                ("the system account's key", new.system_seed != old.system_seed),
                ("the certificates", new.tls != old.tls),
            )
            if differs
        ]
        found = {one.key: one for one in new.principals}
        gone = {key: one for key, one in self.principals.items() if key not in found}
        changed = {
            key for key, one in self.principals.items() if key in found and found[key] != one
        }
        self.principals.clear()
        self.principals.update(found)
        self.host_keys.clear()
        self.host_keys.update({self._own, *new.host_keys})
        return gone, changed, late
