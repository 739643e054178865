"""From text to one list of edits: values found, chosen, and everything around them left out."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, NamedTuple

from altar.errors import RepairError
from altar.repair._edits import apply
from altar.repair._find import Item, find_values
from altar.repair._literals import quoted
from altar.repair._state import Edit
from altar.repair._whole import leading_members, whole_string, whole_value
from altar.repair._find import read_as

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Reading", "read"]

_ESCAPED = re.compile(r"[{\[]\s*(?:[\[{]\s*)*\\+[\"n]|\A\s*\\\"")
_ENTITY = re.compile(r"[{\[]\s*(?:[\[{]\s*)*&(?:quot|#34|#x22|apos|#39);", re.IGNORECASE)
_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)
_RAW = {"n": "\n", "t": "\t", "r": "\r"}
_SCALAR_GAP = re.compile(r"[\s,]*(\"[^\"\n]*\")[\s,]*\Z")
_THINKING = re.compile(
    r"<(?:think|thinking|thought|reasoning|reflection|scratchpad|analysis|plan)", re.IGNORECASE
)


class Reading(NamedTuple):
    """The edits that make JSON of a text, and the items they keep."""

    edits: list[Edit]
    items: list[Item]


def read(
    text: str, choose: Callable[[Sequence[Item]], tuple[list[Item], bool]], *, quick: bool = True
) -> Reading:
    """The edits that turn the text into the JSON of the items ``choose`` keeps.

    ``choose`` gets every item and returns those to keep, and whether they go
    into an array. Raises RepairError for a text that is empty.
    """
    if not text or text.isspace() or not text.strip("\ufeff \t\r\n"):
        raise RepairError("there is no text to read JSON from", 0)
    unwrapped = _unwrapped(text, choose, quick=quick)
    if unwrapped is not None:
        return unwrapped
    items = _items(text, quick=quick)
    if not items:
        start = len(text) - len(text.lstrip("\ufeff \t\r\n"))
        end = len(text.rstrip())
        items = [Item(start, end, [Edit(start, end, quoted(text[start:end]), "bare_text")])]
    kept, together = choose(items)
    return Reading(_edits(text, items, kept, together=together), kept)


def _items(text: str, *, quick: bool) -> list[Item]:
    string = whole_string(text)
    if string is not None:
        return [string]
    members = leading_members(text)
    if members >= 0:
        item = read_as(text, members, "{")
        rest = text[item.end :].strip(" \t\r\n,;}])`")
        if not rest or not any(c in rest for c in "{["):
            return [item]
    found = find_values(text, quick=quick)
    strong = [item for item in found if not item.weak and not item.thought]
    if not strong:
        whole = whole_value(text)
        if whole is not None and (not found or all(item.weak for item in found)):
            return [whole] if not found or _covers(whole, found) else found
    return _with_scalars(text, found)


def _covers(whole: Item, found: list[Item]) -> bool:
    return whole.start <= found[0].start and whole.end >= found[-1].end


def _with_scalars(text: str, found: list[Item]) -> list[Item]:
    """The items, and a string that stands alone before, between or after them."""
    items: list[Item] = []
    at = 0
    for item in [*found, None]:
        end = item.start if item else len(text)
        gap = _SCALAR_GAP.match(text, at, end) if found and end - at < 2000 else None
        if gap is not None and len(found) > 1:
            items.append(Item(gap.start(1), gap.end(1), []))
        if item:
            items.append(item)
            at = item.end
    return items


def _unwrapped(
    text: str, choose: Callable[[Sequence[Item]], tuple[list[Item], bool]], *, quick: bool
) -> Reading | None:
    """The reading of a document that was escaped as a whole, as one change."""
    entity = _ENTITY.search(text)
    if entity is not None:
        plain, code = html.unescape(text), "html_entity"
    else:
        escaped = _ESCAPED.search(text)
        if escaped is None or '"' in text[: escaped.end()].replace('\\"', ""):
            return None
        plain, code = _UNESCAPE.sub(lambda m: _RAW.get(m[1], m[1]), text), "unwrapped_escapes"
    if plain == text:
        return None
    inner = read(plain, choose, quick=quick)
    whole = apply(plain, inner.edits)
    edits = [Edit(0, len(text), whole.strip(), code)]
    return Reading(edits, [Item(0, len(text), edits)])


def _edits(text: str, items: list[Item], kept: list[Item], *, together: bool) -> list[Edit]:
    """One list of edits: what is kept is mended, everything else is left out."""
    edits: list[Edit] = []
    at = 0
    starts = {item.start for item in kept}
    fresh = True
    for item in items:
        if item.start not in starts:
            continue
        _around(text, at, item.start, items, edits)
        if together:
            opening = "[" if fresh else ","
            edits.append(Edit(item.start, item.start, opening, "several_values"))
        fresh = False
        edits += item.edits
        at = item.end
    _around(text, at, len(text), items, edits)
    if together:
        last = next(n for n in range(len(edits), -1, -1) if n == 0 or edits[n - 1].start < at or (
            edits[n - 1].start == at and edits[n - 1].end == at
        ))  # fmt: skip
        edits.insert(last, Edit(at, at, "]", "several_values"))
    return edits


def _around(text: str, start: int, end: int, items: list[Item], edits: list[Edit]) -> None:
    """Leave out what stands from ``start`` to ``end``; values among it are named as such."""
    at = start
    for item in items:
        if start <= item.start < end and item.end <= end and not item.weak:
            _gap(text, at, item.start, edits)
            code = "thinking" if item.thought else "other_value"
            edits.append(Edit(item.start, item.end, "", code))
            at = item.end
    _gap(text, at, end, edits)


def _gap(text: str, start: int, end: int, edits: list[Edit]) -> None:
    """Leave a text without values out, trimmed to what is no white space."""
    gap = text[start:end]
    inner = gap.strip(" \t\r\n")
    if not inner:
        return
    start += len(gap) - len(gap.lstrip(" \t\r\n"))
    edits.append(Edit(start, start + len(inner), "", _kind(inner)))


def _kind(gap: str) -> str:
    """What a text around values is."""
    if gap.strip("\ufeff") == "":
        return "byte_order_mark"
    if not gap.strip("}]) \t\r\n"):
        return "extra_closer"
    if not gap.strip(",; \t\r\n"):
        return "extra_comma"
    if re.fullmatch(r"\s*(?:[`'~]{3,}\s*\w*\s*)+", gap):
        return "fence"
    if _THINKING.search(gap):
        return "thinking"
    if re.fullmatch(r"\s*(?:<[^<>]*>|\[/?[A-Z_]+\]|[\w$.]+\s*\(|\)|;|[\s,])+", gap):
        return "wrapper"
    if re.fullmatch(r"\s*(?://[^\n]*|/\*.*?\*/|\#[^\n]*|[\s,])+", gap, re.DOTALL):
        return "comment"
    return "prose"
