"""Server: the page and its answers over HTTP, to this machine's browser alone."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlsplit

from altar.errors import ConfigurationError
from altar.viewer import _api
from altar.viewer._export import export
from altar.viewer._follow import Follower
from altar.viewer._page import page, policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from altar.viewer._store import Trace

__all__ = ["Viewer", "serve"]

_HOST = "127.0.0.1"
_SLICE = 0.05  # seconds of reading before somebody else may ask
_LONGEST_WAIT = 0.25


def serve(
    path: str | Path,
    *,
    port: int = 0,
    open_browser: bool = False,
    on_start: Callable[[str], object] | None = None,
) -> None:
    """Show a trace file in the browser until Ctrl-C.

    ``port`` 0 takes a free one. ``on_start`` is given the page's address, which
    holds a secret: who does not know it reads nothing.
    """
    try:
        with Viewer(path, port=port) as viewer:
            if on_start is not None:
                on_start(viewer.url)
            if open_browser:
                import webbrowser  # noqa: PLC0415 - seldom wanted

                webbrowser.open(viewer.url)
            viewer.wait()
    except KeyboardInterrupt:
        return


class Viewer:
    """A running server for one trace file; ``url`` is its page. Close it, or use ``with``."""

    def __init__(self, path: str | Path, *, port: int = 0) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ConfigurationError(f"there is no trace file {str(path)!r}")
        if not 0 <= port <= 65535:
            raise ConfigurationError(f"port: expected 0 (a free one) to 65535, got {port}")
        self.follower = Follower(self.path)
        self.token = secrets.token_urlsafe(16)
        try:
            self._server = _Server((_HOST, port), _Handler)
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be had ({error.strerror}); --port 0 takes a free one"
            ) from error
        self._server.viewer = self
        self.port: int = self._server.server_address[1]
        self.url = f"http://{_HOST}:{self.port}/{self.token}/"
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (
                ("altar-viewer", lambda: self._server.serve_forever(0.1)),
                ("altar-viewer-read", self._read),
            )
        ]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        """Read what is there already, leaving room for questions; later, requests read on."""
        while not self._closing.is_set() and self.follower.advance(_SLICE):
            time.sleep(0.0005)  # lets a request have the lock

    def wait(self) -> None:
        """Block until the server is closed."""
        while not self._closing.wait(3600):
            pass

    def close(self) -> None:
        """Stop answering and let the file go."""
        if not self._closing.is_set():
            self._closing.set()
            self._server.shutdown()
            self._server.server_close()
            for thread in self._threads:
                thread.join(5)
            self.follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    viewer: Viewer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no event."""


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "altar"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True

    @property
    def _viewer(self) -> Viewer:
        return cast("_Server", self.server).viewer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """The terminal belongs to the program."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # any other method
            return self._no_method
        raise AttributeError(name)

    def _no_method(self) -> None:
        self.close_connection = True
        self._error(_Refused(HTTPStatus.METHOD_NOT_ALLOWED, "this server only reads"))

    def _answer(self) -> None:
        try:
            self._route()
        except _Refused as refused:
            self._error(refused)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except Exception:  # noqa: BLE001 - never a traceback to a browser
            self.close_connection = True
            why = "the viewer failed on this request; this is a bug in altar"
            self._error(_Refused(HTTPStatus.INTERNAL_SERVER_ERROR, why))

    def _route(self) -> None:
        self._check_origin()
        try:
            address = urlsplit(self.path)
            query = dict(parse_qsl(address.query, max_num_fields=20))
        except ValueError:
            raise _Refused(HTTPStatus.BAD_REQUEST, "not an address of this server") from None
        _, token, *rest = ["", *address.path.removeprefix("/").split("/")]
        if not hmac.compare_digest(token.encode(), self._viewer.token.encode()):
            raise _Refused(HTTPStatus.NOT_FOUND, "not found")
        follower = self._viewer.follower
        match rest:
            case [""]:
                self._send(page().encode(), "text/html; charset=utf-8")
            case ["api", "state"]:
                follower.advance(_LONGEST_WAIT)
                self._json(lambda: _api.state(follower))
            case ["api", "traces"]:
                self._json(lambda: _api.trace_list(follower, query))
            case ["api", "tables"]:
                self._json(lambda: _api.tables(follower))
            case ["api", ("trace" | "spans" | "search" | "tables") as what, identity]:
                trace = self._trace(identity)
                ask = _OF_TRACE[what]
                self._json(lambda: ask(follower, trace, query))
            case ["export", name] if name.endswith(".html"):
                self._export(self._trace(name.removesuffix(".html")))
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "not found")

    def _check_origin(self) -> None:
        """Refuse what another site has its visitor's browser ask, by whatever name of this host."""
        port = self._viewer.port
        hosts = {f"{_HOST}:{port}", f"localhost:{port}"}
        if self.headers.get("Host", "").lower() not in hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "another host's name")
        origin = self.headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{host}" for host in hosts}:
            raise _Refused(HTTPStatus.FORBIDDEN, "another origin")
        if self.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            raise _Refused(HTTPStatus.FORBIDDEN, "another site")

    def _trace(self, identity: str) -> Trace:
        found = self._viewer.follower.store.by_id.get(identity)
        if found is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "no such trace in this file")
        return found

    def _json(self, ask: Callable[[], dict[str, Any]]) -> None:
        with self._viewer.follower.lock:
            answer = ask()
        self._send(json.dumps(answer, separators=(",", ":")).encode(), "application/json")

    def _export(self, trace: Trace) -> None:
        """Piece by piece: a trace may be larger than memory should be."""
        name = "".join(c for c in trace.id if c.isascii() and c.isalnum())[:32] or "trace"
        self._head(HTTPStatus.OK, "text/html; charset=utf-8")
        self.send_header("Content-Disposition", f'attachment; filename="trace-{name}.html"')
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in _gathered(export(self._viewer.follower, trace)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: HTTPStatus, content_type: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": content_type,
            "Content-Security-Policy": policy(),
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }.items():
            self.send_header(name, value)

    def _send(self, body: bytes, content_type: str, *, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._head(status, content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _error(self, refused: _Refused) -> None:
        try:
            self._send(f"{refused}\n".encode(), "text/plain; charset=utf-8", status=refused.status)
        except OSError:
            self.close_connection = True


_OF_TRACE: dict[str, Callable[..., dict[str, Any]]] = {
    "trace": _api.columns,
    "spans": _api.details,
    "search": _api.search,
    "tables": lambda follower, trace, _query: _api.tables(follower, trace),
}


def _gathered(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Pieces of 64 KiB or more, but for the last."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= 65536:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)
