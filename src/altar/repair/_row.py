"""A row among rows that lost its opening bracket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._state import Frame

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["row_without_opener"]

_SCALAR = r"(?:\"[^\"\n]{0,80}\"|-?[\d.]+|true|false|null)"
_ROW = re.compile(
    rf"[ \t\n\r]*+{_SCALAR}(?:\s*+,\s*+{_SCALAR}){{0,12}}\s*+\]\s*+(?:,\s*+\[|\]\s*+[,}}\]])"
)


def row_without_opener(s: State, frame: Frame) -> bool:
    """``[[1, 2], 3, 4], [5, 6]]``: open the row behind another; False where there is none."""
    text = s.text
    if s.comma <= 0 or text[s.comma - 1] != "]" or frame.kind != "[":
        return False
    found = _ROW.match(text, s.pos)
    if found is None:
        return False
    at = s.pos + len(found[0]) - len(found[0].lstrip())
    s.edit(at, at, "[", "missing_opener")
    s.push(Frame("[", at))
    s.pos = at
    return True
