"""Quote roles: whether a quote inside a string ends it, is content, or shows where it ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import is_key_ahead
from altar.repair._foreign import ends_foreign
from altar.repair._patterns import (
    ADJACENT,
    BLANKS,
    COMMENT,
    DELIMITED,
    ELLIPSIS,
    FENCE,
    KEY_AHEAD,
    PHRASE_KEY,
    QUOTES,
    TAG,
    VALUE_AHEAD,
    WHITE,
    WORD_KEY,
)
from altar.repair._state import WINDOW
from altar.repair._swallowed import QUOTED_ELEMENT, swallowed
from altar.repair._verdict import CLOSE, INNER, MISSING, Verdict, is_embedded

if TYPE_CHECKING:
    from altar.repair._state import Quoted, State

__all__ = ["role_of"]

_CLOSE, _INNER = Verdict(CLOSE), Verdict(INNER)

_QUOTED_NEXT = re.compile(r"[\"'“][^\"'”\n]{0,160}[\"'”]\s*([^\s])?")
_QUOTED_ELEMENTS = re.compile(r"(?:\"[^\"\n]{1,80}\"){2,8}\s*\]")
_HALF_KEY = re.compile(r"[\w$ .-]{1,60}[\"'”]\s*:")
_CUT_NAME = re.compile(r"[\"'`“][\w$.-]{0,40}(?: [\w$.-]{1,30}){0,2}\Z")  # the text ends in it
_CUT_KEY = re.compile(r"[\"'][\w$ .-]{1,60}:\s*[\"\d{\[tfn-]")
_STRAY_THEN_KEY = re.compile(r"\w{1,40}\s+[\"'][^\"'\n]{0,80}[\"']\s*:")
_STRAY_END = re.compile(r"[A-Z][A-Z_]{2,40}\s*[,}\]]")
_STRAY_UPPER = re.compile(r"[A-Z][A-Z_]{2,40}\s+\"[^\"\n]{0,80}\"\s*:")
_BARE_NUMBER = re.compile(r"-?\d[\d.]*\s*[,}]")
_POINT_KEY = re.compile(rf"\.[ \t\n\r]*{KEY_AHEAD.pattern}")
_PLUS = re.compile(r"\+\s*(?:/\*[^*]{0,80}\*/\s*|//[^\n]{0,80}\n\s*)?[\"'`“]")
_DOT = re.compile(r"\.\s*\"(?:[^\"\\\n]|\\.){0,200}\"\s*[,}\]).:]")
_NEXT_NUMBER = re.compile(r"(?:-?\d[\d.eE+-]{0,30}|true|false|null)\s*[,\]]")
_SCALAR_NEXT = re.compile(r"(?:-?\d[\d.eE+-]*|true|false|null|True|False|None)\s*(?:[,\]]|\Z)")
_KEY_END = re.compile(r"[^\":,{}\n]{0,60}(?:\"[^\":,{}\n]{1,60})?\"+\s*:")
_NAME_COLON = re.compile(r"\s*+([^\s:\",{}\[\]][^\n:\",{}\[\]]{0,79}?)\s*+:\s*+")
_SWALLOWED_WORD = re.compile(r",\s*[A-Za-z_]\w{0,40}\Z")
_DOTS = re.compile(rf"{ELLIPSIS.pattern}\s*(?:[,}}\]]|\Z)")
_FAR_EAST = "\u2e80"  # from here on scripts that do not put blanks between words
_COLON_NEXT = re.compile(r"\"\s{0,9}:")
_FAR = 200  # characters of white space that still leave room for a name in the window
_SEPARATORS = ",，、;；"


def role_of(s: State, string: Quoted, at: int) -> Verdict:
    """What the quote at ``at`` is."""
    text = s.text
    c = text[at]
    if c not in string.close:
        return _CLOSE if ends_foreign(s, string, at) else _INNER
    reach = string.reach
    if reach > 1:
        if reach == 2 and text.startswith(c * 4, at) and not DELIMITED.match(text, at + 4):
            return Verdict(INNER, 4)
        if text.startswith(c * reach, at) and (
            DELIMITED.match(text, at + reach) or reach == 3 or string.key
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
    elif verdict.role == INNER and DELIMITED.match(s.text, at + 1):
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
    if d == '"' and k == at + 1 and _COLON_NEXT.match(text, k) and not string.reach > 1:
        alone = at > string.start and not string.inner and not text[at - 1].isdigit()
        return Verdict(CLOSE, 2) if alone else _INNER
    if d in QUOTES or d.isdigit() or d == "-" or VALUE_AHEAD.match(text, k):
        return _CLOSE if at > string.start or d not in QUOTES else _INNER
    return _INNER if _KEY_END.match(text, at + 1) else _CLOSE


def _value_role(s: State, string: Quoted, at: int) -> Verdict:
    """A quote inside a value."""
    text = s.text
    k = BLANKS.match(text, at + 1).end()  # type: ignore[union-attr]
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
        return _half_name(s, string, at) or _CLOSE
    elif _ends_line(s, string, at, k):
        return _CLOSE
    return swallowed(s, string, at) or _inside(string, text, at)


def _half_name(s: State, string: Quoted, at: int) -> Verdict | None:
    """``"x, b": 1``: the string ended before the comma; what follows is a name."""
    if s.stack[-1].kind != "{":
        return None
    low = max(string.start, at - WINDOW)
    found = _SWALLOWED_WORD.search(s.text, low, at)
    if found is None or found.start() == string.start:
        return None
    return Verdict(MISSING, end=found.start())


_ROUND = re.compile(r"\)\s*[,}\]]")


def _closes_round(s: State, string: Quoted, k: int) -> bool:
    """Whether a round bracket at ``k`` stands outside the string."""
    if s.stack[-1].close == ")" or k in s.forced:
        return True
    return (
        _ROUND.match(s.text, k) is not None
        and s.text.find("(", max(string.start, k - WINDOW), k) < 0
    )


def _inside(string: Quoted, text: str, at: int) -> Verdict:
    """Content; keeps count of the quotations that open and close inside the string."""
    before = text[at - 1]
    free = at == string.start or before in " \t\n([{:,=>-"
    free = free or (not string.nest and before >= _FAR_EAST)
    opens = free and text[at + 1 : at + 2] not in " \t\n,.}])"
    if opens:
        string.nest += 1
    elif string.nest:
        string.nest -= 1
    return _INNER


def _before_comma(s: State, string: Quoted, at: int, k: int) -> Verdict:
    text = s.text
    j = BLANKS.match(text, k + 1).end()  # type: ignore[union-attr]
    e = text[j : j + 1]
    if not e or e in "}]":
        return _before_closer(s, string, at, j) if e else _CLOSE
    if is_embedded(string):
        return _INNER
    if s.stack[-1].kind == "[":
        if string.nest and not (string.inner == 1 and e in '"{['):
            string.nest -= 1
            return _INNER
        return _CLOSE
    if is_key_ahead(text, j) or (text.startswith('""', j) and KEY_AHEAD.match(text, j + 1)):
        word = e not in QUOTES and "\n" not in text[k:j]
        return _INNER if word and string.nest else _CLOSE
    if not string.inner and PHRASE_KEY.match(text, j):
        return _CLOSE
    if e in QUOTES:
        cut = _ends_in_name(text, at, j)
        if string.nest and not (cut and "\n" in text[k:j]):
            string.nest -= 1
            return _INNER
        return _CLOSE if cut or _quoted_member(text, j) else _INNER
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


def _ends_in_name(text: str, at: int, k: int) -> bool:
    """Whether the text ends in the name that opens at ``k``, not far behind ``at``."""
    return k - at <= _FAR and _CUT_NAME.match(text, k) is not None


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
    q, count = k, 0
    while q < len(text) and text[q] in "}])" and count < 12:
        if depth and text[q] == stack[depth - 1].close:
            depth -= 1
        elif not count and depth and open_here > 0:
            return _close_at_end(text, q, string)
        count += 1
        q = WHITE.match(text, q + 1).end()  # type: ignore[union-attr]
    x = text[q : q + 1]
    if not x:
        return _CLOSE
    if is_embedded(string) and open_here > 0:
        return _INNER
    if not string.inner or x in "`<;/#":
        return _CLOSE
    if x == ",":
        return _beyond_closers(s, q, depth)
    if x in QUOTES and not is_key_ahead(text, q) and "\n" not in text[at:q]:
        return _INNER
    return _CLOSE if string.nest == 0 or depth == 0 else _INNER


def _beyond_closers(s: State, comma: int, depth: int) -> Verdict:
    """A quote before closers that leave ``depth`` frames open, and a comma."""
    text = s.text
    at = WHITE.match(text, comma + 1).end()  # type: ignore[union-attr]
    c = text[at : at + 1]
    if not c or c in "}]{[" or c in QUOTES or is_key_ahead(text, at) or "\n" in text[comma:at]:
        return _CLOSE
    element = depth > 0 and s.stack[depth - 1].kind == "[" and VALUE_AHEAD.match(text, at)
    return _CLOSE if element else _INNER


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
        return _beside_quote(s, string, at, k)
    if is_embedded(string):
        return None
    if inside_object:
        if is_key_ahead(text, k) or ("\n" in text[at:k] and _ends_in_name(text, at, k)):
            return _CLOSE
        return _CLOSE if string.is_plain and ADJACENT.match(text, k, at + WINDOW) else None
    if "\n" in text[at:k]:
        return _CLOSE
    if string.nest == 0 and text[at - 1] not in " \t(" and _QUOTED_NEXT.match(text, k):
        return _CLOSE
    return None


def _beside_quote(s: State, string: Quoted, at: int, k: int) -> Verdict | None:
    """A quote right before another quote: doubled, or the comma between them is missing."""
    text = s.text
    if DELIMITED.match(text, k + 1):
        if string.nest or (text[at - 1].isdigit() and at > string.start):
            string.nest = max(0, string.nest - 1)
            return _INNER
        return Verdict(CLOSE, 2) if at > string.start else _CLOSE
    if s.stack[-1].kind == "{":
        return _CLOSE if KEY_AHEAD.match(text, k) and not is_embedded(string) else None
    if string.nest:
        return None
    if QUOTED_ELEMENT.match(text, k) or (not string.inner and _QUOTED_ELEMENTS.match(text, k)):
        return _CLOSE
    return None


def _ends_line(s: State, string: Quoted, at: int, k: int) -> bool:
    """Whether what follows a quote, no comma or bracket, still can only follow a string."""
    text = s.text
    if string.nest or is_embedded(string):
        return False
    spaced = k > at + 1
    if _is_joint(text, k, spaced=spaced):
        return True
    if text[k] == "<" and not string.inner and TAG.match(text, k):
        return True
    broken = "\n" in text[at:k]
    if s.stack[-1].kind == "{":
        return _name_behind(text, k, spaced=spaced, broken=broken, plain=not string.inner)
    if string.inner:
        return False
    if broken or (spaced and text[k] in "{["):
        return True
    return (_SCALAR_NEXT if spaced else _NEXT_NUMBER).match(text, k) is not None


def _is_joint(text: str, k: int, *, spaced: bool) -> bool:
    """Whether a comment, a sign that joins strings, a fence or a stray word in capitals follows."""
    if spaced and (_DOT.match(text, k) or _STRAY_END.match(text, k)):
        return True
    if (spaced or text[k] == "/") and COMMENT.match(text, k):
        return True
    if text[k] in ".…" and (_POINT_KEY.match(text, k) or _DOTS.match(text, k)):
        return True
    return bool(_PLUS.match(text, k) or FENCE.match(text, k) or _STRAY_UPPER.match(text, k))


def _name_behind(text: str, k: int, *, spaced: bool, broken: bool, plain: bool) -> bool:
    """Whether a name follows the quote without a comma between them."""
    if broken and is_key_ahead(text, k):
        return True
    if not spaced:
        return False
    if WORD_KEY.match(text, k):
        return broken or plain
    return plain and _HALF_KEY.match(text, k) is not None
