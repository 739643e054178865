"""Journal: the results of a batch on disk, one JSON line each, so that it can go on later."""

from __future__ import annotations

import errno
import os
from json import dumps, loads
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from altar.adm import FunctionCall, ToolResult, digest
from altar.errors import AltarError, ConfigurationError
from altar.later._log import logger

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Journal", "key_of"]

_HEAD = b'{"altar_batch":1'
_MAX_HEAD = 512
_SYNC_EVERY = 1.0  # seconds that a power cut may cost
_NOTHING_TO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # a pipe, a device


def key_of(call: FunctionCall) -> str:
    """What makes a call this one: the digest of its name and arguments; "" where there is none.

    Take it before the call runs: a tool may change its arguments.
    """
    try:
        return digest([call.name, call.args], big_integers="exact")
    except AltarError:  # arguments that are no JSON; the session refuses them
        return ""


class Journal:
    """An append-only file: a head, then ``{"index", "call", "seconds", "result"}`` per line.

    The head says the key of the batch's first call, so that another batch is
    refused before it runs anything. A line is written, whole, when its call
    has ended; one that was cut off or damaged is passed over, and its call
    runs again. Any thread may write; only one batch at a time does, where the
    system has locks.

    Raises ConfigurationError for a file that is no journal, or in use.
    """

    __slots__ = (
        "_cut",
        "_fd",
        "_first",
        "_known",
        "_lock",
        "_matched",
        "_path",
        "_size",
        "_synced",
    )

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._fd = -1
        self._path = os.fspath(path)
        self._known: dict[int, tuple[int, int]] = {}
        self._first: str | None = None
        self._cut = True  # what follows the whole lines goes when the first is added
        self._matched = False
        self._lock = RLock()  # a batch that is thrown away ends wherever the collector runs
        self._synced = monotonic()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self._path, flags, 0o600)
        try:
            _lock(self._fd, self._path)
            self._size = self._read()
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def __len__(self) -> int:
        return len(self._known)

    def __del__(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def begin(self, key: str) -> None:
        """Say which call is the batch's first; before any other is asked for or kept.

        Raises ConfigurationError where the file is of another batch, OSError
        when the disk does not take a new one's head.
        """
        if not self._known:
            self._size = 0  # nothing in it is worth keeping, another batch's head included
            self._append({"altar_batch": 1, "first": key})
        elif self._first and key and self._first != key:
            raise self._other(0, "another call")

    def result(self, index: int, call: FunctionCall, key: str) -> ToolResult | None:
        """What came of this call before, or None. Raises ConfigurationError for another call's."""
        where = self._known.get(index)
        if where is None:
            return None
        with self._lock:
            os.lseek(self._fd, where[0], os.SEEK_SET)
            line = os.read(self._fd, where[1])
        try:
            doc = loads(line)
            result = ToolResult.from_dict({**doc["result"], "call_id": call.call_id})
        except (AltarError, ValueError, TypeError, KeyError, RecursionError):
            self._damaged(f"what it keeps of call {index}")
            return None
        if doc["call"] != key:
            if not self._matched:  # what was written since is no part of this file
                self._shorten(self._size)
            raise self._other(index, f"{result.name!r} with other arguments")
        self._matched = True
        return result

    def keep(self, index: int, key: str, result: ToolResult, seconds: float) -> None:
        """Write one result, unless the file was closed. Raises OSError when the disk is full."""
        self._append(
            {"index": index, "call": key, "seconds": round(seconds, 6), "result": result.to_dict()}
        )

    def close(self) -> None:
        """Have it on the disk, and let the file go."""
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                try:
                    _sync(fd)
                finally:
                    os.close(fd)

    def _append(self, document: dict[str, Any]) -> None:
        line = dumps(document, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if self._fd < 0:
                return
            if self._cut:
                self._cut = False
                self._shorten(self._size)
            self._write(line)
            if monotonic() - self._synced >= _SYNC_EVERY:
                _sync(self._fd)
                self._synced = monotonic()

    def _write(self, line: bytes) -> None:
        start, done = os.fstat(self._fd).st_size, 0
        try:
            while done < len(line):
                done += os.write(self._fd, line[done:])
        except OSError:
            self._shorten(start)  # no half of a line stays behind
            raise

    def _shorten(self, size: int) -> None:
        if os.fstat(self._fd).st_size > size:
            os.ftruncate(self._fd, size)

    def _read(self) -> int:
        """The bytes of the whole lines, which are looked at; nothing is changed yet."""
        head = os.read(self._fd, _MAX_HEAD) if os.fstat(self._fd).st_size else b""
        if b"\n" not in head:
            if not (_HEAD.startswith(head) or (head.startswith(_HEAD) and len(head) < _MAX_HEAD)):
                raise self._foreign()
            return 0  # its first line was cut off
        self._first = self._head_of(head.partition(b"\n")[0])
        size = 0
        os.lseek(self._fd, 0, os.SEEK_SET)
        with open(self._fd, "rb", closefd=False) as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                if number > 1:
                    self._take(line, size, number)
                size += len(line)
        return size

    def _head_of(self, line: bytes) -> str | None:
        try:
            doc = loads(line)
        except ValueError:
            raise self._foreign() from None
        if not isinstance(doc, dict) or doc.get("altar_batch") != 1:
            raise self._foreign()
        first = doc.get("first")
        return first if isinstance(first, str) else None

    def _take(self, line: bytes, offset: int, number: int) -> None:
        try:
            doc = loads(line)
            index, known = doc["index"], (doc["call"], doc["result"])
        except (ValueError, KeyError, TypeError, RecursionError):
            self._damaged(f"line {number}")
            return
        if index.__class__ is not int or not (isinstance(known[0], str) and known[1]):
            self._damaged(f"line {number}")
            return
        self._known[index] = (offset, len(line))

    def _damaged(self, what: str) -> None:
        logger.warning(
            "%r: %s is damaged and is passed over; the call runs again", self._path, what
        )

    def _other(self, index: int, kept: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path!r} holds another batch: call {index} there is {kept}; "
            "give another file as save="
        )

    def _foreign(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path!r} is no file of a batch, and is left as it is: give another as save="
        )


def _sync(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NOTHING_TO_SYNC:
            raise


def _lock(fd: int, path: str | Path) -> None:
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ModuleNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ConfigurationError(
            f"another batch writes to {path!r}: wait for its end, or give another file as save=; "
            "an `async for` that was left ends at once inside "
            "`async with contextlib.aclosing(aiter(batch))`"
        ) from None
