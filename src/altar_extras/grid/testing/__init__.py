"""What makers of GRID parts test with: contract suites for transports and stores."""

from __future__ import annotations

from altar_extras.grid.testing._store import StoreContract
from altar_extras.grid.testing._transport import TransportContract

__all__ = ["StoreContract", "TransportContract"]
