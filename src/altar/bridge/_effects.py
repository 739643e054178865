"""Effects: what calls of a tool do to the world, as its declaration says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from altar.later import ToolOptions
from altar.later._mark import SAID_FIELDS

if TYPE_CHECKING:
    from altar.adm import FunctionDeclaration

__all__ = ["Effects"]


class Effects(NamedTuple):
    """What a declaration says of its tool: hints for people and hosts, and no permission.

    ``read_only``: a call changes nothing. ``destructive``: it may destroy
    something. ``idempotent``: a second call changes nothing more.
    ``approval``: altar asks a person before each call. What is False was not said.
    """

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    approval: bool = False

    @classmethod
    def of(cls, declaration: FunctionDeclaration) -> Self:
        """What this declaration says."""
        said = declaration.extensions
        return cls(**{name: said.get(SAID_FIELDS[name]) is True for name in cls._fields})

    def options(self, *, timeout: float | None = None) -> ToolOptions:
        """The same as options of a tool."""
        return ToolOptions(
            read_only=self.read_only,
            destructive=self.destructive,
            idempotent=self.idempotent,
            approval=self.approval,
            timeout=timeout,
        )
