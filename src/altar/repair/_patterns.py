"""The regular expressions of the scanner; each is anchored or bounded, none backtracks far."""

from __future__ import annotations

import re

__all__ = [
    "ADJACENT",
    "BLANKS",
    "BRACKETS",
    "COMMENT",
    "DELIMITED",
    "ELEMENTS",
    "ELEMENT_END",
    "ELLIPSIS",
    "FENCE",
    "INDENT",
    "KEY",
    "KEY_AHEAD",
    "MEMBERS",
    "MEMBER_SCALAR",
    "NUMBER_TEXT",
    "OPEN_KEY",
    "PHRASE_KEY",
    "QUOTES",
    "SCALAR",
    "SPACE",
    "STRING_BEGINS",
    "STRING_TEXT",
    "TAG",
    "VALUE_AHEAD",
    "VALUE_END",
    "WHITE",
    "WORD_KEY",
    "members_at",
]

# A string that needs no second look: no raw control character, no escape that JSON does not
# know, and no \b or \f, which in broken documents begin LaTeX commands and regular expressions.
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/nrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]{0,400})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,6})?"
STRING_TEXT, NUMBER_TEXT = _STRING, _NUMBER
_SCALAR = rf"(?:{_STRING}|{_NUMBER}|true|false|null)"
_NAME = r'"[^"\\\n{}\[\],:]{0,80}"'

WHITE = re.compile(r"[ \t\n\r]*")
# what writers take for white space and JSON does not
_BLANK = r"[\s\u180e\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u00ad]"
SPACE = re.compile(rf"{_BLANK}+")
BLANKS = re.compile(rf"{_BLANK}*")

KEY = re.compile(rf"[ \t\n\r]*+({_STRING})[ \t\n\r]*:[ \t\n\r]*")
MEMBERS = re.compile(
    rf'(?:[ \t\n\r]*+{_STRING}[ \t\n\r]*+:[ \t\n\r]*+{_SCALAR},(?=\s*"[^"\\\n]*"\s*:))*+'
)
ELEMENTS = re.compile(
    rf"(?:[ \t\n\r]*+(?:{_NUMBER}|true|false|null|{_STRING}(?=\s*,\s*[\"{{\[])),"
    r"(?=\s*[\"\d\[{tfn-]))*+"
)
SCALAR = re.compile(rf"(?:{_NUMBER}|true|false|null)(?=[ \t\n\r]*[,}}\]])")
MEMBER_SCALAR = re.compile(  # 1,234 is one number where a name has to follow a comma
    rf"(?:{_NUMBER}|true|false|null)(?=[ \t\n\r]*(?:[}}\]]|,(?!\d)))"
)
VALUE_END = re.compile(rf'{_STRING}(?=\s*(?:,\s*"[^"\\\n]*"\s*:|\}}\s*(?:[}}\]]|,\s*["{{\[])))')
ELEMENT_END = re.compile(rf'{_STRING}(?=\s*(?:,\s*["{{\[]|\]\s*(?:[}}\]]|,\s*["{{\[])))')
STRING_BEGINS = re.compile(r'[ \t\n\r]*"[^"]{40}')  # a long one, which is no name or element
INDENT = re.compile(r"[ \t]*\r?\n([ \t]*)[^\s\]}]")

# opening quote -> the quotes that may close it
QUOTES = {
    '"': '"',
    "'": "'",
    "`": "`´'",
    "´": "´",
    "“": '”“"',
    "”": '”"',
    "„": '”“"',
    "‟": '”"',
    "‘": "’‘'",
    "’": "’'",
    "‚": "’‘",
    "‛": "’",
    "«": "»",
    "»": "«",
    "＂": "＂",
    "＇": "＇",
    "「": "」",
    "『": "』",
}
_OPEN = "\"'`“”„‘’«＂"

BRACKETS = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]]')  # strings are passed, not looked into
DELIMITED = re.compile(r"\s*(?:[,}\]:]|\Z)")  # what may follow a string
KEY_AHEAD = re.compile(rf"{_NAME}\s*[:：]")  # this quote opens a name
# a name in whatever quotes, with its colon
OPEN_KEY = re.compile(rf"[{_OPEN}][^\n{{}}\[\],:\"]{{0,80}}?[\"'`´”“’»＂]\s*[:：=]")
PHRASE_KEY = re.compile(  # a name of several words, or a number, before a plain value
    r"[^\W\d][\w ]{0,40}:\s*(?:[\"'{\[\d-]|(?:true|false|null|None|True|False)\b)|"
    r"\d[\d.]{0,20}\s*:\s*(?=[\"'{\[])"
)
WORD_KEY = re.compile(r"[^\W\d][\w$.-]{0,60}\s*[:：](?!//)")  # a name without quotes
VALUE_AHEAD = re.compile(
    rf"[{_OPEN}{{\[]|-?\.?\d|(?:true|false|null|none|undefined|nan)\b", re.IGNORECASE
)

ADJACENT = re.compile(  # strings side by side, the last of which ends a member
    r"(?:\"(?:[^\"\\\n]|\\.){0,200}\"\s{0,40}){1,3}"
    r"(?:,\s{0,40}\"[^\"\\\n]{0,80}\"\s*:|\}\s*(?:[,}\]]|\Z))"
)
COMMENT = re.compile(
    r"//[^\n]*|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/|\Z)|\#[^\n]*|<!--.*?(?:-->|\Z)", re.DOTALL
)
ELLIPSIS = re.compile(r"(?:\.{3,}|…+)(?:\s*\([^()\n]{0,80}\))?")
FENCE = re.compile(r"`{3,}[\w+-]*|'{3,}(?:json)?|~{3,}\w*")
TAG = re.compile(r"</?[A-Za-z|_][^<>\n]{0,200}>|\[/?[A-Z][A-Z_]{2,30}\]")

_MEMBERS_AT: dict[int, re.Pattern[str]] = {}


def members_at(indent: int) -> re.Pattern[str]:
    """The pattern for a run of sound members, each on a line of its own at one indentation."""
    if indent < 0 or indent > 64:
        return MEMBERS
    found = _MEMBERS_AT.get(indent)
    if found is None:
        line = rf"\r?\n[ \t]{{{indent}}}"
        found = _MEMBERS_AT[indent] = re.compile(
            rf'(?:{line}{_STRING}[ \t]*:[ \t\n\r]*{_SCALAR},(?={line}"[^"\\\n]*"\s*:))*+'
        )
    return found
