"""The three verbs: read a value, mend a text, or say everything that was changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from altar.errors import RepairError
from altar.repair._edits import apply, fixes_of
from altar.repair._read import Reading, read
from altar.repair._types import Repaired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altar.repair._find import Item

__all__ = ["Policy", "loads", "parse", "parse_damaged", "repair"]

Policy = Literal["best", "first", "last", "all"]


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_strict = json.JSONDecoder(parse_constant=_refuse)


def parse(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
    coerce: bool = True,
) -> Repaired:
    """Read the JSON that ``text`` holds, whatever is wrong with it."""
    source = text if isinstance(text, str) else _decoded(text)
    try:
        value = _strict.decode(source)
    except (ValueError, RecursionError):
        return parse_damaged(source, schema, policy=policy, max_risk=max_risk, coerce=coerce)
    return Repaired(value, source)


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
) -> Repaired:
    """As :func:`parse`, without the road for valid JSON."""

    def choose(items: Sequence[Item]) -> tuple[list[Item], bool]:
        return _choose(items, policy)

    reading = read(text, choose, quick=quick)
    mended = apply(text, reading.edits)
    value = json.loads(mended)
    return Repaired(value, mended, fixes=lambda: fixes_of(text, reading.edits))


def _choose(items: Sequence[Item], policy: Policy) -> tuple[list[Item], bool]:
    """The items to keep, and whether they go into an array."""
    kept = [item for item in items if not item.thought and not item.weak]
    kept = kept or [item for item in items if not item.weak] or [
        max(items, key=lambda item: item.end - item.start)
    ]  # fmt: skip
    if policy == "best" and any(item.fenced for item in kept):
        kept = [item for item in kept if item.fenced]
    if policy == "first":
        return kept[:1], False
    if policy == "last":
        return kept[-1:], False
    return kept, len(kept) > 1 or policy == "all"


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
