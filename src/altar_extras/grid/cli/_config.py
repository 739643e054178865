"""``altar grid config``: write the configuration of a nats-server, and check one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar_extras.grid.security import Credentials, SigningKey
from altar_extras.grid.server import (
    HOSTS_ACCOUNT,
    SYSTEM_ACCOUNT,
    GridKeys,
    Site,
    Tls,
    check_config,
    effective_config,
    node_settings,
)

if TYPE_CHECKING:
    import argparse

    from altar_extras.grid.cli._console import Console

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    check = verbs.add_parser(
        "check", help="print what holds, and every problem; exit code 1 when there is one"
    )
    check.add_argument("file", metavar="NATS_CONF", help="the file nats-server is started with")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(config_verb=_check)
    write = verbs.add_parser("write", help="write the configuration of one server of a grid")
    _configure_write(write)
    write.set_defaults(config_verb=_write)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Carry out the verb; the exit code."""
    status: int = arguments.config_verb(arguments, console)
    return status


def _configure_write(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the server's own, such as n1")
    parser.add_argument(
        "--keys",
        metavar="HOST_JSON",
        required=True,
        help="the Hosts' file, as `altar grid keys make` made it: only public keys are taken",
    )
    parser.add_argument(
        "--tls", metavar="FOLDER", help="the folder, there, of ca.pem, server.pem and server.key"
    )
    parser.add_argument(
        "--data", metavar="FOLDER", required=True, help="the folder, there, of its streams"
    )
    parser.add_argument("--listen", metavar="ADDRESS", default="127.0.0.1", help="(%(default)s)")
    for option, port, what in (
        ("--port", 4222, "for clients"),
        ("--monitor", 8222, "for health, on loopback"),
        ("--cluster-port", 6222, "for the servers of its region"),
        ("--gateway-port", 7222, "for the servers of other regions"),
    ):
        parser.add_argument(
            option, metavar="N", type=int, default=port, help=f"{what} (%(default)s)"
        )
    parser.add_argument(
        "--node",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="a server of its region, itself too if you like, by a DNS name; may be repeated",
    )
    parser.add_argument("--region", metavar="NAME", default="grid", help="its own (%(default)s)")
    parser.add_argument(
        "--regions",
        metavar="NAME=HOST[:PORT],...",
        action="append",
        default=[],
        help="the servers of a region, for each of several regions, its own too",
    )
    parser.add_argument("--out", metavar="FILE", help="where to; without it to standard output")


def _write(arguments: argparse.Namespace, console: Console) -> int:
    """Write one server's file; refuse what the check would."""
    text = node_settings(_site(arguments), _keys(arguments.keys)).text()
    problems = check_config(text)
    if problems:
        raise ConfigurationError(f"this is not written, {problems[0].path}: {problems[0].text}")
    if arguments.out is None:
        console.print(text.rstrip())
        return 0
    try:
        Path(arguments.out).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"{arguments.out} cannot be written: {error.strerror}") from error
    console.print(arguments.out)
    return 0


def _site(arguments: argparse.Namespace) -> Site:
    tls = None
    if arguments.tls is not None:
        folder = Path(arguments.tls)
        ca, cert, key = (str(folder / one) for one in ("ca.pem", "server.pem", "server.key"))
        tls = Tls(ca=ca, cert=cert, key=key)
    regions: dict[str, tuple[str, ...]] = {}
    for each in arguments.regions:
        name, equals, hosts = each.partition("=")
        if not equals or not hosts:
            raise ConfigurationError(f"--regions {each}: write NAME=HOST,HOST")
        regions[name] = tuple(host.strip() for host in hosts.split(","))
    if regions and arguments.region not in regions:
        raise ConfigurationError(
            f"--regions names {', '.join(regions)}, and this server's --region is "
            f"{arguments.region}: name it too"
        )
    return Site(
        name=arguments.name,
        tls=tls,
        folder=arguments.data,
        host=arguments.listen,
        port=arguments.port,
        monitor=arguments.monitor,
        nodes=tuple(arguments.node),
        region=arguments.region,
        regions=regions,
        cluster_port=arguments.cluster_port,
        gateway_port=arguments.gateway_port,
    )


def _keys(path: str) -> GridKeys:
    """The public keys that servers are told."""
    host = Credentials.read(path, role="host")
    if host.issuer_seed is None or host.system_seed is None:
        raise ConfigurationError(
            f'{path} holds no "issuer_seed" or no "system_seed"; type: altar grid keys make FOLDER'
        )
    seeds = {HOSTS_ACCOUNT: host.seed, SYSTEM_ACCOUNT: host.system_seed, **host.tenants}
    return GridKeys(
        issuer=SigningKey.from_seed(host.issuer_seed).public,
        hosts={name: SigningKey.from_seed(seed).public for name, seed in seeds.items()},
    )


def _check(arguments: argparse.Namespace, console: Console) -> int:
    """0 when the configuration is safe, 1 when it is not."""
    path = Path(arguments.file)
    problems = check_config(path)
    values = effective_config(path)
    if arguments.json:
        console.json(_document(values, problems))
        return 1 if problems else 0
    width = max((len(name) for name, _, _ in values), default=0)
    for name, value, said in values:
        note = "" if said else console.style("  (default)", "dim")
        console.print(f"{name:<{width}}  {value}{note}")
    console.print()
    for one in problems:
        console.print(f"{console.style('✗', 'red')} {one.path}: {one.text}")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        console.error(f"{path}: {count}: this server is not safe for a grid")
        return 1
    console.print(f"{console.style('✓', 'green')} safe for a grid")
    return 0


def _document(values: Any, problems: Any) -> dict[str, Any]:
    return {
        "values": [
            {"name": name, "value": value, "from_file": said} for name, value, said in values
        ],
        "problems": [{"path": one.path, "text": one.text} for one in problems],
    }
