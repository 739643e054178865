"""The three verbs: read a value, mend a text, or say everything that was changed."""

from __future__ import annotations

import json
from typing import Any, Literal

from altar.errors import RepairError
from altar.repair._types import Repaired

__all__ = ["Policy", "loads", "parse", "repair"]

Policy = Literal["best", "first", "last", "all"]


def parse(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
) -> Repaired:
    """Read the JSON that ``text`` holds, whatever is wrong with it."""
    try:
        return Repaired(json.loads(text), text if isinstance(text, str) else text.decode())
    except ValueError as error:
        raise RepairError(str(error)) from error


def loads(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
) -> Any:
    """The value that ``text`` holds."""
    return parse(text, schema, policy=policy, max_risk=max_risk).value


def repair(
    text: str | bytes | bytearray,
    schema: Any = None,
    *,
    policy: Policy = "best",
    max_risk: float = 1.0,
) -> str:
    """The mended JSON text."""
    return parse(text, schema, policy=policy, max_risk=max_risk).text
