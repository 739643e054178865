"""Settings of a pool, checked once."""

from __future__ import annotations

import os
from typing import Any

from altar.errors import ConfigurationError

__all__ = ["Settings", "default_size"]

_MOST_BY_DEFAULT = 4


def default_size() -> int:
    """One worker for each processor this process may use, four at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(usable or 1, _MOST_BY_DEFAULT))


class Settings:
    """What a pool was told; see :class:`altar.isolate.ProcessPool`."""

    __slots__ = ("bound", "idle", "memory_mb", "recycle_after", "size", "spares", "start_timeout")

    def __init__(
        self,
        *,
        size: int | None,
        memory_mb: int | None,
        recycle_after: int | None,
        idle: float | None,
        start_timeout: float,
        spares: int,
        affinity: str,
    ) -> None:
        _whole("size", size, least=1, default="one per processor, 4 at most")
        _whole("memory_mb", memory_mb, least=1, default="no limit")
        _whole("recycle_after", recycle_after, least=1, default="never")
        _seconds("idle", idle, default="for ever")
        _seconds("start_timeout", start_timeout)
        _whole("spares", spares, least=0)
        if affinity not in ("prefer", "session"):
            raise ConfigurationError(
                f"ProcessPool(affinity={affinity!r}): 'prefer' gives a session the worker it had "
                "last where that is free; 'session' keeps a worker to one session"
            )
        self.size = default_size() if size is None else size
        self.memory_mb = memory_mb
        self.recycle_after = recycle_after
        self.idle = idle
        self.start_timeout = start_timeout
        self.spares = spares
        self.bound = affinity == "session"


def _whole(name: str, value: Any, *, least: int, default: str = "") -> None:
    if value is None and default:
        return
    if type(value) is not int or value < least:
        other = f", or None: {default}" if default else ""
        raise ConfigurationError(
            f"ProcessPool({name}={value!r}): give a whole number, {least} or more{other}"
        )


def _seconds(name: str, value: Any, *, default: str = "") -> None:
    if value is None and default:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        other = f", or None: {default}" if default else ""
        raise ConfigurationError(f"ProcessPool({name}={value!r}): give seconds above zero{other}")
