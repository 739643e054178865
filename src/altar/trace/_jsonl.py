"""JsonLinesSink: spans as lines of JSON, whole lines only, in a file that several may write."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from altar.errors import ClosedError, ConfigurationError
from altar.trace._codec import VERSION, document, encode, header, losses_line
from altar.trace._files import alone, identity, is_mistake, open_own, read_at, refused, shared
from altar.trace._told import Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from altar.trace._span import Span

__all__ = ["JsonLinesSink"]

_LEAST_ROTATED = 4096


class JsonLinesSink:
    """Appends each batch to a file in one write; a run begins with a header of its own.

    The file is made, readable by its owner alone, when the sink is; it may hold
    earlier runs, and other processes may write to it too. With ``max_bytes`` it
    is moved to ``PATH.1`` before it grows beyond that, and replaces what was
    there. A batch that cannot be written is taken back, so that no line stays
    torn, and OSError is raised; the next batch is tried anew.

    ConfigurationError when the path cannot be written, or holds another file.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int | None = None) -> None:
        if max_bytes is not None and (type(max_bytes) is not int or max_bytes < _LEAST_ROTATED):
            raise ConfigurationError(
                f"max_bytes is {max_bytes!r}; give {_LEAST_ROTATED} or more, or None for no limit"
            )
        self.path = os.fspath(path)
        self._max_bytes = max_bytes
        self._file = -1
        self._identity: tuple[int, int] | None = None
        self._process = 0  # whose header was written to the file
        self._closed = False
        self._told = Told()
        try:
            self._open()
        except OSError as error:
            if is_mistake(error):
                raise refused(self.path, error) from error

    def __repr__(self) -> str:
        return f"JsonLinesSink({self.path!r})"

    def write(self, spans: Sequence[Span]) -> None:
        """Append them; OSError when they are not in the file."""
        if self._closed:
            raise ClosedError(f"{self!r} is closed; make another one")
        process = os.getpid()
        try:
            self._append([encode(span, process) for span in spans])
        except BaseException:
            self._told.lost(len(spans))
            raise

    def losses(self, found: Mapping[str, int]) -> None:
        """Write how many spans are missing since this was last told; OSError when it cannot."""
        self._told.note(found)
        try:
            self._tell()
        except BaseException:
            self._told.untold(found)
            raise

    def forked(self) -> None:
        """Begin a run of its own in a process that was forked."""
        self._let_go()
        self._told = Told()

    def close(self) -> None:
        """Write what was lost, if anything was, and close the file."""
        if self._closed:
            return
        self._closed = True
        try:
            self._tell(last=True)
        finally:
            self._let_go()

    def _tell(self, *, last: bool = False) -> None:
        losses = self._told.open(last=last)
        if losses:
            self._append([losses_line(losses)])
            self._told.done()

    def _append(self, lines: list[str]) -> None:
        if self._max_bytes is not None:
            self._rotate(sum(map(len, lines)) + len(lines))
        file = self._open()
        process = os.getpid()
        with shared(file):
            if process != self._process:
                lines.insert(0, header(process, time.time_ns()))
            size = os.fstat(file).st_size
            if size and read_at(file, 1, size - 1) != b"\n":  # a writer was killed in its line
                lines.insert(0, "")
            lines.append("")
            data = "\n".join(lines).encode("ascii")
            written = os.write(file, data)
            if written < len(data):
                self._take_back(file, written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self._process = process

    def _rotate(self, more: int) -> None:
        """Move the file away when it would grow too long, unless somebody else just did."""
        file = self._open()
        size = os.fstat(file).st_size
        if self._max_bytes is None or not size or size + more <= self._max_bytes:
            return
        with shared(file):
            if alone(file) and identity(self.path) == self._identity:
                Path(self.path).replace(f"{self.path}.1")

    def _open(self) -> int:
        """The descriptor of the file that is at the path now."""
        if self._file >= 0 and identity(self.path) == self._identity:
            return self._file
        self._let_go()  # it was moved or taken away
        file = open_own(self.path)
        try:
            _check(self.path, file)
        except BaseException:
            os.close(file)
            raise
        self._file, self._identity, self._process = file, identity(file), 0
        return file

    def _take_back(self, file: int, written: int) -> None:
        """Cut off the beginning of a batch, unless somebody has written behind it."""
        end = os.lseek(file, 0, os.SEEK_CUR)
        if alone(file) and os.fstat(file).st_size == end:
            with suppress(OSError):
                os.ftruncate(file, end - written)

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _check(path: str, file: int) -> None:
    """Refuse to write into what is no trace file, or one of another version."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise ConfigurationError(f"{path} is no file; name another")
    start = read_at(file, 4096, 0)
    if not start:
        return
    found: dict[str, Any] = {}
    with suppress(ValueError):
        found = document(start.partition(b"\n")[0])
    version = found.get("altar_trace")
    if version != VERSION:
        what = "no trace file of altar" if version is None else f"of version {version}"
        raise ConfigurationError(f"{path} is {what}, and is not written to; name another file")
