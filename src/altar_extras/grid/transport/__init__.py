"""Transports: what carries the GRID's frames; one protocol, one contract suite."""

from __future__ import annotations

from altar_extras.grid.transport._loopback import LoopbackBroker, LoopbackTransport
from altar_extras.grid.transport._match import Rights
from altar_extras.grid.transport._protocol import (
    AdmissionRefusedError,
    Connector,
    Event,
    GridTransportError,
    Inbound,
    NotConnectedError,
    Subscription,
    TooLargeError,
    Transport,
)

__all__ = [
    "AdmissionRefusedError",
    "Connector",
    "Event",
    "GridTransportError",
    "Inbound",
    "LoopbackBroker",
    "LoopbackTransport",
    "NotConnectedError",
    "Rights",
    "Subscription",
    "TooLargeError",
    "Transport",
]
