"""``altar grid``: its verbs. Each module has configure(parser) and run(arguments, console)."""

from __future__ import annotations

__all__ = ["VERBS"]

# verb -> (module, help); a module is loaded when its verb is typed
VERBS = {
    "up": ("altar_extras.grid.cli._up", "start a grid on this machine, for trying things out"),
    "call": ("altar_extras.grid.cli._call", "call one tool of a grid with JSON arguments"),
    "status": ("altar_extras.grid.cli._status", "show a grid's hosts, runtimes and tools"),
    "runtime": ("altar_extras.grid.cli._runtime", "serve the tools of a file or module"),
    "host": ("altar_extras.grid.cli._host", "serve as one of a grid's hosts"),
    "config": (
        "altar_extras.grid.cli._config",
        "write or check the configuration of a nats-server",
    ),
    "certs": ("altar_extras.grid.cli._certs", "make certificates for development"),
    "keys": ("altar_extras.grid.security._cli_keys", "make and show keys and credentials"),
    "audit": ("altar_extras.grid.audit._cli", "verify, read or export the audit"),
}
