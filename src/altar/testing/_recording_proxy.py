"""RecordingProxy: passes requests on to a vendor, and records what was asked and answered."""

from __future__ import annotations

import gzip
import zlib
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

from altar import live
from altar.errors import CassetteError, ConfigurationError
from altar.testing._fake_http import Answer, Exchange, Listener
from altar.testing._redaction import Secrets, is_secret_name
from altar.testing._wire_file import WireExchange, request_of, response_of, write_wire

if TYPE_CHECKING:
    import os
    from http.client import HTTPResponse

__all__ = ["RecordingProxy"]

# what concerns one connection (RFC 9110, 7.6.1), and what the proxy says itself
_HOP = frozenset(
    """connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding
    upgrade host content-length accept-encoding content-encoding date server""".split()  # noqa: SIM905
)
_PATIENCE = 600.0
_PIECE = 64 * 1024


class RecordingProxy:
    """Records into ``path`` what a vendor's library says to ``upstream``, and what comes back.

    Give ``url`` to the library as its base address, with the vendor's own
    path behind it where there is one. Answers pass through as they come, event
    streams too. When the ``with`` block ends (or at ``close()``) the file is
    written for :class:`ReplayServer`; a block that raises leaves it as it was.

    Keys are passed on and not written: no header but a harmless few is kept,
    and wherever the key of a request appears in a body it is taken out.
    """

    def __init__(self, path: str | os.PathLike[str], *, upstream: str) -> None:
        parts = urlsplit(upstream)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"RecordingProxy(upstream={upstream!r}): an address such as "
                "'https://api.openai.com'"
            )
        live.check("recording proxy", upstream)
        self.path = Path(path)
        self._upstream = parts
        self._lock = Lock()
        self._rows: list[_Passed] = []
        self._keys: set[str] = set()
        self._broken: str | None = None
        self._closed = False
        self._listener = Listener(self._answer)

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:<port>``, without a path."""
        return f"http://127.0.0.1:{self._listener.port}"

    def close(self) -> None:
        """Stop, and write the recording; raises CassetteError when upstream was out of reach."""
        if self._stop():
            if self._broken is not None:
                raise CassetteError(
                    f"{self.path} was not written: {self._broken}", path=str(self.path)
                )
            secrets = Secrets(self._keys)
            rows = [row.recorded(secrets) for row in self._rows if row.response is not None]
            write_wire(self.path, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.close()
        else:
            self._stop()
            error.add_note(f"the recording {self.path} was not written: its block raised")

    def _stop(self) -> bool:
        """Stop; whether it ran until now."""
        with self._lock:
            ran, self._closed = not self._closed, True
        if ran:
            self._listener.close()
        return ran

    def _answer(self, exchange: Exchange) -> None:
        row = _Passed(exchange)
        with self._lock:
            self._keys |= _keys_of(row.headers, row.path)
            self._rows.append(row)
        made = HTTPSConnection if self._upstream.scheme == "https" else HTTPConnection
        connection = made(self._upstream.hostname or "", self._upstream.port, timeout=_PATIENCE)
        with closing(connection):
            try:
                connection.request(
                    row.method,
                    self._upstream.path.rstrip("/") + row.path,
                    row.body,
                    {name: value for name, value in row.headers.items() if name not in _HOP},
                )
                response = connection.getresponse()
            except (OSError, HTTPException) as error:
                words = f"upstream did not answer: {type(error).__name__}: {error}"
                self._broken = words
                fault = {"message": words, "type": "altar_proxy_error"}
                exchange.send_answer(Answer(502, {"error": fault}, {"x-should-retry": "false"}))
                return
            row.pass_on(exchange, response)


class _Passed:
    """One exchange on its way; what has come of it is known at any time."""

    def __init__(self, exchange: Exchange) -> None:
        self.method = exchange.command
        self.path = exchange.path
        self.headers = {name.lower(): value for name, value in exchange.headers.items()}
        self.body = exchange.body
        self.response: HTTPResponse | None = None
        self._pieces: list[bytes] = []
        self._whole = False

    def pass_on(self, exchange: Exchange, response: HTTPResponse) -> None:
        """Send the answer on as it comes; hang up where upstream breaks off."""
        exchange.begun = True
        exchange.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in _HOP - {"content-encoding"}:
                exchange.send_header(name, value)
        exchange.send_header("Transfer-Encoding", "chunked")
        exchange.end_headers()
        self.response = response
        try:
            while piece := response.read1(_PIECE):
                self._pieces.append(piece)
                exchange.send_chunk(piece)
            self._whole = not response.length
        except (OSError, HTTPException):  # either side left: what had come is what is known
            pass
        if self._whole:
            exchange.send_chunk(b"")  # last: a client that has its end finds it recorded
        else:
            exchange.hang_up()

    def recorded(self, secrets: Secrets) -> WireExchange:
        """The exchange as it is written."""
        assert self.response is not None
        told = {name.lower(): value for name, value in self.response.getheaders()}
        body = _plain(b"".join(self._pieces), told)
        return WireExchange(
            request_of(self.method, self.path, self.headers, self.body, secrets),
            response_of(self.response.status, told, body, secrets, cut=not self._whole),
        )


def _keys_of(headers: dict[str, str], path: str) -> set[str]:
    """The secrets of a request's headers and query, each as it would appear in a body."""
    found = [value for name, value in headers.items() if is_secret_name(name)]
    query = parse_qsl(path.partition("?")[2])
    found += [value for name, value in query if is_secret_name(name)]
    return {value.removeprefix("Bearer ").strip() for value in found} - {""}


def _plain(body: bytes, headers: dict[str, str]) -> bytes:
    """The body as it was before it was packed; the proxy asks for none, and some pack anyway."""
    coding = headers.get("content-encoding", "")
    with suppress(OSError, EOFError, zlib.error):
        if coding == "gzip":
            return gzip.decompress(body)
        if coding == "deflate":
            return zlib.decompress(body)
    return body
