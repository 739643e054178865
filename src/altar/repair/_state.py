"""What the scanner knows while it reads: the text, where it stands, what is open, every edit."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from altar.repair._ahead import Ahead

__all__ = ["WINDOW", "Edit", "Frame", "Mode", "More", "Quoted", "State", "closer_of"]

# How far a decision may look ahead, in characters. Every decision reads no further, so its cost
# is constant, and a stream that has this much text decides what the whole text would.
WINDOW = 320
_BEFORE = (",", ":", "[", "{")  # ends of what is added in front of a token

_COMMAND = re.compile(r"\\[nrt][A-Za-z]").search
_BLANK = re.compile(r"[ \t\r\n]*+").match
_WEIGHED = 32768  # characters of a text in which near decisions are weighed
_DOUBTS = 8  # decisions that are noted as near; more than these are not weighed again


class Edit(NamedTuple):
    """``after`` stands for the characters from ``start`` to ``end``."""

    start: int
    end: int
    after: str
    code: str


class More(Exception):  # noqa: N818 - no error: the text that came so far does not decide
    """Raised while a stream is open, when a decision needs text that has not come yet."""


class Mode:
    """Where in the grammar the scanner stands."""

    ITEM, COLON, VALUE, AFTER, STRING, DONE = range(6)


class Frame:
    """An object or array that is open: its kind, where it began, how it is laid out."""

    __slots__ = ("calls", "close", "count", "doubled", "indent", "kind", "moved", "open", "value")

    def __init__(self, kind: str, position: int, close: str = "", indent: int = -1) -> None:
        self.kind = kind  # "{" or "[": what it is in JSON
        self.open = position
        self.close = close or closer_of(kind)  # what closes it in the text: ")" for a tuple
        self.indent = indent  # of its members, where each has a line of its own; else -1
        self.count = 0  # members so far; runs of sound members count once
        self.value = -1  # where its latest value begins
        self.doubled = False  # opened by {{
        self.calls = 0  # opened before a value and left out; their closers are to come
        self.moved = 0  # brackets that closed an array early; the closers they stand for come


class Quoted:
    """A string whose end is being looked for."""

    __slots__ = (
        *("at", "begin", "braces", "brackets", "close", "comma", "counted", "inner", "key", "mark"),
        *("nest", "raw", "reach", "start"),
    )

    def __init__(self, start: int, at: int, close: str, *, key: bool) -> None:
        self.start = start  # its first character, after the opening quote
        self.begin = start - 1  # where the value or name begins that it is, or is the end of
        self.at = at  # everything before is decided
        self.close = close  # the characters that may close it
        self.key = key
        self.nest = 0  # quotations inside that are open
        self.inner = 0  # quotes that were found to be content
        self.raw = False  # its backslashes were never escaped
        self.reach = 1  # quotes in a row that close it: 2 for ""x"", 3 for triple quotes
        self.mark = '"'  # what the text opened it with
        self.comma = -1  # the comma before it
        self.counted = start  # up to where the brackets of the content are counted
        self.braces = 0  # braces opened in the content, less those closed
        self.brackets = 0

    @property
    def is_plain(self) -> bool:
        """Whether no quote was found in it, or in what it goes on from by a plus sign."""
        return not self.inner or (self.inner == 1 and self.begin < self.start - 3)

    def count(self, text: str, at: int) -> None:
        """Count the brackets of the content up to ``at``."""
        first = self.counted
        self.braces += text.count("{", first, at) - text.count("}", first, at)
        self.brackets += text.count("[", first, at) - text.count("]", first, at)
        self.counted = at


class State:
    """One reading of one text, from a start position."""

    __slots__ = (
        *("_last", "comma", "cut", "doubts", "edits", "failed", "fault", "final", "forced"),
        *("islands", "kept", "key", "luck", "marked", "mode", "plain", "pos"),
        *("ahead", "raws", "stack", "string", "style", "text", "weighs"),
    )

    def __init__(self, text: str, pos: int = 0, *, final: bool = True) -> None:
        self.text = text
        self.pos = pos
        self.final = final  # no more text will come
        self.mode = Mode.ITEM
        self.stack: list[Frame] = []
        self.edits: list[Edit] = []
        self.kept = pos  # where a step goes on that had to wait for more text
        self.marked = 0  # edits before the current step
        self.comma = -1  # the latest comma, while nothing followed it
        self.key = -1  # where the latest name begins
        self.string: Quoted | None = None
        self.cut = False  # the text ended inside a token
        self.raws = False  # a string was found whose backslashes were never escaped
        self.fault = -1  # where the C scanner is known to fail
        self.failed = 0  # characters read in vain by the C scanner
        self.islands = final
        self.luck = 4  # of the attempts to pass objects and arrays whole
        self.style = ""  # in which the latest names are written, when not in that of JSON
        self.plain = True  # the latest member or element was sound
        self.forced: dict[int, str] = {}  # decisions taken beforehand, by position
        self.weighs = final and len(text) <= _WEIGHED  # near decisions are noted
        self.ahead: Ahead | None = None  # the structure of the text where closers were weighed last
        self.doubts: list[tuple[int, str]] = []  # decisions that were near, and the other way
        self._last = -2

    def doubt(self, position: int, other: str) -> None:
        """Note that the decision at ``position`` could as well have been ``other``."""
        if self.weighs and len(self.doubts) < _DOUBTS and position not in self.forced:
            self.doubts.append((position, other))

    def has_commands(self, start: int, end: int) -> bool:
        """Whether escapes stand here that are commands in a text of raw backslashes, as this is."""
        return self.raws and _COMMAND(self.text, start, end) is not None

    def edit(self, start: int, end: int, after: str, code: str) -> None:
        """Note a change; changes come in the order of the text."""
        self.edits.append(Edit(start, end, after, code))

    def edit_before(self, start: int, end: int, after: str, code: str) -> None:
        """Note a change to text that was passed already.

        What is added stands before what was added there for the token that begins at ``start``,
        and behind what was added for the token before it and the brackets around it.
        """
        edits = self.edits
        if end > start:
            index = bisect_left(edits, (start, end))
        else:
            index = first = bisect_left(edits, (start,))
            while first < len(edits) and edits[first].start == edits[first].end == start:
                first += 1
                if edits[first - 1].after[-1:] in _BEFORE:
                    index = first
        self.edits.insert(index, Edit(start, end, after, code))
        self._revised(index, 1)

    def edit_again(self, start: int, end: int, after: str, code: str) -> None:
        """Note another change, in place of the one made to these characters, where there is one."""
        index = bisect_left(self.edits, (start, end))
        if index < len(self.edits) and self.edits[index][:2] == (start, end):
            self.edits[index] = Edit(start, end, after, code)
        else:
            self.edit_before(start, end, after, code)

    def edit_after(self, position: int, after: str, code: str) -> None:
        """Add text behind whatever was added at ``position`` before, in front of what follows."""
        edits = self.edits
        index = len(edits)
        while index and (
            edits[index - 1].start > position
            or (edits[index - 1].start == position and edits[index - 1].end > position)
        ):
            index -= 1
        edits.insert(index, Edit(position, position, after, code))
        self._revised(index, 1)

    def drop_comma(self, comma: int, at: int) -> None:
        """Take the comma at ``comma`` away; where that is -1, one that was added before ``at``."""
        index = len(self.edits)
        if comma < 0:
            index = self._added_comma(at)
            if index < 0:
                return
            comma = self.edits[index].start
            if self.edits[index].end == comma:
                del self.edits[index]
                self._revised(index, -1)
                return
        self.edit_again(comma, comma + 1, "", "trailing_comma")

    def _added_comma(self, at: int) -> int:
        """The edit that added the comma before ``at``, with nothing but blanks between; or -1."""
        edits, text = self.edits, self.text
        index = len(edits) - 1
        while index >= 0 and at - edits[index].end <= WINDOW:
            last = edits[index]
            if last.start < at:
                if text[last.end : at].strip():
                    break
                at = last.start
            if last.after == ",":
                return index
            if last.after.strip():
                break
            index -= 1
        return -1

    def _revised(self, index: int, added: int) -> None:
        """Note that an edit was added or taken away at ``index``, maybe before what is decided."""
        self.marked += added * (index < self.marked)

    def keep_comma(self, comma: int) -> None:
        """Take back that the comma at ``comma`` was left out."""
        index = bisect_left(self.edits, (comma, comma + 1))
        if index < len(self.edits) and self.edits[index][:3] == (comma, comma + 1, ""):
            del self.edits[index]
            self._revised(index, -1)

    def is_covered(self, at: int) -> bool:
        """Whether the character at ``at`` is part of a longer text that is replaced."""
        index = bisect_left(self.edits, (at + 1,)) - 1
        return index >= 0 and self.edits[index].end > at and self.edits[index].start < at

    def has_added(self, sign: str, at: int) -> bool:
        """Whether ``sign`` was added in front of the character at ``at``."""
        index = bisect_left(self.edits, (at, at + 1)) - 1
        return index >= 0 and self.edits[index][:3] == (at, at, sign)

    def _made(self, at: int) -> str:
        """What the one character at ``at`` was replaced by; "" where it was not."""
        index = bisect_left(self.edits, (at, at + 1))
        found = self.edits[index] if index < len(self.edits) else None
        return found.after if found is not None and found[:2] == (at, at + 1) else ""

    def has_quoted(self, start: int, end: int) -> bool:
        """Whether a quote was added or replaced from ``start`` to ``end``."""
        index = bisect_left(self.edits, (end,)) - 1
        while index >= 0 and self.edits[index].start >= start:
            if '"' in self.edits[index].after:
                return True
            index -= 1
        return False

    def first_comma(self, comma: int) -> int:
        """The first of the commas in a row that end with ``comma``: the others were left out."""
        edits = self.edits
        while comma > 0:
            index = bisect_left(edits, (comma, comma + 1))
            if index >= len(edits) or edits[index][:3] != (comma, comma + 1, ""):
                break
            before = comma - 1
            while before > 0:
                index -= 1
                if index >= 0 and edits[index].end == before + 1 and not edits[index].after:
                    before = edits[index].start - 1
                    continue
                index += 1
                if self.text[before] not in " \t\r\n":
                    break
                before -= 1
            if self.text[before] != "," and self._made(before) != ",":
                break
            comma = before
        return comma

    def forget(self, start: int) -> int:
        """Take back every change from ``start`` on; the scanner goes there again.

        What was added at ``start`` itself belongs to what stands before, and stays. The answer
        is where the first of these changes began, at most ``start``.
        """
        edits = self.edits
        first = start
        while edits and (edits[-1].start > start or edits[-1].end > start):
            first = min(first, edits.pop().start)
        self.marked = len(edits)
        return first

    def last_sign(self) -> int:
        """Where the last quote or closer of the whole text stands; -1 where there is none."""
        if self._last < -1:
            self._last = max(self.text.rfind(c) for c in '"}]')
        return self._last

    def keep(self, position: int) -> None:
        """What was decided up to ``position`` stands, should more text be needed now."""
        self.kept = position
        self.marked = len(self.edits)

    def reach(self, kept: int, end: int, opener: str | None) -> None:
        """Behind an opener wait for a token, with everything up to ``kept`` decided."""
        if opener is not None and not self.final:
            self.keep(kept)
            self.need_token(end)

    def need_token(self, position: int) -> None:
        """Wait for something that is no white space, while it can still come."""
        if not self.final and _BLANK(self.text, position).end() >= len(self.text):  # type: ignore[union-attr]
            raise More

    def need(self, position: int) -> None:
        """Wait for the text up to ``position`` and a window more, while it can still come."""
        if not self.final and position + WINDOW > len(self.text):
            raise More

    def push(self, frame: Frame) -> None:
        """Open an object or array."""
        if self.stack:
            self.stack[-1].value = frame.open
        self.stack.append(frame)
        self.mode = Mode.ITEM
        self.comma = -1

    def pop(self) -> None:
        """Close the innermost object or array."""
        self.stack.pop()
        self.comma = -1
        if self.stack:
            self.stack[-1].count += 1
            self.mode = Mode.AFTER
        else:
            self.mode = Mode.DONE


def closer_of(kind: str) -> str:
    """The bracket that closes ``kind`` in JSON."""
    return "}" if kind == "{" else "]"
