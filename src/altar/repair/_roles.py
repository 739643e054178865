"""Quote roles: whether a quote inside a string ends it, is content, or shows where it ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from altar.repair._close import is_key_ahead
from altar.repair._patterns import (
    COMMENT,
    FENCE,
    KEY_AHEAD,
    OPEN_KEY,
    PHRASE_KEY,
    QUOTES,
    TAG,
    VALUE_AHEAD,
    WHITE,
    WORD_KEY,
)

if TYPE_CHECKING:
    from altar.repair._state import Quoted, State

__all__ = ["CLOSE", "INNER", "MISSING", "Verdict", "role_of"]

CLOSE, INNER, MISSING = "close", "inner", "missing"


class Verdict(NamedTuple):
    """What a quote is: ``width`` characters of it; ``end`` where a string ended before it."""

    role: str
    width: int = 1
    end: int = 0
    resume: int = 0


_CLOSE, _INNER = Verdict(CLOSE), Verdict(INNER)

_DELIMITED = re.compile(r"\s*(?:[,}\]:]|\Z)")
_QUOTED_NEXT = re.compile(r"[\"'“][^\"'”\n]{0,160}[\"'”]\s*([^\s])?")
_QUOTED_ELEMENT = re.compile(r"\"[^\"\n]{0,200}\"\s*(?:,\s*(?:[\"{\[\d-]|\Z)|\]|\Z)")
_QUOTED_ELEMENTS = re.compile(r"(?:\"[^\"\n]{1,80}\"){2,8}\s*\]")
_HALF_KEY = re.compile(r"[\w$ .-]{1,60}[\"'”]\s*:")
_CUT_KEY = re.compile(r"[\"'][\w$ .-]{1,60}:\s*[\"\d{\[tfn-]")
_STRAY_THEN_KEY = re.compile(r"\w{1,40}\s+[\"'][^\"'\n]{0,80}[\"']\s*:")
_STRAY_END = re.compile(r"[A-Z][A-Z_]{2,40}\s*[,}\]]")
_STRAY_UPPER = re.compile(r"[A-Z][A-Z_]{2,40}\s+\"[^\"\n]{0,80}\"\s*:")
_BARE_NUMBER = re.compile(r"-?\d[\d.]*\s*[,}]")
_PLUS = re.compile(r"\+\s*(?:/\*[^*]{0,80}\*/\s*|//[^\n]{0,80}\n\s*)?[\"'`“]")
_DOT = re.compile(r"\.\s*\"(?:[^\"\\\n]|\\.){0,200}\"\s*[,}\]).:]")
_NEXT_NUMBER = re.compile(r"(?:-?\d[\d.eE+-]{0,30}|true|false|null)\s*[,\]]")
_SINGLE_KEY = re.compile(r"'[^'\"\n{}\[\],:]{1,80}'\s*:")
_SINGLE_ELEMENT = re.compile(r"'[^'\"\n{}\[\],:]{1,80}'\s*[,\]]")
_SCALAR_NEXT = re.compile(r"(?:-?\d[\d.eE+-]*|true|false|null|True|False|None)\s*(?:[,\]]|\Z)")
_AFTER_CLOSER = re.compile(r"[}\]]\s*,\s*[{\[]$")
_KEY_END = re.compile(r"[^\":,{}\n]{0,60}(?:\"[^\":,{}\n]{1,60})?\"+\s*:")
_NAME_COLON = re.compile(r"\s*([^\n:\",{}\[\]]{1,80}?)\s*:\s*")
_SEPARATORS = ",，、;；"


def role_of(s: State, string: Quoted, at: int) -> Verdict:
    """What the quote at ``at`` is."""
    text = s.text
    c = text[at]
    if c not in string.close:
        return _INNER
    reach = string.reach
    if reach > 1:
        if reach == 2 and text.startswith(c * 4, at) and not _DELIMITED.match(text, at + 4):
            return Verdict(INNER, 4)
        if text.startswith(c * reach, at) and (
            _DELIMITED.match(text, at + reach) or reach == 3 or string.key
        ):
            return Verdict(CLOSE, reach)
        if reach == 3 or text.startswith(c * reach, at):
            return _INNER
    if string.key:
        return _key_role(s, string, at)
    if s.forced and at in s.forced:
        return _INNER if s.forced[at] == "content" else _CLOSE
    verdict = _value_role(s, string, at)
    if s.weighs:
        _doubt(s, string, at, verdict)
    return verdict


def _doubt(s: State, string: Quoted, at: int, verdict: Verdict) -> None:
    """Note a quote that could as well have been read the other way."""
    if verdict.role == CLOSE:
        if string.inner:
            s.doubt(at, "content")
    elif verdict.role == INNER and _DELIMITED.match(s.text, at + 1):
        s.doubt(at, "end")


def _key_role(s: State, string: Quoted, at: int) -> Verdict:
    """A quote inside a name."""
    text = s.text
    k = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
    d = text[k : k + 1]
    if not d or d in ":：=":
        return _CLOSE
    named = _NAME_COLON.match(text, string.start, at)
    if named is not None and (named.end() == at or VALUE_AHEAD.match(text, named.end(), at + 1)):
        return Verdict(MISSING, end=named.end(1), resume=named.end(1))
    if d in ",}{[":
        return _CLOSE
    if d == '"' and k == at + 1 and text[k + 1 : k + 2] == ":" and not string.reach > 1:
        return _INNER
    if d in QUOTES or d.isdigit() or d == "-" or VALUE_AHEAD.match(text, k):
        return _CLOSE if at > string.start or d not in QUOTES else _INNER
    return _INNER if _KEY_END.match(text, at + 1) else _CLOSE


def _value_role(s: State, string: Quoted, at: int) -> Verdict:
    """A quote inside a value."""
    text = s.text
    k = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
    d = text[k : k + 1]
    if not d:
        return _CLOSE
    string.count(text, at)
    if d in _SEPARATORS:
        return _before_comma(s, string, at, k)
    if d in "}]" or (d == ")" and _closes_round(s, string, k)):
        return _before_closer(s, string, at, k)
    if d in QUOTES and not FENCE.match(text, k):
        found = _before_quote(s, string, at, k)
        if found is not None:
            return found
    elif d == ":" and not string.inner and at > string.start:
        return _CLOSE
    elif _ends_line(s, string, at, k):
        return _CLOSE
    return _missing(s, string, at) or _inside(string, text, at)


_ROUND = re.compile(r"\)\s*[,}\]]")


def _closes_round(s: State, string: Quoted, k: int) -> bool:
    """Whether a round bracket at ``k`` stands outside the string."""
    if s.stack[-1].close == ")" or k in s.forced:
        return True
    return _ROUND.match(s.text, k) is not None and s.text.find("(", string.start, k) < 0


def _inside(string: Quoted, text: str, at: int) -> Verdict:
    """Content; keeps count of the quotations that open and close inside the string."""
    before = text[at - 1]
    opens = (at == string.start or before in " \t\n([{:,=>-") and text[
        at + 1 : at + 2
    ] not in " \t\n,.}])"
    if opens:
        string.nest += 1
    elif string.nest:
        string.nest -= 1
    return _INNER


def _embedded(string: Quoted) -> bool:
    """Whether the quote lies in brackets of the content, as in a quoted JSON document."""
    return string.inner > 0 and string.braces > 0


def _before_comma(s: State, string: Quoted, at: int, k: int) -> Verdict:
    text = s.text
    j = WHITE.match(text, k + 1).end()  # type: ignore[union-attr]
    e = text[j : j + 1]
    if not e or e in "}]":
        return _before_closer(s, string, at, j) if e else _CLOSE
    if _embedded(string):
        return _INNER
    if s.stack[-1].kind == "[":
        if string.nest and not (string.inner == 1 and e in '"{['):
            string.nest -= 1
            return _INNER
        return _CLOSE
    if is_key_ahead(text, j):
        word = e not in QUOTES and "\n" not in text[k:j]
        return _INNER if word and string.nest else _CLOSE
    if not string.inner and PHRASE_KEY.match(text, j):
        return _CLOSE
    if e in QUOTES:
        if string.nest:
            string.nest -= 1
            return _INNER
        return _CLOSE if _quoted_member(text, j) else _INNER
    loose = string.nest == 0
    if (
        (loose and (e in "{[," or _BARE_NUMBER.match(text, j)))
        or COMMENT.match(text, j)
        or text.startswith(("...", "…"), j)
        or _HALF_KEY.match(text, j)
        or _STRAY_THEN_KEY.match(text, j)
    ):
        return _CLOSE
    return _INNER


def _quoted_member(text: str, at: int) -> bool:
    """Whether the quoted text at ``at`` can be a name, with or without its colon, or a value."""
    found = _QUOTED_NEXT.match(text, at)
    if found is None:
        return _CUT_KEY.match(text, at) is not None
    after = found[1]
    return (
        after is None
        or after in ":：=,}]{[-"
        or after in QUOTES
        or after.isdigit()
        or VALUE_AHEAD.match(text, found.end() - 1) is not None
        or _CUT_KEY.match(text, at) is not None
    )


def _before_closer(s: State, string: Quoted, at: int, k: int) -> Verdict:
    """A quote before one or more closers, the first at ``k``."""
    text, stack = s.text, s.stack
    open_here = string.braces if text[k] == "}" else string.brackets
    depth = len(stack)
    q, first, count = k, True, 0
    while q < len(text) and text[q] in "}])" and count < 12:
        if depth and text[q] == stack[depth - 1].close:
            depth -= 1
        elif first and depth and open_here > 0:
            return _close_at_end(text, q, string)
        first = False
        count += 1
        q = WHITE.match(text, q + 1).end()  # type: ignore[union-attr]
    x = text[q : q + 1]
    if not x:
        return _CLOSE
    if _embedded(string) and open_here > 0:
        return _INNER
    if not string.inner:
        return _CLOSE
    if x == ",":
        y = WHITE.match(text, q + 1).end()  # type: ignore[union-attr]
        z = text[y : y + 1]
        if not z or z in "}]{[" or z in QUOTES or is_key_ahead(text, y) or "\n" in text[q:y]:
            return _CLOSE
        if depth and stack[depth - 1].kind == "[" and VALUE_AHEAD.match(text, y):
            return _CLOSE
        return _INNER
    if x in "`<;/#":
        return _CLOSE
    if x in QUOTES and not is_key_ahead(text, q) and "\n" not in text[at:q]:
        return _INNER
    return _CLOSE if string.nest == 0 or depth == 0 else _INNER


def _close_at_end(text: str, at: int, string: Quoted) -> Verdict:
    """A bracket that the content itself opened: content, unless nothing follows."""
    rest = WHITE.match(text, at + 1)
    done = rest is not None and rest.end() >= len(text)
    return _CLOSE if done and not string.inner else _INNER


def _before_quote(s: State, string: Quoted, at: int, k: int) -> Verdict | None:
    """A quote before another quote; None when it does not decide."""
    text = s.text
    inside_object = s.stack[-1].kind == "{"
    if k == at + 1:
        if _DELIMITED.match(text, k + 1):
            if string.nest or (text[at - 1].isdigit() and at > string.start):
                string.nest = max(0, string.nest - 1)
                return _INNER
            return Verdict(CLOSE, 2) if at > string.start else _CLOSE
        if KEY_AHEAD.match(text, k) and inside_object and not _embedded(string):
            return _CLOSE
        if not inside_object and not string.nest:
            if _QUOTED_ELEMENT.match(text, k):
                return _CLOSE
            if not string.inner and _QUOTED_ELEMENTS.match(text, k):
                return _CLOSE
        return None
    if _embedded(string):
        return None
    if "\n" in text[at:k]:
        return _CLOSE if not inside_object or is_key_ahead(text, k) else None
    if inside_object:
        return _CLOSE if is_key_ahead(text, k) else None
    if string.nest == 0 and text[at - 1] not in " \t(" and _QUOTED_NEXT.match(text, k):
        return _CLOSE
    return None


def _ends_line(s: State, string: Quoted, at: int, k: int) -> bool:
    """Whether what follows a quote, no comma or bracket, still can only follow a string."""
    text = s.text
    if string.nest or _embedded(string):
        return False
    inside_object = s.stack[-1].kind == "{"
    spaced = k > at + 1
    if COMMENT.match(text, k) and (spaced or text[k] == "/"):
        return True
    if spaced and _DOT.match(text, k):
        return True
    if text[k] == "." and KEY_AHEAD.match(text, WHITE.match(text, k + 1).end()):  # type: ignore[union-attr]
        return True
    if _PLUS.match(text, k) or FENCE.match(text, k) or _STRAY_UPPER.match(text, k):
        return True
    if text[k] == "<" and TAG.match(text, k) and not string.inner:
        return True
    if spaced and _STRAY_END.match(text, k):
        return True
    if inside_object:
        if "\n" in text[at:k] and is_key_ahead(text, k):
            return True
        word = WORD_KEY.match(text, k)
        if word is None or not spaced:
            return bool(spaced and _HALF_KEY.match(text, k) and not string.inner)
        return "\n" in text[at:k] or not string.inner
    if "\n" in text[at:k] and not string.inner:
        return True
    if string.inner:
        return False
    if not spaced:
        return _NEXT_NUMBER.match(text, k) is not None
    return text[k] in "{[" or _SCALAR_NEXT.match(text, k) is not None


_SWALLOWED_NAME = re.compile(r",\s*[A-Za-z_]\w{0,40}\s*:\s*\Z")
_SWALLOWED_COMMENT = re.compile(r"[,+]?\s*/\*[^*]{0,60}\*/\s*\+?\s*\Z")
_QUOTED_VALUE = re.compile(r"\"[^\"\n]{0,200}\"\s*[,}\]]")
_SCALARS = r"(?:-?\d[\d.eE+-]*|true|false|null)"
_SWALLOWED_ROW = re.compile(rf"(?:\s*,\s*{_SCALARS})*\s*\]\s*,\s*\[\s*(?:{_SCALARS}\s*,\s*)*\Z")
_PATH = re.compile(r"\A[A-Za-z]:\\|\A\\\\|\A%?\w+%?\\\w")
_LOOK_BACK = 120


def _missing(s: State, string: Quoted, at: int) -> Verdict | None:
    """Where the string ended, when this quote opens the next name or element."""
    text = s.text
    if at == string.start or _embedded(string):
        return None
    inside_object = s.stack[-1].kind == "{"
    low = max(string.start, at - _LOOK_BACK)
    gap = text[low:at]
    single = text[at] == "'"
    named = (_SINGLE_KEY if single else KEY_AHEAD).match(text, at) is not None
    element = None
    if not named:
        element = (_SINGLE_ELEMENT if single else _QUOTED_ELEMENT).match(text, at)
    if not inside_object and not named:
        row = _SWALLOWED_ROW.search(gap) if "]" in gap else None
        if row is not None and len(s.stack) > 1 and s.stack[-2].kind == "[":
            return Verdict(MISSING, end=low + row.start())
    if not named and inside_object:
        word = _SWALLOWED_NAME.search(gap)
        if word is not None and _QUOTED_VALUE.match(text, at):
            return Verdict(MISSING, end=low + word.start())
        return None
    if not named and element is None:
        return None
    noted = _SWALLOWED_COMMENT.search(gap)
    if noted is not None:
        return Verdict(MISSING, end=low + noted.start())
    return _gap_end(s, string, low, gap, named=named)


def _gap_end(s: State, string: Quoted, low: int, gap: str, *, named: bool) -> Verdict | None:
    """Where the string ended in the gap before a name or an element."""
    inside_object = s.stack[-1].kind == "{"
    tail = gap.rstrip()
    if not tail:
        return None
    end = low + len(tail)
    jump = _AFTER_CLOSER.search(tail)
    if jump is not None and s.stack[-1].close == tail[jump.start()]:
        end = low + jump.start()
    elif tail[-1] == "," and (named or len(gap) > len(tail) or gap[-1] == ","):
        end -= 1
    elif not ("\n" in gap[len(tail) :] and (named or not inside_object)) or tail[-1] in "{[":
        return None
    if _ate_quote(s.text, string, end):
        return Verdict(MISSING, 2, end - 1)
    return Verdict(MISSING, end=_before_closers(s, string, end))


def _ate_quote(text: str, string: Quoted, end: int) -> bool:
    """``"C:\\temp\\",``: a backslash before a quote that really ended the string."""
    if text[end - 2 : end] != '\\"' or end - 2 <= string.start:
        return False
    content = text[max(string.start, end - 200) : end - 2]
    return '\\"' not in content and _PATH.search(content) is not None


def _before_closers(s: State, string: Quoted, end: int) -> int:
    """The end of a string's content without the closers at its end that belong outside."""
    text, stack = s.text, s.stack
    closers: list[int] = []
    at = end
    while at > string.start and len(closers) < min(len(stack), 12):
        c = text[at - 1]
        if c in "}])":
            closers.insert(0, at - 1)
        elif not c.isspace():
            break
        at -= 1
    while closers:
        fit = all(stack[-1 - depth].close == text[at] for depth, at in enumerate(closers))
        if not fit and len(closers) == 1 and len(stack) > 1:
            fit = text[closers[0]] == "]" == stack[-2].close  # the object lacks its closer
        if fit and not _opened(text, string, closers):
            end = closers[0]
            break
        del closers[0]
    while end > string.start and text[end - 1].isspace():
        end -= 1
    return end


def _opened(text: str, string: Quoted, closers: list[int]) -> bool:
    """Whether the content itself opened what the first of the closers closes."""
    c = text[closers[0]]
    opener = {"}": "{", "]": "[", ")": "("}[c]
    inside = text[string.start : closers[0]]
    return inside.count(opener) > inside.count(c)
