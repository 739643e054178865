"""Secrets: what they are called, what they look like, and how JSON spells them.

One floor for all who must not write one down: errors of providers, recordings,
traces.
"""

from __future__ import annotations

import re

__all__ = [
    "SECRET",
    "is_secret_field",
    "is_secret_name",
    "is_secret_variable",
    "redacted",
    "spellings",
]

SECRET = "[secret]"  # noqa: S105 - what stands where one was

_VARIABLES = re.compile(
    r"(?i)(?:(?:^|_)(?:SECRET|TOKEN|PAT|PASS|PASSPHRASE)|_PWD|PASSWORD|PASSWD"
    r"|(?:API|ACCESS|SECRET)_?KEY)$"
)
_VAGUE = re.compile(r"(?i)(?:^|_)(?:KEY|CREDENTIALS?)$")  # of tables, too, and files
_WORDS_AND_PLACES = re.compile(r"[A-Za-z_-]{,11}|(?:[/~.]|[A-Za-z]:[\\/]).*", re.DOTALL)
_NAMES = re.compile(
    r"(?i)^(?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-goog-api-key|api-key"
    r"|api_?key|key|access_?token|auth_?token|refresh_?token|token|secret|client_?secret|password)$"
)
_SHORTEST = 8  # a shorter value of a variable ("test", "none") is a word, not a secret
_TRIVIAL = frozenset(
    """anything changeme disabled dummy-key fake-key localhost no-key-needed not-needed optional
    password postgres required undefined""".split()  # noqa: SIM905
)
_SHORT_ESCAPES = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
# what an application or a server calls a key, and what may stand between it and the key
_CALLED = (
    r"\b(?:(?:x-)?(?:goog-)?api[-_ ]?key"
    r"|(?:access|auth|client|refresh|secret)[-_ ]?(?:key|secret|token)"
    r"|authorization|bearer|credentials?|key|passw(?:or)?d|secret|token)\b"
)
_BETWEEN = r"(?:\s+(?:provided|given|supplied|received|used|sent|is|was))*[\"'`]*"
_SIGNED = r"(?:\s*[:=]\s*(?:(?:bearer|basic)\s+)?|\s+)[\"'`(]*"
# no word of a sentence: it has a digit in it, or is longer than words are
_KEY = (
    r"(?=[A-Za-z_\-.+/~*]{0,200}[0-9]|[A-Za-z0-9_\-+~*]{28})"
    r"[A-Za-z0-9_\-.+/~*]{7,}[A-Za-z0-9_\-+/~*]={0,2}"
)
_SECRET = re.compile(
    rf"(?i)({_CALLED}{_BETWEEN}{_SIGNED}){_KEY}"
    r"|(\b(?:bearer\s+|(?:api[-_]?|-)?key[\"']?[:=]\s?[\"']?))[A-Za-z0-9_\-.+/]{12,}"
    r"|\b(?:sk-|AIza|xox[a-z]-)[A-Za-z0-9_\-]{8,}"
)
# fields of JSON whose text is a secret, whatever it looks like
_FIELD = re.compile(
    r"(?i)(?:x-)?(?:goog-)?api[-_]?key|(?:proxy-)?authorization|(?:set-)?cookie|password"
    r"|(?:access|auth|refresh|client)[-_]?(?:key|secret|token)"
)


def redacted(text: str) -> str:
    """``text`` without anything that looks like a key."""
    return _SECRET.sub(lambda found: f"{found[1] or found[2] or ''}{SECRET}", text)


def is_secret_name(name: object) -> bool:
    """Whether a header or a setting of this name holds a secret."""
    return isinstance(name, str) and _NAMES.match(name) is not None


def is_secret_field(name: str) -> bool:
    """Whether a field of JSON of this name has a secret for its text, whatever that looks like."""
    return _FIELD.fullmatch(name) is not None


def is_secret_variable(name: str, value: str) -> bool:
    """Whether a variable of this name and value holds a secret, as far as one can tell."""
    if len(value) < _SHORTEST or value.lower() in _TRIVIAL:
        return False
    if _VARIABLES.search(name):
        return True
    return _VAGUE.search(name) is not None and _WORDS_AND_PLACES.fullmatch(value) is None


def spellings(char: str) -> str:
    """A pattern for one character: as it is, and as JSON in JSON escapes it, however deep."""
    if char.isascii() and char.isalnum():
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join([rf"\\+u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4)])
    if char == "\\":
        return rf"(?:{escaped}|\\{{8}}|\\{{4}}|\\{{2}}|\\)"
    short = _SHORT_ESCAPES.get(char)
    named = rf"|\\+{short}" if short else ""
    return rf"(?:\\*{re.escape(char)}{named}|{escaped})"
