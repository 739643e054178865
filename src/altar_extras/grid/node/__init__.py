"""A grid on one machine, and what its processes are made of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar_extras.grid.node._audit import ShippedJournal, StreamSink
    from altar_extras.grid.node._folder import FOLDER, StateFolder
    from altar_extras.grid.node._grid import DevelopmentGrid, GridShape
    from altar_extras.grid.node._members import (
        RuntimeMember,
        RuntimeOptions,
        connector_of,
        host_member,
    )

__all__ = [
    "FOLDER",
    "DevelopmentGrid",
    "GridShape",
    "RuntimeMember",
    "RuntimeOptions",
    "ShippedJournal",
    "StateFolder",
    "StreamSink",
    "connector_of",
    "host_member",
]

_PLACES = {
    "_audit": ("ShippedJournal", "StreamSink"),
    "_folder": ("FOLDER", "StateFolder"),
    "_grid": ("DevelopmentGrid", "GridShape"),
    "_members": ("RuntimeMember", "RuntimeOptions", "connector_of", "host_member"),
}


def __getattr__(name: str) -> object:
    """A name on first use: who looks for a grid's folder loads no Host and no server."""
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
