"""Journal: the results of a batch on disk, one JSON line each, so that it can go on later."""

from __future__ import annotations

import os
from json import dumps, loads
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall, ToolResult, digest
from altar.errors import AltarError, ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Journal", "key_of"]

_HEAD = {"altar_batch": 1}
_COPY_BYTES = 1 << 20


def key_of(call: FunctionCall) -> str:
    """What makes a call this one: the digest of its name and arguments; "" where there is none."""
    try:
        return digest([call.name, call.args], big_integers="exact")
    except AltarError:  # arguments that are no JSON; the session refuses them
        return ""


class Journal:
    """An append-only file: a head, then ``{"index", "call", "seconds", "result"}`` per line.

    A line is written, whole, when its call has ended; a last line that was cut
    off is dropped when the file is opened again. Only one batch at a time
    writes to it, where the system has locks.

    Raises ConfigurationError for a file that is no journal, or in use.
    """

    __slots__ = ("_fd", "_known", "_path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._known: dict[int, tuple[int, int]] = {}
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self._path, flags, 0o600)
        try:
            _lock(self._fd, self._path)
            self._read()
        except BaseException:
            os.close(self._fd)
            raise

    def __len__(self) -> int:
        return len(self._known)

    def result(self, index: int, call: FunctionCall) -> ToolResult | None:
        """What came of this call before, or None. Raises ConfigurationError for another call's."""
        where = self._known.get(index)
        if where is None:
            return None
        doc = loads(_read_at(self._fd, *where))
        if doc["call"] != key_of(call):
            raise ConfigurationError(
                f"{self._path!r} holds another batch: call {index} there is "
                f"{doc['result'].get('name')!r} with other arguments; give another file as save="
            )
        return ToolResult.from_dict(doc["result"])

    def keep(self, index: int, call: FunctionCall, result: ToolResult, seconds: float) -> None:
        """Write one result. Raises OSError when the disk does not take it."""
        document = {
            "index": index,
            "call": key_of(call),
            "seconds": round(seconds, 6),
            "result": result.to_dict(),
        }
        self._write(document)

    def close(self) -> None:
        """Have it on the disk, and let the file go."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def _write(self, document: dict[str, Any]) -> None:
        line = dumps(document, separators=(",", ":")).encode() + b"\n"
        start = os.fstat(self._fd).st_size
        done = 0
        try:
            while done < len(line):
                done += os.write(self._fd, line[done:])
        except OSError:
            os.ftruncate(self._fd, start)  # no half of a line stays behind
            raise

    def _read(self) -> None:
        size = os.fstat(self._fd).st_size
        if size == 0:
            self._write(_HEAD)
            return
        offset, rest, first = 0, b"", True
        position = 0
        while chunk := _read_at(self._fd, position, _COPY_BYTES):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line, offset, first)
                first = False
                offset += len(line) + 1
        if first:
            raise self._foreign()
        if rest:  # the process that wrote it was cut off
            os.ftruncate(self._fd, offset)

    def _take(self, line: bytes, offset: int, first: bool) -> None:
        try:
            doc = loads(line)
            if first and doc != _HEAD:
                raise self._foreign()
            if not first:
                self._known[int(doc["index"])] = (offset, len(line))
        except (ValueError, KeyError, TypeError) as error:
            raise self._foreign() from error

    def _foreign(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path!r} is no file of a batch, and is left as it is: give another as save="
        )


def _read_at(fd: int, offset: int, size: int) -> bytes:
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, size)


def _lock(fd: int, path: str | Path) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ModuleNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ConfigurationError(
            f"another batch writes to {path!r}: wait for its end, or give another file as save="
        ) from None
