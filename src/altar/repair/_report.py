"""What a caller gets: the value, fitted to a schema where one is given, and every fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.errors import RepairError
from altar.repair._codes import CODES, risk_of
from altar.repair._duplicates import dropped
from altar.repair._edits import apply, fixes_of
from altar.repair._guided import Origins, guided
from altar.repair._types import Fix, Repaired
from altar.repair._write import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from altar.repair._state import Edit

__all__ = ["Report", "as_it_is", "check"]


def as_it_is(text: str, value: Any, edits: Callable[[], list[Edit]]) -> Repaired:
    """The Repaired where no schema and no bound on risk have a say."""
    return Repaired(
        value, lambda: apply(text, edits()), fixes=lambda: _all_fixes(text, edits(), ())
    )


class Report:
    """Makes the Repaired of one text from edits and the value they give.

    ``schema`` is what the value is made to fit, None for nothing; ``read``
    reads a text inside a string of it.
    """

    __slots__ = ("_max_risk", "_read", "_schema", "_text")

    def __init__(self, text: str, schema: Any, read: Callable[[str], Any], max_risk: float) -> None:
        self._text = text
        self._schema = schema
        self._read = read
        self._max_risk = max_risk

    def on(
        self,
        value: Any,
        edits: Callable[[], list[Edit]],
        more: tuple[Fix, ...] = (),
        alternatives: tuple[Repaired, ...] | Callable[[], tuple[Repaired, ...]] = (),
    ) -> Repaired:
        """The Repaired; raises RepairError for a fix over the bound on risk."""
        text = self._text
        if self._max_risk < 1:
            check(self._max_risk, [*fixes_of(text, edits()), *more])
        if self._schema is not None:
            fitted = guided(text, apply(text, edits()), edits(), value, self._schema, self._read)
            if fixes := fitted[1] and fitted[1]():
                value = fitted[0]
                check(self._max_risk, fixes)
                more = (*more, *fixes)
        coerced = any(fix.code in _REWRITES for fix in more)

        def mended() -> str:
            return written(value) if coerced else apply(text, edits())

        return Repaired(
            value,
            mended,
            fixes=lambda: _all_fixes(text, edits(), more),
            alternatives=alternatives,
        )


_REWRITES = frozenset(code for code in CODES if code.startswith("coerced_")) | {"renamed_key"}


def _all_fixes(text: str, edits: list[Edit], more: tuple[Fix, ...]) -> tuple[Fix, ...]:
    """The fixes of the edits, those of the schema, and members that others of their name drop."""
    fixes = [*fixes_of(text, edits), *more]
    twice = dropped(apply(text, edits))
    if twice:
        origins = Origins(edits)
        for first, last in twice:
            start, end = origins.span(first, last)
            risk = risk_of("duplicate_key")
            fixes.append(Fix("duplicate_key", start, end, text[start:end], "", risk))
    if twice or more:
        fixes.sort(key=lambda fix: fix.start)
    return tuple(fixes)


def check(max_risk: float, fixes: Iterable[Fix]) -> None:
    """Raise RepairError for the first fix that is riskier than ``max_risk``."""
    for fix in fixes:
        if fix.risk > max_risk:
            raise RepairError(
                f"{CODES[fix.code][1]}, at a risk of {fix.risk:g}; max_risk is {max_risk:g}",
                fix.start,
                code=fix.code,
            )
