"""The fast lane: members and elements whose damage, if any, needs no look around."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from altar.repair._islands import island
from altar.repair._layout import outdented
from altar.repair._patterns import ELEMENTS, INDENT, NUMBER_TEXT, STRING_TEXT, WHITE, members_at
from altar.repair._reprs import placeholder
from altar.repair._row import row_without_opener
from altar.repair._runs import BARE, SINGLE, elements_in_style, members_in_style
from altar.repair._state import Edit, Frame, Mode

if TYPE_CHECKING:
    from altar.repair._state import State

__all__ = ["enter", "lane"]

_S = r"[ \t\n\r]*+"
_SINGLE = r"'[^'\\\x00-\x1f]*+'"
_WORDS = r"True|False|None|undefined|NaN"
_READ = {"True": "true", "False": "false"}  # the other words are null
_NAMED = rf"(?:\"[^\"\\\n]*+\"|'[^'\"\\\n]*+'|[^\W\d][\w-]*+){_S}:"
# what may follow a string that really ends: a name, or closers and what goes on behind them
_FOLLOWS = (
    rf"(?={_S}(?:,{_S}(?:{_NAMED}|[}}\]])|\}}{_S}(?:[}}\]]|,{_S}(?:[\"'{{\[}}\]]|{_NAMED}))))"
)
_NEXT = rf"(?={_S}(?:,{_S}[\"'{{\[\d\]-]|\]{_S}(?:[}}\]]|,{_S}[\"'{{\[}}\]\w])))"
_BOUND = rf"(?={_S}[,}}\]])"
# a comma that something follows; one that nothing follows; none, before a closer
_COMMA = rf"(?:{_S},(?!{_S}[}}\],])|({_S},)(?={_S}[}}\]])|(?={_S}[}}\]]))"
_IN_OBJECT = _COMMA.replace(rf",)(?={_S}[}}\]])", rf",)(?={_S}\}})")  # a closer that fits
_IN_ARRAY = _COMMA.replace(rf",)(?={_S}[}}\]])", rf",)(?={_S}\])")

_MEMBER = re.compile(
    rf"({_S})(?:{STRING_TEXT}|({_SINGLE})|([^\W\d][\w-]*+)){_S}:{_S}"
    rf"(?:({STRING_TEXT}{_FOLLOWS}|(?:{NUMBER_TEXT}|true|false|null)(?={_S}(?:[}}\]]|,(?!\d))))"
    rf"|({_SINGLE}){_FOLLOWS}|({_WORDS}){_BOUND}|([{{\[]))(?:(?<=[{{\[])|{_IN_OBJECT})"
).match
_ELEMENT = re.compile(
    rf"{_S}(?:({STRING_TEXT}{_NEXT}|(?:{NUMBER_TEXT}|true|false|null){_BOUND})"
    rf"|({_SINGLE}){_NEXT}|({_WORDS}){_BOUND}|([{{\[]))(?:(?<=[{{\[])|{_IN_ARRAY})"
).match
# A text that swallowed the comma and the quote of the next name; one with quotations inside.
_NAME = rf"({_S})(?:{STRING_TEXT}|({_SINGLE})|([^\W\d][\w-]*+)){_S}:{_S}"
_UNENDED = re.compile(rf'{_NAME}"([^"\\\x00-\x1f]*+)(?="\w[^"\\\n{{}}\[\],:]{{0,79}}"{_S}:)').match
_QUOTING = re.compile(
    rf'{_NAME}"([^"\\\x00-\x1f{{}}\[\]]*+'
    rf'(?:(?<=[ (])"\w[^"\\\x00-\x1f,:{{}}\[\]]{{0,59}}"(?=[ ][^\W\d])'
    rf'[^"\\\x00-\x1f:{{}}\[\]]*+)++)"'
    rf"{_FOLLOWS}{_S},(?!{_S}[}}\],])"
).match
_BEHIND = re.compile(_COMMA).match
_new = tuple.__new__  # a third of what Edit(...) costs
_CLOSER = re.compile(rf"{_S}([}}\]])(?:{_COMMA})").match


def lane(s: State) -> bool:
    """Read on while nothing has to be weighed; False when not even one step could be taken."""
    began = s.pos
    depth = len(s.stack)
    while s.mode == Mode.ITEM:
        frame = s.stack[-1]
        if frame.kind == "[" and row_without_opener(s, frame):
            frame = s.stack[-1]
        if not (_members(s, frame) if frame.kind == "{" else _elements(s, frame)):
            break
    return s.pos != began or len(s.stack) != depth


def _members(s: State, frame: Frame) -> bool:
    """The members of the innermost object; True when the frame changed."""
    text, edits, indent = s.text, s.edits, frame.indent
    pos = s.pos
    while True:
        if (s.plain or s.style) and not s.raws:
            pos = _run(s, frame, pos)
        found = _MEMBER(text, pos)
        if found is None:
            s.pos = pos
            if _odd_text(s, frame):
                pos = s.pos
                continue
            return _closer(s, frame)
        blank, quoted, bare, sound, single, word, opener, trailing = found.groups()
        if (indent >= 0 and _outside(blank, indent)) or s.has_commands(pos, found.end()):
            s.pos = pos
            return False
        s.reach(pos, found.end(), opener)
        s.plain = sound is not None and quoted is None and bare is None
        if not s.plain:
            _name(s, found, quoted, bare)
        pos = found.end()
        if opener is not None:
            frame.value = pos - 1
            s.comma = -1
            return enter(s, opener, pos - 1)
        frame.count += 1
        if sound is not None:
            frame.value = found.start(4)
        else:
            _rewrite(s, frame, found, 5, single, word)
        if trailing is not None:
            edits.append(_new(Edit, (pos - 1, pos, "", "trailing_comma")))
        s.comma = pos - 1 if trailing is None and text[pos - 1] == "," else -1


def _run(s: State, frame: Frame, pos: int) -> int:
    """Pass members or elements of the style the latest was written in: where they end."""
    s.pos = pos
    inside = frame.kind == "{"
    end = pos
    if s.plain:
        found = (members_at(frame.indent) if inside else ELEMENTS).match(s.text, pos)
        end = found.end() if found else pos
    if end == pos and s.style:
        end = (members_in_style if inside else elements_in_style)(s, s.style, frame.indent)
    if end > pos:
        frame.count += 1
        s.comma = end - 1
    return end


def _outside(blank: str, indent: int) -> bool:
    """Whether a name after this white space stands further left than its object's members."""
    return "\n" in blank and len(blank) - blank.rfind("\n") <= indent


