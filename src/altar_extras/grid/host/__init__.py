"""The control plane: contract authority, sessions, who may connect, the directory of runtimes.

``Host`` runs in several replicas; docs/grid/operations.md tells how.
"""

from __future__ import annotations

from altar_extras.grid.host._host import Host
from altar_extras.grid.host._settings import HostSettings

__all__ = ["Host", "HostSettings"]
