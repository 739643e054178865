"""What trace files need of the system: made for their owner alone, locked and read in places."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["alone", "identity", "is_mistake", "open_own", "read_at", "refused", "shared"]

_MISTAKES = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR}
)


def open_own(path: str) -> int:
    """A descriptor that appends to a file; one that was not there is its owner's alone."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)


def identity(path: str | int) -> tuple[int, int] | None:
    """What tells a file from another at the same path; None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of a descriptor too
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
    locks = _locks()
    try:
        locks.flock(file, locks.LOCK_SH)
    except (AttributeError, OSError):  # a system without locks, or a file system
        yield
        return
    try:
        yield
    finally:
        locks.flock(file, locks.LOCK_UN)


def alone(file: int) -> bool:
    """Inside :func:`shared`: whether nobody else writes now, nor will until it ends."""
    locks = _locks()
    try:
        locks.flock(file, locks.LOCK_EX | locks.LOCK_NB)
    except AttributeError:  # pragma: no cover - Windows: one process writes to a file
        return True
    except OSError:
        return False
    return True


@cache
def _locks() -> Any:
    try:
        return import_module("fcntl")
    except ImportError:  # pragma: no cover - Windows
        return None


def is_mistake(error: OSError) -> bool:
    """Whether who wrote the path has to mend it; a full disk mends otherwise.

    A sink is made when a program starts: it must start in spite of a full disk.
    """
    return error.errno in _MISTAKES


def refused(path: str, error: OSError) -> ConfigurationError:
    """The error for a trace file that cannot be made or opened."""
    hint = "make the directory first" if isinstance(error, FileNotFoundError) else "name another"
    return ConfigurationError(f"{path} cannot be written: {error.strerror}; {hint}")
