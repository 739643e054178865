"""Round trips of one tool call: altar's MCP server against the official SDK's, both transports.

Both servers run as processes of their own and are driven by the same bare
client, so that what differs is the server. ``python -m benchmarks.adapters.mcp``
prints the medians and their ratio.
"""

from __future__ import annotations

import atexit
import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["pairs"]

WALL = True  # the server is another process
ALTAR = """
import sys, altar
from altar.mcp import HttpOptions, Server, serve

@altar.tool
async def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

@altar.tool
def plain(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

if sys.argv[1] == "stdio":
    serve([add, plain])
else:
    serve([add, plain], "http", http=HttpOptions(port=int(sys.argv[1])))
"""

OFFICIAL = """
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("official", log_level="ERROR")

@server.tool()
async def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

@server.tool()
def plain(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    server.run("streamable-http", port=int(sys.argv[1]))
"""

_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
_INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Pipe:
    """A server on stdio, and calls to it."""

    def __init__(self, source: str, *, modern: bool) -> None:
        self._modern = modern
        self._process = subprocess.Popen(
            [sys.executable, "-c", source, "stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        atexit.register(self.close)
        self._id = 0
        if not modern:
            self._send("initialize", _INITIALIZE)
            self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str) -> Any:
        """One call of a tool."""
        return self._send("tools/call", {"name": tool, "arguments": {"a": 1, "b": 2}})

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    def _send(self, method: str, params: dict[str, Any]) -> Any:
        self._id += 1
        if self._modern:
            params["_meta"] = _META
        self._write({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())["result"]

    def _write(self, frame: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(frame).encode() + b"\n")
        self._process.stdin.flush()


class Web:
    """A server on HTTP, and calls to it over one connection."""

    def __init__(self, source: str, *, modern: bool) -> None:
        self._modern = modern
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [sys.executable, "-c", source, str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        atexit.register(self.close)
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(400):
            try:
                self._connection.connect()
                break
            except OSError:
                time.sleep(0.05)
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Mcp-Protocol-Version": "2026-07-28" if modern else "2025-11-25",
        }
        self._id = 0
        if not modern:
            self._send("initialize", _INITIALIZE)

    def call(self, tool: str) -> Any:
        """One call of a tool."""
        return self._send("tools/call", {"name": tool, "arguments": {"a": 1, "b": 2}})

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    def _send(self, method: str, params: dict[str, Any]) -> Any:
        self._id += 1
        headers = dict(self._headers)
        if self._modern:
            params["_meta"] = _META
            headers |= {"Mcp-Method": method, "Mcp-Name": params.get("name", "")}
        frame = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        body = json.dumps(frame).encode()
        try:
            self._connection.request("POST", "/mcp", body, headers)
            answer = self._connection.getresponse()
        except (OSError, http.client.HTTPException):  # it was idle for too long
            self._connection.close()
            self._connection.request("POST", "/mcp", body, headers)
            answer = self._connection.getresponse()
        body = answer.read()
        session = answer.getheader("Mcp-Session-Id")
        if session is not None:
            self._headers["Mcp-Session-Id"] = session
        if "event-stream" in (answer.getheader("Content-Type") or ""):
            body = next(
                line[5:] for line in body.splitlines() if line[:5] == b"data:" and b"{" in line
            )
        return json.loads(body)["result"]


def pairs() -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Label, a round trip to the official server, one to altar's."""
    made: list[tuple[str, Callable[[], object], Callable[[], object]]] = []
    for link in (Pipe, Web):
        for modern in (False, True):
            theirs, ours = link(OFFICIAL, modern=modern), link(ALTAR, modern=modern)
            era = "2026-07-28" if modern else "2025-11-25"
            for tool in ("add", "plain"):
                kind = "async" if tool == "add" else "sync"
                label = f"mcp {'stdio' if link is Pipe else 'http'} {era}, {kind} tool"
                made.append((label, _calls(theirs, tool), _calls(ours, tool)))
    return made


def _calls(link: Pipe | Web, tool: str) -> Callable[[], object]:
    return lambda: link.call(tool)


def _median(call: Callable[[], object], count: int) -> float:
    """The median round trip, in microseconds of the wall clock."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main(count: int = 150, rounds: int = 4) -> None:
    """Print every pair; the best of several rounds, in turns."""
    print(f"{'round trip':<42}{'official':>10}{'altar':>10}{'ratio':>8}")
    for label, official, own in pairs():
        _median(official, 30), _median(own, 30)
        best = [
            min(times)
            for times in zip(
                *((_median(official, count), _median(own, count)) for _ in range(rounds)),
                strict=True,
            )
        ]
        print(f"{label:<42}{best[0]:>8.0f}us{best[1]:>8.0f}us{best[1] / best[0]:>8.2f}")


if __name__ == "__main__":
    main()
