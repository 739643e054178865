"""What a repair returns: the value, every fix, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UNREAD", "Fix", "Repaired"]

UNREAD: Final[Any] = object()
"""Stands for a value that was mended and not read yet."""


class Fix(NamedTuple):
    """One change: ``before``, at characters ``start`` to ``end`` of the input, reads ``after``.

    ``code`` names the kind of change; ``risk``, from 0 to 1, is how likely it
    is to be wrong. ``start == end`` where something was added.
    """

    code: str
    start: int
    end: int
    before: str
    after: str
    risk: float


class Repaired:
    """A value read from text, with everything that was changed to read it.

    ``value`` is plain JSON data. ``text`` is the mended JSON text. ``fixes``
    lists every change in the order of the input; none for valid JSON.
    ``confidence``, from 0 to 1, is that of the riskiest fix, less where
    another reading is close. ``alternatives`` holds those readings, best
    first, each a Repaired without alternatives of its own. Fixes, text and
    alternatives are worked out when first read.
    """

    __slots__ = ("_alternatives", "_fixes", "_text", "value")

    def __init__(
        self,
        value: Any,
        text: str | Callable[[], str],
        *,
        fixes: tuple[Fix, ...] | Callable[[], tuple[Fix, ...]] = (),
        alternatives: tuple[Repaired, ...] | Callable[[], tuple[Repaired, ...]] = (),
    ) -> None:
        self.value = value
        self._text = text
        self._fixes = fixes
        self._alternatives = alternatives

    @property
    def text(self) -> str:
        """The value as JSON text, in the writer's own layout where it could be kept."""
        if not isinstance(self._text, str):
            self._text = self._text()
        return self._text

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """Every change, in the order of the input."""
        if not isinstance(self._fixes, tuple):
            self._fixes = self._fixes()
        return self._fixes

    @property
    def alternatives(self) -> tuple[Repaired, ...]:
        """Other readings that are nearly as good, best first."""
        if not isinstance(self._alternatives, tuple):
            self._alternatives = self._alternatives()
        return self._alternatives

    @property
    def confidence(self) -> float:
        """From 0 to 1: one less the largest risk, and a quarter less when readings are close."""
        worst = max((fix.risk for fix in self.fixes), default=0.0)
        return round((1.0 - worst) * (0.75 if self.alternatives else 1.0), 4)

    def __repr__(self) -> str:
        codes = ", ".join(sorted({fix.code for fix in self.fixes}))
        return f"<Repaired {self.confidence:.0%}: {codes or 'valid JSON'}>"
