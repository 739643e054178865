"""Askers: who asks, from the last token of a subject, which the broker has authorised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import urandom
from typing import TYPE_CHECKING, Literal

from altar_extras.grid.security import key_id
from altar_extras.grid.wire import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from altar_extras.grid.security import AcceptedManifest, Principal

__all__ = ["Asker", "AskerKind", "Askers", "denied", "new_session", "session_or_key_id"]

AskerKind = Literal["key", "operator", "runtime", "session"]

_KEY = re.compile(r"[0-9a-f]{16}", re.ASCII)
_RUNTIME = re.compile(r"([0-9a-f]{16})-[0-9a-f]{8}", re.ASCII)
_SESSION = re.compile(r"([0-9a-f]{16})-s[0-9a-f]{24}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks: ``id`` as in the subject, the public key behind it, and the principal if known."""

    kind: AskerKind
    id: str
    key: str
    key_id: str
    principal: Principal | None


def new_session(public: str) -> str:
    """An id for a session of this key. It names the key, so that no Host need remember whose it is.

    A Host made it up and signed it into a token bound to the key, and the
    broker lets that key alone speak under it.
    """
    return f"{key_id(public)}-s{urandom(12).hex()}"


def session_or_key_id(name: str) -> str:
    """What runtimes are told of what was revoked: a session's id, or the id of a key, which all
    of its sessions begin with.
    """
    return name if _SESSION.fullmatch(name) else key_id(name)


class Askers:
    """Those who may ask within one tenant: the principals listed, and the manifest's runtimes."""

    def __init__(
        self, tenant: str, principals: Mapping[str, Principal], revoked: Collection[str]
    ) -> None:
        self._tenant = tenant
        self._revoked = revoked
        self.know(principals)
        self._named: dict[str, str] = {}
        self._manifest: AcceptedManifest | None = None

    def know(self, principals: Mapping[str, Principal]) -> None:
        """Those of these principals that are this tenant's, and no others any more."""
        self._listed = {
            key_id(public): (public, principal)
            for public, principal in principals.items()
            if principal.tenant == self._tenant
        }

    def use(self, manifest: AcceptedManifest | None, keys: Iterable[str]) -> None:
        """Know the runtimes' keys of this manifest, and those alone beside the principals."""
        self._manifest = manifest
        self._named = {key_id(public): public for public in keys}

    def find(self, name: str) -> Asker | Fault:
        """Who that is, or why nobody is answered under that name."""
        kind: AskerKind
        if found := _SESSION.fullmatch(name):
            kind, identity = "session", found[1]
        elif found := _RUNTIME.fullmatch(name):
            kind, identity = "runtime", found[1]
        elif _KEY.fullmatch(name):
            kind, identity = "key", name
        else:
            return denied("unknown_asker", "this is neither a session, a runtime nor a key")
        public, principal = self._listed.get(identity, ("", None))
        public = public or (self._named.get(identity, "") if kind == "runtime" else "")
        if not public:
            return denied("unknown_key", f"nobody here has the key {identity}")
        role = principal.role if principal is not None else "runtime"
        if kind == "key" and role == "operator":
            kind = "operator"
        elif role != ("runtime" if kind == "runtime" else "client"):
            return denied("wrong_role", f"the key {identity} is that of a {role}")
        if name in self._revoked or public in self._revoked:
            return denied("revoked", "this session or its key was revoked")
        if self._manifest is not None and self._manifest.is_revoked(public):
            return denied("revoked", f"the manifest revoked the key {identity}")
        return Asker(kind=kind, id=name, key=public, key_id=identity, principal=principal)


def denied(reason: str, message: str) -> Fault:
    """A PERMISSION_DENIED."""
    return Fault(type="PERMISSION_DENIED", reason=reason, message=message)
