"""``altar grid certs``: certificates for development, made by an authority of our own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar_extras.grid.server import development_certificates

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("folder", metavar="FOLDER", help="those in it are kept while they are good")
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        help="a name or address of the servers, beside localhost; may be repeated",
    )
    parser.add_argument(
        "--client",
        metavar="NAME",
        action="append",
        default=[],
        help="a party with a certificate of its own; may be repeated",
    )
    parser.add_argument(
        "--days", metavar="N", type=float, default=30.0, help="how long they live (%(default)g)"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Make what is missing or nearly over, and say what there is: 0."""
    if not arguments.days > 0:
        raise ConfigurationError(f"--days {arguments.days:g}: give days above 0")
    folder = Path(arguments.folder)
    try:
        made = development_certificates(
            folder, names=arguments.name, clients=arguments.client, days=arguments.days
        )
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror}") from error
    for path in sorted(folder.glob("*.pem")):
        console.print(str(path))
    console.print(f"good until {made.expires:%Y-%m-%d %H:%M} UTC")
    console.note(
        f"for development: {folder / 'ca.key'} signs certificates; a fleet's authority is elsewhere"
    )
    return 0
