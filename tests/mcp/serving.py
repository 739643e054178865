"""Servers for tests: on a port in a thread, and on pipes in a process."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from altar.mcp import HttpOptions, Server
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"elicitation": {}},
    "clientInfo": {"name": "test", "version": "1"},
}


@contextmanager
def listening(server: Server, **options: Any) -> Iterator[str]:
    """The URL of this server, which listens on a free port until the block ends."""
    started = threading.Event()
    here: dict[str, Any] = {}

    async def main() -> None:
        here["loop"], here["stop"] = asyncio.get_running_loop(), asyncio.Event()
        async with server.listen(HttpOptions(**{"port": 0, **options})) as found:
            here["url"] = found.url
            started.set()
            await here["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(PATIENCE)
    try:
        yield here["url"]
    finally:
        here["loop"].call_soon_threadsafe(here["stop"].set)
        thread.join(PATIENCE)


class Web:
    """A bare HTTP client of one URL."""

    def __init__(self, url: str) -> None:
        self.place = urlsplit(url)
        self.session: str | None = None

    def open(self) -> Web:
        """Shake hands."""
        status, headers, _ = self.post(frame("initialize", INITIALIZE))
        assert status == 200
        self.session = headers["mcp-session-id"]
        return self

    def send(
        self, method: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request."""
        link = http.client.HTTPConnection(
            self.place.hostname or "", self.place.port, timeout=PATIENCE
        )
        try:
            link.request(method, self.place.path, body, headers or {})
            answer = link.getresponse()
            said = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, said, answer.read()
        finally:
            link.close()

    def post(
        self, message: Any, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """One message; the answer is the last one of a stream, or the JSON."""
        own = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.session is not None:
            own["Mcp-Session-Id"] = self.session
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        status, said, body = self.send("POST", raw, own | (headers or {}))
        lines = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
        found = json.loads(lines[-1] if lines else body) if body else None
        return status, said, found

    def modern(self, method: str, params: dict[str, Any] | None = None, **headers: str) -> Any:
        """A request of 2026-07-28: status and answer."""
        message = frame(method, {**(params or {}), "_meta": META})
        own = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        name = (params or {}).get("name", (params or {}).get("uri"))
        if name is not None:
            own["Mcp-Name"] = name
        status, _, said = self.post(message, own | headers)
        return status, said

    def raw(self, data: bytes, *, shut: bool = False) -> bytes:
        """What comes back for these bytes until the server closes the connection."""
        with socket.create_connection(
            (self.place.hostname, self.place.port), timeout=PATIENCE
        ) as link:
            link.sendall(data)
            if shut:
                link.shutdown(socket.SHUT_WR)
            found = b""
            while data := link.recv(65536):
                found += data
            return found


class Pipe:
    """A server as a process, spoken to line by line."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # so that one that says nothing fails whoever reads, and does not keep them for ever
        self._late = threading.Timer(4 * PATIENCE, self.process.kill)
        self._late.daemon = True
        self._late.start()

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self._late.cancel()
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def write(self, *messages: Any) -> None:
        """Messages, or bytes as they are."""
        assert self.process.stdin is not None
        for message in messages:
            raw = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            self.process.stdin.write(raw)
        self.process.stdin.flush()

    def read(self) -> Any:
        """The next message."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, message: Any) -> Any:
        """The next message after this one."""
        self.write(message)
        return self.read()

    def end(self) -> tuple[bytes, int]:
        """Close its stdin: what it had left to say, and its exit code."""
        left, _ = self.process.communicate(timeout=PATIENCE)
        return left, self.process.returncode


def frame(method: str, params: dict[str, Any] | None = None, id_: int | str = 1) -> dict[str, Any]:
    """A request."""
    made: dict[str, Any] = {"jsonrpc": "2.0", "id": id_, "method": method}
    return made if params is None else {**made, "params": params}


def modern(method: str, params: dict[str, Any] | None = None, id_: int | str = 1) -> dict[str, Any]:
    """A request of 2026-07-28."""
    return frame(method, {**(params or {}), "_meta": META}, id_)
