"""STRICT at the runtime: it believes a manifest itself, and stops when that does."""

from __future__ import annotations

import logging
from time import time
from typing import TYPE_CHECKING

from altar.adm import ToolContract, ToolManifest
from altar.errors import ConfigurationError
from altar_extras.grid.security import AcceptedManifest, ManifestTrust, SignedManifest, VerifyKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar_extras.grid.security import Credentials

    Given = AcceptedManifest | SignedManifest | ToolManifest | Iterable[ToolContract]

__all__ = ["accepted_manifest", "given_contracts"]

_log = logging.getLogger("altar.grid")


def accepted_manifest(
    given: Given | None, credentials: Credentials, state_path: str | None
) -> AcceptedManifest | None:
    """The signed manifest among what was given, believed; None where there is none.

    Raises ManifestRefused (with ``state_path``, where the highest sequence is
    kept, for an older one too) and ConfigurationError.
    """
    if isinstance(given, AcceptedManifest):
        return given
    if not isinstance(given, SignedManifest):
        if credentials.root is not None:
            _log.warning(
                "these credentials pin a root key and the runtime was given no signed manifest: "
                "only the Hosts check what it serves"
            )
        return None
    if credentials.root is None:
        raise ConfigurationError(
            "a signed manifest needs credentials that pin its root key, as altar grid keys make "
            "writes them without --development; or give the contracts alone (DEVELOPMENT)"
        )
    if state_path is not None:
        trust = ManifestTrust(credentials.root, credentials.tenant, state_path=state_path)
        return trust.accept(given, now=time())
    accepted = AcceptedManifest(given)
    accepted.check(time())
    if not given.is_signed_by(VerifyKey(credentials.root)):
        raise ConfigurationError("the manifest is not signed by the root key of these credentials")
    if given.tenant != credentials.tenant:
        raise ConfigurationError(
            f"the manifest is tenant {given.tenant}'s, and these credentials are "
            f"{credentials.tenant}'s"
        )
    return accepted


def given_contracts(
    given: Given | None, accepted: AcceptedManifest | None, public: str
) -> tuple[ToolContract, ...] | None:
    """The contracts that a runtime's key may offer; None: those its tools make themselves."""
    if accepted is not None:
        return accepted.contracts_of(public)
    if given is None:
        return None
    if isinstance(given, ToolManifest):
        return tuple(given.contracts)
    return tuple(one for one in given if isinstance(one, ToolContract))  # type: ignore[union-attr]
