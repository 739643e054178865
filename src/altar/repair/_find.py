"""Where the values of a text are: between prose, fences, tags, thinking and decoys."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from altar.repair import _rewrite
from altar.repair._aside import Asides
from altar.repair._brackets import DATA, DECOY, ESCAPED, WIDE, kind_of
from altar.repair._calls import tagged_parameters
from altar.repair._edits import apply
from altar.repair._items import Found, Item, Mark
from altar.repair._patterns import KEY_AHEAD, OPEN_KEY
from altar.repair._scan import scan, start
from altar.repair._sound import sound
from altar.repair._state import Frame, Mode, State
from altar.repair._types import UNREAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from altar.repair._ahead import Ahead
    from altar.repair._state import Edit

__all__ = ["NOTHING", "Known", "find_drafts", "find_values", "sound"]

_EVENT = re.compile(r"\{|\[|<|◁|```|~~~|//|/\*|｛|［|【")
_FENCE = re.compile(r"[`~]{3,}+(?:[ \t]{0,9}([\w+-]{1,30})(?=[ \t]{0,9}(?:\r?\n|[{\[]|\Z)))?")
_DATA_LANGUAGES = frozenset(("json", "jsonc", "json5", "jsonl", "ndjson", "yaml", "yml", "toml"))
_CDATA = "<![CDATA["
_DIGIT_NEXT = re.compile(r"\s*+,\s*+(?=[\"'\d{\[tfn-])")
_MORE = re.compile(r"((?:\s*+[}\])])*+)\s*+(,?)\s*+(?=[\"'])")
_NAMED = (KEY_AHEAD, OPEN_KEY, re.compile(r"\"[^\"\n]{0,80}\"\s*+[:\"]"))
_PLAIN_MEMBER = re.compile(r"\"[^\"\n{}\[\],]{0,80}\"\s*+:")
# The C scanner gets pieces of the text: an error counts the lines before it, which must not be
# those of the whole text every time. What fails costs at most this share of the text in all.
_PIECES = (2048, 32768, 524288)
_FLAT = re.compile(r"\[\s*+[^\s\[]")  # an array that begins with something else than an array
_ROW_NEXT = re.compile(r"\s*+,\s*+\[")
_SHARE, _FREE = 2, 65536
_FEW = 200  # characters, in which an object or array without members ends
_LAYERS = 4  # of escapes around a document


"""The C scanner for the strict JSON value at a position: the value and where it ends."""


class Known(NamedTuple):
    """What the C scanner said of the bracket at ``at``: its value and end, or where it fails."""

    at: int
    end: int = -1
    value: Any = UNREAD
    fault: int = -1


NOTHING = Known(-1)


def find_values(
    text: str,
    at: int = 0,
    *,
    quick: bool = True,
    known: Known = NOTHING,
    layer: int = 0,
    forced: Mapping[int, str] | None = None,
) -> Found:
    """Every value of the text from ``at`` on, in order, and what stands between them.

    ``quick`` passes sound values with the C scanner; ``known`` is what it said
    of one bracket already. ``forced`` holds decisions taken beforehand, by
    their place.
    """
    walk = _Walk(text, quick=quick, known=known, layer=layer)
    walk.forced = forced or {}
    walk.run(at)
    return Found(walk.items, walk.marks)


def find_drafts(text: str, mark: Mark, *, quick: bool = True) -> list[Item]:
    """The values inside what is said aside."""
    walk = _Walk(text[mark.start : mark.end], quick=quick, layer=_LAYERS)
    walk.run(0)
    return [_shifted(item, mark.start) for item in walk.items]


def _shifted(item: Item, by: int) -> Item:
    edits = [edit._replace(start=edit.start + by, end=edit.end + by) for edit in item.edits]
    return item._replace(start=item.start + by, end=item.end + by, edits=edits)


class _Walk:
    """One way through a text, from bracket to bracket."""

    __slots__ = (
        *("_asides", "_balanced", "_failed", "_fence", "_first", "_known", "_layer", "_quick"),
        *("_ahead", "_rewrites", "_spent", "_surplus", "_text", "forced", "items", "marks"),
    )

    def __init__(self, text: str, *, quick: bool, known: Known = NOTHING, layer: int = 0) -> None:
        self.items: list[Item] = []
        self.marks: list[Mark] = []
        self.forced: Mapping[int, str] = {}
        self._text = text
        self._quick = quick
        self._known = known
        self._layer = layer  # how many scripts were taken off; drafts are read as they are
        self._fence: bool | None = None  # inside a fence: whether it is one for data
        self._first = len(text) - len(text.lstrip("\ufeff \t\r\n"))
        self._asides = Asides(text)
        self._failed = 0  # characters read in vain by the C scanner
        self._ahead: Ahead | None = None  # the structure they looked at
        self._spent = 0  # and those that the scanners of damaged values let it read in vain
        self._rewrites = layer < _LAYERS  # whether texts in another script are looked for
        self._balanced = 0  # up to where closers of arrays are counted
        self._surplus = -1  # and how many more of them than openers follow

    def run(self, at: int) -> None:
        """Find everything from ``at`` on."""
        text, search, length = self._text, _EVENT.search, len(self._text)
        while at < length:
            met = search(text, at)
            if met is None:
                return
            at = met.start()
            sign = met[0]
            if sign in "{[":
                at = self._bracket(at)
            elif sign in "```~~~":
                at = self._toggle(at)
            elif sign in "<◁":
                at = self._tag(at)
            elif sign in "｛［【":
                at = self._wide(at)
            else:
                at = self._aside(self._asides.comment(at, sign, self._last()), at + 2)

    def _last(self) -> int:
        return self.items[-1].end if self.items else 0

    def _toggle(self, at: int) -> int:
        """A fence: one with a label opens, one without closes what is open."""
        found = _FENCE.match(self._text, at)
        if found is None:
            return at + 3
        label = found[1]
        if label:
            self._fence = label.lower() in _DATA_LANGUAGES
        else:
            self._fence = True if self._fence is None else None
        return found.end()

    def _tag(self, at: int) -> int:
        text = self._text
        if text.startswith(_CDATA, at):
            return at + len(_CDATA)
        if text.startswith("<!--", at):
            return self._aside(self._asides.comment(at, "<!--", self._last()), at + 4)
        mark = self._asides.tag(at)
        if mark is None:
            item = tagged_parameters(text, at)
            if item is None:
                return at + 1
            self.items.append(item)
            return item.end
        return self._aside(mark, at + 1)

    def _aside(self, mark: Mark | None, after: int) -> int:
        """Pass what is said aside; within it, nothing is."""
        if mark is None or self._layer == _LAYERS:
            return after
        if mark.start == 0 and mark.code == "thinking":  # all that was said so far
            self.items.clear()
            self.marks.clear()
        self.marks.append(mark)
        return mark.end

    def _bracket(self, at: int) -> int:
        """The value, decoy or piece of prose that begins with a bracket: where it ends."""
        text = self._text
        kind, end = kind_of(text, at, self._first)
        if kind == DECOY:
            self.marks.append(Mark(at, end, "decoy"))
            return end
        if kind != DATA:
            mark = self._asides.tag(at) if text[at] == "[" else None
            return self._aside(mark, end)
        escaped = ESCAPED.match(text, at)
        if escaped is not None and self._rewrites:
            return self._escaped(at, backslashes=bool(escaped[1]))
        item = self._value(at)
        if item is None:
            return at + 1
        self.items.append(item)
        return max(item.end, at + 1)

    def _escaped(self, at: int, *, backslashes: bool) -> int:
        """A document whose quotes are escaped, and all text behind it."""
        make = _rewrite.plain_of_escapes if backslashes else _rewrite.plain_of_entities
        plain = make(self._text, at)
        found = find_values(plain.text, quick=self._quick, layer=self._layer + 1)
        self.items += [plain.item(item) for item in found.items]
        self._rewrites = False
        return len(self._text) if found.items else at + 1

    def _wide(self, at: int) -> int:
        """A document in full-width signs, and all text behind it."""
        if not self._rewrites or not WIDE.match(self._text, at):
            return at + 1
        plain, places = _rewrite.narrowed(self._text, at)
        found = find_values(plain, at, quick=self._quick, layer=_LAYERS)
        self.items += [_rewrite.widened(item, plain, places) for item in found.items]
        self._rewrites = False
        return len(self._text) if found.items else at + 1

    def _value(self, at: int) -> Item | None:
        """The object or array at ``at``; None where not even one character belongs to it."""
        fenced = bool(self._fence)
        if self._quick:
            read = self._read(at)
            if read is not None and not self._lost_a_row(at, read[1]):
                return self._grown(Item(at, read[1], [], read[0], fenced))
        s = State(self._text, at)
        s.islands = self._quick
        if self._known.at == at:
            s.fault = self._known.fault
        s.forced.update(self.forced)
        s.failed, s.ahead = self._spent, self._ahead
        start(s)
        scan(s)
        self._spent, self._ahead = s.failed, s.ahead
        if s.pos == at:
            return None
        return self._grown(Item(at, s.pos, s.edits, UNREAD, fenced, tuple(s.doubts)))

    def _read(self, at: int) -> tuple[Any, int] | None:
        """A sound value and where it ends."""
        text = self._text
        if self._known.at == at:
            return (self._known.value, self._known.end) if self._known.end >= 0 else None
        if self._failed > _SHARE * len(text) + _FREE:
            return None
        for size in (*_PIECES, len(text)):
            piece = text[at : at + size]
            unterminated = False
            try:
                value, end = sound(piece, 0)
            except json.JSONDecodeError as error:
                failed = error.pos
                unterminated = error.msg.startswith("Unterm")
            except StopIteration as stop:
                failed = stop.value
            except (ValueError, RecursionError):
                self._failed += len(piece)
                return None
            else:
                return value, at + end
            cut = unterminated or failed >= len(piece) - 8
            self._failed += len(piece) if cut else failed
            if not cut or at + size >= len(text):
                self._known = Known(at, fault=at + failed)
                return None
        return None

    def _grown(self, item: Item) -> Item:
        """The value with what belongs to it behind a closer that came too early."""
        text = self._text
        edits, end = item.edits, item.end
        if edits and edits[0][:2] == (item.start, item.start + 1):
            return item  # a set, a tuple
        while text[end - 1] in "}]":
            goes_on = self._goes_on(item.start, end)
            if goes_on < 0:
                break
            s = State(text, goes_on)
            s.failed, s.ahead = self._spent, self._ahead
            s.edits = edits
            s.stack = [Frame(text[item.start], item.start)]
            s.stack[0].count = 0 if _is_empty(text, edits, item.start, end) else 1
            if _FLAT.match(text, item.start) and _ROW_NEXT.match(text, end):
                s.edit_before(item.start, item.start, "[", "missing_opener")
                s.mode = Mode.AFTER
            else:
                _reopen(s, end, goes_on)
            scan(s)
            self._spent, self._ahead = s.failed, s.ahead
            end = s.pos
            item = item._replace(end=end, edits=s.edits, value=UNREAD)
        return item

    def _lost_a_row(self, start: int, end: int) -> bool:
        """Whether a sound array of arrays ends too early: at a row without opening bracket."""
        text = self._text
        return (
            text[end - 1] == "]"
            and not _FLAT.match(text, start)
            and _ROW_NEXT.match(text, end) is not None
            and self._has_surplus(end)
        )

    def _goes_on(self, start: int, end: int) -> int:
        """Where the root goes on behind the closer before ``end``; -1 where it does not."""
        text = self._text
        if text[start] == "{":
            found = _MORE.match(text, end)
            if found is None or (found[1] and not found[2]):
                return -1
            at = found.end()
            if found[2]:
                named = any(name.match(text, at) for name in _NAMED)
            else:
                named = _PLAIN_MEMBER.match(text, at) is not None
            return found.end(1) if named else -1
        if not _DIGIT_NEXT.match(text, end):
            return -1
        return end if self._has_surplus(end) else -1

    def _has_surplus(self, end: int) -> bool:
        """Whether more arrays are closed than opened behind ``end``; asked from left to right."""
        count, at = self._text.count, self._balanced
        if not at:
            self._surplus = count("]", end) - count("[", end)
        else:
            self._surplus -= count("]", at, end) - count("[", at, end)
        self._balanced = end
        return self._surplus > 0


def _is_empty(text: str, edits: list[Edit], start: int, end: int) -> bool:
    """Whether the object or array has no members, once it is mended."""
    if end - start >= _FEW:
        return False
    inner = [edit for edit in edits if edit.end < end]
    return not apply(text, inner, start, end - 1)[1:].strip()


def _reopen(s: State, end: int, goes_on: int) -> None:
    """Take away the closer before ``end`` and those that follow it up to ``goes_on``."""
    text = s.text
    s.edit_again(end - 1, end, "", "reopened")
    for at in range(end, goes_on):
        if text[at] in "}])":
            s.edit(at, at + 1, "", "extra_closer")
    s.mode = Mode.AFTER if s.stack[0].count else Mode.ITEM
