"""``altar grid status``: what a Host knows of a grid, and the audit of one that runs here."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.errors import ConfigurationError
from altar_extras.grid.audit import verify
from altar_extras.grid.cli._shown import ago, started, table
from altar_extras.grid.cli._where import add_where, credentials_of
from altar_extras.grid.client import ClientSettings
from altar_extras.grid.node import StateFolder, connector_of
from altar_extras.grid.security import connection_name, key_id
from altar_extras.grid.transport import Requests, insist
from altar_extras.grid.wire import (
    Directory,
    DirectoryAnswer,
    Hello,
    HelloAnswer,
    ListTools,
    ListToolsAnswer,
    Subjects,
    op_of,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from altar_extras.grid.cli._console import Console
    from altar_extras.grid.security import Credentials

__all__ = ["configure", "run"]

_PATIENCE = 3.0


class _Seen(NamedTuple):
    """What a Host answered."""

    hello: HelloAnswer
    directory: DirectoryAnswer
    contracts: list[dict[str, Any]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what may be typed."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_where(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """0 when a Host answers and a runtime is there, 1 when there is no runtime."""
    credentials = credentials_of(arguments, "operator")
    seen = asyncio.run(_ask(credentials))
    local = StateFolder(arguments.dir) if arguments.credentials is None else None
    told = (local.state() if local is not None else None) or {}
    document = _document(credentials, seen, told)
    if local is not None:
        document |= {"audit": _audit(local), "folder": str(local.path)}
    if arguments.json:
        console.json(document)
    else:
        _show(console, document)
    return 0 if document["runtimes"] else 1


async def _ask(credentials: Credentials) -> _Seen:
    who = key_id(credentials.key.public)
    connector, name = connector_of(credentials), connection_name("operator")
    transport = await insist(
        lambda: connector.connect(seed=credentials.seed, name=name),
        within=ClientSettings().connect_timeout,
    )
    try:
        requests = Requests(transport, who)
        await requests.start()

        async def ask(message: Any) -> Any:
            subject = Subjects.host(op_of(type(message)), who)
            return await requests.ask(subject, message, timeout=_PATIENCE)

        hello = await ask(Hello(id=token_hex(8), role="operator", software="altar grid status"))
        directory = await ask(Directory(id=token_hex(8)))
        contracts: list[dict[str, Any]] = []
        cursor = 0
        while True:
            page = await ask(ListTools(id=token_hex(8), cursor=cursor))
            if not isinstance(page, ListToolsAnswer):
                break
            contracts += [one for one in page.contracts if isinstance(one, dict)]
            cursor = page.next
            if not cursor:
                break
        if not isinstance(hello, HelloAnswer) or not isinstance(directory, DirectoryAnswer):
            raise ConfigurationError("the Host answered with another message than was asked for")
        return _Seen(hello, directory, contracts)
    finally:
        await transport.close()


def _document(credentials: Credentials, seen: _Seen, told: dict[str, Any]) -> dict[str, Any]:
    serving: dict[str, int] = {}
    for runtime in seen.directory.runtimes:
        for name, _ in runtime["tools"]:
            serving[name] = serving.get(name, 0) + 1
    tools = [
        {
            "name": tool["name"],
            "contract": f"{contract['name']} {contract.get('version', '1.0.0')}",
            "runtimes": serving.get(tool["name"], 0),
            "description": " ".join(str(tool.get("description", "")).split()),
        }
        for contract in seen.contracts
        for tool in contract.get("function_declarations", ())
    ]
    return {
        "url": credentials.url,
        "tenant": credentials.tenant,
        "host": seen.hello.host,
        "mode": seen.hello.mode,
        "manifest_sequence": seen.hello.manifest_sequence,
        "pid": told.get("pid"),
        "started": told.get("started"),
        "hosts": [{"http": url, "ready": _ready(url)} for url in told.get("http") or () if url],
        "connections": _connections(told.get("monitors") or ()),
        "runtimes": list(seen.directory.runtimes),
        "sessions": list(seen.directory.sessions),
        "time_ms": seen.directory.time_ms,
        "quarantined": list(seen.directory.quarantined),
        "tools": sorted(tools, key=lambda one: str(one["name"])),
    }


def _page(url: str) -> bytes:
    """What a Host or a server on this machine says of itself. Raises OSError."""
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - our own
        body: bytes = answer.read()
    return body


def _ready(url: str) -> bool:
    with suppress(OSError):
        return bool(_page(f"{url}/ready"))
    return False


def _connections(monitors: Iterable[str]) -> dict[str, int]:
    """How many of each role are connected, by the names that connections give themselves."""
    found: dict[str, int] = {}
    for url in monitors:
        with suppress(OSError, ValueError):
            for one in json.loads(_page(f"{url}/connz")).get("connections") or ():
                words = str(one.get("name", "")).split()
                known = len(words) > 1 and words[0].startswith("altar-grid/")
                role = words[1] if known else "other"
                found[role] = found.get(role, 0) + 1
    found.pop("operator", None)  # whoever asks for this
    return found


def _audit(folder: StateFolder) -> list[dict[str, Any]]:
    """What lies in the spools of this machine's runtimes: what was shipped is in the stream."""
    rows = []
    for spool in sorted(Path(folder.path).glob("audit/*")):
        with suppress(ConfigurationError, OSError):
            verdict = verify(spool)
            rows += [
                {"spool": str(spool), "calls": one.started, "open": one.open, "ok": verdict.ok}
                for one in verdict.writers.values()
            ]
    return rows


