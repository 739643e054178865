"""What a run must not leave behind: threads at work, processes, descriptors, memory."""

from __future__ import annotations

import ctypes
import gc
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from altar.isolate import default_pool
from altar.runtime._pool import default_pool as threads_of_altar

PATIENCE = 30.0  # seconds in which what was abandoned must have come to its end
ROOM_MB = 64  # that the allocator may keep in pieces
ROOM_OBJECTS = 3000  # for caches of a bounded size


@dataclass
class Footprint:
    """What the process holds."""

    threads: int
    files: int
    children: int
    lost: int  # threads of bodies that nobody waits for
    megabytes: float
    objects: int


def footprint() -> Footprint:
    """What this process holds now."""
    gc.collect()
    _trim()
    own = Path("/proc/self")
    pages = int((own / "statm").read_text().split()[1])
    return Footprint(
        threads=len(list((own / "task").iterdir())),
        files=len(list((own / "fd").iterdir())),
        children=len(children()),
        lost=threads_of_altar()._lost,
        objects=len(gc.get_objects()),
        megabytes=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
    )


def _trim() -> None:
    """Have the allocator give back what is free, so that what counts is what is held."""
    with suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def children() -> list[int]:
    """The processes that this one started and that live, or that nobody has waited for."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if int(fields[1]) == os.getpid():
                found.append(int(entry.name))
    return found


def left_behind(before: Footprint) -> list[str]:
    """What is held now and was not held before, once everything had time to end."""
    default_pool().close()
    until = time.monotonic() + PATIENCE
    while (found := _compare(before, footprint())) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def _compare(before: Footprint, now: Footprint) -> list[str]:
    pool = threads_of_altar()
    found = []
    # altar's own threads may rest until they are wanted again
    if (
        now.threads > before.threads + pool._threads + _KEPT_THREADS
        or pool._lost > before.lost
        or pool._blocked
    ):
        found.append(f"threads: {before.threads} before, {now.threads} now, {pool._lost} lost")
    if now.files > before.files + _KEPT_FILES:
        found.append(f"descriptors: {before.files} before, {now.files} now")
    if now.children > before.children:
        found.append(f"processes: {before.children} before, {now.children} now")
    if now.megabytes > before.megabytes + ROOM_MB:
        found.append(f"memory: {before.megabytes:.0f} MB before, {now.megabytes:.0f} now")
    if now.objects > before.objects + ROOM_OBJECTS:
        found.append(f"objects: {before.objects} before, {now.objects} now")
    return found


_KEPT_THREADS = 2  # the background loop, the supervisor of worker processes
_KEPT_FILES = 12  # theirs: an epoll, a pair of sockets each
