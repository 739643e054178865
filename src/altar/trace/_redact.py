"""Redaction: what a span must not carry to a sink, and how much of a value it carries.

It happens where spans are drained, before any sink sees them: names and looks
of secrets, inside JSON texts too, the values of this process's secret
variables, and whatever the application's own function takes out. What it makes
is JSON, always.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from altar._secrets import SECRET, is_secret_variable, redacted, spellings
from altar.trace import _conventions as names

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.trace._span import Span

__all__ = ["Cleaner", "is_secret_key"]

_CONTENT = frozenset(
    {
        names.SYSTEM_INSTRUCTIONS,
        names.INPUT_MESSAGES,
        names.OUTPUT_MESSAGES,
        names.TOOL_ARGUMENTS,
        names.TOOL_RESULT,
    }
)
_NAMED = (  # how the name of a secret ends
    r"(?:passw(?:or)?d|passphrase|secret|credentials?|authorization|cookie|token|[-_.]pwd"
    r"|(?:api|access|private|secret|signing|encryption)[-_. ]?key)"
)
_SECRET_KEY = re.compile(rf"(?i)(?:{_NAMED}|^pwd)$")
# of language models, and of pages: "token" in another sense
_OTHER_TOKEN = re.compile(
    r"(?i)(?:page|next|sync|bos|eos|pad|unk|sep|mask|stop|first|last|per|cancellation)[-_ ]?token$"
)
# a field of JSON, however deep in texts of JSON: its quotes then have backslashes
_FIELD = re.compile(
    rf"(?is)({_NAMED}(\\*[\"'])\s*:\s*)(?!true|false|null)"
    r"(?:\2.*?(?:(?<!\\)\2|\Z)|\[[^\[\]{}]*(?:\]|\Z)|[^\s,{}\[\]\"'\\]+)"
)
_QUERY = r"(?i:(?P<query>[?&][\w-]{0,40}(?:key|token|secret|password|signature|sig)=)[^&\s\"'\\]+)"
_URL = r"(?P<url>\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"']{0,256}:)[^\s/@\"']{1,512}(?=@)"
_PEM = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)"
)
_JWT = r"\beyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?"
_BASIC = r"(?i:(?P<basic>\bbasic\s+))(?=[A-Za-z0-9+/]*[0-9=])[A-Za-z0-9+/]{12,}={0,2}"
_PREFIXED = (
    r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|npm_|pypi-|AKIA|ASIA|[sr]k_(?:live|test)_|whsec_|xapp-"
    r"|xox[a-z]-|sk-|AIza|ya29\.|SG\.|dop_v1_|shpat_|nvapi-|gsk_|r8_|pplx-)[\w.-]{10,}"
)
_LOOKS = re.compile(f"{_QUERY}|{_URL}|{_PEM}|{_JWT}|{_BASIC}|{_PREFIXED}")

_SHORTEST = 8  # characters of a text that may be a secret
_MEMO = 64  # characters of a text whose cleaning is remembered
_MOST_MEMOS = 4_096
_MARGIN = 4_096  # characters read past a cut: a secret that it would halve is found whole
_LONGEST_NAME = 256
_MOST_KEYS = 128
_MOST_EVENTS = 256
_DEEPEST = 32
_PLACES = frozenset({"datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid"})
_NUMBERS = 1 << 63


def is_secret_key(name: str) -> bool:
    """Whether an attribute of this name holds a secret, whatever its value looks like."""
    return _SECRET_KEY.search(name) is not None and _OTHER_TOKEN.search(name) is None


class Cleaner:
    """Cleans spans in their place; used by the drainer alone."""

    __slots__ = (
        "_environment",
        "_has_content",
        "_keys",
        "_known",
        "_max",
        "_redact",
        "_texts",
        "_warned",
    )

    def __init__(
        self,
        *,
        has_content: bool = True,
        redact: Callable[[str, Any], Any] | None = None,
        max_value: int = 65_536,
    ) -> None:
        self._has_content = has_content
        self._redact = redact
        self._max = max_value
        self._environment: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self._keys: dict[str, bool] = {}
        self._texts: dict[str, str] = {}
        self._warned = False

    def refresh(self) -> None:
        """Look at the process's variables again: a program may set one when it has begun."""
        try:
            values = frozenset(
                [
                    value.strip()
                    for name, value in os.environ.items()
                    if is_secret_variable(name, value.strip())
                ]
            )
        except RuntimeError:  # it is being changed; the next round looks again
            return
        if values != self._environment:
            self._environment = values
            longest_first = sorted(values, key=lambda value: (-len(value), value))
            pattern = "|".join(["".join(map(spellings, value)) for value in longest_first])
            # runs of backslashes are bounded, or a text of nothing else would take minutes
            pattern = pattern.replace(r"\\*", r"\\{0,15}").replace(r"\\+", r"\\{1,15}")
            self._known = re.compile(pattern) if values else None
            self._texts.clear()

    def clean(self, span: Span) -> None:
        """Make of a span what a sink may see. Never raises."""
        try:
            span.name = self._text(str(span.name), _LONGEST_NAME)
            if span.attributes is not None:
                span.attributes = self._mapping(span.attributes)
            if span.events is not None:
                span.events = self._events(span.events)
            if span.error is not None:
                kind, message = span.error
                if not self._has_content:
                    message = ""
                elif message:
                    message = self._attribute("exception.message", message)
                span.error = (self._text(str(kind), _LONGEST_NAME), message)
        except Exception as error:  # noqa: BLE001 - a value of the program's, with a fault of its own
            span.name = str(span.kind)
            span.attributes = {"altar.unreadable": type(error).__name__}
            span.events = None
            span.error = None if span.error is None else ("", "")

    def _events(
        self, events: list[tuple[str, int, Mapping[str, Any] | None]]
    ) -> list[tuple[str, int, Mapping[str, Any] | None]]:
        found = events[: _MOST_EVENTS + 1]
        clean: list[tuple[str, int, Mapping[str, Any] | None]] = [
            (
                self._text(str(name), _LONGEST_NAME),
                time,
                None if attributes is None else self._mapping(attributes),
            )
            for name, time, attributes in found[:_MOST_EVENTS]
        ]
        if len(found) > _MOST_EVENTS:
            cut = len(events) - _MOST_EVENTS
            clean.append(("cut", found[-1][1], {"altar.cut": f"{cut:,} more events"}))
        return clean

    def _mapping(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        clean = {}
        items = list(attributes.items())  # one step: the program may add to it meanwhile
        for key, value in items[:_MOST_KEYS]:
            if self._has_content or key not in _CONTENT:
                name = key if type(key) is str and key in self._keys else self._key(key)
                clean[name] = self._attribute(name, value)
        if len(items) > _MOST_KEYS:
            clean["altar.cut"] = f"{len(items) - _MOST_KEYS:,} more attributes"
        return clean

    def _key(self, key: object) -> str:
        """A name that is JSON and short, and known as that of a secret or of none."""
        name = self._text(str(key), _LONGEST_NAME)
        if name not in self._keys:
            if len(self._keys) >= _MOST_MEMOS:
                self._keys.clear()
            self._keys[name] = is_secret_key(name)
        return name

    def _attribute(self, name: str, value: Any) -> Any:
        if self._redact is not None:
            try:
                value = self._redact(name, value)
            except Exception as error:  # noqa: BLE001 - the application's own function
                self._warn(error)
                return SECRET
        kind = type(value)
        if value is None or kind is bool:
            return value
        if self._keys.get(name):
            return SECRET
        if kind is str:
            return self._text(value, self._max)
        try:
            return self._value(value, [self._max], 0)
        except Exception:  # noqa: BLE001 - as above
            return f"<unreadable: {kind.__name__}>"

    def _warn(self, error: BaseException) -> None:
        if not self._warned:
            self._warned = True
            logging.getLogger("altar").warning(
                "trace: redact= failed (%s); values it fails on are not written",
                type(error).__name__,
            )

    def _value(self, value: Any, room: list[int], depth: int) -> Any:
        """JSON of any value; ``room`` is what is left of the bytes of its attribute."""
        room[0] -= 8
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            text = self._text(str.__str__(value), max(room[0], 0))
            room[0] -= len(text)
            return text
        if isinstance(value, int):
            number = int.__add__(value, 0)
            if -_NUMBERS <= number < 2 * _NUMBERS:
                return number
            bits = number.bit_length()
            return str(number) if bits < 2_048 else f"<a whole number of {bits:,} bits>"
        if isinstance(value, float):
            number_ = float.__add__(value, 0.0)
            return number_ if number_ - number_ == 0 else str(number_)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value):,} bytes>"
        if isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return self._container(value, room, depth + 1)
        if hasattr(type(value), "__members__"):  # an Enum
            return self._value(value.value, room, depth + 1)
        if type(value).__module__.split(".")[0] in _PLACES:
            return self._text(str(value), max(room[0], 0))
        return f"<{type(value).__qualname__}>"

    def _container(self, value: Any, room: list[int], depth: int) -> Any:
        if depth > _DEEPEST:
            return "..."
        if isinstance(value, Mapping):
            items = list(value.items())
            clean: dict[str, Any] = {}
            for count, (key, item) in enumerate(items):
                if room[0] <= 0:
                    clean["..."] = f"[{len(items) - count:,} more cut]"
                    break
                name = self._key(key)
                room[0] -= len(name)
                is_plain = item is None or isinstance(item, bool)
                is_secret = self._keys[name] and not is_plain
                clean[name] = SECRET if is_secret else self._value(item, room, depth)
            return clean
        found = []
        many = list(value)
        for count, item in enumerate(many):
            if room[0] <= 0:
                found.append(f"... [{len(many) - count:,} more cut]")
                break
            found.append(self._value(item, room, depth))
        return found

    def _text(self, text: str, room: int) -> str:
        """A text without secrets, of so many bytes at most and a note of what was cut."""
        is_short = len(text) <= _MEMO
        if is_short:
            known = self._texts.get(text)
            if known is not None:
                return known
        clean = text if len(text) <= room + _MARGIN else text[: room + _MARGIN]
        if not clean.isascii():  # halves of surrogate pairs are no text; whole pairs are
            clean = clean.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if len(clean) >= _SHORTEST:
            clean = self._without_secrets(clean)
        clean = _cut(clean, text, room)
        if is_short and len(clean) <= 2 * _MEMO:
            if len(self._texts) >= _MOST_MEMOS:
                self._texts.clear()
            if room > _MEMO:  # else it may be cut here, and whole elsewhere
                self._texts[text] = clean
        return clean

    def _without_secrets(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(SECRET, text)
        if '"' in text or "'" in text:
            text = _FIELD.sub(_field, text)
        return redacted(_LOOKS.sub(_mark, text))


def _mark(found: re.Match[str]) -> str:
    return f"{found['query'] or found['url'] or found['basic'] or ''}{SECRET}"


def _field(found: re.Match[str]) -> str:
    name_end = found.start(2)
    if _OTHER_TOKEN.search(found.string, max(0, name_end - 24), name_end):
        return found[0]
    return f"{found[1]}{found[2]}{SECRET}{found[2]}"


def _cut(clean: str, text: str, room: int) -> str:
    """At most ``room`` bytes of ``clean``, and how many of ``text`` are missing."""
    was_read = len(text) <= room + _MARGIN
    if was_read and len(clean) * 3 <= room:
        return clean
    data = clean.encode()
    return clean if was_read and len(data) <= room else _noted(data, text, room)


def _noted(data: bytes, text: str, room: int) -> str:
    kept = data[:room].decode("utf-8", "ignore")
    whole = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return f"{kept}... [{max(whole - room, 1):,} bytes cut]"
