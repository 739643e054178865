"""The peers of one run: their processes, started and ended, and what they measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from altar_extras.grid.server import ServerProcess, development_certificates
from benchmarks.grid.callers import PEERS
from benchmarks.grid.load import Figures, closed

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"http": ("uvicorn", "aiohttp"), "grpc": ("grpc",), "redis": ("redis",)}


def missing(name: str) -> str:
    """Why a peer cannot take part here; empty when it can."""
    absent = [library for library in LIBRARIES.get(name, ()) if find_spec(library) is None]
    if name == "redis" and shutil.which("redis-server") is None:
        absent.append("redis-server")
    return f"{', '.join(absent)} not installed" if absent else ""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a peer answers, and its processes."""

    name: str
    address: str
    pids: dict[str, list[int]]


@contextmanager
def process(command: list[str], *, says: bool = True) -> Iterator[tuple[int, str]]:
    """A child process; its id, and the first line it prints."""
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield child.pid, child.stdout.readline().strip() if says else ""
    finally:
        child.kill()
        child.wait()


@contextmanager
def peer(name: str) -> Iterator[Peer]:
    """A peer that is ready. "nats mTLS" is nats with TLS 1.3, both sides with certificates."""
    kind = name.split()[0]
    with ExitStack() as stack:
        pids: dict[str, list[int]] = {}
        address = ""
        if kind == "nats":
            address, pids["server"] = bare_server(stack, tls=name != kind)
        if kind == "redis":
            server = ["redis-server", "--port", "0", "--save", "", "--unixsocket"]
            path = Path(stack.enter_context(folder())) / "redis.sock"
            pid, _ = stack.enter_context(process([*server, str(path)], says=True))
            pids["server"] = [pid]
            address = f"unix://{path}"
            while not path.exists():
                pass
        command = [sys.executable, "-m", "benchmarks.grid.responders", kind, address]
        pid, said = stack.enter_context(process(command))
        yield Peer(name, said, {**pids, "responder": [pid]})


def bare_server(stack: ExitStack, *, tls: bool) -> tuple[str, list[int]]:
    """A nats-server without accounts, permissions or streams."""
    config, certificates = "listen: 127.0.0.1:-1\nhttp: 127.0.0.1:-1\n", ""
    if tls:
        certificates = stack.enter_context(folder())
        made = development_certificates(Path(certificates))
        config += (
            f'tls {{ ca_file: "{made.ca}", cert_file: "{made.server_cert}", '
            f'key_file: "{made.server_key}", verify: true, min_version: "1.3", '
            "handshake_first: true }\n"
        )
    server = ServerProcess(config)
    stack.callback(server.close)
    server.start()
    url = f"tls://localhost:{server.ports.client}|{certificates}" if tls else server.url
    return url, [server.pid or 0]


@contextmanager
def folder() -> Iterator[str]:
    """A folder for as long as it is needed."""
    import tempfile  # noqa: PLC0415 - for one peer

    with tempfile.TemporaryDirectory() as name:
        yield name


async def measured(peer: Peer, *, inflight: int, seconds: float) -> Figures:
    """Calls through one peer, ``inflight`` at once."""
    async with PEERS[peer.name.split()[0]](peer.address) as call:
        return await closed(call, inflight=inflight, seconds=seconds, pids=peer.pids)
