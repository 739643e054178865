"""The three verbs: read a value, mend a text, or say everything that was changed."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from altar.errors import RepairError
from altar.repair._sound import sound
from altar.repair._types import UNREAD, Fix, Repaired

__all__ = ["Policy", "loads", "parse", "repair"]

if TYPE_CHECKING:
    from types import ModuleType

Policy = Literal["best", "first", "last", "all"]
_STARTS = frozenset('{["-0123456789tfn \t\r\n')  # what JSON begins with
_WHITE = " \t\n\r"
_POLICIES = ("best", "first", "last", "all")


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
    from 0 to 1, is not done. A name that comes twice is logged as a fix and
    exempt from ``max_risk``: the text is JSON, and no risk was taken.

    Raises RepairError for bytes that are no text, for text that is blank, and
    for text that needs a fix riskier than ``max_risk``; ConfigurationError for
    an argument that cannot be meant, and for a schema that is none.
    """
    source = text if isinstance(text, str) else _decoded(text)
    value, fault = _valid(source) if source[:1] in _STARTS else (UNREAD, -1)
    if value is not UNREAD and max_risk == 1.0 and (schema is None or not coerce):
        if policy not in _POLICIES:
            _road().check_options(policy, max_risk)
        return Repaired(value, source, fixes=partial(_members_twice, source))
    found: Repaired = _road().parse_text(
        source, schema, policy=policy, max_risk=max_risk, coerce=coerce, value=value, fault=fault
    )
    return found


def _valid(source: str) -> tuple[Any, int]:
    """The value of JSON; UNREAD and where it ends to be JSON, -1 where that is not known."""
    at = len(source) - len(source.lstrip(_WHITE)) if source[0] in _WHITE else 0
    try:
        value, end = sound(source, at)
    except json.JSONDecodeError as error:
        return UNREAD, error.pos
    except StopIteration as stop:
        return UNREAD, stop.value
    except (ValueError, RecursionError):
        return UNREAD, -1
    if end == len(source) or not source[end:].strip(_WHITE):
        return value, -1
    return UNREAD, -1


def _road() -> ModuleType:
    """The road for broken text, whose patterns are compiled when the first such text comes."""
    from altar.repair import _damaged  # noqa: PLC0415 - most texts are valid

    return _damaged


def _members_twice(source: str) -> tuple[Fix, ...]:
    """What is lost in valid JSON: members that a later one of their name replaces."""
    fixes: tuple[Fix, ...] = _road().as_it_is(source, None, list).fixes
    return fixes


def _decoded(data: bytes | bytearray) -> str:
    if not isinstance(data, (bytes, bytearray)):
        raise _road().no_text(data)
    try:
        return bytes(data).decode(json.detect_encoding(bytes(data)))
    except UnicodeDecodeError as error:
        raise RepairError(
            f"the bytes are no {error.encoding} text", error.start, unit="byte"
        ) from error


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
