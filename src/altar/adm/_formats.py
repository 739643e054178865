"""The formats of JSON Schema, as predicates on strings.

Rules: RFC 3339 (dates, times, durations), 4122 (uuid), 5321 (email), 1123
(hostname), 3986 and 3987 (URIs, IRIs), 6901 (JSON pointers), 6570 (templates).
Two are wider on purpose: a duration may have fractional seconds, as ISO 8601
and Python's timedelta do, and host names are not checked against IDNA's tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from altar.adm._regex import compile_pattern

__all__ = ["FORMATS", "Format"]


class Format(NamedTuple):
    """What a format asks for in words, and the test."""

    expected: str
    holds: Callable[[str], bool]


def _full(pattern: str, flags: int = 0) -> Callable[[str], bool]:
    """A test of the whole text; compiled on first use, for most formats are never asserted."""
    match: Callable[[str], re.Match[str] | None] | None = None

    def holds(text: str) -> bool:
        nonlocal match
        if match is None:
            match = re.compile(pattern, re.ASCII | flags).fullmatch
        return match(text) is not None

    return holds


_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_TIME = re.compile(
    r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = map(int, match.groups())
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return leap or (month, day) != (2, 29)


def _is_time(text: str) -> bool:
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    hour, minute, second = (int(part) for part in match.groups()[:3])
    sign, ahead_hours, ahead_minutes = match.groups("0")[3:]
    ahead = int(ahead_hours) * 60 + int(ahead_minutes)
    if hour > 23 or minute > 59 or int(ahead_hours) > 23 or int(ahead_minutes) > 59:
        return False
    if second < 60:
        return True
    utc = hour * 60 + minute + (ahead if sign == "-" else -ahead)
    return second == 60 and utc % 1440 == 1439  # leap seconds end a day of UTC


def _is_date_time(text: str) -> bool:
    return text[10:11] in ("T", "t") and _is_date(text[:10]) and _is_time(text[11:])


_is_duration = _full(
    r"P(?!\Z)(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)?"
    r"(?:T(?:\d+H(?:\d+M(?:\d+(?:\.\d+)?S)?)?|\d+M(?:\d+(?:\.\d+)?S)?|\d+(?:\.\d+)?S))?)"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_is_ipv4 = _full(_IPV4)
_is_hex_group = _full(r"[0-9A-Fa-f]{1,4}")


def _is_ipv6(text: str) -> bool:
    head, gap, tail = text.partition("::")
    left, right = ([part for part in side.split(":") if side] for side in (head, tail))
    groups = [*left, *right]
    size = len(groups)
    if groups and (right or not gap) and "." in groups[-1]:
        if not _is_ipv4(groups.pop()):
            return False
        size += 1
    return (size <= 7 if gap else size == 8) and all(map(_is_hex_group, groups))


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_is_dotted_name = _full(rf"{_LABEL}(?:\.{_LABEL})*")


def _is_hostname(text: str) -> bool:
    if len(text) > 253 or not _is_dotted_name(text):
        return False
    labels = text.lower().split(".")
    return not any(label[2:4] == "--" and not _is_a_label(label) for label in labels)


def _is_a_label(label: str) -> bool:
    """An internationalised label in its ASCII form must decode, and encode back."""
    if not label.startswith("xn--"):
        return False
    try:
        return bool(label[4:].encode("ascii").decode("punycode"))
    except UnicodeError:
        return False


_is_quoted = _full(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')
_is_dot_atom = _full(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")


def _is_email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    if not at or not (_is_dot_atom(local) or _is_quoted(local)):
        return False
    if domain.startswith("[") and domain.endswith("]"):
        address = domain[1:-1]
        return _is_ipv4(address) or (address[:5].lower() == "ipv6:" and _is_ipv6(address[5:]))
    return _is_hostname(domain)


_PCT = "%[0-9A-Fa-f]{2}"
_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB = r"!$&'()*+,;="
_PRIVATE_USE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
_UCS = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U000efffd"


def _uri_patterns(extra: str, private: str) -> tuple[str, str]:
    """The patterns of a URI and of a relative reference, over more characters or none."""
    char = rf"(?:[{_UNRESERVED}{extra}{_SUB}:@]|{_PCT})"
    user = rf"(?:[{_UNRESERVED}{extra}{_SUB}:]|{_PCT})*@"
    name = rf"(?:[{_UNRESERVED}{extra}{_SUB}]|{_PCT})*"
    host = rf"(?:\[(?P<ip>[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[{_UNRESERVED}{_SUB}:]+)\]|{name})"
    authority = rf"//(?:{user})?{host}(?::\d*)?(?:/{char}*)*"
    tail = rf"(?:\?(?:{char}|[/?{private}])*)?(?:#(?:{char}|[/?])*)?"
    absolute = rf"/(?:{char}+(?:/{char}*)*)?"
    rootless = rf"{char}+(?:/{char}*)*"
    no_colon = rf"(?:[{_UNRESERVED}{extra}{_SUB}@]|{_PCT})+(?:/{char}*)*"
    uri = rf"[A-Za-z][A-Za-z0-9+\-.]*:(?:{authority}|{absolute}|{rootless}|){tail}"
    return uri, rf"(?:{authority}|{absolute}|{no_colon}|){tail}"


def _uri_test(*, international: bool, relative: bool) -> Callable[[str], bool]:
    match: Callable[[str], re.Match[str] | None] | None = None

    def holds(text: str) -> bool:
        nonlocal match
        if match is None:
            patterns = _uri_patterns(*((_UCS, _PRIVATE_USE) if international else ("", "")))
            match = re.compile(patterns[relative], re.ASCII).fullmatch
        found = match(text)
        if found is None:
            return False
        address = found["ip"]
        return address is None or address[:1] in "vV" or _is_ipv6(address)

    return holds


def _any(*tests: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: any(test(text) for test in tests)


_PYTHON_ONLY = r"(?<!\\)(?:\\\\)*(?:\\[aAzZ]|\(\?(?:P[<=]|#|[aiLmsux]+\)))"


def _is_regex(text: str) -> bool:
    try:
        compile_pattern(text)
    except ValueError:
        return False
    return not re.search(_PYTHON_ONLY, text)


_URI, _RELATIVE = (_uri_test(international=False, relative=relative) for relative in (False, True))
_IRI, _IRI_RELATIVE = (
    _uri_test(international=True, relative=relative) for relative in (False, True)
)
_VARIABLE = rf"(?:[A-Za-z0-9_]|{_PCT})+(?:\.(?:[A-Za-z0-9_]|{_PCT})+)*(?:\*|:[1-9]\d{{0,3}})?"
_TEMPLATE = (
    rf"(?:[^\x00-\x20\"%<>\\^`{{|}}\x7f]|{_PCT}"
    rf"|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
)

FORMATS: dict[str, Format] = {
    "date-time": Format("a date and time like 2030-01-31T12:00:00Z", _is_date_time),
    "date": Format("a date like 2030-01-31", _is_date),
    "time": Format("a time like 12:00:00Z", _is_time),
    "duration": Format("a duration like P1DT2H30M", _is_duration),
    "uuid": Format(
        "a UUID in 36 characters",
        _full(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),
    ),
    "ipv4": Format("an IPv4 address", _is_ipv4),
    "ipv6": Format("an IPv6 address", _is_ipv6),
    "byte": Format(
        "base64 text with padding",
        _full(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
    ),
    "email": Format("an email address", _is_email),
    "hostname": Format("a host name", _is_hostname),
    "uri": Format("a URI with its scheme", _URI),
    "uri-reference": Format("a URI or relative reference", _any(_URI, _RELATIVE)),
    "iri": Format("an IRI with its scheme", _IRI),
    "iri-reference": Format("an IRI or relative reference", _any(_IRI, _IRI_RELATIVE)),
    "uri-template": Format("a URI template", _full(_TEMPLATE)),
    "json-pointer": Format("a JSON pointer", _full(r"(?:/(?:[^~/]|~[01])*)*", re.DOTALL)),
    "relative-json-pointer": Format(
        "a relative JSON pointer", _full(r"(?:0|[1-9]\d*)(?:#|(?:/(?:[^~/]|~[01])*)*)", re.DOTALL)
    ),
    "regex": Format("a regular expression", _is_regex),
}
