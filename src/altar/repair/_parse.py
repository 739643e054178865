"""The three verbs: read a value, mend a text, or say everything that was changed."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from altar.errors import RepairError
from altar.repair._build import build
from altar.repair._codes import risk_of
from altar.repair._content import raw_characters
from altar.repair._edits import apply
from altar.repair._find import sound
from altar.repair._items import UNREAD
from altar.repair._patterns import WHITE
from altar.repair._read import edits_around, look, read
from altar.repair._report import Report, as_it_is
from altar.repair._schema import as_document
from altar.repair._types import Fix
from altar.repair._weigh import Variant, best_of, close_to, is_worth_weighing, variants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from altar.repair._read import Reading
    from altar.repair._state import Edit
    from altar.repair._types import Repaired

__all__ = ["Policy", "loads", "parse", "parse_damaged", "repair"]

Policy = Literal["best", "first", "last", "all"]
_INNER_RISK = 0.5  # plain text inside a string is no document


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_STARTS = frozenset('{["-0123456789tfn \t\r\n')  # what JSON begins with
_WHITE = " \t\n\r"
_loose = json.JSONDecoder(parse_constant=_refuse, strict=False)


def parse(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
) -> Repaired:
    """Read the JSON that ``text`` holds, whatever is wrong with it.

    Valid JSON comes back exactly. ``schema`` (a JSON Schema as a dict, an
    altar Schema or a Python type) decides between readings and, unless
    ``coerce`` is False, makes the value fit; each such change is a fix.
    ``policy`` says which value counts when there are several: the ``first``,
    the ``last``, ``all`` in an array, or the ``best``: that which fits the
    schema, without one all of them in an array. What goes over ``max_risk``,
    from 0 to 1, is not done.

    Raises RepairError for bytes that are no text, for text that is blank, and
    for text that needs a fix riskier than ``max_risk``.
    """
    source = text if isinstance(text, str) else _decoded(text)
    is_plain = max_risk >= 1 and (schema is None or not coerce)
    if source[:1] in _STARTS:
        value, fault, edits = _valid(source)
    else:
        value, at, fault, is_only = look(source)
        if is_only and is_plain and policy != "all":
            return as_it_is(source, value, partial(edits_around, source, at, fault))
        fault = fault if value is UNREAD else -1
        value = UNREAD
    if value is UNREAD:
        return parse_damaged(
            source, schema, policy=policy, max_risk=max_risk, coerce=coerce, fault=fault
        )
    if is_plain:
        return as_it_is(source, value, lambda: edits)
    meant = as_document(schema) if coerce and schema is not None else None
    return Report(source, meant, _inner, max_risk).on(value, lambda: edits)


def _valid(source: str) -> tuple[Any, int, list[Edit]]:
    """The value of JSON, in which control characters may stand raw; else where it ends to be."""
    at = len(source) - len(source.lstrip(_WHITE)) if source[0] in _WHITE else 0
    fault = -1
    try:
        value, end = sound(source, at)
    except json.JSONDecodeError as error:
        fault = error.pos
    except StopIteration as stop:
        fault = stop.value
    except (ValueError, RecursionError):
        pass
    else:
        if end == len(source) or WHITE.fullmatch(source, end):
            return value, -1, []
    if fault < 0 or not "" < source[fault : fault + 1] < " ":
        return UNREAD, fault, []
    try:
        return _loose.decode(source), -1, raw_characters(source)
    except (ValueError, RecursionError):
        return UNREAD, fault, []


def _inner(text: str) -> Any:
    """The value of a text inside a string; RepairError, a ValueError, where it is plain text."""
    return parse(text, max_risk=_INNER_RISK).value


def _decoded(data: bytes | bytearray) -> str:
    try:
        return bytes(data).decode(json.detect_encoding(bytes(data)))
    except UnicodeDecodeError as error:
        raise RepairError(f"the bytes are no {error.encoding} text", error.start) from error


def parse_damaged(
    text: str,
    schema: Any = None,
    *,
    policy: Policy = "best",
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
    if not reading.doubts:
        return report.on(base.value, lambda: base.edits)

    def others() -> list[Variant]:
        def again(forced: Mapping[int, str]) -> Variant:
            edits = read(text, policy, meant, quick=quick, forced=forced).edits
            return Variant(edits, build(apply(text, edits)))

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
    if is_worth_weighing(reading.doubts, schema):
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


def loads(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
) -> Any:
    """The value that ``text`` holds, read as :func:`parse` reads it."""
    return parse(text, schema, policy=policy, max_risk=max_risk, coerce=coerce).value


def repair(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
) -> str:
    """The value that ``text`` holds as JSON text, in the writer's layout where it could be kept."""
    return parse(text, schema, policy=policy, max_risk=max_risk, coerce=coerce).text
