"""Where the values of a text are: between prose, fences, tags, thinking and decoys."""

from __future__ import annotations

import json
import re
from typing import NamedTuple, NoReturn

from altar.repair._close import is_key_ahead
from altar.repair._patterns import KEY_AHEAD, OPEN_KEY
from altar.repair._scan import scan, start
from altar.repair._state import Edit, Frame, Mode, State

__all__ = ["Item", "find_values", "read_as"]

_THINK = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|plan"
_NEXT = re.compile(rf"[{{\[]|<({_THINK})\b[^<>\n]{{0,80}}>|```", re.IGNORECASE)
_OBJECT = re.compile(
    r"\{\s*(?:[\"'“”„‘«`＂}{\[,\\]|//|/\*|\#|\.\.\.|…|&quot;|"
    r"[*_-]{0,2}\s*[\w$@-][\w$@ .*/()-]{0,80}?[\"'*_]{0,3}\s*(?:[:：=]|\s\")|\Z)"
)
_ARRAY = re.compile(
    r"\[\s*(?:[\[{\"'“„‘«`＂\]\\,(}]|-?\.?\d|//|/\*|\.\.\.|…|&quot;|```|\Z|"
    r"(?:true|false|null|none|undefined|nan)\b)", re.IGNORECASE
)  # fmt: skip
_CITATION = re.compile(r"\[\s*\^?\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*\s*\]|\[[ xX]?\]|\{\s*\}")
_FENCED = re.compile(r"[\[{]\s*```")
_LINK = re.compile(r"\]\(")
_WORDS = re.compile(r"[\[{][^\[\]{}\n]{1,200}[\]}]")
_MORE = re.compile(r"\s*,\s*(?=[\"'])|\s*(?=\"[^\"\n{}\[\],]{0,80}\"\s*:)")
_MORE_COLON = re.compile(r"\s*,\s*\"[^\"\n]{0,80}\"\s*[:\"]")
_EXTRA = re.compile(r"(?:\s*[}\])])+")


class Item(NamedTuple):
    """One value: its span in the text, the edits that mend it, and how it was met."""

    start: int
    end: int
    edits: list[Edit]
    fenced: bool = False
    weak: bool = False
    thought: bool = False


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_sound = json.JSONDecoder(parse_constant=_refuse).scan_once


class _Places:
    """What is known of a text while its values are looked for."""

    def __init__(self, text: str, *, quick: bool) -> None:
        self.text = text
        self.quick = quick
        self.fenced = False
        self.more_closers = text.count("]") > text.count("[")
        self.first = len(text) - len(text.lstrip("\ufeff \t\r\n"))
        self.unclosed: set[str] = set()
        self.lowered: str | None = None

    def think_end(self, name: str, at: int) -> int:
        """Behind the tag that closes the thinking opened before ``at``; -1 where none does."""
        if name in self.unclosed:
            return -1
        if self.lowered is None:
            self.lowered = self.text.lower()
        found = self.lowered.find(f"</{name}", at)
        if found < 0:
            self.unclosed.add(name)
            return -1
        end = self.text.find(">", found)
        return len(self.text) if end < 0 else end + 1


def find_values(text: str, *, quick: bool = True) -> list[Item]:
    """Every value of the text in order; ``quick`` passes sound ones with the C scanner."""
    places = _Places(text, quick=quick)
    items: list[Item] = []
    at = 0
    while (met := _NEXT.search(text, at)) is not None:
        at = met.start()
        if met[0] == "```":
            places.fenced = not places.fenced
            at = met.end()
        elif met[1]:
            end = places.think_end(met[1].lower(), met.end())
            if end > 0:
                items += _thoughts(text, met.end(), end, quick=quick)
            at = met.end() if end < 0 else end
        else:
            item = _value_at(places, at)
            if item is None:
                at += 1
            else:
                items.append(item)
                at = max(item.end, at + 1)
    return items


