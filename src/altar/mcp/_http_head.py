"""Head: the request line and headers of HTTP/1.1, read strictly."""

from __future__ import annotations

import re
from typing import NamedTuple

from altar.mcp._words import METHOD_HEADER, NAME_HEADER, SESSION_HEADER, VERSION_HEADER

__all__ = ["Chunked", "Head", "HeadError", "read_head"]

_LINE = re.compile(rb"([A-Z]{1,16}) ([\x21-\x7e]{1,8000}) HTTP/1\.([01])")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_LENGTH = re.compile(r"[0-9]{1,15}")
_ONCE = frozenset(
    {
        "authorization",
        "content-length",
        "host",
        "origin",
        "transfer-encoding",
        METHOD_HEADER,
        NAME_HEADER,
        SESSION_HEADER,
        VERSION_HEADER,
    }
)


class HeadError(Exception):
    """A request that is refused before anybody looks at its body."""

    def __init__(
        self, status: int, reason: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
        self.body = body


class Head(NamedTuple):
    """One request without its body; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    keep_alive: bool
    length: int | None  # None: the body comes in chunks

    def get(self, name: str) -> str | None:
        """A header, or None."""
        return self.headers.get(name)

    def accepts(self, kind: str) -> bool:
        """Whether the client takes this media type."""
        said = self.headers.get("accept")
        if said is None:
            return False
        family = kind.partition("/")[0] + "/*"
        kinds = [one.partition(";")[0].strip().lower() for one in said.split(",")]
        return kind in kinds or "*/*" in kinds or family in kinds


def read_head(raw: bytes) -> Head:
    """The head in these bytes, which end before the empty line. Raises HeadError."""
    first, *lines = raw.split(b"\r\n")
    match = _LINE.fullmatch(first)
    if match is None:
        raise HeadError(400, "not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise HeadError(400, "a header that is none")
        name, value = found[1].decode("ascii").lower(), found[2].decode("latin-1")
        if name in headers:
            if name in _ONCE:  # two readers could each believe another one
                raise HeadError(400, f"the header {name} stands there twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    said = headers.get("connection", "").lower()
    keep = "close" not in said if match[3] == b"1" else "keep-alive" in said
    path = match[2].decode("ascii").partition("?")[0]
    return Head(match[1].decode("ascii"), path, headers, keep, _length(headers))


def _length(headers: dict[str, str]) -> int | None:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise HeadError(400, "a body is chunked, or has a length")
        return None
    if length is None:
        return 0
    if _LENGTH.fullmatch(length) is None:
        raise HeadError(400, "content-length is no number")
    return int(length)


class Chunked:
    """A body that comes in chunks, put together."""

    __slots__ = ("_body", "_limit", "_trailers")

    def __init__(self, limit: int) -> None:
        self._body = bytearray()
        self._limit = limit
        self._trailers = False

    def __len__(self) -> int:
        return len(self._body)

    def feed(self, buffer: bytearray) -> bytes | None:
        """Take what is complete out of the buffer; the body once it is whole. Raises HeadError."""
        while True:
            end = buffer.find(b"\r\n")
            if end < 0:
                if len(buffer) > 1024:
                    raise HeadError(400, "a chunk without a size")
                return None
            if self._trailers:
                del buffer[: end + 2]
                if end == 0:
                    return bytes(self._body)
                continue
            size = self._size(bytes(buffer[:end]))
            if size == 0:
                self._trailers = True
                del buffer[: end + 2]
                continue
            if len(buffer) < end + 2 + size + 2:
                return None
            if buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise HeadError(400, "a chunk of another size")
            self._body += buffer[end + 2 : end + 2 + size]
            del buffer[: end + 4 + size]

    def _size(self, line: bytes) -> int:
        digits = line.partition(b";")[0].strip()
        if re.fullmatch(rb"[0-9A-Fa-f]{1,8}", digits) is None:
            raise HeadError(400, "a chunk without a size")
        size = int(digits, 16)
        if len(self._body) + size > self._limit:
            raise HeadError(413, f"the body is larger than {self._limit} bytes")
        return size
