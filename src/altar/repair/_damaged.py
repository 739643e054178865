"""The road for broken text: read it, weigh what was near, make the value fit a schema."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from altar.errors import RepairError
from altar.repair._build import build
from altar.repair._checks import check_options, no_text
from altar.repair._codes import risk_of
from altar.repair._content import raw_characters
from altar.repair._duplicates import dropped
from altar.repair._edits import apply
from altar.repair._guided import is_asked_for
from altar.repair._read import edits_around, look, read
from altar.repair._report import Report, as_it_is
from altar.repair._schema import as_document
from altar.repair._sound import decode, decode_raw
from altar.repair._types import UNREAD, Fix
from altar.repair._weigh import Variant, best_of, close_to, is_worth_weighing, variants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.repair._read import Reading
    from altar.repair._state import Edit
    from altar.repair._types import Repaired

__all__ = ["check_options", "no_text", "parse_damaged", "parse_text"]

_INNER_RISK = 0.5  # plain text inside a string is no document


def parse_text(
    text: str,
    schema: Any,
    *,
    policy: str,
    max_risk: float,
    coerce: bool,
    value: Any = UNREAD,
    fault: int = -1,
) -> Repaired:
    """The Repaired of a text; ``value`` is that of valid JSON, ``fault`` where another ends."""
    check_options(policy, max_risk)
    is_plain = max_risk >= 1 and (schema is None or not coerce)
    edits: list[Edit] = []
    if value is UNREAD and fault >= 0 and "" < text[fault : fault + 1] < " ":
        with suppress(ValueError, RecursionError):
            value = decode_raw(text)
            edits = raw_characters(text)
    elif value is UNREAD and fault < 0:
        found, at, fault, is_only = look(text)
        if is_only and is_plain and policy != "all":
            return as_it_is(text, found, partial(edits_around, text, at, fault))
        fault = fault if found is UNREAD else -1
    if value is UNREAD:
        return parse_damaged(
            text, schema, policy=policy, max_risk=max_risk, coerce=coerce, fault=fault
        )
    if is_plain:
        return as_it_is(text, value, lambda: edits)
    meant = as_document(schema) if coerce and schema is not None else None
    return Report(text, meant, _inner, max_risk).on(value, lambda: edits)


def _inner(text: str) -> Any:
    """The value of a text inside a string; RepairError, a ValueError, where it is plain text."""
    with suppress(ValueError, RecursionError):
        return decode(text)
    return parse_text(text, None, policy="best", max_risk=_INNER_RISK, coerce=False).value


def parse_damaged(
    text: str,
    schema: Any = None,
    *,
    policy: str = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
    quick: bool = True,
    fault: int = -1,
) -> Repaired:
    """As :func:`parse`, without the road for valid JSON; ``fault`` is where that one ended."""
    meant = as_document(schema) if schema is not None else None
    reading = read(text, policy, meant, quick=quick, fault=fault)
    if reading.value is not UNREAD and max_risk >= 1 and (meant is None or not coerce):
        return as_it_is(text, reading.value, lambda: reading.edits)
    report = Report(text, meant if coerce else None, _inner, max_risk)
    if reading.value is not UNREAD:
        return report.on(reading.value, lambda: reading.edits)
    base = Variant(reading.edits, _built(text, reading.edits))
    if meant is not None and is_asked_for(base.edits, base.value, meant):
        base = base._replace(edits=[edit._replace(code="asked_text") for edit in base.edits])
    if not reading.doubts:
        return report.on(base.value, lambda: base.edits)
    base = base._replace(lost=len(dropped(apply(text, base.edits))))

    def others() -> list[Variant]:
        def again(forced: Mapping[int, str]) -> Variant:
            edits = read(text, policy, meant, quick=quick, forced=forced).edits
            mended = apply(text, edits)
            return Variant(edits, build(mended), lost=len(dropped(mended)))

        return variants(len(text), reading.doubts, again)

    return _weighed(report, reading, base, others, meant)


def _weighed(
    report: Report,
    reading: Reading,
    base: Variant,
    others: Callable[[], list[Variant]],
    schema: Any,
) -> Repaired:
    """The lightest reading, when the near decisions are worth weighing, and those close to it."""
    found: list[Variant] | None = None
    chosen = base
    if base.lost or is_worth_weighing(reading.doubts, schema):
        found = others()
        chosen = best_of(base, found, schema)

    def near() -> tuple[Repaired, ...]:
        all_found = others() if found is None else found
        told = []
        for one in close_to(chosen, [base, *all_found], schema):
            with suppress(RepairError):  # one over the bound on risk is no alternative
                told.append(report.on(one.value, partial(_edits_of, one)))
        return tuple(told)

    more: tuple[Fix, ...] = ()
    if schema is not None and chosen.decision is not None:
        at = chosen.decision[0]
        more = (Fix("schema_choice", at, at, "", "", risk_of("schema_choice")),)
    return report.on(chosen.value, lambda: chosen.edits, more, near)


def _edits_of(one: Variant) -> list[Edit]:
    return one.edits


def _built(text: str, edits: list[Edit]) -> Any:
    """The value of the mended text; RepairError where it is no JSON after all."""
    mended = apply(text, edits)
    try:
        return build(mended)
    except ValueError as error:
        raise RepairError(f"the text cannot be mended: {error}") from error
