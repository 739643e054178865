"""Private files: written whole, mode 0600 before the first byte, on disk when written."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "is_open_to_all",
    "is_private",
    "locked",
    "read_bounded",
    "replace_file",
    "write_private",
]

POSIX: bool = os.name == "posix"


def write_private(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file of mode 0600; a reader, and a machine that fails, see the old one or the new."""
    replace_file(Path(path), data, mode=0o600)


def replace_file(target: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put a whole file where ``target`` is, and on disk; OSError leaves the old one."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    if POSIX:  # the new name is on disk only when its folder is
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_bounded(path: str | os.PathLike[str], limit: int, *, private: bool = False) -> bytes:
    """The bytes of a regular file, one more than ``limit`` where it is longer.

    Raises OSError, also for what is no file (a pipe would be waited for), and
    (``private``) ConfigurationError where others may read it.
    """
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(number, "rb") as file:
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if private and not is_private(about):
            raise ConfigurationError(
                f"{path} can be read by others, and it holds a secret; type: chmod 600 {path}"
            )
        return file.read(limit + 1)


def is_private(about: os.stat_result) -> bool:
    """Whether only the owner may read and write; always so where modes say nothing."""
    return not POSIX or not stat.S_IMODE(about.st_mode) & 0o077


def is_open_to_all(folder: Path) -> bool:
    """Whether anybody may put files into a folder and take others' away."""
    mode = folder.stat().st_mode if POSIX else 0
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold ``path`` + ".lock" against other processes; a no-op where the system has no flock."""
    if not POSIX:
        yield
        return
    import fcntl  # noqa: PLC0415 - Windows has none

    number = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_UN)
        os.close(number)
