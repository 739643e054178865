"""Patterns of documents: those that a hostile text could hold up a whole process with."""

from __future__ import annotations

import re

__all__ = ["may_run_away"]

_PART = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[*+?]|\{(\d*),?(\d*)\}|\((?:\?(?:[:=!]|<[=!]|P?<\w+>))?|.",
    re.DOTALL,
)
_OFTEN = 10  # repetitions from which on a bounded one is as bad as one without a bound
_ANY = re.compile(r"\\[SWD]|\[\^|(?<!\\)\.")


def may_run_away(pattern: str) -> bool:
    """Whether a repetition holds another, so that a text may be split in endless ways: (a+)+.

    A group that begins with a separator, which stands nowhere else in it, is split in one
    way alone: (-[a-z]+)*.
    """
    parts = list(_PART.finditer(pattern))
    begins: list[int] = []
    repeats = [False]  # of each open group, whether something in it is repeated
    for at, part in enumerate(parts):
        text = part.group()
        if text.startswith("("):
            begins.append(at)
            repeats.append(False)
        elif text == ")" and begins:
            begin, inner = begins.pop(), repeats.pop()
            is_many = at + 1 < len(parts) and _is_many(parts[at + 1])
            body = [one.group() for one in parts[begin + 1 : at]]
            if inner and is_many and not _is_separated(body):
                return True
            repeats[-1] |= inner
        elif _is_many(part):
            repeats[-1] = True
    return False


def _is_many(part: re.Match[str]) -> bool:
    text = part.group()
    if text in ("*", "+"):
        return True
    if not (text.startswith("{") and text.endswith("}")) or text == "{}":
        return False
    most = part[2] if "," in text else part[1]
    return not most or len(most) > 3 or int(most) >= _OFTEN


def _is_separated(body: list[str]) -> bool:
    """Whether a group's body begins with a character that nothing else in it can be."""
    first = body[0] if body else ""
    plain = first.removeprefix("\\")
    if len(plain) != 1 or plain.isalnum() or plain in "()[]|^$" or (first == "." or plain == "_"):
        return False
    rest = "".join(body[1:])
    if body[1:] and (body[1] in ("*", "+", "?") or body[1].startswith("{")):
        return False
    outside = re.sub(r"(?<=\w)-(?=\w)", "", rest) if plain == "-" else rest  # of ranges
    return not _ANY.search(rest) and plain not in outside and "|" not in rest and "\\s" not in rest
