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
from typing import TYPE_CHECKING, Any, get_args

from altar._secrets import SECRET, is_secret_variable, spellings
from altar.trace import _conventions as names
from altar.trace._looks import is_named, is_secret_key, without_looks
from altar.trace._plain import number_of, read_json, write_json
from altar.trace._span import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from altar.trace._span import Span

__all__ = ["Cleaner"]

_CONTENT = frozenset(
    {
        names.SYSTEM_INSTRUCTIONS,
        names.INPUT_MESSAGES,
        names.OUTPUT_MESSAGES,
        names.TOOL_ARGUMENTS,
        names.TOOL_RESULT,
    }
)
_OWN = ("gen_ai.", "altar.")  # how our own names begin
# the fields of messages and parts, which the convention names
_OWN_FIELDS = frozenset(
    """arguments content file_id finish_reason id mime_type modality name parts response role size
    type uri""".split()  # noqa: SIM905
)
_KINDS = get_args(Kind)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_JSON_BEGINS = frozenset('{["')
_MOST_PARSED = 1 << 20  # characters of a text that is read as JSON

_SHORTEST = 8  # characters of a text that may be a secret
_MEMO = 64  # characters of a text whose cleaning is remembered
_MOST_MEMOS = 4_096
_MARGIN = 4_096  # characters read past a cut: a secret that it would halve is found whole
_LONGEST_NAME = 256
_MOST_KEYS = 128
_MOST_EVENTS = 256
_DEEPEST = 32
_PLACES = frozenset({"datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid"})


