"""Values without quotes: words, numbers, tuples, calls, and texts that lost a quote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._close import close, is_key_ahead
from altar.repair._content import content, quote_span
from altar.repair._dashes import begin_dashes
from altar.repair._literals import literal_begun, literal_of, number_of
from altar.repair._names import extra_commas
from altar.repair._patterns import COMMENT, FENCE, KEY_AHEAD, TAG, WHITE
from altar.repair._reprs import Tags, call, rest_of_call, value_at
from altar.repair._state import Frame, Mode

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["bare_value"]

_NUMBER_START = frozenset("-+.0123456789")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?=\s*[,}\n]|\s*\Z)")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]{1,2}(?=\s*(?:\}|,\s*[\"'\w]+\s*[\"']?\s*:))")
_QUOTE_AFTER_NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)[\"'](?=\s*[,}\]])")
_NUMERIC = re.compile(
    r"[-+.\w]+(?=[\s\u200b-\u200f\u2060\ufeff]*(?:[,，;；|}\]){\[\n\u2028\u2029]|//|/\*|<!--|#|\Z|\"))"
)
_NUMBER_THEN_WORD = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?=(?:true|false|null|None|True|False)\b)")
_LITERAL = re.compile(
    r"[A-Za-z]{2,9}(?=[\s\u200b-\u200f\u2060\ufeff]*(?:[,，;；|}\])]|//|/\*|<!--|#|\Z))"
)
_SCALAR = r"(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|True|False|None)"
_NEXT = rf"[ \t\r\n]{{1,40}}+(?:{_SCALAR}(?![^\s,\]])|\")"
_SCALARS = re.compile(  # what follows a dozen is not looked at
    rf"({_SCALAR})(?=(?:{_NEXT}){{12}}|(?:{_NEXT}){{1,11}}\s{{0,40}}(?:[,\]\"]|\Z))"
)
_CLOSED_LATER = re.compile(r"(?:[^\"\\\n]|\\.){0,300}?[^\s,:\[{(\"\\]\"(?=\s*(?:[}\]]|,|\Z))")
_FUNCTION = re.compile(
    r"(?:async\s+)?(?:function\b[^\n({]{0,60}\(|\([^()\n\"]{0,120}\)\s*=>|[A-Za-z_$][\w$]{0,60}\s*=>)"
)
_SINGLE = re.compile(r"\(\s*(?:-?[\w.]+|\"[^\"\n]{0,300}\"|'[^'\n]{0,300}')\s*\)")
_PIECE = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"")
_PIECES = re.compile(r"\(\s*(?:\"(?:[^\"\\\n]|\\.){0,200}\"\s*){2,8}\)")
_PREFIX = re.compile(
    r"(?:[uUbBrRfF]|[bB][rR]|[rR][bB])(?=([\"'])[^\"'\n]{0,200}\1\s*(?:[,}\])]|\Z))"
)
_STOP = re.compile(r"[^,，}\])\n\"{\[(/#`<;|\\\u2028\u2029]*")
_SEMICOLON = re.compile(r";\s*(?:[\"'}\]]|\w+\s*[:=]|-?\d)")
_BAR = re.compile(r"\|\s*[\"']\w")
_VALUE_NEXT = re.compile(rf",\s*(?:{_SCALAR}|\"[^\"\n]{{0,80}}\")\s*[,}}]")
_ESCAPED = re.compile(r"\\\"((?:[^\"\\\n]|\\[^\"\n]){0,200})\\\"(?=\s*[,}\]])")
# what ends a text without quotes when it stands at this sign
_NOTE_OR_TAG = re.compile(rf"<!--|{TAG.pattern}")
_SIGNS = {"|": _BAR, ";": _SEMICOLON, "/": COMMENT, "`": FENCE, "<": _NOTE_OR_TAG}
_WIDE = {"［": "[", "【": "[", "｛": "{"}
_WIDE_CLOSER = {"［": "］", "【": "】", "｛": "｝"}
_JUNK_AFTER = re.compile(r"(-?[0-9][0-9.]*)\s+[A-Z][A-Z_]{3,40}\s*[,\]}]")
_JUNK_BEFORE = re.compile(
    r"([A-Z][A-Z_]{2,40})\s+(?=-?[0-9][0-9.]*\s*[,\]]|[\"{\[])|(and|or|&)\s+(?=[\"{\[])"
)


def bare_value(s: State) -> None:
    """A value without quotes, or what stands where a value belongs."""
    text, at = s.text, s.pos
    frame = s.stack[-1]
    c = text[at]
    if c == ",":
        _no_value(s)
        return
    if c == ":":
        s.edit(at, at + 1, "", "extra_colon")
        s.pos = at + 1
        return
    if c == "(" and not _FUNCTION.match(text, at):
        _tuple(s)
        return
    if rest_of_call(s):
        return
    if c == ")":
        close(s, c)
        return
    frame.value = at
    if c in _WIDE:
        s.edit(at, at + 1, _WIDE[c], "quotes")
        s.push(Frame(_WIDE[c], at, close=_WIDE_CLOSER[c]))
        s.pos = at + 1
        return
    if c == "-" and begin_dashes(s):
        return
    if not (_word(s) or (c in _NUMBER_START and _numeric(s))):
        _text(s)


def _word(s: State) -> bool:
    """A literal, a run of scalars without commas, a string with a letter before its quote."""
    text, at = s.text, s.pos
    found = _LITERAL.match(text, at)
    literal = literal_of(found[0]) if found else None
    if found is not None and literal is not None:
        if literal != found[0]:
            s.edit(at, found.end(), literal, "literal")
        value_at(s, at, found.end())
        return True
    found = _PREFIX.match(text, at)
    if found is not None:
        s.edit(at, found.end(), "", "literal")
        s.pos = found.end()
        return True
    found = _SCALARS.match(text, at) if s.stack[-1].kind == "[" else None
    if found is not None:
        literal = literal_of(found[0])
        after, code = (literal, "literal") if literal else (number_of(found[0]) or ("null", ""))
        if code:
            s.edit(at, found.end(), after, code)
        value_at(s, at, found.end())
        return True
    return _escaped_quotes(s)


def _escaped_quotes(s: State) -> bool:
    r"""``\"x\"``: a string whose quotes are escaped."""
    at = s.pos
    found = _ESCAPED.match(s.text, at)
    if found is None:
        return False
    start, end = found.span(1)
    s.edit(at, start, '"', "quotes")
    content(s, start, end)
    s.edit(end, found.end(), '"', "quotes")
    value_at(s, at, found.end())
    return True


