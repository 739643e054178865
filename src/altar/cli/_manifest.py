"""``altar manifest``: write the contract of a file's tools, show one, compare two, sign one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import altar
from altar.adm import ToolContract, ToolManifest
from altar.cli._console import CliError
from altar.cli._target import HELP, load, place_of, tools_of
from altar.cli._tools import show_table
from altar.errors import InvalidDataError

if TYPE_CHECKING:
    import argparse

    from altar.cli._console import Console

__all__ = ["configure", "run"]

_SIGNING = "altar_extras.grid.security._cli_manifest"  # loaded when a manifest is signed


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    write = verbs.add_parser("write", help="write a manifest of the tools of a file or module")
    write.add_argument("target", metavar="FILE_OR_MODULE", help=HELP)
    write.add_argument("--out", metavar="FILE", help="where to; without it to standard output")
    write.add_argument("--name", help="the contract's name; without it the file's or module's")
    write.add_argument("--version", default="1.0.0", help="the contract's version (%(default)s)")
    write.add_argument("--description", help="what it covers; without it the module's first line")
    write.set_defaults(verb=_write)
    show = verbs.add_parser("show", help="show what a manifest holds")
    show.add_argument("file")
    show.set_defaults(verb=_show)
    diff = verbs.add_parser("diff", help="list what changed; exit code 1 when anything did")
    diff.add_argument("old")
    diff.add_argument("new")
    diff.add_argument("--json", action="store_true", help="print one JSON object")
    diff.set_defaults(verb=_diff)
    _configure_signing(verbs)


def _configure_signing(verbs: argparse._SubParsersAction[Any]) -> None:
    sign = verbs.add_parser("sign", help="sign a manifest for the GRID, with its root key")
    sign.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="the manifest, as altar manifest write makes it; the contracts of several are joined",
    )
    sign.add_argument("--key", required=True, metavar="SEED_FILE", help="the root key's file")
    sign.add_argument("--tenant", required=True, help="whose manifest it is")
    sign.add_argument(
        "--sequence", required=True, type=int, metavar="N", help="higher than any before"
    )
    sign.add_argument("--expires", default="30d", help="90m, 12h or 30d, the longest (%(default)s)")
    sign.add_argument(
        "--runtime",
        action="append",
        default=[],
        metavar="[CONTRACT=]KEY",
        help="a key (U... or a credentials file) that may fulfil one contract, or all",
    )
    sign.add_argument(
        "--revoke", action="append", default=[], metavar="KEY", help="a key that is taken back"
    )
    sign.add_argument(
        "--out", metavar="FILE", help="where to; without it beside the (first) manifest"
    )
    sign.set_defaults(verb=lambda arguments, console: _signing("run_sign", arguments, console))
    verify = verbs.add_parser("verify", help="check a signed manifest; exit code 1 when refused")
    verify.add_argument("file", help="the signed manifest")
    verify.add_argument("--root", required=True, metavar="PUBLIC", help="the root's public key")
    verify.add_argument("--tenant", help="whose it has to be")
    verify.set_defaults(verb=lambda arguments, console: _signing("run_verify", arguments, console))


def _signing(verb: str, arguments: argparse.Namespace, console: Console) -> int:
    try:
        module = import_module(_SIGNING)
    except ImportError as error:
        raise CliError(
            f"signing needs a library that is missing ({error}); "
            'type pip install ".[grid]" in altar\'s source tree'
        ) from error
    status: int = getattr(module, verb)(arguments, console)
    return status


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry out the verb."""
    status: int = arguments.verb(arguments, console)
    return status


def _write(arguments: argparse.Namespace, console: Console) -> int:
    with altar.Session(tools_of(arguments.target), runtime=lambda local: local) as session:
        declarations = session.declarations()
    place = place_of(arguments.target)
    name = arguments.name or Path(place.removesuffix(".py")).name.replace(".", "_")
    lines = (load(place).__doc__ or f"The tools of {name}.").strip().splitlines()
    contract = ToolContract(
        name=name,
        version=arguments.version,
        description=arguments.description or lines[0],
        function_declarations=declarations,
    )
    manifest = ToolManifest(contracts=(contract,))
    if arguments.out is None:
        console.print(manifest.dumps().rstrip())
        return 0
    try:
        manifest.write(arguments.out)
    except OSError as error:
        raise CliError(f"{arguments.out} cannot be written: {error.strerror}") from error
    count = f"{len(declarations)} tool{'s' if len(declarations) != 1 else ''}"
    console.print(f"{arguments.out}: {name} {arguments.version}, {count}", manifest.digest)
    return 0


def _show(arguments: argparse.Namespace, console: Console) -> int:
    manifest = _read(arguments.file)
    for number, contract in enumerate(manifest.contracts):
        if number:
            console.print()
        title = console.style(f"{contract.name} {contract.version}", "green", "bold")
        console.print(f"{title}  {contract.description}", console.style(contract.digest, "dim"), "")
        show_table(console, contract.function_declarations)
    return 0


def _diff(arguments: argparse.Namespace, console: Console) -> int:
    found = _read(arguments.old).diff(_read(arguments.new))
    if arguments.json:
        console.json(found.to_dict())
        return 1 if found else 0
    for change in found.changes:
        console.print(console.style(str(change), *(["red"] if change.breaking else [])))
    if not found:
        console.print("no changes")
    for name in found.under_versioned:
        console.note(f"{name} breaks its callers: give it a new major version")
    return 1 if found else 0


def _read(path: str) -> ToolManifest:
    try:
        return ToolManifest.read(path)
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error
    except InvalidDataError as error:
        raise InvalidDataError(path, error.problems) from error
