"""``altar grid runtime``: serves the tools of a file or module to a grid."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from altar.adm import ToolManifest
from altar.errors import ConfigurationError
from altar_extras.grid.cli._serve import add_serving, logged, serve
from altar_extras.grid.cli._where import add_where, credentials_of, host_and_port, made_folder
from altar_extras.grid.node import FOLDER, RuntimeMember, RuntimeOptions, StateFolder
from altar_extras.grid.runtime import RuntimeSettings
from altar_extras.grid.security import ManifestRefused, SignedManifest, key_id

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console
    from altar_extras.grid.security import Credentials

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
        "--manifest", metavar="FILE", help="the contracts to fulfil: signed (strict), or plain"
    )
    parser.add_argument(
        "--state",
        metavar="FOLDER",
        help="keep the highest manifest sequence seen there, and refuse an older one",
    )
    parser.add_argument(
        "--deps",
        metavar="FILE_OR_MODULE:NAME",
        help="what tools find as Context.deps: an object, or a function or class that makes it",
    )
    parser.add_argument(
        "--audit",
        metavar="FOLDER",
        help=f"where to keep a record of each call (audit/ in --state or {FOLDER})",
    )
    parser.add_argument("--no-audit", action="store_true", help="keep no record of the calls")
    parser.add_argument(
        "--audit-sync",
        action="store_true",
        help="a call waits until a Host has its records too (some 30 ms each)",
    )
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
    state = _state(arguments.state, credentials.tenant)
    contracts = _contracts(arguments.manifest)
    if state is None and isinstance(contracts, SignedManifest):
        raise ConfigurationError(
            "a signed manifest needs --state FOLDER, which keeps the highest sequence seen: "
            "without it an older manifest would be believed"
        )
    tools = arguments.tools_of(arguments.target)
    options = RuntimeOptions(
        settings=RuntimeSettings(
            slots=arguments.slots,
            linger_seconds=arguments.linger,
            manifest_state=state,
            ready_timeout=None,  # a supervisor's restarts would find no Host either
        ),
        contracts=contracts,
        audit_folder=_audit_folder(arguments, credentials),
        audit_sync=arguments.audit_sync,
        http=host_and_port(arguments.http) if arguments.http else None,
        deps=arguments.deps_of(arguments.deps),
    )

    async def main() -> int:
        member = RuntimeMember(credentials, tools, options)

        def ready() -> str:
            names = ", ".join(member.server.status().tools) or "nothing yet"
            http = f" {member.http.url}" if member.http is not None else ""
            audit = " without audit" if options.audit_folder is None else ""
            return f"ready: runtime {member.server.id} serves {names}{audit}{http}"

        return await serve(_Serving(member, arguments.manifest), console, ready)

    with logged(console, arguments.log):
        return asyncio.run(main())


class _Serving:
    """A runtime as a service that reads its manifest again."""

    def __init__(self, member: RuntimeMember, manifest: str | None) -> None:
        self.start, self.drain, self.close = member.start, member.drain, member.close
        self.run_forever = member.run_forever
        self._member = member
        self._manifest = manifest

    async def reload(self) -> None:
        found = _contracts(self._manifest)
        if not isinstance(found, SignedManifest):
            raise ConfigurationError("there is no signed manifest to read again")
        await self._member.server.reload(found)


def _audit_folder(arguments: argparse.Namespace, credentials: Credentials) -> Path | None:
    """Where its spool is: one folder for each process, since a spool belongs to one."""
    if arguments.no_audit:
        if arguments.audit:
            raise ConfigurationError("--audit and --no-audit: give one of them")
        if arguments.audit_sync:
            raise ConfigurationError("--audit-sync and --no-audit: give one of them")
        return None
    if arguments.audit:
        return Path(arguments.audit)
    if arguments.state:
        folder = made_folder("--state", arguments.state)
    else:
        kept = StateFolder(arguments.dir)
        kept.make()
        folder = kept.path
    name = f"{credentials.name}-{key_id(credentials.key.public)[:8]}"
    spools = (folder / "audit" / f"{name}-{number}" for number in count(1))
    return next(one for one in spools if not StateFolder(one).is_in_use)


def _state(folder: str | None, tenant: str) -> str | None:
    """The file that remembers the sequence, in a folder that is made where it is not there."""
    return (
        None if folder is None else str(made_folder("--state", folder) / f"manifest-{tenant}.json")
    )


def _contracts(path: str | None) -> ToolManifest | SignedManifest | None:
    """The manifest of a file; a plain one counts only where no root key is pinned."""
    if path is None:
        return None
    try:
        return SignedManifest.read(path)
    except ManifestRefused as refused:
        if refused.reason == "unsigned":
            return ToolManifest.read(path)
        told = refused.message if path in refused.message else f"{path}: {refused.message}"
        raise ConfigurationError(f"--manifest: {told}") from refused
