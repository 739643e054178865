"""Excerpts: the line of a text that something is about, with a caret under the place."""

from __future__ import annotations

import os
import shutil
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altar.cli._console import Console

__all__ = ["Excerpts", "shown"]

_QUOTED = 32
_LEAST = 24  # columns of a line that are shown on the narrowest of terminals
_CUT = "..."
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Excerpts:
    """Parts of a text as a person reads them, bounded to the width of the terminal.

    Tabs and other characters that a terminal obeys are shown as pictures of
    themselves. Without a text, of bytes that are none, places alone are told.
    """

    def __init__(self, text: str | None, console: Console) -> None:
        self._text = text
        self._console = console
        self.width = _width(console)
        self._end = 0 if text is None else len(text.rstrip())

    def place(self, at: int) -> str:
        """``line:column``, both from 1."""
        if self._text is None:
            return f"byte {at}"
        at = self._behind(self._text, at)
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        return f"{line}:{column}"

    def _behind(self, text: str, at: int) -> int:
        """The place; where only white space stands around it, that behind the last sign."""
        return at if at < self._end else len(text.rstrip()) or at

    def quoted(self, text: str) -> str:
        """A piece of the text in a few columns."""
        if not text:
            return "(nothing)"
        most = min(_QUOTED, max(_LEAST, self.width - 16) // 2)
        if len(text) <= most:
            return shown(text)
        half = (most - len(_CUT)) // 2
        return f"{shown(text[:half])}{_CUT}{shown(text[-half:])}"

    def show(self, start: int, end: int, said: str = "") -> None:
        """Write the line of ``start``, below it a caret that reaches to ``end``, and a remark."""
        text = self._text
        if text is None:
            return
        if start == end:
            start = end = self._behind(text, start)
        number = str(text.count("\n", 0, start) + 1)
        room = max(_LEAST, self.width - len(number) - 6)
        shown, before, marked = _window(text, start, end, room)
        if not shown and not said:
            return
        paint = self._console.style_err
        bar = paint("|", "dim")
        caret = paint("^" + "~" * (marked - 1), "red", "bold")
        self._console.tell(f"  {paint(number, 'dim')} {bar} {shown}")
        margin = f"  {' ' * len(number)} {bar} "
        if before + marked + 2 + len(said) <= room:
            self._console.tell(f"{margin}{' ' * before}{caret}  {said}".rstrip())
            return
        self._console.tell(f"{margin}{' ' * before}{caret}")
        self._console.tell(f"{margin}{said}")


def _window(text: str, start: int, end: int, room: int) -> tuple[str, int, int]:
    """What of a line is shown, the columns before the caret, and those it covers."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    if last > start and text[last - 1] == "\r":
        last -= 1
    left = first
    if last - first > room and start - first > room * 2 // 3:
        left = start - room // 3
    lead = _CUT if left > first else ""
    columns = len(lead)
    before = columns
    marked = 0
    pieces = [lead]
    for at in range(left, last):
        wide = _columns(text[at])
        if columns + wide > room - len(_CUT) and last - at > len(_CUT):
            pieces.append(_CUT)
            break
        pieces.append(_picture(text[at]))
        columns += wide
        if at < start:
            before = columns
        elif at < end:
            marked += wide
    return "".join(pieces), before, max(1, marked)


def shown(text: str) -> str:
    """The text with a picture in place of each character that a terminal would obey or hide."""
    return "".join([_picture(char) for char in text])


def _picture(char: str) -> str:
    """The character, or what stands for one that a terminal would obey or hide."""
    if char < " ":
        return chr(0x2400 + ord(char))
    if char == "\x7f":
        return "\u2421"
    return "\ufffd" if unicodedata.category(char) in _HIDDEN else char


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _width(console: Console) -> int:
    """The columns of the terminal that standard error is; 100 where it is none."""
    if not console.live_err:
        return 100
    if os.environ.get("COLUMNS", "").isdigit():
        return shutil.get_terminal_size().columns
    try:
        return os.get_terminal_size(console.err.fileno()).columns or 100
    except (OSError, ValueError):
        return 100
