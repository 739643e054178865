"""Server set-up: configurations that rely on no default, a process that never outlives us."""

from altar_extras.grid.server._certificates import Certificates, development_certificates
from altar_extras.grid.server._check import Problem, check_config, effective_config
from altar_extras.grid.server._find import find_server
from altar_extras.grid.server._layouts import (
    HOSTS_ACCOUNT,
    SYSTEM_ACCOUNT,
    GridKeys,
    Site,
    node_settings,
)
from altar_extras.grid.server._parts import (
    Account,
    AccountUser,
    Callout,
    Cluster,
    Gateway,
    JetStream,
    Limits,
    Times,
    Tls,
)
from altar_extras.grid.server._process import Ports, ServerProcess
from altar_extras.grid.server._settings import ServerSettings

__all__ = [
    "HOSTS_ACCOUNT",
    "SYSTEM_ACCOUNT",
    "Account",
    "AccountUser",
    "Callout",
    "Certificates",
    "Cluster",
    "Gateway",
    "GridKeys",
    "JetStream",
    "Limits",
    "Ports",
    "Problem",
    "ServerProcess",
    "ServerSettings",
    "Site",
    "Times",
    "Tls",
    "check_config",
    "development_certificates",
    "effective_config",
    "find_server",
    "node_settings",
]
