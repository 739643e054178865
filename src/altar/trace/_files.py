"""What trace files need of the system: made for their owner alone, locked and read in places."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError

try:
    import fcntl
except ImportError:  # Windows: one process writes to a file
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["alone", "identity", "open_own", "read_at", "refused", "shared"]


def open_own(path: str) -> int:
    """A descriptor that appends to a file; one that was not there is its owner's alone."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)


def identity(path: str | int) -> tuple[int, int] | None:
    """What tells a file from another at the same path; None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def read_at(file: int, size: int, offset: int) -> bytes:
    """Some bytes of a file; whoever else reads from the descriptor is not disturbed."""
    if hasattr(os, "pread"):
        return os.pread(file, size, offset)
    os.lseek(file, offset, os.SEEK_SET)  # pragma: no cover - Windows
    return os.read(file, size)  # pragma: no cover


@contextmanager
def shared(file: int) -> Iterator[None]:
    """Write beside others, but not while one is :func:`alone`."""
    if fcntl is None:  # pragma: no cover - Windows
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
    except OSError:  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def alone(file: int) -> bool:
    """Inside :func:`shared`: whether nobody else writes now, nor will until it ends."""
    if fcntl is None:  # pragma: no cover - Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def refused(path: str, error: OSError) -> ConfigurationError:
    """The error for a trace file that cannot be made or opened."""
    hint = "make the directory first" if isinstance(error, FileNotFoundError) else "name another"
    return ConfigurationError(f"{path} cannot be written: {error.strerror}; {hint}")
