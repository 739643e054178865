"""Gen: the happy path of a binder as Python source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from altar.later.hints._report import surrogate_free

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Emitter", "Gen"]

_MAX_LINES: Final = 300
_MAX_NESTING: Final = 8


class Emitter(Protocol):
    """What can write itself as code: a node."""

    def emit(self, gen: Gen, var: str) -> None:
        """Write code that checks ``var`` and replaces it by the object."""
        ...

    def emit_call(self, gen: Gen, var: str) -> None:
        """Write one call that does the same."""
        ...


class Gen:
    """Collects source lines, local names and the constants they use.

    Every line stands inside one ``try`` whose ``except Exception`` answers
    None: a KeyError, a refused constructor or an explicit ``return None`` all
    mean a miss, and the general way takes over before any tool body has run.
    """

    __slots__ = ("_consts", "_count", "indent", "lines", "namespace")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {}
        self.indent = 1
        self._count = 0
        self._consts: dict[int, str] = {}

    def add(self, line: str) -> None:
        """Append one line at the current depth."""
        self.lines.append("    " * self.indent + line)

    def miss_if(self, condition: str) -> None:
        """Append: leave for the general way when ``condition`` holds."""
        self.add(f"if {condition}: return None")

    def var(self) -> str:
        """A fresh local name."""
        self._count += 1
        return f"v{self._count}"

    def const(self, value: Any) -> str:
        """The name under which the code finds ``value``."""
        known = self._consts.get(id(value))
        if known is None:
            known = f"k{len(self._consts)}"
            self._consts[id(value)] = known
            self.namespace[known] = value  # also keeps id(value) from being used again
        return known

    def emit(self, node: Emitter, var: str) -> None:
        """Write the code of ``node``; one call instead, when the source grows too large."""
        if len(self.lines) > _MAX_LINES or self.indent > _MAX_NESTING:
            node.emit_call(self, var)
        else:
            node.emit(self, var)

    def call(self, function: Callable[[Any], Any], var: str) -> None:
        """Write one call that replaces ``var``."""
        self.add(f"{var} = {self.const(function)}({var})")

    def text(self, var: str) -> None:
        """Write the check that ``var`` is a str UTF-8 can write."""
        clean = self.const(surrogate_free)
        self.miss_if(f"{var}.__class__ is not str or not ({var}.isascii() or {clean}({var}))")