def _show(console: Console, told: dict[str, Any]) -> None:
    sequence = told["manifest_sequence"]
    mode = told["mode"] + (f", manifest {sequence}" if sequence else "")
    since = f", up for {started(told['started'])}, process {told['pid']}" if told["pid"] else ""
    console.print(console.style(f"{told['url']}  {mode}{since}", "bold"))
    for host in told["hosts"] or [{"http": "", "ready": True}]:
        state = (
            console.style("ready", "green") if host["ready"] else console.style("not ready", "red")
        )
        console.print(f"host {told['host']}  {state}  {host['http']}".rstrip())
    if told["connections"]:
        counts = [f"{count} {role}" for role, count in sorted(told["connections"].items())]
        console.print(f"connections: {', '.join(counts)}")
    console.print()
    _show_runtimes(console, told["runtimes"])
    if told["sessions"]:
        console.print()
        _show_sessions(console, told["sessions"], told["time_ms"])
    if told["tools"]:
        console.print()
        names = ("name", "contract", "runtimes", "description")
        rows = [[str(one[name]) for name in names] for one in told["tools"]]
        table(console, ("TOOL", "CONTRACT", "RUNTIMES", ""), rows)
    for one in told["quarantined"]:
        name, _, digest = str(one).partition(" ")
        console.print(console.style(f"quarantined: {name} with the arguments {digest}", "yellow"))
    if told.get("audit"):
        console.print()
        _show_audit(console, told)


def _show_runtimes(console: Console, runtimes: list[dict[str, Any]]) -> None:
    if runtimes:
        rows = [
            [
                one["runtime"],
                str(len(one["tools"])),
                f"{one['inflight']} of {one['slots']}",
                str(one["queued"]),
                f"{ago(one['age_ms'] / 1000)} ago",
            ]
            for one in runtimes
        ]
        table(console, ("RUNTIME", "TOOLS", "BUSY", "WAITING", "HEARD"), rows)
    else:
        console.print(
            "no runtime is here: type altar grid runtime FILE_OR_MODULE --credentials FILE"
        )


def _show_sessions(console: Console, sessions: Iterable[dict[str, Any]], now_ms: int) -> None:
    rows = [
        [
            one["principal"],
            str(one["sessions"]),
            f"{ago((now_ms - one['since_ms']) / 1000)} ago",
            f"in {ago((one['expires_ms'] - now_ms) / 1000)}",
        ]
        for one in sessions
    ]
    table(console, ("PRINCIPAL", "SESSIONS", "OLDEST", "NEXT END"), rows)


def _show_audit(console: Console, told: dict[str, Any]) -> None:
    rows = [
        [one["spool"], str(one["calls"]), str(one["open"]), "good" if one["ok"] else "BROKEN"]
        for one in told["audit"]
    ]
    table(console, ("AUDIT, ON THIS DISK", "CALLS", "OPEN", "CHAIN"), rows)
    console.print(
        "calls shipped to the servers leave the disk in time; all of them: "
        f"altar grid audit verify {told['url'].partition(',')[0]} --tenant {told['tenant']} "
        f"--credentials {told['folder']}/host.json"
    )
