"""``altar grid keys``: make the keys of a grid, add to them, list what each opens, rotate them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar_extras.grid.security._credentials import Credentials, Principal, TlsFiles
from altar_extras.grid.security._files import read_bounded, write_private
from altar_extras.grid.security._keys import SigningKey, key_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from altar_extras.grid.security._credentials import Role

__all__ = ["configure", "make_keys", "read_seed", "run"]

HOST, ROOT, STATE = "host.json", "root.seed", "grid.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_TLS = "a folder with ca.pem, and NAME.pem and NAME.key or client.pem and client.key"
_SERVES = "serving tools; with a manifest, of the contracts that name its key"


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    make = verbs.add_parser("make", help="make the keys of a new grid in a folder")
    make.add_argument("folder")
    make.add_argument("--tenant", default="main", help="the tenant (%(default)s)")
    make.add_argument("--url", help="where the grid is, written into each file")
    _tls_option(make)
    make.add_argument(
        "--development", action="store_true", help="no root key: contracts come from runtimes"
    )
    _parties(make)
    make.set_defaults(keys_verb=_make)
    add = verbs.add_parser("add", help="add a party to the keys in a folder")
    add.add_argument("folder")
    add.add_argument("--tenant", help="the tenant; without it the first Host's")
    _tls_option(add)
    _parties(add)
    add.add_argument(
        "--manifest",
        metavar="FILE",
        help="the signed one, where clients added now hold Hosts to it",
    )
    add.set_defaults(keys_verb=_add)
    tls = verbs.add_parser("tls", help="put certificates into the files of a folder, old ones out")
    tls.add_argument("folder")
    tls.add_argument("tls", metavar="TLS_FOLDER", help=_TLS)
    tls.set_defaults(keys_verb=_put_tls)
    listed = verbs.add_parser("list", help="list who holds what, and what it opens")
    listed.add_argument("folder")
    listed.set_defaults(keys_verb=_list)
    rotate = verbs.add_parser("rotate", help="give a credentials file a new key")
    rotate.add_argument("file", help="a party's file, beside host.json; or host.json itself")
    rotate.add_argument(
        "--keep", action="store_true", help="Hosts know the old key too, until it is revoked"
    )
    rotate.set_defaults(keys_verb=_rotate)
    revoke = verbs.add_parser("revoke", help="have the Hosts know a party's key no more")
    revoke.add_argument("folder")
    revoke.add_argument("who", metavar="NAME_OR_KEY", help="a party's name, all its keys; or U...")
    revoke.set_defaults(keys_verb=_revoke)


def run(arguments: argparse.Namespace, console: Any) -> int:
    """Carry out the verb; the exit code."""
    try:
        status: int = arguments.keys_verb(arguments, console)
    except OSError as error:
        where = error.filename or "the folder"
        raise ConfigurationError(f"{where} cannot be written: {error.strerror}") from error
    return status


def make_keys(
    folder: Path,
    parties: Iterable[tuple[Role, str, tuple[str, ...]]],
    *,
    tenant: str,
    url: str | None = None,
    tls: Path | None = None,
    development: bool = False,
) -> dict[str, Path]:
    """Make ``host.json``, ``root.seed`` (STRICT) and a file for each (role, name, tools).

    The paths by name. ``tls`` is a folder of certificates (see :func:`tls_files`).
    ConfigurationError where a Host's file is there already.
    """
    if (folder / HOST).exists():
        raise ConfigurationError(
            f"{folder / HOST} is there already; type: altar grid keys add {folder} --client NAME"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made: dict[str, Path] = {}
    root = None
    if not development:
        key = SigningKey.generate()
        root, made["root"] = key.public, folder / ROOT
        write_private(folder / ROOT, f"{key.seed}\n".encode())
    signer = SigningKey.generate()
    host = Credentials(
        role="host",
        tenant=tenant,
        name="host",
        seed=SigningKey.generate().seed,
        url=url,
        root=root,
        host_keys=(signer.public,),
        host_seed=signer.seed,
        issuer_seed=SigningKey.generate(kind="account").seed,
        system_seed=SigningKey.generate().seed,
        tenants={tenant: SigningKey.generate().seed},
    )
    host = replace(host, tls=tls_files(tls, "host"))
    made["host"] = folder / HOST
    for role, name, tools in parties:
        party = Principal(key="", name=name, tenant=tenant, role=role, tools=tools)
        host, made[name] = _join(folder, host, party, tls)
    host.write(folder / HOST)
    return made


def tls_files(folder: Path | None, name: str) -> TlsFiles:
    """A party's certificates in a folder: ca.pem, and NAME.pem with NAME.key or those of client.

    Nothing without a folder; ConfigurationError that says which file is missing.
    """
    if folder is None:
        return TlsFiles()
    own = name if (folder / f"{name}.pem").exists() else "client"
    texts = []
    for file, private in (("ca.pem", False), (f"{own}.pem", False), (f"{own}.key", True)):
        try:
            texts.append(read_bounded(folder / file, 1 << 20, private=private).decode("ascii"))
        except OSError as error:
            raise ConfigurationError(
                f"{folder / file} cannot be read: {error.strerror}; a folder of certificates holds "
                f"ca.pem, and {name}.pem and {name}.key or client.pem and client.key; "
                "for development ones type: altar grid certs FOLDER"
            ) from error
        except ValueError:
            raise ConfigurationError(f"{folder / file} is no PEM file") from None
    return TlsFiles(ca=texts[0], cert=texts[1], key=texts[2])


def read_seed(path: str | Path) -> SigningKey:
    """The key of a seed file (mode 0600); ConfigurationError with what to type."""
    try:
        text = read_bounded(path, 4096, private=True).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return SigningKey.from_seed(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _parties(parser: argparse.ArgumentParser) -> None:
    said = "NAME[=TOOL,...]"
    parser.add_argument(
        "--client", action="append", default=[], metavar=said, help="a client, and its tools (all)"
    )
    parser.add_argument("--runtime", action="append", default=[], metavar="NAME", help="a runtime")
    parser.add_argument(
        "--operator", action="append", default=[], metavar="NAME", help="an operator"
    )


def _wanted(arguments: argparse.Namespace) -> list[tuple[Role, str, tuple[str, ...]]]:
    found: list[tuple[Role, str, tuple[str, ...]]] = []
    for text in arguments.client:
        name, equals, tools = text.partition("=")
        listed = tuple(one.strip() for one in tools.split(",") if one.strip()) if equals else ("*",)
        found.append(("client", name, listed))
    runtimes: list[str] = arguments.runtime
    operators: list[str] = arguments.operator
    found.extend(("runtime", name, ("*",)) for name in runtimes)
    found.extend(("operator", name, ()) for name in operators)
    return found


def _make(arguments: argparse.Namespace, console: Any) -> int:
    parties = _wanted(arguments) or [("client", "client", ("*",)), ("runtime", "runtime", ("*",))]
    made = make_keys(
        Path(arguments.folder),
        parties,
        tenant=arguments.tenant,
        url=arguments.url,
        tls=_tls_folder(arguments),
        development=arguments.development,
    )
    for path in made.values():
        console.print(str(path))
    if "root" in made:
        console.note(f"{made['root']} signs manifests: keep it off every machine of the grid")
    return 0


def _add(arguments: argparse.Namespace, console: Any) -> int:
    folder = Path(arguments.folder)
    host = before = Credentials.read(folder / HOST, role="host")
    tenant = arguments.tenant or host.tenant
    if tenant not in host.tenants:
        seed = SigningKey.generate().seed
        host = replace(host, tenants={**host.tenants, tenant: seed})
    wanted = _wanted(arguments)
    if arguments.manifest and (host.root is None or not arguments.client):
        raise ConfigurationError("--manifest is for --client, in a grid with a root key")
    if not wanted:
        raise ConfigurationError("nobody to add; type --client NAME, --runtime NAME or --operator")
    for role, name, tools in wanted:
        party = Principal(key="", name=name, tenant=tenant, role=role, tools=tools)
        manifest = arguments.manifest if role == "client" else None
        host, path = _join(folder, host, party, _tls_folder(arguments), manifest=manifest)
        console.print(str(path))
    host.write(folder / HOST)
    if tenant in before.tenants:
        console.note(_told(folder))
    else:
        console.note(
            f"tenant {tenant} is new: the servers need its account (altar grid config write), "
            "the Hosts a restart and its manifest"
        )
    if host.tls.ca and arguments.tls is None:
        console.note(f"they hold no certificates: type altar grid keys tls {folder} TLS_FOLDER")
    return 0


def _join(
    folder: Path,
    host: Credentials,
    party: Principal,
    tls: Path | None,
    *,
    manifest: str | None = None,
) -> tuple[Credentials, Path]:
    """Write a party's file, with a new key; the Host that knows it, and the path."""
    path = folder / f"{party.name}.json"
    if _NAME.fullmatch(party.name) is None:
        raise ConfigurationError(f"{party.name!r} is no name of a file; letters, digits, _ - and .")
    if path.exists() or path.name == HOST:
        raise ConfigurationError(
            f"{path} is there already; for a new key type: altar grid keys rotate {path}; a "
            f"client's tools are in {folder / HOST}, under principals"
        )
    key = SigningKey.generate()
    Credentials(
        role=party.role,
        tenant=party.tenant,
        name=party.name,
        seed=key.seed,
        url=host.url,
        root=host.root,
        tls=tls_files(tls, party.name),
        manifest=None if manifest is None else str(Path(manifest).absolute()),
        host_keys=host.host_keys,
    ).write(path)
    known = replace(party, key=key.public)
    return replace(host, principals=(*host.principals, known)), path


