"""The inside of a string: escapes and raw characters that JSON does not allow there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._state import WINDOW, Edit

if TYPE_CHECKING:
    from altar.repair._state import Quoted, State

__all__ = ["bare_content", "content", "end_content", "escaped", "quote_span", "raw_characters"]

_ODD = re.compile(
    r"[^\\\x00-\x1f]*+(?:\\(?:[\"\\/]|[nrt](?![A-Za-z])|u[0-9a-fA-F]{4})[^\\\x00-\x1f]*+)*+"
)
_ODD_RAW = re.compile(  # the same where two backslashes may be meant as they stand
    r"[^\\\x00-\x1f]*+(?:\\(?:[\"/]|[nrt](?![A-Za-z])|u[0-9a-fA-F]{4})[^\\\x00-\x1f]*+)*+"
)
_RAW = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
_LETTER = re.compile(r"[A-Za-z]")
# commands of LaTeX that begin as an escape of JSON does
_COMMAND = re.compile(
    r"(?:nabla|neq|notin|nu|ne|newline|rho|right|rightarrow|rangle|rm|rfloor|rceil|ref|"
    r"times|theta|tau|tan|text|textbf|textit|textrm|tfrac|to|top|triangle|tilde|tanh|"
    r"nmid|nleq|ngeq|nexists|natural|not|nearrow|noindent|nonumber|rbrace|rvert|rVert|"
    r"tag|texttt|textsc|textsf|tbinom|therefore|thinspace)"
    r"(?![A-Za-z])"
)
_SURE = re.compile(
    r"(?:nabla|neq|notin|rho|right|rightarrow|rangle|times|theta|tau|textbf|textit|textrm|tfrac|"
    r"triangle|tilde)(?![A-Za-z])|(?:text|right)\s*[{)\]]"
)
_DRIVE = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z]:\\(?![\\/])")
_SHARE = re.compile(r"\\\\[\w.$-]{1,60}\\(?!\\)[\w$]")
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)
_ROW_END = re.compile(r"\\\\(?=[\s\[&]|\\[A-Za-z])")  # of a matrix or a list of equations
_SPACING = ",;!|()[]{}"  # signs that are commands of LaTeX behind a backslash
_HEX = re.compile(r"[0-9a-fA-F]{1,8}")


def content(s: State, start: int, end: int) -> None:
    """Mend the characters of a string's content from ``start`` to ``end``."""
    text = s.text
    if end <= start:
        return
    if text.find("\\", start, end) < 0:
        if text[start:end].isprintable():
            return
    else:
        _backslashes(s, start, end)
        return
    for found in _CONTROL.finditer(text, start, end):
        _raw(s, found.start(), found[0])


_QUOTE = re.compile(r"\\.|\"", re.DOTALL)


def bare_content(s: State, start: int, end: int) -> None:
    """As :func:`content`, for content in which quotes stand that are not escaped."""
    at = start
    for found in _QUOTE.finditer(s.text, start, end):
        if found[0] == '"':
            content(s, at, found.start())
            s.edit(found.start(), found.end(), '\\"', "inner_quote")
            at = found.end()
    content(s, at, end)


def quote_span(s: State, start: int, end: int, code: str) -> None:
    """Put quotes around a span, and mend what stands in it."""
    s.edit(start, start, '"', code)
    bare_content(s, start, end)
    s.edit(end, end, '"', code)


def end_content(s: State, string: Quoted, end: int) -> None:
    """Mend the content of a string that ends at ``end``, maybe before what is mended already."""
    text = s.text
    if string.at <= end:
        content(s, string.at, end)
        return
    first = s.forget(end)
    bare_content(s, first, end)
    slashes = end - len(text[string.start : end].rstrip("\\")) - string.start
    if slashes % 2 and first == end and not (s.edits and s.edits[-1].start == end - 1):
        s.edit(end - 1, end, "\\\\", "bad_escape")  # it escaped what is outside now


_CONTROL = re.compile(r"[\x00-\x1f]")


def _raw(s: State, at: int, c: str) -> None:
    s.edit(at, at + 1, _RAW.get(c) or f"\\u{ord(c):04x}", "raw_character")


def _backslashes(s: State, start: int, end: int) -> None:
    """Mend the escapes: those of JSON, or backslashes that were never escaped."""
    text = s.text
    string = s.string
    low = string.start if string else start
    raw = string is not None and string.raw
    at = start
    while at < end:
        at = (_ODD_RAW if raw else _ODD).match(text, at, end).end()  # type: ignore[union-attr]
        if at >= end:
            return
        c = text[at]
        if c != "\\":
            _raw(s, at, c)
            at += 1
            continue
        proof = at
        if raw and text.startswith("\\\\", at):
            at = _pair(s, at)
            continue
        at, odd = _escape(s, at, end, low)
        if odd and not raw:
            s.raws = True
            if string is not None:
                raw = string.raw = True
                _raw_before(s, low, proof)