class Cleaner:
    """Cleans spans in their place; used by the drainer alone.

    ``redact(key, value)`` is the application's: see :class:`Tracer`.
    """

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
            span.name = self._word("span.name", span.name)
            if span.kind not in _KINDS:
                span.kind = "custom"
            if span.attributes:
                span.attributes = self._mapping(span.attributes)
            if span.events:
                span.events = self._events(span.events)
            if span.error is not None:
                kind, message = span.error
                if not self._has_content:
                    message = ""
                elif message:
                    message = self._attribute("exception.message", message)
                    message = message if type(message) is str else SECRET
                span.error = (self._word("exception.type", kind), message)
            span.thread = self._word("thread.name", span.thread)
        except BaseException as error:  # noqa: BLE001 - a value of the program's, or its function
            span.name = span.kind if span.kind in _KINDS else "custom"
            span.attributes = {"altar.unreadable": type(error).__name__}
            span.events = ()
            span.error = None if span.error is None else ("", "")
            span.thread = "?"

    def _events(
        self, events: Sequence[tuple[str, int, Mapping[str, Any] | None]]
    ) -> list[tuple[str, int, Mapping[str, Any] | None]]:
        found = events[: _MOST_EVENTS + 1]
        clean = [self._event(*one) for one in found[:_MOST_EVENTS]]
        if len(found) > _MOST_EVENTS:
            cut = len(events) - _MOST_EVENTS
            clean.append(("cut", found[-1][1], {"altar.cut": f"{cut:,} more events"}))
        return clean

    def _event(
        self, name: object, time: int, attributes: Mapping[str, Any] | None
    ) -> tuple[str, int, Mapping[str, Any] | None]:
        try:
            told = self._mapping(attributes) if attributes else None
            return self._word("event.name", name), time, told
        except Exception as error:  # noqa: BLE001 - what the program gave; the others are whole
            return "event", time, {"altar.unreadable": type(error).__name__}

    def _mapping(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        clean: dict[str, Any] = {}
        items = list(attributes.items())  # one step: the program may add to it meanwhile
        is_plain = self._redact is None
        for key, value in items[:_MOST_KEYS]:
            if self._has_content or key not in _CONTENT:
                is_known = is_plain and type(key) is str and key in self._keys
                name = key if is_known else self._key(key, clean)
                clean[name] = self._attribute(name, value)
        if len(items) > _MOST_KEYS:
            clean["altar.cut"] = f"{len(items) - _MOST_KEYS:,} more attributes"
        return clean

    def _key(self, key: object, taken: Mapping[str, Any]) -> str:
        """A name that is JSON and short, and known as that of a secret or of none."""
        text = name = str(key)
        if self._redact is not None and not (text.startswith(_OWN) or text in _OWN_FIELDS):
            name = self._word("attribute.name", text)
            while name in taken and name != text:  # two names became one
                name += "'"
        else:
            name = self._text(text, _LONGEST_NAME)
        if name not in self._keys:
            if len(self._keys) >= _MOST_MEMOS:
                self._keys.clear()
            self._keys[name] = is_secret_key(name) or is_secret_key(text)
        return name

    def _word(self, key: str, given: object) -> str:
        """A name of something, as the application wants it seen."""
        text = given if type(given) is str else str(given)
        if self._redact is not None and text:
            found = self._ask(key, text)
            text = found if type(found) is str else SECRET
        return self._text(text, _LONGEST_NAME)

    def _ask(self, key: str, value: Any) -> Any:
        """What the application's function makes of a value; hidden where it fails."""
        try:
            return None if self._redact is None else self._redact(key, value)
        except BaseException as error:  # noqa: BLE001 - and SystemExit, in a thread of ours
            if not self._warned:
                self._warned = True
                logging.getLogger("altar").warning(
                    "trace: redact= failed (%s); values it fails on are not written",
                    type(error).__name__,
                )
            return SECRET

    def _attribute(self, name: str, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if self._keys.get(name):
            return SECRET
        try:
            if kind is str:
                return self._string(name, value, self._max, 0)
            return self._value(name, value, [self._max], 0)
        except Exception:  # noqa: BLE001 - an object of the program's, with a fault of its own
            return f"<unreadable: {kind.__name__}>"

    def _string(self, key: str, text: str, room: int, depth: int) -> Any:
        if self._redact is None:
            return self._text(text, room, key, depth)
        seen = text
        if "\\u" in text and read_json(text) is None:  # JSON that is broken
            seen = _ESCAPED.sub(lambda one: chr(int(one[1], 16)), text)
        found = self._ask(key, seen)
        if found == seen:
            found = text
        if type(found) is str:
            return self._text(found, room, key, depth)
        return self._given(key, found, room, depth)

    def _given(self, key: str, found: Any, room: int, depth: int) -> Any:
        """What the application's function gave, which is not asked of it again."""
        redact, self._redact = self._redact, None
        try:
            return self._value(key, found, [room], depth + 1)
        finally:
            self._redact = redact

    def _value(self, key: str, value: Any, room: list[int], depth: int) -> Any:
        """JSON of any value; ``room`` is what is left of the bytes of its attribute."""
        room[0] -= 8
        if value is None or value is True or value is False:
            return value
        if isinstance(value, str):
            text = self._string(key, str.__str__(value), max(room[0], 0), depth)
            room[0] -= len(text) if type(text) is str else 8
            return text
        if isinstance(value, (int, float)):
            return self._number(key, value, room, depth)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value):,} bytes>"
        if isinstance(value, Mapping):
            return self._object(value, room, depth + 1)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._array(key, value, room, depth + 1)
        if hasattr(type(value), "__members__"):  # an Enum
            return self._value(key, value.value, room, depth + 1)
        if type(value).__module__.split(".")[0] in _PLACES:
            return self._string(key, str(value), max(room[0], 0), depth)
        return f"<{type(value).__qualname__}>"

    def _number(self, key: str, value: float, room: list[int], depth: int) -> Any:
        if self._redact is None:
            return number_of(value)
        found = self._ask(key, value)
        if isinstance(found, (int, float)):
            return found if isinstance(found, bool) else number_of(found)
        return self._given(key, found, max(room[0], 0), depth)

    def _object(self, value: Mapping[Any, Any], room: list[int], depth: int) -> Any:
        if depth > _DEEPEST:
            return "..."
        items = list(value.items())
        clean: dict[str, Any] = {}
        named = value.get("name", value.get("key")) if "value" in value else None
        is_header = type(named) is str and is_secret_key(named)
        for count, (key, item) in enumerate(items):
            if room[0] <= 0:
                clean["..."] = f"[{len(items) - count:,} more cut]"
                break
            name = self._key(key, clean)
            room[0] -= len(name)
            is_plain = item is None or isinstance(item, bool)
            is_secret = (self._keys[name] or (is_header and key == "value")) and not is_plain
            clean[name] = SECRET if is_secret else self._value(name, item, room, depth)
        return clean

    def _array(self, key: str, value: Any, room: list[int], depth: int) -> Any:
        if depth > _DEEPEST:
            return "..."
        many = list(value)
        if len(many) == 2 and type(many[0]) is str and is_secret_key(many[0]):  # a header
            many[1] = SECRET
        found = []
        for count, item in enumerate(many):
            if room[0] <= 0:
                found.append(f"... [{len(many) - count:,} more cut]")
                break
            found.append(self._value(key, item, room, depth))
        return found

    def _text(self, text: str, room: int, key: str = "", depth: int = 0) -> str:
        """A text without secrets, of so many bytes at most and a note of what was cut."""
        is_short = len(text) <= _MEMO and self._redact is None
        if is_short:
            known = self._texts.get(text)
            if known is not None:
                return known
        whole = self._from_json(text, key, depth) if text[:1] in _JSON_BEGINS else None
        clean = self._window(text, room) if whole is None else whole
        clean = _cut(clean, text if whole is None else clean, room)
        if is_short and len(clean) <= 2 * _MEMO:
            if len(self._texts) >= _MOST_MEMOS:
                self._texts.clear()
            if room > _MEMO:  # else it may be cut here, and whole elsewhere
                self._texts[text] = clean
        return clean

    @classmethod
    def current(cls) -> Cleaner:
        """One that knows the process's variables as they are now."""
        made = cls()
        made.refresh()
        return made

    def shown(self, text: str, room: int) -> str:
        """The beginning of a text that is longer: so many characters at most, without secrets."""
        return self._window(text, room)[:room]

    def _window(self, text: str, room: int) -> str:
        """As much of a text as may be shown, without secrets: nor the half of one at its end."""
        is_whole = len(text) <= room + _MARGIN
        clean = text if is_whole else text[: room + _MARGIN]
        if not clean.isascii():  # halves of surrogate pairs are no text; whole pairs are
            clean = clean.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if len(clean) >= _SHORTEST:
            clean = without_looks(self._without_known(clean))
        return clean if is_whole else clean[: max(0, len(clean) - _MARGIN)]

    def _from_json(self, text: str, key: str, depth: int) -> str | None:
        """A text of JSON, cleaned as what it says; None where it is none, or need not be."""
        if len(text) < _SHORTEST or len(text) > _MOST_PARSED or depth >= _DEEPEST:
            return None
        if self._redact is None and not ("\\u" in text or is_named(text)):
            return None  # as a text it is as clean
        found = read_json(self._without_known(text))
        if found is None:
            return None
        clean = self._value(key, found, [1 << 40], depth + 1)
        if clean == found:
            return self._without_known(text)
        return self._without_known(write_json(clean))

    def _without_known(self, text: str) -> str:
        return text if self._known is None else self._known.sub(SECRET, text)


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
    return f"{kept}... [{max(whole - len(kept.encode()), 1):,} bytes cut]"
