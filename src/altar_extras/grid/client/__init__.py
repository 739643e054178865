"""The client of a grid: GridClient, GridRuntime over it, and where calls run (ExecutionMode)."""

from __future__ import annotations

from altar_extras.grid.client._client import GridClient
from altar_extras.grid.client._from_settings import from_settings
from altar_extras.grid.client._options import CallOptions
from altar_extras.grid.client._runtime import GridRuntime
from altar_extras.grid.client._settings import ClientSettings, ExecutionMode

__all__ = [
    "CallOptions",
    "ClientSettings",
    "ExecutionMode",
    "GridClient",
    "GridRuntime",
    "from_settings",
]
