"""The digest of a whole contract, and what a contract says of where it may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar.adm import digest

if TYPE_CHECKING:
    from altar.adm import ToolContract

__all__ = ["REMOTE_ONLY", "contract_digest", "is_remote_only"]

REMOTE_ONLY = "x_remote_only"  # an extension of a contract, or of one of its declarations


def contract_digest(contract: ToolContract) -> str:
    """``sha256:`` and 64 hex digits over the canonical JSON of the whole contract.

    It proves which contract is meant, never which code runs. Raises
    CanonicalError for integers beyond 2^53-1, which canonical JSON would merge.
    """
    return digest(contract.to_dict())


def is_remote_only(contract: ToolContract) -> bool:
    """Whether the contract, or one of its tools, says ``x_remote_only`` (anything but false)."""
    found = [contract.extensions, *(one.extensions for one in contract.function_declarations)]
    return any((extensions or {}).get(REMOTE_ONLY, False) is not False for extensions in found)
