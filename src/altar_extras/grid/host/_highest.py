"""The highest sequence of a tenant's manifest that any Host has accepted, in the Hosts' store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from altar_extras.grid.security import ManifestRefused, key_id

if TYPE_CHECKING:
    from altar_extras.grid.host._mirror import Doc, Mirror
    from altar_extras.grid.security import AcceptedManifest

__all__ = ["keep_highest"]


async def keep_highest(mirror: Mirror, tenant: str, accepted: AcceptedManifest) -> None:
    """Write down that this manifest was accepted.

    Raises ManifestRefused (``older``, ``sequence_reused``) where a Host has accepted a higher
    sequence of this root, or another manifest under the same one: the file that remembers it on
    this machine may have been lost. Raises StoreError where the store does not answer.
    """
    sequence, digest = accepted.sequence, accepted.signed.digest

    def raised(doc: Doc | None) -> Doc | None:
        seen = None if doc is None else doc.get("sequence")
        if doc is None or type(seen) is not int or seen < sequence:
            return {"sequence": sequence, "digest": digest}
        if seen > sequence:
            raise ManifestRefused(
                "older",
                f"sequence {sequence}, and a Host has accepted {seen}; put the newest manifest "
                "in the place of this one",
            )
        if doc.get("digest") != digest:
            message = f"sequence {seen} is that of another manifest; sign a higher one"
            raise ManifestRefused("sequence_reused", message)
        return None

    # under the root's key: a grid with a new root begins anew
    key = f"manifest.{tenant}.{key_id(accepted.signed.root)}"
    await mirror.change(key, raised)
