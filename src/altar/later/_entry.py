"""Entry: everything the executor keeps about one tool, made when it is first called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.later._binding import compile_binder
from altar.later._mark import Mark, ToolOptions
from altar.later._signature import read_signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later._binding import Binder
    from altar.later._context import Context

__all__ = ["DEFAULTS", "Entry", "entry_of"]

DEFAULTS = ToolOptions()


class Entry:
    """A tool as the executor sees it.

    ``kind`` is "sync", "async", "generator" or "async_generator"; ``uses``
    counts the calls that went the general way, and ``factory`` is the
    compiled fast lane (None: not tried, False: there can be none). ``deps``
    names the type of the dependencies it cannot do without, or is None.
    """

    __slots__ = (
        "_binder",
        "context",
        "deps",
        "factory",
        "kind",
        "name",
        "options",
        "target",
        "uses",
    )

    def __init__(self, mark: Mark) -> None:
        signature = read_signature(mark.target, mark=mark)
        self.name = mark.name
        self.target: Callable[..., Any] = mark.target
        self.options = mark.options or DEFAULTS
        self.kind: str = signature.kind
        self.context: str | None = signature.context
        self.deps = signature.deps
        self.uses = 0
        self.factory: Any = None
        self._binder: Binder = compile_binder(signature)

    def bind(self, args: dict[str, Any], *, strict: bool, context: Context[Any] | None) -> Any:
        """Python arguments (``.args``, ``.kwargs``, ``.coercions``); raises BindError."""
        return self._binder.bind(args, strict=strict or self.options.strict, context=context)

    def emit(self) -> Any:
        """The source of the happy path of ``bind``, or None."""
        return self._binder.emit()


def entry_of(mark: Mark) -> Entry:
    """The entry of a mark, made on first use and kept with the mark.

    Two threads may make it at once; either one serves.
    """
    entry: Entry | None = mark.prepared
    if entry is None:
        entry = mark.prepared = Entry(mark)
    return entry
