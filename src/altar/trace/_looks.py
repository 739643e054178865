"""Looks: what the secrets in a text are called, and what they look like.

A text that is JSON is not searched here but taken apart (see :mod:`_redact`);
what is searched is what cannot be: parts of JSON, representations of Python's,
URLs, headers, lines of shells.
"""

from __future__ import annotations

import re

from altar._secrets import SECRET, redacted

__all__ = ["is_named", "is_secret_key", "without_looks"]

_TO_ACCESS = r"(?:api|access|private|secret|signing|encryption|auth|refresh|bearer|session)"
_NAMED = (  # how the name of a secret ends
    r"(?:(?:passw(?:or)?d|secret|token)(?:[-_. ]?(?:hash|value|confirmation|hint))?"
    r"|passphrase|passcode|secrets|secret[-_]?key[-_]?base"
    r"|credentials?|authorization|cookie|(?<![a-zA-Z])(?:pwd|pass|auth(?:[-_]?header)?|otp|csrf)"
    rf"|{_TO_ACCESS}[-_. ]?(?:keys?|tokens|secrets))"
)
_HINTS = ("token", "pass", "secret", "auth", "key", "cookie", "pwd", "credential", "otp", "csrf")
_IS_NAMED = re.compile(rf"(?i){_NAMED}(?:\\*[\"']|$)")
_SECRET_KEY = re.compile(rf"(?i){_NAMED}$")
# of language models, and of pages: "token" in another sense
_OTHER_TOKEN = re.compile(
    r"(?i)(?:page|next|sync|bos|eos|pad|unk|sep|mask|stop|first|last|per|cancellation)[-_ ]?token$"
)
# a field of JSON, however deep in texts of JSON: its quotes then have backslashes; or of Python
_FIELD = re.compile(
    rf"(?is)({_NAMED}\\*[\"']\s*:\s*)(?!true|false|null|none)"
    r"(?:(?:[bru]{0,2}|\w{1,40}\()(\\*[\"']).*?(?:(?<!\\)\2|\Z)|\[[^\[\]{}]*(?:\]|\Z)|[^\s,{}\[\]\"'\\]+)"
)
_QUERY = (
    r"(?i:(?P<query>[?&][\w-]{0,40}(?:key|token|secret|password|pwd|pass|auth|signature|sig)=)"
    r"[^&\s\"'\\]+)"
)
_PEM = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
)
_JWT = r"\beyJ[\w-]{10,2048}\.[\w-]{10,}(?:\.[\w-]*)?"
_BASIC = r"(?i:(?P<basic>\bbasic\s+))(?=[A-Za-z0-9+/]*[0-9=])[A-Za-z0-9+/]{12,}={0,2}"
_PREFIXED = (
    r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|AKIA|ASIA|[sr]k_(?:live|test)_|whsec_|xapp-"
    r"|xox[a-z]-|sk-|AIza|ya29\.|SG\.|dop_v1_|shpat_|nvapi-|gsk_|r8_|pplx-)[\w.-]{10,}"
)
_LOOKS = re.compile(f"{_QUERY}|{_PEM}|{_JWT}|{_BASIC}|{_PREFIXED}")
_SCHEME = r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://"
_URL = re.compile(  # user:password@, or a token alone
    rf"({_SCHEME}[^\s/:@\"']{{0,256}}:)(?!\d{{1,5}}[/?#])[^\s\"'<>]{{1,512}}(?=@)"
    rf"|({_SCHEME})(?=[^\s/@:\"']*[0-9])[^\s/@:\"']{{16,512}}(?=@)"
)
_ASSIGNED = re.compile(
    r"(\b[A-Z][A-Z0-9_]{0,60}(?:PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|SECRET|TOKEN|(?:API|ACCESS)_?KEY)"
    r"\s?=\s?[\"']?)[^\s\"'&;,]{3,}|\b((?:PASSWORD|SECRET|TOKEN|API_?KEY)=[\"']?)[^\s\"'&;,]{3,}"
)
_ELEMENT = re.compile(
    r"(?i)(<[\w:.-]{0,40}(?:password|passwd|secret|token|api[-_]?key)>)[^<]{1,4096}"
)
_COOKIE = re.compile(r"(?i)(\b(?:set-)?cookie:\s*)[^\r\n\"']{1,4096}")


def is_secret_key(name: str) -> bool:
    """Whether an attribute of this name holds a secret, whatever its value looks like."""
    return _SECRET_KEY.search(name) is not None and _OTHER_TOKEN.search(name) is None


def is_named(text: str) -> bool:
    """Whether a text may have a field with the name of a secret's."""
    return _has_hint(text) and _IS_NAMED.search(text) is not None


def _has_hint(text: str) -> bool:
    """Whether a search for names is worth its time, which is many times that of this."""
    low = text.lower()
    for hint in _HINTS:  # noqa: SIM110 - a generator costs as much as the rest
        if hint in low:
            return True
    return False


def without_looks(text: str) -> str:
    """The text without what looks like a secret, or is called one."""
    if ('"' in text or "'" in text) and _has_hint(text):
        text = _FIELD.sub(_field, text)
    if "://" in text:
        text = _URL.sub(_told, text)
    if "=" in text:
        text = _ASSIGNED.sub(_told, text)
    if "</" in text:
        text = _ELEMENT.sub(_told, text)
    if "ookie:" in text or "OOKIE:" in text:
        text = _COOKIE.sub(_told, text)
    return redacted(_LOOKS.sub(_mark, text))


def _told(found: re.Match[str]) -> str:
    return f"{next(filter(None, found.groups()), '')}{SECRET}"


def _mark(found: re.Match[str]) -> str:
    return f"{found['query'] or found['basic'] or ''}{SECRET}"


def _field(found: re.Match[str]) -> str:
    quote = found[2] or ""
    name = found[1].rstrip(" \t\r\n:").rstrip("\"'").rstrip("\\")
    before = found.string[max(0, found.start() - 24) : found.start()]
    if _OTHER_TOKEN.search(before + name):
        return found[0]
    if not quote:  # a number, or an array: text in its place
        quote = found[1].rstrip(" \t\r\n:")[len(name) :]
    return f"{found[1]}{quote}{SECRET}{quote}"
