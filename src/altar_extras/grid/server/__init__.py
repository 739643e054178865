"""Server set-up: configurations that rely on no default, a process that never outlives us."""

from altar_extras.grid.server._certificates import Certificates, development_certificates
from altar_extras.grid.server._find import find_server
from altar_extras.grid.server._process import Ports, ServerProcess
from altar_extras.grid.server._settings import (
    Account,
    AccountUser,
    Callout,
    Cluster,
    Gateway,
    JetStream,
    Limits,
    ServerSettings,
    Times,
    Tls,
)

__all__ = [
    "Account",
    "AccountUser",
    "Callout",
    "Certificates",
    "Cluster",
    "Gateway",
    "JetStream",
    "Limits",
    "Ports",
    "ServerProcess",
    "ServerSettings",
    "Times",
    "Tls",
    "development_certificates",
    "find_server",
]
