"""from_settings: what mode "grid" makes of the process' settings."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.client._client import GridClient
from altar_extras.grid.client._runtime import GridRuntime

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.config import Settings
    from altar_extras.grid.client._runtime import LocalTools

__all__ = ["from_settings"]

_clients: dict[tuple[str | None, str], GridClient] = {}
_lock = threading.Lock()


def from_settings(settings: Settings) -> Callable[[LocalTools], GridRuntime]:
    """From the settings of a process to the runtimes of its sessions, which share one client.

    Raises ConfigurationError that says what to set.
    """
    path = settings.grid_credentials
    if path is None:
        raise ConfigurationError(
            "mode 'grid' needs to know who asks: set ALTAR_GRID_CREDENTIALS, or grid_credentials "
            "in altar.toml, to the client.json of an altar grid up, "
            "or to what `altar grid keys add FOLDER --client NAME` made"
        )
    key = (settings.grid_url, os.path.abspath(path))  # noqa: PTH100 - pathlib costs its import
    with _lock:
        client = _clients.get(key)
        if client is None or client.is_closed:
            client = _clients[key] = GridClient(settings.grid_url, credentials=path)
    return lambda local: GridRuntime(client, local=local, default=settings.execution_mode)
