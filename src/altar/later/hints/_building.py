"""Building: what the readers of classes need from the builder above them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later.hints._nodes_record import Field, RecordNode
    from altar.later.hints._resolve import Scope

__all__ = ["Building"]


class Building(Protocol):
    """The builder of one signature, seen from the classes it meets."""

    building: dict[Any, Any]
    finished: dict[Any, RecordNode]
    keep: list[Any]
    refusals: list[str]
    unresolved: list[str]

    def field(
        self,
        name: str,
        annotation: Any,
        scope: Scope,
        *,
        wire: str | None = None,
        required: bool | None = None,
        default: Any = ...,
        factory: Callable[[], Any] | None = None,
    ) -> Field:
        """A field of a record."""
        ...

    def strip(self, annotation: Any, scope: Scope) -> tuple[Any, set[str]]:
        """An annotation without the qualifiers around it."""
        ...
