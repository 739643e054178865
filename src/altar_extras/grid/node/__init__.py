"""A grid on one machine, and what its processes are made of."""

from __future__ import annotations

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
