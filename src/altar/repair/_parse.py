"""The three verbs: read a value, mend a text, or say everything that was changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from altar.errors import RepairError
from altar.repair._build import build
from altar.repair._codes import CODES, risk_of
from altar.repair._content import raw_characters
from altar.repair._duplicates import dropped
from altar.repair._edits import apply, fixes_of
from altar.repair._guided import Origins, guided
from altar.repair._items import UNREAD
from altar.repair._read import read
from altar.repair._types import Fix, Repaired

if TYPE_CHECKING:
    from collections.abc import Iterable

    from altar.repair._state import Edit

__all__ = ["Policy", "loads", "parse", "parse_damaged", "repair"]

Policy = Literal["best", "first", "last", "all"]
_INNER_RISK = 0.5  # plain text inside a string is no document


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_STARTS = frozenset('{["-0123456789tfn \t\r\n')  # what JSON begins with
_strict = json.JSONDecoder(parse_constant=_refuse)
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
    edits: list[Edit] = []
    value: Any = UNREAD
    fault = -1
    if source[:1] in _STARTS:
        try:
            value = _strict.decode(source)
        except json.JSONDecodeError as error:
            fault = -1 if error.msg == "Extra data" else error.pos
        except (ValueError, RecursionError):
            pass
    if value is UNREAD and fault >= 0 and source[fault : fault + 1] < " ":
        try:
            value = _loose.decode(source)
        except (ValueError, RecursionError):
            pass
        else:
            edits = raw_characters(source)
    if value is UNREAD:
        return parse_damaged(
            source, schema, policy=policy, max_risk=max_risk, coerce=coerce, fault=fault
        )
    if schema is None or not coerce:
        return _plain(source, value, edits)
    return _fitted(source, value, edits, schema, max_risk)


def _plain(source: str, value: Any, edits: list[Edit]) -> Repaired:
    def fixes() -> tuple[Fix, ...]:
        return _with_dropped(source, apply(source, edits), edits, [])

    return Repaired(value, lambda: apply(source, edits) if edits else source, fixes=fixes)


def _with_dropped(source: str, mended: str, edits: list[Edit], more: list[Fix]) -> tuple[Fix, ...]:
    """The fixes of the edits, those of the schema, and members that others of their name drop."""
    fixes = [*fixes_of(source, edits), *more]
    twice = dropped(mended)
    if twice:
        origins = Origins(edits)
        for first, last in twice:
            start, end = origins.span(first, last)
            before = source[start:end]
            fixes.append(Fix("duplicate_key", start, end, before, "", risk_of("duplicate_key")))
    if twice or more:
        fixes.sort(key=lambda fix: fix.start)
    return tuple(fixes)


def _fitted(source: str, value: Any, edits: list[Edit], schema: Any, max_risk: float) -> Repaired:
    """The value with the changes that the schema asks for."""
    mended = apply(source, edits) if edits else source
    result, more = guided(source, mended, edits, value, schema, _inner)
    if more is None:
        return _plain(source, value, edits)
    changed = more()
    _check(max_risk, changed)

    def fixes() -> tuple[Fix, ...]:
        return _with_dropped(source, mended, edits, changed)

    return Repaired(result, lambda: json.dumps(result, ensure_ascii=False), fixes=fixes)


def _inner(text: str) -> Any:
    """The value of a text inside a string; RepairError, a ValueError, where it is plain text."""
    return parse(text, max_risk=_INNER_RISK).value


def _check(max_risk: float, fixes: Iterable[Fix]) -> None:
    if max_risk >= 1:
        return
    for fix in fixes:
        if fix.risk > max_risk:
            raise RepairError(
                f"{CODES[fix.code][1]}, at a risk of {fix.risk:g}; max_risk is {max_risk:g}",
                fix.start,
                code=fix.code,
            )


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
    reading = read(text, policy, schema, quick=quick, fault=fault)
    if max_risk < 1:
        _check(max_risk, fixes_of(text, reading.edits))
    mended: str | None = None
    value = reading.value
    if value is UNREAD:
        mended = apply(text, reading.edits)
        value = build(mended)
    if schema is not None and coerce:
        return _fitted(text, value, reading.edits, schema, max_risk)

    def mend() -> str:
        return apply(text, reading.edits) if mended is None else mended

    return Repaired(
        value,
        mend if mended is None else mended,
        fixes=lambda: _with_dropped(text, mend(), reading.edits, []),
    )


def loads(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
) -> Any:
    """The value that ``text`` holds."""
    return parse(text, schema, policy=policy, max_risk=max_risk, coerce=coerce).value


def repair(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
) -> str:
    """The mended JSON text."""
    return parse(text, schema, policy=policy, max_risk=max_risk, coerce=coerce).text
