"""Whether a bracket that stands in a text opens data, or is a citation, a link, a word of prose."""

from __future__ import annotations

import re

__all__ = ["DATA", "DECOY", "ESCAPED", "PROSE", "WIDE", "is_alone", "kind_of"]

DATA, DECOY, PROSE = range(3)

_OBJECT = re.compile(
    r"\{\s*+(?:[\"'“”„‘«`＂}{\[,\\]|//|/\*|\#|\.\.\.|…|&quot;|&\#|"
    r"[*_-]{0,2}\s*+[\w$@-][\w$@ .*/()-]{0,80}?[\"'*_]{0,3}\s*+(?:[:：=]|\"|'|\Z)|\Z)"
)
_ARRAY = re.compile(
    r"\[\s*+(?:[\[{\"'“„‘«`＂\]\\,(}]|-?\.?\d|//|/\*|\.\.\.|…|&quot;|&\#|```|\Z|"
    r"(?:true|false|null|none|undefined|nan)\b)", re.IGNORECASE
)  # fmt: skip
_SET = re.compile(r"\{\s{0,9}-?\d[\d.]{0,20}(?:\s{0,9},\s{0,9}-?\d[\d.]{0,20}){0,200}+\s{0,9}\}")
# a time at the head of a line of a log, a name in a template
_STAMP = re.compile(
    r"\[\d{4}-\d\d-\d\d[^\[\]{}\"',\n]{0,40}\]|\[\d\d:\d\d[\d:.,]{0,16}\]|\{\{\s{0,9}[\w.]{1,60}\s{0,9}\}\}"
)
_COMMAND = re.compile(r"\\[A-Za-z]{1,30}\Z")  # of LaTeX, before its argument
_BOX = re.compile(r"\[[ xX]\] ")
_CITATION = re.compile(
    r"\[\s*\^?\d{1,4}(?:\s{0,3}[,;–-]\s{0,3}(?:pp?\.|ch\.|sec\.|fig\.|§)?\s{0,3}\d{1,4})*+\s*+\]"
    r"|\[[ xX]?\]|\{\s*+\}|\[(?:none|null|nan|undefined)\]",
    re.IGNORECASE,
)
_INDEX = re.compile(r"\[\s*+(?:\"[^\"\n]{0,80}\"|'[^'\n]{0,80}'|-?\d{0,9}(?::-?\d{0,9})?)\s*+\]")
_FENCED = re.compile(r"[\[{]\s*+```")
_WORDS = re.compile(r"[\[{][^\[\]{}\n]{1,200}[\]}]")
_TAG = re.compile(r"\[/?[A-Z][A-Z_ ]{2,30}\]")
ESCAPED = re.compile(
    r"(?:[{\[]\s*+){1,40}(?:(\\+(?:[\"']|n(?=[\\\s\"'{}\[\]])))|&(?:quot|\#34|\#x22|apos|\#39|\#x27);)",
    re.IGNORECASE,
)
"""A document whose quotes are escaped: with backslashes (group 1) or as entities."""
WIDE = re.compile(r"[｛［【]\s*+(?:[\"'“”＂‘＇{\[｛［\d-]|true|false|null|[｝］】]\s*+\Z)")

# How far a line is looked at, to either side of a bracket.
_LINE = 80
_COMMENTS = ("//", "/*", "# ", "<!--")


def kind_of(text: str, at: int, first: int) -> tuple[int, int]:
    """DATA, DECOY or PROSE, and where what is no data ends; ``first`` is where the text begins.

    A decoy might be data, should there be nothing else.
    """
    if _FENCED.match(text, at):
        return PROSE, at + 1
    if _BOX.match(text, at):
        return PROSE, at + 3
    stamp = _STAMP.match(text, at)
    if stamp is not None and not is_alone(text, at, stamp.end()):
        return DECOY, stamp.end()
    numbers = _SET.match(text, at)
    if numbers is not None:
        return _kind_of_set(text, at, numbers.end()), numbers.end()
    if (_OBJECT if text[at] == "{" else _ARRAY).match(text, at):
        end = _decoy_end(text, at)
        return (DECOY, end) if end > 0 and not is_alone(text, at, end) else (DATA, at)
    words = _WORDS.match(text, at)
    if words is None:
        return (DATA if at == first else PROSE), at + 1
    is_tag = _TAG.match(text, at) is not None
    if is_alone(text, at, words.end()):
        if not is_tag:
            return DATA, at
    elif is_tag:
        return PROSE, words.end()
    return (DECOY if at == first else PROSE), words.end()


def _kind_of_set(text: str, at: int, end: int) -> int:
    """What numbers in braces are."""
    if _COMMAND.search(text, max(0, at - _LINE), at):
        return PROSE
    return DATA if is_alone(text, at, end) else DECOY


def is_alone(text: str, start: int, end: int) -> bool:
    """Whether a span has its lines to itself, but for marks of lists, quotations and code."""
    low = max(0, start - _LINE)
    line = text.rfind("\n", low, start) + 1 or low
    if text[line:start].strip(" \t\r`>:*-\ufeff"):
        return False
    after = text.find("\n", end, end + _LINE)
    behind = text[end : after if after >= 0 else end + _LINE].lstrip(" \t\r`.;,")
    return not behind or behind.startswith(_COMMENTS)


def _decoy_end(text: str, at: int) -> int:
    """Behind a citation, an index, a check box, an empty pair or a link's text; -1 for none."""
    found = _CITATION.match(text, at)
    if found is None and at and (text[at - 1].isalnum() or text[at - 1] in "_)"):
        found = _INDEX.match(text, at)
    if found is None:
        words = _WORDS.match(text, at) if text[at] == "[" else None
        is_link = words is not None and text.startswith("(", words.end())
        return words.end() if words is not None and is_link else -1
    end = found.end()
    before = text[max(0, at - 2) : at].rpartition("\n")[2].strip()
    after = text[end : end + 2].partition("\n")[0].strip()
    if before and before[-1].isalnum():
        return end
    if after and (after[0].isalnum() or after[0] == "("):
        return end
    return end if before and after and before[-1] not in ",;:}]" else -1