def _text(s: State) -> None:
    """A text without quotes, or with one that is missing."""
    text, at = s.text, s.pos
    if not _FUNCTION.match(text, at):
        if call(s):
            return
        if _closed_later(s):
            return
    _bare(s, at, _bare_end(s))


def _no_value(s: State) -> None:
    at = s.pos
    frame = s.stack[-1]
    if frame.kind == "{" and not _VALUE_NEXT.match(s.text, at):
        s.edit(at, at, "null", "missing_value")
        frame.value = at
        frame.count += 1
        s.mode = Mode.AFTER
        return
    extra_commas(s)


def _numeric(s: State) -> bool:
    """A number in some notation, up to the sign that ends it."""
    text, at = s.text, s.pos
    frame = s.stack[-1]
    found = None
    if frame.kind == "{":
        found = _THOUSANDS.match(text, at) or _DECIMAL_COMMA.match(text, at)
    stray = None if found else _QUOTE_AFTER_NUMBER.match(text, at)
    if stray is not None:
        after, code = number_of(stray[1]) or ("", "")
        if code:
            s.edit(at, stray.end(1), after, code)
        s.edit(stray.end(1), stray.end(), "", "stray_quote")
        value_at(s, at, stray.end())
        return True
    found = found or _NUMERIC.match(text, at) or _NUMBER_THEN_WORD.match(text, at)
    if found is None:
        return False
    word = found[0]
    number = number_of(word)
    if number is None:
        if word in ("-", "+", ".") and _sign_alone(s, found.end()):
            return True
        split = _NUMBER_THEN_WORD.match(text, at)
        number = number_of(split[0]) if split else None
        if number is None:
            return False
        found = split
    assert found is not None
    after, code = number
    if code:
        s.edit(at, found.end(), after, code)
    if found.end() >= len(text):
        s.cut = True
    value_at(s, at, found.end())
    return True


def _sign_alone(s: State, end: int) -> bool:
    """The sign of a number that is not there: in an array, or where the text was cut off."""
    at = s.pos
    if s.stack[-1].kind == "[":
        s.edit(at, end, "", "incomplete")
        s.pos = end
        return True
    if end < len(s.text):
        return False
    s.edit(at, end, "null", "incomplete")
    s.cut = True
    value_at(s, at, end)
    return True


