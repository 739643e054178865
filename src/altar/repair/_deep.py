"""Valid JSON nested deeper than the C scanner goes, read in one loop."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["deep"]

# White space, commas and colons are skipped: the text is valid, so that what a string is follows
# from where it stands.
_TOKENS = re.compile(
    r"[ \t\n\r,:]*+(?:([\[{])|([\]}])|(\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\")|([^\s\[\]{},:\"]++))",
    re.DOTALL,
).finditer
_OPENER, _CLOSER, _STRING = 1, 2, 3
_scalar = json.JSONDecoder(strict=False).decode


def deep(text: str) -> Any:
    """The value of a valid JSON text; raises ValueError for an integer too long for ``int()``."""
    root: list[Any] = []
    inner: Any = root
    outer: list[Any] = []
    names: list[str | None] = []
    name: str | None = None
    for token in _TOKENS(text):
        kind = token.lastindex
        if kind == _CLOSER:
            inner = outer.pop()
            name = names.pop()
            continue
        value: Any
        if kind == _OPENER:
            value = [] if token[1] == "[" else {}
        else:
            value = _string(token[3]) if kind == _STRING else _scalar(token[4])
            if name is None and inner.__class__ is dict:
                name = value
                continue
        if inner.__class__ is list:
            inner.append(value)
        else:
            inner[name] = value
            name = None
        if kind == _OPENER:
            outer.append(inner)
            names.append(None)
            inner = value
    return root[0]


def _string(quoted: str) -> Any:
    return _scalar(quoted) if "\\" in quoted else quoted[1:-1]
