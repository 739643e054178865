"""``altar grid runtime``: serves the tools of a file or module to a grid."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from altar.adm import ToolManifest
from altar.errors import ConfigurationError
from altar_extras.grid.cli._serve import add_serving, logged, serve
from altar_extras.grid.cli._where import add_where, credentials_of, host_and_port
from altar_extras.grid.node import RuntimeMember, RuntimeOptions
from altar_extras.grid.runtime import RuntimeSettings
from altar_extras.grid.security import SignedManifest

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument(
        "target", metavar="FILE_OR_MODULE", help="whose tools to serve; with :NAME one of them"
    )
    add_where(parser)
    parser.add_argument(
        "--slots", metavar="N", type=int, default=32, help="calls that run at once (%(default)s)"
    )
    parser.add_argument(
        "--manifest", metavar="FILE", help="the contracts to fulfil, signed or plain (strict mode)"
    )
    parser.add_argument("--audit", metavar="FOLDER", help="keep a record of each call there")
    parser.add_argument(
        "--linger",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="how long it answers questions about its calls after the last one (%(default)g)",
    )
    add_serving(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve until SIGTERM or Ctrl-C, then finish what runs: 0."""
    credentials = credentials_of(arguments, "runtime")
    tools = arguments.tools_of(arguments.target)
    options = RuntimeOptions(
        settings=RuntimeSettings(slots=arguments.slots, linger_seconds=arguments.linger),
        contracts=_contracts(arguments.manifest),
        audit_folder=Path(arguments.audit) if arguments.audit else None,
        http=host_and_port(arguments.http) if arguments.http else None,
    )

    async def main() -> int:
        member = RuntimeMember(credentials, tools, options)

        def ready() -> str:
            names = ", ".join(member.server.status().tools) or "nothing yet"
            http = f" {member.http.url}" if member.http is not None else ""
            return f"ready: runtime {member.server.id} serves {names}{http}"

        return await serve(member, console, ready)

    with logged(console, arguments.log):
        return asyncio.run(main())


def _contracts(path: str | None) -> ToolManifest | SignedManifest | None:
    if path is None:
        return None
    try:
        return SignedManifest.read(path)
    except ConfigurationError:
        return ToolManifest.read(path)
    except OSError as error:
        raise ConfigurationError(f"--manifest {path} cannot be read: {error.strerror}") from error
