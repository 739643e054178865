"""Target: which function a worker calls, and within what bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.isolate._wire import HARD_LIMIT, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Target"]


class Target:
    """A function that worker processes can import, and the bounds of its calls.

    ``path`` is "module:qualname". ``timeout`` is in seconds, ``memory_mb`` the
    resident memory of the worker and its children in megabytes; None: no limit
    of its own (the deadline of the call and the pool's limit hold). ``idempotent``
    says that a call may be repeated after its worker died. ``max_bytes`` bounds
    the JSON of a result and of each chunk. ``extra`` is a JSON object that the
    worker is handed as it is, ``on_spans`` takes the spans that came back with a
    result (lists of JSON that nobody has checked). Make one per tool and keep it.

    Raises ConfigurationError.
    """

    __slots__ = ("head", "idempotent", "max_bytes", "memory_mb", "on_spans", "path", "timeout")

    def __init__(
        self,
        path: str,
        *,
        timeout: float | None = None,
        memory_mb: int | None = None,
        idempotent: bool = False,
        max_bytes: int = HARD_LIMIT,
        extra: dict[str, Any] | None = None,
        on_spans: Callable[[list[Any]], None] | None = None,
    ) -> None:
        module, colon, name = path.partition(":")
        if not (module and colon and name):
            raise ConfigurationError(f'Target({path!r}): give "module:qualname"')
        if not 1 <= max_bytes <= HARD_LIMIT:
            raise ConfigurationError(
                f"Target(max_bytes={max_bytes!r}): give bytes from 1 to {HARD_LIMIT:,}"
            )
        self.path = path
        self.timeout = timeout
        self.memory_mb = memory_mb
        self.idempotent = idempotent
        self.max_bytes = max_bytes
        self.on_spans = on_spans
        # the part of a CALL that is the same for every call
        head: dict[str, Any] = {"target": path, "extra": extra or {}, "max_bytes": max_bytes}
        if memory_mb is not None:
            head["memory_mb"] = memory_mb
        self.head = to_json(head)[1:-1]

    def __repr__(self) -> str:
        return f"Target({self.path!r})"