def _tuple(s: State) -> None:
    """``(1, 2)`` is an array; ``(1)`` is its value; ``("a" "b")`` is one string."""
    text, at = s.text, s.pos
    single = _SINGLE.match(text, at)
    if single is not None:
        s.edit(at, at + 1, "", "tuple")
        s.pos = at + 1
        s.forced[single.end() - 1] = "drop"  # the closer, where it is met
        return
    pieces = _PIECES.match(text, at)
    if pieces is not None:
        _concatenated(s, pieces)
        return
    s.edit(at, at + 1, "[", "tuple")
    s.push(Frame("[", at, close=")"))
    s.pos = at + 1


def _concatenated(s: State, pieces: re.Match[str]) -> None:
    """Strings side by side in round brackets: one string."""
    at = s.pos
    found = list(_PIECE.finditer(s.text, at, pieces.end()))
    s.edit(at, found[0].start(), "", "tuple")
    for number, piece in enumerate(found):
        content(s, *piece.span(1))
        if number + 1 < len(found):
            s.edit(piece.end(1), found[number + 1].start(1), "", "concatenation")
    s.edit(found[-1].end(), pieces.end(), "", "tuple")
    value_at(s, found[0].start(), pieces.end())


def _closed_later(s: State) -> bool:
    """A string whose opening quote is missing: ``foo", "b": 1``."""
    text, at = s.text, s.pos
    found = _CLOSED_LATER.match(text, at)
    if found is None:
        return False
    end = found.end() - 1
    s.edit(at, at, '"', "missing_quote")
    content(s, at, end)
    value_at(s, at, found.end())
    return True


def _bare_end(s: State) -> int:
    """Where a text without quotes ends: before what continues the document."""
    text = s.text
    frame = s.stack[-1]
    at = s.pos
    depth = 0
    tags = Tags(text, at)
    while True:
        at = _STOP.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            s.cut = True
            return at
        s.need(at)
        c = text[at]
        if c in "{[(":
            depth += 1
        elif c in "}])":
            if depth == 0 and (c != ")" or frame.close == ")" or frame.calls or at in s.forced):
                return at
            depth = max(0, depth - 1)
        elif c == "\\":
            at += 1
        elif c == "<" and depth == 0 and (end := tags.within(at)) > 0:
            at = end
            continue
        elif depth == 0 and _stops(s, frame, at, c):
            return at
        at += 1


def _stops(s: State, frame: Frame, at: int, c: str) -> bool:
    """Whether a text without quotes ends before the sign at ``at``."""
    text = s.text
    if c in ",，\n\u2028\u2029":
        if frame.kind == "[":
            return True
        after = WHITE.match(text, at + 1).end()  # type: ignore[union-attr]
        d = text[after : after + 1]
        return not d or d in ("}]{[/#" if c in ",，" else "}],") or is_key_ahead(text, after)
    if c == '"':
        if KEY_AHEAD.match(text, at) is not None:
            return frame.kind == "{"
        return frame.kind == "[" and text[at - 1] in " \t"
    spaced = text[at - 1] in " \t"
    if c == "#":
        return spaced and text[at + 1 : at + 2] in " \t"
    sign = _SIGNS.get(c)
    return sign is not None and (spaced or c != "/") and sign.match(text, at) is not None


def _bare(s: State, at: int, end: int) -> None:
    """Quote the text from ``at`` to ``end``, or read it as the word or number it is."""
    text = s.text
    last = at + len(text[at:end].rstrip())
    word = text[at:last]
    if not word:
        s.edit(at, at + 1, "", "stray_text")
        s.pos = at + 1
        return
    literal = literal_of(word)
    number = None if literal else number_of(word)
    if literal is not None:
        if literal != word:
            s.edit(at, last, literal, "literal")
    elif number is not None:
        if number[1]:
            s.edit(at, last, *number)
    elif s.cut and end >= len(text) and (begun := literal_begun(word)):
        s.edit(at, last, begun, "truncated")
    elif s.stack[-1].kind == "[" and _junk_before_value(s, at):
        return
    elif (tail := _JUNK_AFTER.match(text, at)) is not None:
        last = tail.end(1)
    else:
        quote_span(s, at, last, "bare_string")
    value_at(s, at, last)


def _junk_before_value(s: State, at: int) -> bool:
    """``PLACEHOLDER 3``, ``and "c"``: a word before a sound value is left out."""
    found = _JUNK_BEFORE.match(s.text, at)
    if found is None:
        return False
    end = found.end(found.lastindex or 0)
    s.edit(at, end, "", "stray_text")
    s.pos = end
    return True
