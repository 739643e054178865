"""Spool: the files of a journal, written with zeros before use, read again after any end."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from altar.errors import ConfigurationError
from altar_extras.grid.audit._frames import scan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar_extras.grid.audit._frames import Frame

__all__ = ["PREFACE", "Segment", "SpoolFiles", "read_folder"]

PREFACE: Final = b"altar-audit/1\n\0\0"  # the first 16 bytes of each file
_KEPT = "kept.open"
_SPARE_SPACE = "space.kept"  # given up where the disk is full, so that records can be let go
_CHUNK = 256 * 1024


@dataclass(slots=True)
class Segment:
    """One file: ``first`` and ``last`` are its records' numbers (0: none), ``size`` its bytes."""

    index: int
    path: Path
    size: int
    fd: int = -1
    first: int = 0
    last: int = 0
    used: int = len(PREFACE)

    def close(self) -> None:
        """Give the descriptor back; the file stays."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class SpoolFiles:
    """A folder that belongs to one journal at a time.

    Raises ConfigurationError when another process has it, OSError for what the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise ConfigurationError(
                f"{folder} is in use by another journal: give each process a folder of its own"
            ) from error

    def close(self) -> None:
        """Let another journal have the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def create(self, index: int, size: int) -> Segment:
        """A file of ``size`` bytes that are on the disk: writing into it later needs no space.

        Zeros are written, not merely allocated: the first write to a merely
        allocated block changes the file system's own records too, which made
        fdatasync eight times slower (3.7 ms for 0.5 ms, ext4).
        """
        path = self.folder / f"{index:08d}.seg"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            zeros = bytes(_CHUNK)
            for at in range(0, size, _CHUNK):
                _write_all(fd, zeros[: min(_CHUNK, size - at)], at)
                os.fdatasync(fd)  # piece by piece: the writer's own waits stay short
            _write_all(fd, PREFACE, 0)
            os.fsync(fd)
            self._keep_space(min(1 << 20, size // 4))
            self._sync_folder()
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        return Segment(index, path, size, fd)

    def load(self) -> list[tuple[Segment, list[Frame], list[tuple[int, int]], int]]:
        """Every file with records: its frames, its broken places and the bytes of a torn end.

        Unused files go; used ones lose their zeros, and are on disk when this returns.
        """
        found = []
        for path in sorted(self.folder.glob("*.seg")):
            segment = Segment(int(path.stem), path, 0)
            data = path.read_bytes()
            frames, damaged, torn, end = scan(data, len(PREFACE))
            if not frames and not damaged and not torn:
                path.unlink()
                continue
            if not frames:  # no record is whole: put aside, for people to look at
                path.rename(path.with_suffix(".torn"))
                found.append((segment, frames, damaged, torn))
                continue
            segment.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            os.ftruncate(segment.fd, end)
            os.fsync(segment.fd)
            segment.size = segment.used = end
            if frames:
                segment.first, segment.last = frames[0].sequence, frames[-1].sequence
            found.append((segment, frames, damaged, torn))
        self._sync_folder()
        return found

    def kept(self) -> list[Frame]:
        """The epoch and the ``started`` records of open calls whose files were let go."""
        try:
            return scan((self.folder / _KEPT).read_bytes()).frames
        except FileNotFoundError:
            return []

    def keep(self, frames: Iterable[bytes]) -> None:
        """Replace the kept records, at once or not at all; on a full disk too."""
        data = b"".join(frames)
        try:
            self._replace(data)
        except OSError:
            (self.folder / _SPARE_SPACE).unlink(missing_ok=True)  # made again with the next file
            self._replace(data)

    def _keep_space(self, size: int) -> None:
        path = self.folder / _SPARE_SPACE
        if path.exists() and path.stat().st_size == size:
            return
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, bytes(size), 0)
        finally:
            os.close(fd)

    def _replace(self, data: bytes) -> None:
        path = self.folder / _KEPT
        new = path.with_suffix(".new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, data, 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        new.replace(path)
        self._sync_folder()

    def remove(self, segments: Iterable[Segment]) -> None:
        """Let files go whose records the sink has."""
        for segment in segments:
            segment.close()
            segment.path.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def read_folder(folder: str | Path) -> list[bytes]:
    """The bytes of every record in a spool, in order, for ``verify``; a journal may be using it.

    A broken place is handed on as it is, so that ``verify`` can name it. Raises
    ConfigurationError for a folder that holds no spool.
    """
    paths = sorted(Path(folder).glob("*.seg"))
    if not paths:
        raise ConfigurationError(f"{folder} holds no spool: there is no *.seg file in it")
    groups: list[list[bytes]] = []
    is_followed = False
    for path in reversed(paths):  # so that what comes before a record is there when it is read
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # let go meanwhile, with all before it
            break
        frames, damaged, torn, end = scan(data, len(PREFACE))
        pieces = [(frame.start, frame.raw) for frame in frames]
        pieces += [(start, data[start:stop]) for start, stop in damaged]
        if torn and is_followed:  # recovery cuts it; with no record after it, it may be a write
            pieces.append((end, data[end : end + torn]))
        is_followed = is_followed or bool(pieces)
        groups.append([raw for _, raw in sorted(pieces)])
    return [raw for group in reversed(groups) for raw in group]


def _write_all(fd: int, data: bytes, at: int) -> None:
    done = os.pwrite(fd, data, at)
    while done < len(data):  # a disk that is full takes a part, and says why on the next try
        done += os.pwrite(fd, data[done:], at + done)
