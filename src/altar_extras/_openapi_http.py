"""One request over HTTP/1.1 and its whole answer, on connections that are kept."""

from __future__ import annotations

import os
import ssl
import weakref
import zlib
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from altar.errors import ErrorType, ToolError
from altar_extras._openapi_line import (
    ForbiddenError,
    GivenUpError,
    Line,
    TooLongError,
    connect,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar_extras._openapi_line import Watch
    from altar_extras._openapi_servers import Place

    _Idle = list[tuple[float, tuple[str, bool], Line]]

__all__ = ["Answer", "Http", "Request"]

_PIECE = 65_536
_KEPT = 8  # idle connections
_IDLE = 30.0  # seconds after which one is not used again
_SAFE = ("GET", "HEAD", "OPTIONS")
_MOST_REDIRECTS = 5
_LONGEST_LINE = 65_536
_AROUND = 1_048_576  # bytes of what stands around a body: headers, sizes of chunks, trailers


class Request(NamedTuple):
    """What to send: ``target`` is the path with its query; ``shown`` names it in messages."""

    place: Place
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None
    shown: str


class Answer(NamedTuple):
    """A whole answer: the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """What the body is, without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Http:
    """Sends requests; threads may share it.

    Connections are kept for later requests, and close with the last tool that
    uses them. Redirects are followed for what only reads, and only to the same
    scheme, host and port. Whatever goes wrong is a ToolError.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: _Idle = []
        self._trust: ssl.SSLContext | None = None
        self._process = os.getpid()
        weakref.finalize(self, _hang_up, self._idle)

    def send(self, request: Request, watch: Watch, most: int) -> Answer:
        """The answer to a request, of ``most`` bytes at the most."""
        for _ in range(_MOST_REDIRECTS):
            answer = self._told(request, watch, most)
            where = answer.headers.get("location")
            if not 300 <= answer.status < 400 or answer.status == 304 or where is None:
                return answer
            request = _redirected(request, answer.status, where)
        raise _fault(request, "redirects again and again")

    def _told(self, request: Request, watch: Watch, most: int) -> Answer:
        try:
            return self._exchange(request, watch, most)
        except GivenUpError:
            raise ToolError("The call was given up.", type=ErrorType.CANCELLED) from None
        except TimeoutError:
            raise ToolError(
                f"{request.shown} did not answer in time.", type=ErrorType.TIMEOUT
            ) from None
        except ForbiddenError:
            raise ToolError(
                f"{request.shown}: the server has no public address, and the application did not "
                "name its host; import_tools(..., server='http://127.0.0.1:...') would.",
                type=ErrorType.PERMISSION_DENIED,
            ) from None
        except TooLongError:
            raise _too_long(request, most) from None
        except (OSError, HTTPException, zlib.error, ValueError) as error:
            kind = type(error).__name__
            raise ToolError(
                f"{request.shown}: the server could not be reached, or broke off ({kind}).",
                type=ErrorType.SERVICE_UNAVAILABLE,
            ) from None

    def _exchange(self, request: Request, watch: Watch, most: int) -> Answer:
        while True:
            line = self._kept(request.place)
            is_fresh = line is None
            if line is None:
                line = connect(request.place, watch, self._context)
            line.begin(watch, 2 * most + _AROUND)
            try:
                response = _ask(line, request)
                answer = _whole(response, request, most)
            except (OSError, HTTPException) as error:
                line.hang_up()
                closed_idle = not is_fresh and not line.received
                if closed_idle and request.method in _SAFE and not isinstance(error, TimeoutError):
                    continue  # it was closed while it lay idle
                raise
            except BaseException:
                line.hang_up()
                raise
            if response.will_close:
                line.hang_up()
            else:
                self._keep(request.place, line)
            return answer

    def _kept(self, place: Place) -> Line | None:
        with self._lock:
            if self._process != os.getpid():  # a child has no part in its parent's conversations
                self._process = os.getpid()
                _hang_up(self._idle)
            for at in range(len(self._idle) - 1, -1, -1):
                since, home, line = self._idle[at]
                if home != _home(place):
                    continue
                del self._idle[at]
                if monotonic() - since < _IDLE and not line.is_stale():
                    return line
                line.hang_up()
        return None

    def _keep(self, place: Place, line: Line) -> None:
        line.rest()
        with self._lock:
            self._idle.append((monotonic(), _home(place), line))
            if len(self._idle) > _KEPT:
                self._idle.pop(0)[2].hang_up()

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._trust is None:
                self._trust = ssl.create_default_context()
            return self._trust


def _home(place: Place) -> tuple[str, bool]:
    """Whose a kept line is: one to a private host serves those alone that may go there."""
    return place.origin, place.named


def _hang_up(idle: _Idle) -> None:
    while idle:
        idle.pop()[2].hang_up()


class _Response(HTTPResponse):
    """An answer; http.client takes 103 for one, and a chunk of -1 bytes for all that comes."""

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            if self.status == 101:
                raise HTTPException("the server speaks another protocol from here on")
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(_LONGEST_LINE + 1)
        size = line.partition(b";")[0].strip(b" \t\r\n")
        if not (0 < len(size) <= 16 and size.isalnum() and line.endswith(b"\n")):
            raise HTTPException("a chunk without a size")
        return int(size, 16)


def _ask(line: Line, request: Request) -> HTTPResponse:
    connection = HTTPConnection(request.place.host, request.place.port)
    connection.response_class = _Response
    connection.sock = line
    headers = {"Host": request.place.netloc, "Accept-Encoding": "gzip, identity;q=0.5"}
    headers.update(request.headers)
    if request.body is None and request.method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = "0"
    try:
        connection.request(request.method, request.target, body=request.body, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        if not line.sent:
            raise
        # a server may refuse a long request, and say why, before it has read all of it
    return connection.getresponse()


def _whole(response: HTTPResponse, request: Request, most: int) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    body = b"" if request.method == "HEAD" else _body(response, headers, request, most)
    return Answer(response.status, headers, body)


def _body(response: HTTPResponse, headers: dict[str, str], request: Request, most: int) -> bytes:
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise _fault(request, "answers in a coding that was not asked for")
    inflate = None if coding in ("identity", "") else zlib.decompressobj(wbits=47)
    found = bytearray()
    is_whole = True  # and no bytes at all are whole in any coding
    while piece := response.read(_PIECE):
        while piece:
            if inflate is None:
                found += piece
                piece = b""
            else:
                if inflate.eof:  # gzip may be written in several members
                    inflate = zlib.decompressobj(wbits=47)
                found += inflate.decompress(piece, most + 1 - len(found))
                piece, is_whole = inflate.unused_data, inflate.eof
            if len(found) > most:
                raise _too_long(request, most)
    if response.length or not is_whole:
        raise HTTPException("the answer stopped before its end")
    return bytes(found)


def _redirected(request: Request, status: int, where: str) -> Request:
    """The request that a redirect asks for; raises ToolError for one that is not followed."""
    place = request.place
    try:
        parts = urlsplit(urljoin(place.origin + request.target, where))
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _fault(request, "redirects to what is no URL") from None
    there = (parts.scheme == "https", parts.hostname, port)
    if parts.scheme not in ("http", "https") or there != (place.secure, place.host, place.port):
        raise _fault(request, "redirects to another host, which is not followed")
    if request.method not in _SAFE and status != 303:
        raise _fault(request, "redirects a request that changes something, which is not followed")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if not target.startswith("/") or any(not "!" <= char <= "~" for char in target):
        raise _fault(request, "redirects to what is no URL")
    if status == 303 and request.method not in _SAFE:
        headers = {k: v for k, v in request.headers.items() if k.lower() != "content-type"}
        return request._replace(method="GET", body=None, target=target, headers=headers)
    return request._replace(target=target)


def _too_long(request: Request, most: int) -> ToolError:
    return ToolError(
        f"{request.shown}: the answer has more than {most} bytes.",
        type=ErrorType.RESOURCE_EXHAUSTED,
    )


def _fault(request: Request, what: str) -> ToolError:
    return ToolError(f"{request.shown}: the server {what}.", type=ErrorType.TOOL_EXECUTION_FAILED)
