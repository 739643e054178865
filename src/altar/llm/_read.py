"""From the text a model wrote to a JSON value: read strictly, then mended within a bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from altar.adm import loads
from altar.adm._locate import position
from altar.errors import InvalidDataError, RepairError

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.repair import Fix

__all__ = ["Read", "mended", "read_json", "unwrapped"]

_SHOWN = 4
_TWICE = "unwrapped_escapes"
# what is missing is nobody's to guess; an ellipsis says itself that something is
_CUT_OFF = frozenset({"truncated", "incomplete", "ellipsis"})
_CLOSED = frozenset({"missing_closer", "missing_quote"})  # and at the end that is the same
_AROUND = frozenset({"fence", "prose", "wrapper", "thinking", "comment", "decoy", "markdown"})
_NO_NUMBERS = frozenset(
    {"nan", "inf", "infinity"}
)  # repair makes null of them; strict JSON refuses


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of a ``text``: its ``value`` and the ``fixes`` it took, or ``problems``.

    ``mendable`` says that the text is broken in a way a model could mend; one
    that is cut off is not, and neither is valid JSON that altar refuses.
    """

    text: str
    value: Any = None
    fixes: tuple[Fix, ...] = ()
    problems: tuple[str, ...] = ()
    mendable: bool = False

    @property
    def note(self) -> str:
        """The fixes for a log, the riskiest first: ``trailing_comma at 12``."""
        fixes = sorted(self.fixes, key=lambda fix: -fix.risk)
        shown = [f"{fix.code} at {fix.start}" for fix in fixes[:_SHOWN]]
        more = len(self.fixes) - _SHOWN
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def read_json(text: str, schema_of: Callable[[], Any], max_risk: float) -> Read:
    """Read one JSON value; broken JSON is mended when no fix is riskier than ``max_risk``.

    Valid JSON is never touched, and mended JSON passes every check that valid
    JSON passes. The schema is asked for only when there is something to mend,
    and decides between readings; it changes no value. 0 mends nothing.
    """
    try:
        return Read(text=text, value=loads(text))
    except InvalidDataError as error:
        problems = tuple([str(problem) for problem in error.problems[:_SHOWN]])
        broken = all(problem.keyword == "syntax" for problem in error.problems)
    if not broken or max_risk <= 0:
        return Read(text=text, problems=problems, mendable=broken and bool(text.strip()))
    return mended(text, schema_of(), max_risk, problems=problems, coerce=False)


def unwrapped(read: Read, max_risk: float) -> Read:
    """The object that a JSON string holds, where it is one that was written as JSON twice."""
    inner = read.value
    if not isinstance(inner, str) or not inner.lstrip().startswith("{"):
        return read
    from altar.repair import CODES, Fix  # noqa: PLC0415 - what is written once never needs it

    risk = CODES[_TWICE][0]
    if risk > max_risk:
        return read
    try:
        value = loads(inner)
    except InvalidDataError:  # text that begins with a brace
        return read
    fix = Fix(_TWICE, 0, len(read.text), read.text, inner, risk)
    return Read(text=read.text, value=value, fixes=(*read.fixes, fix))


def mended(
    text: str, schema: Any, max_risk: float, *, problems: tuple[str, ...] = (), coerce: bool
) -> Read:
    """The mended reading of ``text``; ``problems`` is what a strict reader found."""
    from altar.repair import parse  # noqa: PLC0415 - 20 ms that valid JSON never needs

    try:
        found = parse(text, schema, coerce=coerce)
    except RepairError as error:
        where = position(text, min(error.position, len(text)))
        return Read(text=text, problems=(*problems, f"{error.reason} at {where}"))
    cut = _where_cut_off(text, found.fixes)
    if cut is not None and _is_unmarked(found.fixes):
        said = "no safe reading: no brackets stand around the text, so nothing shows where it ends"
        return Read(text=text, problems=(*problems, said), mendable=True)
    if cut is not None:
        said = f"the text ends early: something is missing after {position(text, cut)}"
        return Read(text=text, problems=(*problems, said))
    refused = [_too_risky(text, fix) for fix in found.fixes if not _allowed(fix, max_risk)]
    if not refused and round(1 - found.confidence, 4) > max_risk:
        refused = ["no safe reading: it can be read in more than one way"]
    if refused:
        return Read(text=text, problems=(*problems, *refused[:_SHOWN]), mendable=True)
    try:
        value = loads(found.text)
    except InvalidDataError as error:
        checked = tuple([str(problem) for problem in error.problems[:_SHOWN]])
        return Read(text=text, problems=checked)
    return Read(text=text, value=value, fixes=found.fixes)


def _where_cut_off(text: str, fixes: tuple[Fix, ...]) -> int | None:
    """Where a text ends that is cut off, or that may be: nobody closed it.

    Fences, tags and prose behind a value do not close it.
    """
    end = len(text.rstrip())
    for fix in reversed(fixes):  # what follows a value closes nothing of it
        if fix.code in _AROUND and fix.start < end <= fix.end:
            end = len(text[: fix.start].rstrip())
    for fix in fixes:
        if fix.code in _CUT_OFF or (fix.code in _CLOSED and fix.end >= end):
            return fix.start
    return None


def _is_unmarked(fixes: tuple[Fix, ...]) -> bool:
    """Whether the closer that is missing at the end is that of an opener that is missing too."""
    codes = [fix.code for fix in fixes]
    return (
        codes.count("missing_opener") == codes.count("missing_closer") == 1
        and not _CUT_OFF.intersection(codes)
        and "missing_quote" not in codes
    )


def _allowed(fix: Fix, max_risk: float) -> bool:
    """Whether a fix is safe enough, and hides nothing that a strict reader refuses."""
    if fix.code == "duplicate_key":
        return False
    if fix.code == "literal" and fix.before.lstrip("+-").lower() in _NO_NUMBERS:
        return False
    return fix.risk <= max_risk


def _too_risky(text: str, fix: Fix) -> str:
    from altar.repair import CODES  # noqa: PLC0415 - loaded by now

    what = CODES[fix.code][1] if fix.code in CODES else fix.code
    return f"no safe reading: it would take a guess ({what}) at {position(text, fix.start)}"
