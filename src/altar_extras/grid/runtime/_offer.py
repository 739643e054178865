"""Offer: the contracts that a runtime offers to its grid, and the tools behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from altar_extras.grid.runtime._contracts import chosen, served_tools
from altar_extras.grid.runtime._strict import accepted_manifest, given_contracts

if TYPE_CHECKING:
    from altar.adm import ToolContract
    from altar_extras.grid.runtime._contracts import Served
    from altar_extras.grid.runtime._strict import Given
    from altar_extras.grid.security import AcceptedManifest, Credentials

__all__ = ["Offer", "offer_of"]


class Offer(NamedTuple):
    """``served`` is what calls may name, by tool and major version."""

    manifest: AcceptedManifest | None
    contracts: tuple[ToolContract, ...]
    served: dict[tuple[str, int], Served]


def offer_of(
    tools: Any, given: Given | None, credentials: Credentials, *, state_path: str | None
) -> Offer:
    """What these tools can fulfil of what was given.

    Raises ManifestRefused, and ConfigurationError for tools and contracts that do not fit
    together.
    """
    manifest = accepted_manifest(given, credentials, state_path)
    contracts = chosen(tools, given_contracts(given, manifest, credentials.key.public))
    return Offer(manifest, contracts, served_tools(tools, contracts))
