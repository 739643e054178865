"""GRID: the same tools on many machines, over NATS.

- wire: subjects, envelopes, frames, Host time
- transport: what carries them, a broker in this process or nats-server
- security: keys, signed manifests, session tokens, grants, who may do what
- server: configurations of nats-server, and its process
- audit: what was run, on disk before it runs and before it is answered
- operate: health and figures
- client: GridClient, and GridRuntime, a Runtime behind any Session
- runtime: serves tools
- host: the control plane
- node, cli: a grid on one machine, and ``altar grid``
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar_extras.grid.client import ExecutionMode, GridClient, GridRuntime

__all__ = ["ExecutionMode", "GridClient", "GridRuntime"]

_LIBRARIES = {"nats": "nats-py", "msgpack": "msgpack", "cryptography": "cryptography"}


def __getattr__(name: str) -> object:
    """The client's names, on first use: the packages below do without it."""
    if name in __all__:
        try:
            return getattr(import_module("altar_extras.grid.client"), name)
        except ModuleNotFoundError as error:
            if error.name in _LIBRARIES:
                raise ModuleNotFoundError(
                    f"altar_extras.grid needs {_LIBRARIES[error.name]}: type "
                    'pip install ".[grid,grid-server]" in altar\'s source tree',
                    name=error.name,
                ) from error
            raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
