"""Names that come twice in an object: what reading drops is found, and named as dropped."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["dropped"]

_TOKENS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


class _TwiceError(Exception):
    """A name came twice; raised to end the reading early."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _TwiceError


def dropped(text: str) -> list[tuple[int, int]]:
    """The spans, in valid JSON text, of members that a later one of the same name replaces."""
    try:
        json.loads(text, object_pairs_hook=_once)
    except _TwiceError:
        pass
    except (RecursionError, ValueError):
        return []  # deeper than anyone looks
    else:
        return []
    return sorted(_search(text))


def _search(text: str) -> list[tuple[int, int]]:
    """Every member's span is kept by its name until the object ends."""
    found: list[tuple[int, int]] = []
    objects: list[dict[str, tuple[int, int]] | None] = []
    names: list[tuple[str, int]] = []  # of the members that are being read
    expects_name = False
    end = 0
    for token in _TOKENS.finditer(text):
        sign = text[token.start()]
        if sign in ",}]":
            _keep(objects[-1], names, end, found)
            expects_name = sign == "," and objects[-1] is not None
            if sign != ",":
                objects.pop()
        elif sign in "{[":
            objects.append({} if sign == "{" else None)
            names.append(("", -1))
            expects_name = sign == "{"
        elif expects_name and sign == '"':
            names[-1] = (json.loads(token[0], strict=False), token.start())
            expects_name = False
        if sign in "}]":
            names.pop()
        end = token.end()
    return found


def _keep(
    members: dict[str, tuple[int, int]] | None,
    names: list[tuple[str, int]],
    end: int,
    found: list[tuple[int, int]],
) -> None:
    """A member ended: note it, and the one of the same name that it replaces."""
    name, start = names[-1]
    if members is None or start < 0:
        return
    if name in members:
        found.append(members[name])
    members[name] = (start, end)
    names[-1] = ("", -1)
