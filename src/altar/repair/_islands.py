"""Sound objects and arrays inside a damaged text, passed whole by the C scanner."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["island"]

# What fails costs at most this share of the text in all; past it, everything is read step by
# step.
_SHARE = 2
_FREE = 65536
_SELDOM = 24  # after bad luck, only one container in so many is tried
_PIECES = (2048, 32768, 524288)
_PLAUSIBLE = re.compile(r"\{\s*(?:\"|\})|\[\s*(?:[\[{\]\"\d-]|true|false|null)")
_LATEX = re.compile(r"\\[bf]")


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_sound = json.JSONDecoder(parse_constant=_refuse).scan_once


def island(s: State, at: int) -> int:
    """Where the object or array at ``at`` ends, when it is sound; -1 when it is not.

    The scanner gets pieces of the text: an error counts the lines before it,
    which must not be those of the whole text every time.
    """
    text = s.text
    s.luck -= 1
    if s.luck < 0 and s.luck % _SELDOM:
        return -1
    if not _PLAUSIBLE.match(text, at):
        return -1
    for size in (*_PIECES, len(text)):
        if s.failed > _SHARE * len(text) + _FREE:
            s.islands = False
            return -1
        piece = text[at : at + size]
        try:
            _, end = _sound(piece, 0)
        except json.JSONDecodeError as error:
            cut = error.pos >= len(piece) - 8 or error.msg.startswith("Unterm")
            s.failed += len(piece) if cut else error.pos
        except StopIteration as stop:
            cut = stop.value >= len(piece) - 8
            s.failed += stop.value
        except (ValueError, RecursionError):
            s.failed += size
            return -1
        else:
            # backspaces and form feeds begin LaTeX commands, in documents that are broken
            if piece.find("\\", 0, end) >= 0 and _LATEX.search(piece, 0, end):
                return -1
            s.luck = min(max(s.luck, 0) + 2, 8)
            return at + end
        if not cut or at + size >= len(text) or at < s.fault:
            return -1
    return -1
