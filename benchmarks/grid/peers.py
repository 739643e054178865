"""The peers of one run: their processes, started and ended, and what they measured."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

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
def peer(name: str, nats_url: str) -> Iterator[tuple[str, list[int]]]:
    """A peer that is ready: its address, and the processes whose CPU counts."""
    with ExitStack() as stack:
        pids: list[int] = []
        address = nats_url if name == "nats" else ""
        if name == "redis":
            server = ["redis-server", "--port", "0", "--save", "", "--unixsocket"]
            path = Path(stack.enter_context(folder())) / "redis.sock"
            pid, _ = stack.enter_context(process([*server, str(path)], says=True))
            pids.append(pid)
            address = f"unix://{path}"
            while not path.exists():
                pass
        command = [sys.executable, "-m", "benchmarks.grid.responders", name, address]
        pid, said = stack.enter_context(process(command))
        yield said, [*pids, pid]


@contextmanager
def folder() -> Iterator[str]:
    """A folder for as long as it is needed."""
    import tempfile  # noqa: PLC0415 - for one peer

    with tempfile.TemporaryDirectory() as name:
        yield name


def throughput(
    name: str, nats_url: str, server: list[int], *, inflight: int, seconds: float
) -> Figures:
    """Calls through one peer, ``inflight`` at once."""

    async def run(address: str, pids: list[int]) -> Figures:
        async with PEERS[name](address) as call:
            return await closed(call, inflight=inflight, seconds=seconds, pids=pids)

    with peer(name, nats_url) as (address, pids):
        return asyncio.run(run(address, [*pids, *(server if name == "nats" else [])]))
