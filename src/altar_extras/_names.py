"""Names of calls that another model made, in the letters that an API takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar.llm import Travel

__all__ = ["legal_name"]


def legal_name(
    name: str, travel: Travel, *, also: str = "", longest: int = 64, is_word: bool = False
) -> str:
    """``name`` in letters, digits, ``_``, ``-`` and ``also``; noted where it is another.

    ``is_word`` asks for a letter or ``_`` at its beginning. The same name gives
    the same, so a call and its result agree.
    """
    plain = re.sub(rf"[^A-Za-z0-9_{re.escape(also)}-]", "_", name)
    if not plain or (is_word and not re.match(r"[A-Za-z_]", plain)):
        plain = f"_{plain}"
    plain = plain[:longest]
    if plain != name:
        travel.drop("names of calls", "written in letters that the API takes")
    return plain
