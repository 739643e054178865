"""Which grid a verb means: by --credentials, --dir, the one that runs here, or altar.toml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from altar.config import settings
from altar.errors import ConfigurationError
from altar_extras.grid.node import FOLDER, StateFolder
from altar_extras.grid.security import Credentials

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.security import Role

__all__ = ["add_where", "credentials_of", "host_and_port", "made_folder"]


def add_where(parser: argparse.ArgumentParser) -> None:
    """--credentials, --url and --dir."""
    parser.add_argument(
        "--credentials", metavar="FILE", help="who asks, as `altar grid keys` or `up` wrote it"
    )
    parser.add_argument("--url", help="the servers, where the credentials do not say")
    parser.add_argument(
        "--dir", metavar="FOLDER", help=f"the folder of an `altar grid up` ({FOLDER})"
    )


def credentials_of(arguments: argparse.Namespace, role: Role) -> Credentials:
    """The credentials that are meant, with the servers' address.

    Raises ConfigurationError that says what to type.
    """
    if arguments.credentials is not None:
        found = Credentials.read(arguments.credentials, role=role)
    else:
        found = _nearby(arguments, role)
    url = arguments.url or found.url
    if not url:
        raise ConfigurationError("these credentials name no server: add --url nats://HOST:PORT")
    return replace(found, url=url)


def host_and_port(text: str) -> tuple[str, int]:
    """(host, port) of "127.0.0.1:8080", ":8080" or "8080"."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"--http {text}: write HOST:PORT, or a port alone; 0 takes any")
    return host.strip("[]") or "127.0.0.1", int(port)


def made_folder(option: str, path: str) -> Path:
    """A folder of this user alone, made where it is not there."""
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option} {path} cannot be made: {error.strerror}") from error
    return Path(path)


def _nearby(arguments: argparse.Namespace, role: Role) -> Credentials:
    folder = StateFolder(arguments.dir)
    if folder.is_in_use:
        return Credentials.read(folder / f"{role}.json", role=role)
    configured = settings()
    if arguments.dir is None and role == "client" and configured.grid_credentials:
        found = Credentials.read(configured.grid_credentials, role=role)
        return replace(found, url=configured.grid_url or found.url)
    told = "is stopped" if Path(folder.path).is_dir() else "is not there"
    raise ConfigurationError(
        f"no grid runs here ({folder.path} {told}): type altar grid up FILE_OR_MODULE in "
        "another terminal, or name a grid with --credentials FILE"
    )