def _thoughts(text: str, start: int, end: int, *, quick: bool) -> list[Item]:
    """The values inside a thinking block: used only when there are no others."""
    inner = find_values(text[start:end], quick=quick)
    return [
        Item(
            item.start + start,
            item.end + start,
            [Edit(e.start + start, e.end + start, e.after, e.code) for e in item.edits],
            thought=True,
            weak=item.weak,
        )
        for item in inner
        if not item.thought
    ]


def _value_at(places: _Places, at: int) -> Item | None:
    """The value whose bracket stands at ``at``; None where the bracket is prose."""
    text = places.text
    if _FENCED.match(text, at):
        return None  # brackets around a fence
    strong = (_OBJECT if text[at] == "{" else _ARRAY).match(text, at) is not None
    if not strong:
        words = _WORDS.match(text, at)
        if at != places.first and (words is None or not _lone(text, at, words.end())):
            return None
    weak = not strong or _is_decoy(text, at)
    if places.quick:
        try:
            _, end = _sound(text, at)
        except (StopIteration, ValueError, RecursionError):
            pass
        else:
            if not weak or _lone(text, at, end):
                weak = False
            return _grown(places, Item(at, end, [], places.fenced, weak))
    s = State(text, at)
    s.islands = places.quick
    start(s)
    scan(s)
    if s.pos == at:
        return None
    return _grown(places, Item(at, s.pos, s.edits, places.fenced, weak and not _lone(text, at, s.pos)))


def _lone(text: str, start: int, end: int) -> bool:
    """Whether a span has its lines to itself."""
    before = text.rfind("\n", 0, start) + 1
    after = text.find("\n", end)
    rest = text[end : after if after >= 0 else len(text)]
    return not text[before:start].strip(" \t`>:") and not rest.strip(" \t`.;,")


def _is_decoy(text: str, at: int) -> bool:
    """Whether a bracket looks like a citation, a check box, an empty pair or a link in prose."""
    found = _CITATION.match(text, at)
    end = found.end() if found else -1
    if found is None:
        words = _WORDS.match(text, at) if text[at] == "[" else None
        return words is not None and _LINK.match(text, words.end() - 1) is not None
    before = text[max(0, at - 2) : at].strip()
    after = text[end : end + 2].strip()
    return bool((before and before[-1].isalnum()) or (after and after[0].isalnum()) or (
        before and after and before[-1] not in ",;:}]"
    ))  # fmt: skip


def _grown(places: _Places, item: Item) -> Item:
    """The value with what belongs to it after a closer that came too early."""
    text = places.text
    edits = list(item.edits)
    end = item.end
    while end < len(text) and text[end - 1 : end] in ("}", "]"):
        if not _goes_on(places, item.start, end):
            break
        s = State(text, end)
        s.edits = edits
        frame = Frame(text[item.start], item.start)
        frame.count = 1
        s.stack = [frame]
        s.edit(end - 1, end, "", "reopened")
        s.mode = Mode.AFTER
        scan(s)
        if s.pos <= end:
            break
        end = s.pos
    return item._replace(end=end, edits=edits)


def _goes_on(places: _Places, start: int, end: int) -> bool:
    """Whether the root goes on behind the closer before ``end``."""
    text = places.text
    if text[start] == "{":
        found = _MORE.match(text, end)
        if found is None:
            return False
        at = found.end()
        return bool(
            KEY_AHEAD.match(text, at) or OPEN_KEY.match(text, at) or _MORE_COLON.match(text, end)
        )
    if not places.more_closers:
        return False
    found = re.compile(r"\s*,\s*(?=[\"'\d{\[tfn-])").match(text, end)
    return found is not None and text.count("]", end) > text.count("[", end)


def read_as(text: str, at: int, kind: str, close: str = "") -> Item:
    """The value at ``at``, read as an object or array whose opening bracket is missing."""
    s = State(text, at)
    if close:
        s.edit(at, at + 1, kind, "tuple")
        s.pos = at + 1
    else:
        s.edit(at, at, kind, "missing_opener")
    frame = Frame(kind, at, close)
    s.stack = [frame]
    s.mode = Mode.ITEM
    scan(s)
    return Item(at, s.pos, s.edits)


_ = (is_key_ahead, _EXTRA)