def _pair(s: State, at: int) -> int:
    """Two backslashes among raw ones: an escape, or the end of a row in a formula."""
    if s.text.startswith("\\\\\\\\", at):
        return at + 4
    if _ROW_END.match(s.text, at):
        s.edit_again(at, at + 2, "\\\\\\\\", "latex")
    return at + 2


def _raw_before(s: State, low: int, end: int) -> None:
    """The backslashes of a string before ``end``, which shows that they were not escaped."""
    text = s.text
    share = _SHARE.match(text, low)
    if share is not None:
        s.edit_again(low, low + 2, "\\\\\\\\", "latex")
    at = max(low + 2 if share else low, end - WINDOW)
    while at > low and text[at - 1] == "\\":
        at -= 1
    while (found := _ESCAPES.search(text, at, end)) is not None:
        at, c = found.end(), found[1]
        if c == "\\":
            at = _pair(s, found.start())
        elif c in "nrt" and _is_raw(s, found.start(), low):
            s.edit_again(found.start(), found.start() + 1, "\\\\", "latex")


def _escape(s: State, at: int, end: int, low: int) -> tuple[int, bool]:
    """One escape that is not plainly sound: where it ends, and whether it was a literal one."""
    text = s.text
    c = text[at + 1 : at + 2] if at + 1 < end else ""
    if not c:
        s.edit(at, at + 1, "\\\\", "bad_escape")
        return at + 1, False
    if c in '"\\/':
        return at + 2, False
    if c in "bfnrt":
        return _letter(s, at, c, low)
    if c == "'" or c in "`“”„‘’":
        s.edit(at, at + 1, "", "bad_escape")
        return at + 2, False
    if c == "\n":
        s.edit(at, at + 1, "", "bad_escape")
        return at + 1, False
    if c in "uUx":
        return _hexadecimal(s, at, end, c)
    s.edit(at, at + 1, "\\\\", "bad_escape")
    return at + 1, c.isalpha() or c in _SPACING


def _letter(s: State, at: int, c: str, low: int) -> tuple[int, bool]:
    """An escape that JSON knows, which may be the beginning of a command or a path."""
    text = s.text
    word = _LETTER.match(text, at + 2) is not None
    command = (c in "bf" and word) or _SURE.match(text, at + 1) is not None
    if command or _is_raw(s, at, low):
        s.edit(at, at + 1, "\\\\", "latex")
        return at + 2, True
    return at + 2, False


def _is_raw(s: State, at: int, low: int) -> bool:
    """Whether the backslash before a letter is one of a path, or of a command among others."""
    text = s.text
    string = s.string
    if _DRIVE.search(text, max(low, at - 200), at + 2) is not None:
        return True
    raw = string is not None and string.raw
    if not (raw or s.raws):
        return False
    if text[at + 1] in "bf" or _COMMAND.match(text, at + 1):
        return True
    return raw and _SHARE.match(text, low) is not None


def _hexadecimal(s: State, at: int, end: int, c: str) -> tuple[int, bool]:
    """A code in hexadecimal: u with four digits, U with eight, x with two; or none of these."""
    text = s.text
    found = _HEX.match(text, at + 2, end)
    digits = found[0] if found else ""
    want = {"u": 4, "x": 2, "U": 8}[c]
    if len(digits) < want:
        if c == "u" and s.cut and at + 2 + len(digits) >= end:
            s.edit(at, end, "", "incomplete")
            return end, False
        s.edit(at, at + 1, "\\\\", "bad_escape")
        return at + 1, c != "u"
    if c == "u":
        return at + 6, False
    code = int(digits[:want], 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        s.edit(at, at + 1, "\\\\", "bad_escape")
        return at + 2, False
    s.edit(at, at + 2 + want, escaped(chr(code)), "bad_escape")
    return at + 2 + want, False


def escaped(text: str) -> str:
    """The text as it stands inside a JSON string."""
    if '"' in text or "\\" in text or not text.isprintable():
        text = text.replace("\\", "\\\\").replace('"', '\\"')
        text = _CONTROL.sub(lambda found: _RAW.get(found[0]) or f"\\u{ord(found[0]):04x}", text)
    return text


_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def raw_characters(text: str) -> list[Edit]:
    """The edits that escape control characters in the strings of otherwise valid JSON."""
    edits = []
    for string in _STRINGS.finditer(text):
        for found in _CONTROL.finditer(text, string.start(), string.end()):
            c = found[0]
            after = _RAW.get(c) or f"\\u{ord(c):04x}"
            edits.append(Edit(found.start(), found.end(), after, "raw_character"))
    return edits
