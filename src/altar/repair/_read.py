"""From text to one list of edits: values found, chosen, and everything around them left out."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from altar.errors import RepairError
from altar.repair._choose import choose
from altar.repair._edits import apply
from altar.repair._find import NOTHING, Known, find_drafts, find_values, sound
from altar.repair._gaps import Gaps
from altar.repair._items import Found, Item, Mark
from altar.repair._literals import quoted
from altar.repair._patterns import SPACE
from altar.repair._rewrite import Plain, plain_of_doubled, plain_of_escapes
from altar.repair._state import Edit
from altar.repair._types import UNREAD
from altar.repair._whole import bounds, leading_values, whole_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Reading", "edits_around", "look", "read"]

_BLANK = "\ufeff \t\r\n"
# what may stand before and behind the only value of a text, when nothing else is to be weighed
_HEAD = re.compile(r"\s*+(?![\"'“‘＂\\]|-?\d|(?:true|false|null)\b)")
_TAIL = re.compile(r"\s*+(?![,\"':(+]|-?\d|(?:true|false|null)\b)[^{}\[\]｛［【]*+\Z")
_PARAMETER = re.compile(r"<(?:param|arg)", re.IGNORECASE)
_MEMBER = re.compile(r"\s*+(?:[-*+•][ \t]++)?[*\"'`]{0,3}[a-z_$][\w$.-]{0,60}[*\"'`]{0,3}[ \t]*+:")
_SURE_ARRAY = re.compile(r"\[\s*+[\[{\"]")
_ESCAPED_START = re.compile(r"\s*+\\+[\"']")
_DOUBLED = re.compile(r"\s*+\"\s*+(?:[{\[]\s*+){1,40}\"\"(?!\")")
_LONGEST_SCALAR = 2000
_NOISE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd]+")
_SAMPLE = 400
_SHORT = 400  # of a gap, where a blank is looked for
_CITATION = 5  # characters, as [12] has


class Reading:
    """The edits that make JSON of a text, the items they keep, and the value where it is known."""

    __slots__ = ("_edits", "items", "value")

    def __init__(
        self, items: list[Item], edits: list[Edit] | Callable[[], list[Edit]], value: Any = UNREAD
    ) -> None:
        self.items = items
        self._edits = edits
        self.value = value

    @property
    def doubts(self) -> list[tuple[int, str]]:
        """The near decisions of the values that were kept."""
        return [doubt for item in self.items for doubt in item.doubts]

    @property
    def edits(self) -> list[Edit]:
        """Every change, in order."""
        if not isinstance(self._edits, list):
            self._edits = self._edits()
        return self._edits


def read(
    text: str,
    policy: str = "best",
    schema: Any = None,
    *,
    quick: bool = True,
    fault: int = -1,
    forced: Mapping[int, str] | None = None,
) -> Reading:
    """The edits that turn the text into the JSON of what it holds.

    ``fault`` is where reading the text as JSON failed, when that is known;
    ``forced`` holds decisions taken beforehand, by their place.
    Raises RepairError for a text that is empty.
    """
    known = NOTHING
    if quick:
        value, at, end, is_only = look(text, fault)
        if is_only and policy != "all":
            return Reading([Item(at, end, [], value)], partial(edits_around, text, at, end), value)
        known = Known(at, fault=end) if value is UNREAD else Known(at, end, value)
    if not text or SPACE.fullmatch(text) or _is_noise(text):
        raise RepairError("there is no text to read JSON from", 0)
    found = _rewritten(text, policy, schema, quick=quick) or _found(
        text, quick=quick, known=known, forced=forced
    )
    kept, together = choose(text, found.items, policy, schema)
    values = [item.value for item in kept]
    value = UNREAD
    if not any(one is UNREAD for one in values):
        value = values if together else values[0]
    return Reading(kept, lambda: _edits(text, found, kept, together=together), value)


def _is_noise(text: str) -> bool:
    """Whether a text without brackets is mostly made of characters that no text has."""
    sample = text[:_SAMPLE]
    if 2 * len(_NOISE.sub("", sample)) >= len(sample) or "{" in text or "[" in text:
        return False
    return 2 * len(_NOISE.sub("", text)) < len(text)


def look(text: str, fault: int = -1) -> tuple[Any, int, int, bool]:
    """The value at the first bracket, where it begins and ends, and whether nothing else counts.

    UNREAD for a value that is not sound; then the end is where it fails.
    """
    brace = text.find("{")
    at = text.find("[", 0, brace) if brace >= 0 else text.find("[")
    if at < 0:
        at = brace
    if at < 0 or fault > at:
        return UNREAD, at, fault, False
    try:
        value, end = sound(text, at)
    except json.JSONDecodeError as error:
        return UNREAD, at, error.pos, False
    except (StopIteration, ValueError, RecursionError):
        return UNREAD, at, at, False
    return value, at, end, _is_only(text, at, end, value)


def edits_around(text: str, start: int, end: int) -> list[Edit]:
    """The edits that leave only what stands from ``start`` to ``end``."""
    item = Item(start, end, [])
    return _edits(text, Found([item], []), [item])


def _is_only(text: str, start: int, end: int, value: Any) -> bool:
    """Whether a sound value is plainly all the data there is in its text."""
    if not _TAIL.match(text, end):
        return False
    if not start or text[:start].isspace():
        return end == len(text) or bool(_HEAD.match(text, end)) or not text[end:].strip()
    if not value or not _HEAD.match(text):
        return False
    if text[start] == "[" and not _SURE_ARRAY.match(text, start):
        return False
    if _PARAMETER.search(text, 0, start):
        return False
    is_prose = text.find("(", 0, start) < 0 and not _MEMBER.match(text)
    return is_prose or not leading_values(text)


def _rewritten(text: str, policy: str, schema: Any, *, quick: bool) -> Found | None:
    """The whole text as one value, where all of it is escaped or its quotes are doubled."""
    start, end = bounds(text)
    if _ESCAPED_START.match(text):
        plain = plain_of_escapes(text, start)
    elif _DOUBLED.match(text) and text[end - 1] == '"':
        plain = plain_of_doubled(text, start + 1, end - 1)
    else:
        return None
    if not plain.text.strip(_BLANK):
        return None
    return Found([_inner(plain, start, end, policy, schema, quick=quick)], [])


def _inner(
    plain: Plain,
    start: int,
    end: int,
    policy: str,
    schema: Any,
    *,
    quick: bool,
) -> Item:
    inner = read(plain.text, policy, schema, quick=quick)
    made = apply(plain.text, inner.edits).strip()
    return Item(start, end, [Edit(start, end, made, plain.code)], inner.value)


def _found(text: str, *, quick: bool, known: Known, forced: Mapping[int, str] | None) -> Found:
    """The values of a text; there is at least one."""
    leading = leading_values(text)
    if leading:
        rest = find_values(text, leading[-1].end, quick=quick)
        return Found([*leading, *rest.items], rest.marks)
    found = find_values(text, quick=quick, known=known, forced=forced)
    if found.items:
        return Found(_with_scalars(text, found.items), found.marks)
    whole = whole_value(text)
    if whole is not None and all(_is_inside(whole, mark) for mark in found.marks):
        return Found([whole], [])
    for code in ("thinking", "comment"):
        drafts: list[Item] = []
        for mark in found.marks:
            if mark.code == code:
                drafts += find_drafts(text, mark, quick=quick)
        if drafts:
            return Found(drafts, [mark for mark in found.marks if mark.code != code])
    return _decoy(text, found.marks, quick=quick) or Found([_bare(text)], [])


def _is_inside(whole: Item, mark: Mark) -> bool:
    return mark.end <= whole.start or whole.start <= mark.start


def _decoy(text: str, marks: list[Mark], *, quick: bool) -> Found | None:
    """The longest of the brackets that look like no data, where there is nothing else."""
    decoys = [mark for mark in marks if mark.code == "decoy"]
    if not decoys:
        return None
    longest = max(decoys, key=lambda mark: mark.end - mark.start)
    if len(decoys) > 1 and longest.end - longest.start <= _CITATION:
        return None  # citations
    items = find_drafts(text, longest, quick=quick)
    return Found(items, [mark for mark in marks if mark is not longest]) if items else None


def _bare(text: str) -> Item:
    start, end = bounds(text)
    return Item(start, end, [Edit(start, end, quoted(text[start:end]), "bare_text")])


def _with_scalars(text: str, found: list[Item]) -> list[Item]:
    """The items, and the scalars on lines of their own before, between and behind them."""
    items: list[Item] = []
    at = 0
    is_plain = True
    for item in found:
        more = _scalar_lines(text, at, item.start)
        is_plain = is_plain and more is not None
        items += more or ()
        items.append(item)
        at = item.end
    more = _scalar_lines(text, at, len(text))
    items += more or ()
    return items if len(found) > 1 or (is_plain and more is not None) else found


def _scalar_lines(text: str, start: int, end: int) -> list[Item] | None:
    """The scalars of a text that holds nothing else; None where it does."""
    if end - start > _LONGEST_SCALAR:
        return None
    items: list[Item] = []
    lines = text[start:end].split("\n")
    for i, line in enumerate(lines):
        word = line.strip(" \t\r,")
        if word:
            try:
                value, stop = sound(word, 0)
            except (StopIteration, ValueError, RecursionError):
                return None
            if stop != len(word) or (word[0] != '"' and i in (0, len(lines) - 1) and start + i):
                return None
            first = start + line.index(word)
            items.append(Item(first, first + stop, [], value))
        start += len(line) + 1
    return items


def _edits(text: str, found: Found, kept: list[Item], *, together: bool = False) -> list[Edit]:
    """One list of edits: what is kept is mended, everything else is left out."""
    edits: list[Edit] = []
    starts = {item.start for item in kept}
    others = [Mark(i.start, i.end, "other_value") for i in found.items if i.start not in starts]
    gaps = Gaps(text, edits, [*found.marks, *others])
    before: Item | None = None
    for item in kept:
        if together and before is not None:
            spaced = any(sign in _BLANK for sign in text[before.end : item.start][:_SHORT])
            after = "," if spaced else ", "
            edits.append(Edit(before.end, before.end, after, "several_values"))
        gaps.up_to(item.start, item.end)
        if together and before is None:
            edits.append(Edit(item.start, item.start, "[", "several_values"))
        before = item
        edits += item.edits
    if together:
        edits.append(Edit(kept[-1].end, kept[-1].end, "]", "several_values"))
    gaps.up_to(len(text), len(text))
    return edits
