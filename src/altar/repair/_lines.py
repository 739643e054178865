"""Members or elements that stand one a line, without a bracket around them."""

from __future__ import annotations

import re

from altar.repair._items import Item
from altar.repair._literals import quoted
from altar.repair._patterns import QUOTES
from altar.repair._scalars import scalar
from altar.repair._sound import decode
from altar.repair._state import Edit

__all__ = ["dashed_elements", "dashed_objects", "flat_members"]

_LINE = re.compile(
    r"(?P<lead>[ \t]*+)(?P<mark>[-*+•][ \t]++)?(?P<open>\*{1,3}|[\"'`])?"
    r"(?P<name>\w[^:=\n\"'“”{}\[\],*`]{0,60}?)(?P<close>\*{1,3}|[\"'`])?[ \t]*+"
    r"(?P<sign>[:=：])(?P=close)?(?!//)[ \t]*+(?P<value>[^\n]*?)[ \t]*+,?[ \t\r]*+(?=\n|\Z)"
)
_COMMENT = re.compile(r"[ \t\r]*+(?:#[^\n]*+)?")
_PLAIN = re.compile(r"[^\s\"'{}\[\]|>&!%@`“”][^\"{}\[\]]*+")
_WORD = re.compile(r"[a-z_$][\w$.-]*+")
_DASH = re.compile(r"^-[ \t]++", re.MULTILINE)
_ITEM = re.compile(r"[ \t]*+-[ \t]++(?P<value>[^\n]{1,80}?)[ \t\r]*+(?:\n\s*+|\Z)")
_SENTENCE = re.compile(r"[.!?:;,]\Z|:\s")
_SEVERAL = 2
_LONGEST = 4000  # characters of a line


def flat_members(text: str, at: int, end: int, *, plain: bool = False) -> Item | None:
    """The object of a text that is nothing but such lines; None where one of them is not.

    ``plain`` takes two or more lines whose names are words a program might have: no prose.
    """
    edits: list[Edit] = []
    start = last = at
    indent = -1
    names: set[str] = set()
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        if stop - at > _LONGEST:
            return None
        if not _COMMENT.fullmatch(text, at, stop):
            line = _LINE.fullmatch(text, at, stop)
            if line is None or (line["open"] or "") != (line["close"] or ""):
                return None
            if plain and not (line["sign"] == ":" and _WORD.fullmatch(line["name"])):
                return None
            value = _value(text, line.start("value"), line.end("value"))
            if value is None or line["name"] in names or 0 <= indent != len(line["lead"]):
                return None
            if names:  # the first line may begin behind its indentation
                indent = len(line["lead"])
            names.add(line["name"])
            _add(edits, line, value, start, last)
            last = value.end
        at = stop + 1
    if len(names) < (_SEVERAL if plain else 1):
        return None
    edits.append(Edit(last, end, "}", "missing_closer"))
    return Item(start, end, edits)


def dashed_objects(text: str, at: int, end: int) -> Item | None:
    """The array of a text of such lines in which every dash begins another object."""
    starts = [found.end() for found in _DASH.finditer(text, at, end)]
    if len(starts) < _SEVERAL or text[at:end].lstrip()[:1] != "-":
        return None
    edits: list[Edit] = []
    last = at
    longest = 0
    for first, behind in zip(starts, [*starts[1:], end], strict=True):
        stop = text.rfind("\n", first, behind) if behind < end else end
        block = flat_members(text, first, max(stop, first))
        if block is None:
            return None
        edits.append(Edit(last, first, "," if edits else "[", "markdown"))
        edits += block.edits
        longest = max(longest, text.count("\n", first, stop))
        last = block.end
    if not longest:
        return None  # one member each: the dashes mark members
    edits.append(Edit(last, end, "]", "missing_closer"))
    return Item(at, end, edits)


def dashed_elements(text: str, at: int, end: int) -> Item | None:
    """The array of a text in which every line is a dash and a value; None for sentences."""
    edits: list[Edit] = []
    start = last = at
    while at < end:
        line = _ITEM.match(text, at, end)
        if line is None or _SENTENCE.search(line["value"]):
            return None
        value = _value(text, *line.span("value"))
        if value is None:
            return None
        edits.append(Edit(last, value.start, ", " if edits else "[", "markdown"))
        edits += value.edits
        last, at = value.end, line.end()
    if sum(edit.code == "markdown" for edit in edits) < _SEVERAL:
        return None
    edits.append(Edit(last, end, "]", "missing_closer"))
    return Item(start, end, edits)


def _add(edits: list[Edit], line: re.Match[str], value: Item, start: int, last: int) -> None:
    """The edits of one line, and of what stands before it."""
    text, sign = line.string, line.start("sign")
    name = line.start("open") if line["open"] else line.start("name")
    gap = text[last:name]
    if not edits:
        edits.append(Edit(start, name, "{", "missing_opener"))
    elif not gap.strip():
        edits.append(Edit(last, last, ",", "missing_comma"))
    elif gap.strip() != ",":
        edits.append(Edit(last, name, ", ", "markdown"))
    behind = text[sign : value.start].strip()
    if line["open"] != '"' or behind != ":":
        edits.append(Edit(name, value.start, f"{quoted(line['name'].strip())}: ", "bare_key"))
    edits += value.edits


def _value(text: str, start: int, end: int) -> Item | None:
    """One value: a scalar, or words without quotes; None where it is nothing so plain."""
    if start == end:
        return None
    if text[start] in QUOTES:
        if end - start < 2 or text[end - 1] not in QUOTES[text[start]]:
            return None
        return scalar(text, start, end)
    if text[start] in "{[":
        return _sound(text, start, end)
    if not _PLAIN.fullmatch(text, start, end):
        return None
    return scalar(text, start, end) or Item(
        start, end, [Edit(start, end, quoted(text[start:end]), "bare_string")]
    )


def _sound(text: str, start: int, end: int) -> Item | None:
    """An object or array that is valid JSON, on its line."""
    try:
        value = decode(text[start:end])
    except (ValueError, RecursionError):
        return None
    return Item(start, end, [], value)
