"""Transports: what carries the GRID's frames; one protocol, one contract suite."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from altar_extras.grid.transport._insist import insist, may_pass
from altar_extras.grid.transport._loopback import LoopbackBroker, LoopbackTransport
from altar_extras.grid.transport._match import Rights
from altar_extras.grid.transport._nats_settings import ClientTls, NatsSettings
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
from altar_extras.grid.transport._requests import (
    AnswerTimeoutError,
    NoRespondersError,
    RemoteError,
    Requests,
)
from altar_extras.grid.transport._store import (
    Change,
    ConflictError,
    Entry,
    MemoryStore,
    Store,
    StoreError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from altar_extras.grid.transport._nats import NatsConnector, NatsTransport
    from altar_extras.grid.transport._store_nats import NatsStore, StoreSettings

__all__ = [
    "AdmissionRefusedError",
    "AnswerTimeoutError",
    "Change",
    "ClientTls",
    "ConflictError",
    "Connector",
    "Entry",
    "Event",
    "GridTransportError",
    "Inbound",
    "LoopbackBroker",
    "LoopbackTransport",
    "MemoryStore",
    "NatsConnector",
    "NatsSettings",
    "NatsStore",
    "NatsTransport",
    "NoRespondersError",
    "NotConnectedError",
    "RemoteError",
    "Requests",
    "Rights",
    "Store",
    "StoreError",
    "StoreSettings",
    "StoreUnavailableError",
    "Subscription",
    "TooLargeError",
    "Transport",
    "insist",
    "may_pass",
]

_WITH_NATS = {
    "NatsConnector": "_nats",
    "NatsStore": "_store_nats",
    "NatsTransport": "_nats",
    "StoreSettings": "_store_nats",
}


def __getattr__(name: str) -> object:
    """What needs nats-py is imported on first use: the loopback works without it."""
    if name not in _WITH_NATS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_NATS[name]}"), name)
