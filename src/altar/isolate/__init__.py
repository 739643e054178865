"""Isolation: calls that run in worker processes, which may be killed."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.isolate._pool import ProcessPool, default_pool
    from altar.isolate._target import Target

__all__ = ["ProcessPool", "Target", "default_pool"]

# a worker imports the wire alone
_HOMES = {
    "ProcessPool": "altar.isolate._pool",
    "Target": "altar.isolate._target",
    "default_pool": "altar.isolate._pool",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
