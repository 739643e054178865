"""Servers for tests that mean harm: on stdio by a few lines of code, over HTTP by raw bytes."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from altar.mcp import Client, ClientOptions, connect
from tests.waiting import PATIENCE

__all__ = ["HANDSHAKE", "Wicked", "over_http", "over_stdio", "wicked"]

HANDSHAKE = "2025-11-25"
_TOLD = {"protocolVersion": HANDSHAKE, "capabilities": {}, "serverInfo": {"name": "w"}}
_WORK = {"name": "work", "inputSchema": {"type": "object"}}
_SERVER = """
import json, os, sys, time
def raw(line): sys.stdout.write(line + "\\n"); sys.stdout.flush()
def put(frame): raw(json.dumps({"jsonrpc": "2.0", **frame}))
def ans(m, result): put({"id": m["id"], "result": result})
def err(m, code, message, data=None):
    put({"id": m["id"], "error": {"code": code, "message": message, "data": data}})
def text(words): return {"content": [{"type": "text", "text": words}]}
def ask(id_, **params): put({"id": id_, "method": "elicitation/create", "params": params})
def heard():  # the next answer: that a call was given up may be told at any time
    while "method" in (said := json.loads(sys.stdin.readline())): pass
    return said
def fail(m, **error): ans(m, {"isError": True, "structuredContent": {"error": error}})
YES = {"type": "object", "properties": {}}
more = {}
calls = 0
def call(m): ans(m, text("ok"))
def other(m): pass
def tools(m): ans(m, {"tools": [{"name": "work", "inputSchema": {"type": "object"}, **more}]})
def discover(m): err(m, -32601, "no")
BODY
for line in sys.stdin:
    m = json.loads(line)
    method = m.get("method")
    if method == "initialize": ans(m, TOLD)
    elif method == "tools/list": tools(m)
    elif method == "tools/call":
        calls += 1
        call(m)
    elif method == "server/discover": discover(m)
    else: other(m)
""".replace("TOLD", repr(_TOLD))


def over_stdio(
    body: str, *, elicit: Any = None, trust: bool = False, modern: bool = False, **options: Any
) -> Client:
    """A client of a process whose server is ``body``: functions that replace those above."""
    if modern:
        told = {"supportedVersions": ["2026-07-28"], "capabilities": {}, "resultType": "complete"}
        body = f"def discover(m): ans(m, {told!r})\n{body}"
    options = {"version": None if modern else HANDSHAKE, "timeout": PATIENCE, **options}
    command = [sys.executable, "-IS", "-c", _SERVER.replace("BODY", body)]
    return connect(command, elicit=elicit, trust=trust, options=ClientOptions(**options))


class Wicked:
    """An HTTP server whose answers are the bytes that ``call`` and the others write."""

    def __init__(self, call: Callable[[Wicked, dict[str, Any]], bytes]) -> None:
        self.call = call
        self.heads: list[str] = []
        self.session: bytes | None = None
        self.gone: Callable[[], None] | None = None  # what a DELETE does first
        self.got: Callable[[], bytes] | None = None  # the answer to a GET
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/mcp"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept()
        self._socket.close()

    def json(self, asked: dict[str, Any], result: Any, extra: bytes = b"") -> bytes:
        """An answer as it should be."""
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        return head + b"Content-Length: %d\r\n" % len(body) + extra + b"\r\n" + body

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with suppress(OSError), line, line.makefile("rb") as reader:
            while head := _head(reader):
                found = [one.partition(b":") for one in head.lower().split(b"\r\n")]
                size = [int(value) for name, _, value in found if name == b"content-length"]
                asked = json.loads(reader.read(size[0])) if size and size[0] else {}
                self.heads.append(head.decode("latin-1"))
                said = self._answer(head, asked)
                line.sendall(said)
                if b"connection: close" in said.lower():
                    return

    def _answer(self, head: bytes, asked: dict[str, Any]) -> bytes:
        method = asked.get("method")
        if head.startswith(b"DELETE") and self.gone is not None:
            self.gone()
        if head.startswith(b"GET"):
            none = b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"
            return none if self.got is None else self.got()
        if method == "initialize":
            extra = b"" if self.session is None else b"Mcp-Session-Id: %s\r\n" % self.session
            return self.json(asked, _TOLD, extra)
        if method == "tools/list":
            return self.json(asked, {"tools": [_WORK]})
        if method == "tools/call":
            return self.call(self, asked)
        return b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n"


def _head(reader: BinaryIO) -> bytes:
    """The lines to the empty one; nothing at the end, where ``readline`` has no end of its own."""
    lines: list[bytes] = []
    while (line := reader.readline()) not in (b"", b"\r\n"):
        lines.append(line)
    return b"".join(lines)


@contextmanager
def wicked(call: Callable[[Wicked, dict[str, Any]], bytes]) -> Iterator[Wicked]:
    """A server that answers calls so, until the end of the block."""
    server = Wicked(call)
    try:
        yield server
    finally:
        server.close()


def over_http(server: Wicked, *, bearer: Any = None, elicit: Any = None, **options: Any) -> Client:
    """A client of it."""
    options = {"version": HANDSHAKE, "timeout": PATIENCE, **options}
    made = ClientOptions(**options)
    return connect(url=server.url, bearer=bearer, elicit=elicit, options=made)