def _list(arguments: argparse.Namespace, console: Any) -> int:
    folder = Path(arguments.folder)
    rows = []
    if (folder / ROOT).exists():
        rows.append((ROOT, read_seed(folder / ROOT).public, "signing manifests; keep it offline"))
    hosts: dict[str, Principal] = {}
    for path in sorted(_files(folder), key=lambda path: (path.name != HOST, path.name)):
        found = Credentials.read(path)
        if found.role == "host":
            hosts.update((one.key, one) for one in found.principals)
            rows += [(path.name, public, opens) for public, opens in _of_host(found)]
        else:
            rows.append((path.name, found.key.public, _opens(found, hosts)))
    if not rows:
        raise ConfigurationError(f"{folder} holds no keys; type: altar grid keys make {folder}")
    width = max(len(row[0]) for row in rows)
    for name, public, opens in rows:
        console.print(f"{name:<{width}}  {public}  {opens}")
    return 0


def _files(folder: Path) -> list[Path]:
    """The credentials in a folder, but what `altar grid up` says of itself there."""
    return [path for path in folder.glob("*.json") if path.name != STATE]


def _told(folder: Path) -> str:
    """How the Hosts learn of a new host.json: those of an `altar grid up` read it in its folder."""
    try:
        pid = json.loads((folder / STATE).read_text("utf-8"))["pid"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"give every Host the new {HOST}, then SIGHUP"
    return f"for the grid that runs here type: kill -HUP {pid}"


def _opens(found: Credentials, known: dict[str, Principal]) -> str:
    """What a party's key opens, as the Host beside it says."""
    key = found.key
    shown = f"{found.role} {key_id(key.public)} of {found.tenant}"
    party = known.get(key.public)
    if party is None:
        return f"{shown}: nothing, no Host here knows it"
    if party.role == "client":
        return f"{shown}: sessions with the tools {', '.join(party.tools) or '(none)'}"
    return f"{shown}: {_SERVES if party.role == 'runtime' else 'asking how the Hosts are'}"


def _of_host(host: Credentials) -> list[tuple[str, str]]:
    """The public keys of a Host's file, and what each opens."""
    found = [(host.key.public, "host: state and audit, and the broker's question who may connect")]
    for seed, opens in (
        (host.host_seed, "host: signing sessions and grants; never connects"),
        (host.issuer_seed, "host: telling the broker who may connect; never connects"),
        (host.system_seed, "host: cutting connections of the revoked"),
    ):
        if seed is not None:
            found.append((SigningKey.from_seed(seed).public, opens))
    for tenant, seed in sorted(host.tenants.items()):
        found.append((SigningKey.from_seed(seed).public, f"host: serving tenant {tenant}"))
    return found


def _rotate(arguments: argparse.Namespace, console: Any) -> int:
    path = Path(arguments.file)
    found = Credentials.read(path)
    if found.role == "host":
        return _rotate_host(path, found, console)
    host = Credentials.read(path.parent / HOST, role="host")
    old, new = found.key, SigningKey.generate()
    if not any(one.key == old.public for one in host.principals):
        raise ConfigurationError(f"{path.parent / HOST} does not know the key of {path}")
    parties = tuple(
        replace(one, key=new.public) if one.key == old.public else one for one in host.principals
    )
    if arguments.keep:
        parties += tuple(one for one in host.principals if one.key == old.public)
    # the party's file last: until then its old key still fits the old Host's file
    replace(host, principals=parties).write(path.parent / HOST)
    replace(found, seed=new.seed).write(path)
    console.print(f"{path}: {new.public}")
    if arguments.keep:
        console.note(
            f"{_told(path.parent)}; the old key is good until: "
            f"altar grid keys revoke {path.parent} {old.public}"
        )
    else:
        console.note(f"{_told(path.parent)}; the key taken out of use is {old.public}")
    if found.role == "runtime" and host.root is not None:
        console.note("sign the manifest again with the new key, and --revoke the old one")
    return 0


def _revoke(arguments: argparse.Namespace, console: Any) -> int:
    """Take a party out of the Host's file; its own file stays, and opens nothing."""
    path = Path(arguments.folder) / HOST
    host = Credentials.read(path, role="host")
    gone = [one for one in host.principals if arguments.who in (one.name, one.key)]
    if not gone:
        known = ", ".join(sorted({one.name for one in host.principals})) or "nobody"
        raise ConfigurationError(f"{path} knows no {arguments.who!r}; it knows {known}")
    replace(host, principals=tuple(one for one in host.principals if one not in gone)).write(path)
    for one in gone:
        console.print(f"{one.name} ({one.role} of {one.tenant}): {one.key}")
    console.note(f"{_told(path.parent)}; they cut what is connected")
    if host.root is not None and any(one.role == "runtime" for one in gone):
        console.note("the manifest lets a runtime in: sign it again with --revoke and the key")
    return 0


def _put_tls(arguments: argparse.Namespace, console: Any) -> int:
    """New certificates in every file of the folder."""
    folder = Path(arguments.folder)
    found = {path: Credentials.read(path) for path in sorted(_files(folder))}
    if not found:
        raise ConfigurationError(f"{folder} holds no keys; type: altar grid keys make {folder}")
    made = {
        path: replace(one, tls=tls_files(Path(arguments.tls), path.stem))
        for path, one in found.items()
    }
    for path, one in made.items():
        one.write(path)
        console.print(str(path))
    console.note("give everybody the new file; it is read at the next start")
    return 0


def _tls_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tls", metavar="FOLDER", help=f"{_TLS}; written into each file")


def _tls_folder(arguments: argparse.Namespace) -> Path | None:
    return None if arguments.tls is None else Path(arguments.tls)


def _rotate_host(path: Path, host: Credentials, console: Any) -> int:
    """A new key for tokens and grants; the old one is believed until its sessions have ended."""
    new = SigningKey.generate()
    keys = (*host.host_keys, new.public)
    replace(host, host_seed=new.seed, host_keys=keys).write(path)
    console.print(f"{path}: {new.public}")
    console.note(
        f"give every Host the new {HOST}; SIGHUP to each, so that all believe the new key, then "
        "restart one after another. Clients that take local grants need the new host_keys; take "
        "the old key out after a day, when no session that it signed is left"
    )
    return 0