def _name(s: State, found: re.Match[str], quoted: str | None, bare: str | None) -> None:
    """A name in single quotes, or in none."""
    if quoted is not None:
        s.style = SINGLE
        start, end = found.span(2)
        s.edits.append(_new(Edit, (start, end, _double(quoted), "quotes")))
    elif bare is not None:
        s.style = BARE
        start, end = found.span(3)
        s.edits.append(_new(Edit, (start, end, f'"{bare}"', "bare_key")))


def _odd_text(s: State, frame: Frame) -> bool:
    """A member whose text lacks its closing quote, or has quotations inside, plainly so."""
    text = s.text
    found = _UNENDED(text, s.pos)
    if found is not None:
        start = found.start(4)
        body = found[4].rstrip(" \t\r\n")
        kept = body[:-1].rstrip(" \t\r\n")
        if body[-1:] != "," or not kept or kept[-1] in "}]+/,'`´”’»" or kept[-1].isspace():
            return False
        end, comma = start + len(kept), start + len(body) - 1
        changes = [Edit(end, end, '"', "missing_quote")]
    else:
        found = _QUOTING(text, s.pos)
        if found is None:
            return False
        start, end = found.span(4)
        comma = found.end() - 1
        quotes = [at for at in range(start, end) if text[at] == '"']
        changes = [Edit(at, at + 1, '\\"', "inner_quote") for at in quotes]
    if frame.indent >= 0 and _outside(found[1], frame.indent):
        return False
    _name(s, found, found[2], found[3])
    s.edits += changes
    frame.value = start - 1
    frame.count += 1
    s.comma, s.pos = comma, comma + 1
    return True


def _double(quoted: str) -> str:
    """A text in single quotes, in double ones."""
    inner = quoted[1:-1]
    return f'"{inner}"' if '"' not in inner else '"' + inner.replace('"', '\\"') + '"'


def _rewrite(
    s: State, frame: Frame, found: re.Match[str], group: int, single: str | None, word: str | None
) -> None:
    """A text in single quotes, or a literal of another language."""
    if single is not None:
        start, end = found.span(group)
        s.edits.append(_new(Edit, (start, end, _double(single), "quotes")))
    else:
        start, end = found.span(group + 1)
        s.edits.append(_new(Edit, (start, end, _READ.get(word or "", "null"), "literal")))
    frame.value = start


