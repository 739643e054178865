"""``altar grid host``: serves as one of a grid's Hosts."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar_extras.grid.cli._serve import add_serving, logged, serve
from altar_extras.grid.cli._where import credentials_of, host_and_port, made_folder
from altar_extras.grid.host import HostSettings
from altar_extras.grid.node import host_member

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console
    from altar_extras.grid.host import Host
    from altar_extras.grid.security import Credentials

__all__ = ["configure", "run"]

_log = logging.getLogger("altar.grid")
_LOOK = 0.1  # seconds between looks whether it is ready


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument(
        "--credentials",
        metavar="FILE",
        required=True,
        help="a Host's, as `altar grid keys` made it",
    )
    parser.add_argument("--url", help="the servers, where the credentials do not say")
    parser.add_argument("--name", default="host", help="what it is called in logs (%(default)s)")
    parser.add_argument(
        "--mode", choices=("strict", "development"), default="strict", help="(%(default)s)"
    )
    parser.add_argument(
        "--manifest",
        metavar="TENANT=FILE",
        action="append",
        default=[],
        help="a tenant's signed manifest; may be repeated",
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        help="where the highest manifest sequence seen is kept (strict)",
    )
    parser.add_argument(
        "--replicas",
        type=int,
        choices=(1, 3, 5),
        default=1,
        help="of state and audit (%(default)s)",
    )
    parser.add_argument(
        "--audit",
        metavar="FOLDER",
        help="keep evidence of its own there (sessions, contracts, grants), and countersign "
        "what runtimes wrote",
    )
    add_serving(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve until SIGTERM or Ctrl-C, answer what came, and leave: 0.

    SIGHUP has it read its manifests and its credentials again.
    """
    arguments.dir = None
    credentials = credentials_of(arguments, "host")
    options: dict[str, Any] = {}
    if arguments.http:
        options["http_host"], options["http_port"] = host_and_port(arguments.http)
        options["http_public"] = True  # whoever types another address than loopback means it
    manifests = dict(_pair(text) for text in arguments.manifest)
    if arguments.mode == "strict":
        _check_strict(arguments, manifests, credentials)
    settings = HostSettings(
        mode=arguments.mode,
        name=arguments.name,
        manifests=manifests,
        state_folder=made_folder("--state", arguments.state) if arguments.state else None,
        system_seed=credentials.system_seed,
        **options,
    )

    audit = made_folder("--audit", arguments.audit) if arguments.audit else None

    async def main() -> int:
        host = host_member(credentials, settings, replicas=arguments.replicas, audit_folder=audit)

        def ready() -> str:
            http = f" {host.http_url}" if host.http_url else ""
            return f"ready: host {settings.name} ({settings.mode}){http}"

        return await serve(_Serving(host, arguments), console, ready)

    with logged(console, arguments.log):
        return asyncio.run(main())


class _Serving:
    """A Host as a service that ends when it is told to."""

    def __init__(self, host: Host, arguments: argparse.Namespace) -> None:
        self.drain, self.close = host.drain, host.close
        self._host = host
        self._arguments = arguments

    async def start(self) -> None:
        """Serve, and return once it is ready: whoever waits for that line asks at once."""
        await self._host.start()
        said: tuple[str, ...] = ()
        while not (health := self._host.health()).ready:
            if health.reasons != said:
                said = health.reasons
                _log.warning("it is not ready yet: %s", "; ".join(said))
            await asyncio.sleep(_LOOK)

    async def reload(self) -> None:
        await self._host.reload(credentials_of(self._arguments, "host"))

    async def run_forever(self) -> None:
        await asyncio.Event().wait()


def _check_strict(
    arguments: argparse.Namespace, manifests: dict[str, str], credentials: Credentials
) -> None:
    """Say in the words of the command line what a STRICT Host was not given."""
    tenants = sorted({*(credentials.tenants or (credentials.tenant,))} - {*manifests})
    missing = [f"--manifest {tenant}=FILE" for tenant in tenants]
    missing += [] if arguments.state else ["--state FOLDER"]
    if missing and credentials.root is not None:
        raise ConfigurationError(
            f"a strict Host needs a signed manifest for each of its tenants, and a folder for "
            f"what it has seen: add {' '.join(missing)}"
        )


def _pair(text: str) -> tuple[str, str]:
    tenant, equals, path = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--manifest {text}: write TENANT=FILE")
    return tenant, path