def _elements(s: State, frame: Frame) -> bool:
    """The elements of the innermost array; True when the frame changed."""
    text, edits = s.text, s.edits
    pos = s.pos
    while True:
        if (s.plain or s.style) and not s.raws:
            pos = _run(s, frame, pos)
        found = _ELEMENT(text, pos)
        if found is None:
            s.pos = pos
            return _closer(s, frame)
        if s.has_commands(pos, found.end()):
            s.pos = pos
            return False
        sound, single, word, opener, trailing = found.groups()
        s.reach(pos, found.end(), opener)
        pos = found.end()
        if opener is not None:
            if frame.indent > 0 and outdented(s, pos - 1):
                s.pos = pos - 1
                return True
            frame.value = pos - 1
            s.comma = -1
            return enter(s, opener, pos - 1)
        s.plain = sound is not None
        frame.count += 1
        if sound is not None:
            frame.value = found.start(1)
        else:
            _rewrite(s, frame, found, 2, single, word)
        if trailing is not None:
            edits.append(_new(Edit, (pos - 1, pos, "", "trailing_comma")))
        s.comma = pos - 1 if trailing is None and text[pos - 1] == "," else -1


def _closer(s: State, frame: Frame) -> bool:
    """The closer of the innermost frame with what follows it, when both are plain."""
    if s.comma >= 0 or frame.doubled:
        return False
    found = _CLOSER(s.text, s.pos)
    if found is None or found[1] != frame.close or (frame.kind == "{") != (found[1] == "}"):
        return False
    if len(s.stack) == 1 or not _same_line(s, frame, found.start(1)):
        return False
    s.stack.pop()
    outer = s.stack[-1]
    outer.count += 1
    s.pos = end = found.end()
    if found[2] is not None:
        s.edits.append(_new(Edit, (end - 1, end, "", "trailing_comma")))
    elif s.text[end - 1] == ",":
        s.comma = end - 1
    return True


def _same_line(s: State, frame: Frame, at: int) -> bool:
    """Whether a closer stands where the layout lets it: on its own line, not further right."""
    if frame.indent < 0:
        return True
    line = s.text.rfind("\n", max(0, at - 200), at)
    return line < 0 or not s.text[line + 1 : at].isspace() or at - line - 1 <= frame.indent


def _behind(s: State, end: int) -> bool:
    """Pass the comma behind a sound container; False when something else follows."""
    found = _BEHIND(s.text, end)
    if found is None:
        s.pos = end
        s.mode = Mode.AFTER
        return False
    s.pos = end = found.end()
    s.mode = Mode.ITEM
    if found[1] is not None:
        s.edits.append(_new(Edit, (end - 1, end, "", "trailing_comma")))
    elif s.text[end - 1] == ",":
        s.comma = end - 1
    return True


def _is_doubtful(text: str, end: int, close: str) -> bool:
    """Whether the closer behind a sound container is of the wrong kind: a bracket is lost in it."""
    after = WHITE.match(text, end).end()  # type: ignore[union-attr]
    return text[after : after + 1] in _OTHER.get(close, ())


_OTHER = {"}": {"]"}, "]": {"}"}, ")": {"]", "}"}}


_NEST = re.compile(r"\[{8,}").match


def _nested(s: State, at: int, last: int) -> int:
    """Open the arrays from ``at`` on that begin with an array, up to the last: where that is."""
    if s.stack:
        s.stack[-1].value = at
    for place in range(at, last):
        frame = Frame("[", place)
        frame.value = place + 1
        s.stack.append(frame)
    return last


_PLAIN = frozenset("\"\n'}")  # what follows a brace that opens an object


def enter(s: State, opener: str, at: int) -> bool:
    """An object or array: passed whole where it is sound, entered where it is not."""
    if s.islands and s.stack:
        end = island(s, at)
        outer = s.stack[-1]
        if end > 0 and not _is_doubtful(s.text, end, outer.close):
            outer.value = at
            outer.count += 1
            s.comma = -1
            return _behind(s, end)
    if opener == "[" and (run := _NEST(s.text, at)) is not None:
        at = _nested(s, at, run.end() - 1)
    s.need_token(at + 1)
    if opener == "{" and s.stack and s.text[at + 1 : at + 2] not in _PLAIN and placeholder(s, at):
        return True
    layout = INDENT.match(s.text, at + 1)
    s.push(Frame(opener, at, indent=len(layout[1]) if layout else -1))
    s.pos = at + 1
    return True
