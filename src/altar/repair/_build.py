"""Valid JSON text becomes a value: in pieces cut anywhere, or whole at any depth."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.repair._changes import (
    APPEND,
    CLOSE,
    DEEPEST,
    OPEN,
    SET,
    Event,
    Told,
    events_of,
    replay,
)
from altar.repair._deep import deep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from altar.repair._build_hook import Hook, Kind
__all__ = ["Builder", "build"]

# White space, commas and colons are skipped: the text is valid, and whether a string is a name
# follows from where it stands. Every quantifier is possessive, so nothing is tried twice. The
# limit on digits is the least that sys.set_int_max_str_digits() allows: int() takes them all.
_TOKENS = re.compile(
    r"""[ \t\n\r,:]*+(?:"([^"\\]*+)"                            # 1 string without escapes
        |(-?[0-9]{1,640}+)(?=[ \t\n\r,\]}])                     # 2 integer, 3 number
        |(-?[0-9]++(?:\.[0-9]++(?:[eE][-+]?[0-9]++)?+|[eE][-+]?[0-9]++))(?=[ \t\n\r,\]}])  # 3
        |(true|false|null)                                      # 4 word
        |([\[{])|([\]}])                                        # 5 opener, 6 closer
        |(\Z)|(.))                                              # 7 end, 8 anything else
    """,
    re.VERBOSE | re.DOTALL,
).finditer
_LAST_LEAF, _OPENER, _CLOSER, _END = 4, 5, 6, 7

# The inside of a string up to its quote, its end, or an escape of which more must come. The
# first half of a surrogate pair waits until it is plain whether the second follows.
_BODY = re.compile(
    r"""(?:[^"\\]++|\\["\\/bfnrt]
        |\\u(?:(?![dD][89abAB])[0-9a-fA-F]{4}
              |[dD][89abAB][0-9a-fA-F]{2}(?=[^\\]|\\[^u]|\\u[0-9a-fA-F]{4})))*+
    """,
    re.VERBOSE,
).match
_LONGEST_ESCAPE = 11  # one short of a pair: backslash, u and four digits, twice
_NUMBER = re.compile(r"[-+.eE0-9]*+").match
_NUMBER_STARTS = frozenset("-0123456789")
_WORDS = {"true": True, "false": False, "null": None}

_DECODER = json.JSONDecoder(strict=False)
_DECODE = _DECODER.raw_decode
_WORTH_DECODING = 96  # characters left in a piece; below, a failed attempt costs more than it saves
_ATTEMPTS = 8  # failed ones per piece: each may have read all that is left of it

_FREE, _NAME, _SHOWN, _HELD, _DIGITS = range(5)  # between tokens, or inside which kind of one


class Builder:
    """Reads one valid JSON text, fed in pieces cut anywhere, and keeps the value so far.

    ``value`` is one tree that grows in place: strings as far as they go, the
    rest when it is whole. None before there is one. The work is linear in the
    text, at any depth. Text that is no JSON raises ValueError, sooner or later.
    ``huge`` lists (start, end) in the fed text of the integers too long for
    ``int()`` (sys.set_int_max_str_digits); they stay strings.
    """

    __slots__ = (
        *(
            "_add",
            "_attempts",
            "_carry",
            "_depth",
            "_fed",
            "_held",
            "_holder",
            "_hook",
            "_key",
            "_log",
        ),
        *("_mode", "_parts", "_path", "_stack", "_start", "_steps", "_top", "_watched", "huge"),
    )

    def __init__(self, hook: Hook | None = None) -> None:
        self.huge: list[tuple[int, int]] = []
        self._hook = hook
        self._log: list[Event] | None = None  # None until somebody asks for changes
        self._watched = hook is not None  # by a hook or a log, and not inside what is held
        self._holder: list[Any] = []  # of the root
        self._top: Any = self._holder
        self._add: Callable[[Any], None] | None = self._holder.append  # None: top is an object
        self._key: str | None = ""  # the name of the member being read; None: a name comes next
        self._stack: list[Any] = []  # the containers around top
        self._steps: list[str | int] = []  # where each of them stands in the one before
        self._path: list[str | int] = []  # the outer steps at the last call of changes()
        self._depth = 0  # the number of all of them
        self._held = 0  # the depth of the container that is not shown yet
        self._mode = _FREE
        self._parts: list[str] = []  # of a name, of a number, of a string that is not shown yet
        self._carry = ""  # the start of an escape or word
        self._attempts = 0
        self._fed = 0  # characters before the piece at hand
        self._start = 0  # of the number at hand

    @property
    def value(self) -> Any:
        """The value so far; None before there is one."""
        return self._holder[0] if self._holder else None

    @property
    def has_value(self) -> bool:
        """Whether there is a value, null too."""
        return bool(self._holder)

    def feed(self, text: str) -> None:
        """Read the next piece."""
        if self._carry:
            self._fed -= len(self._carry)
            text, self._carry = self._carry + text, ""
        end = len(text)
        self._attempts = _ATTEMPTS
        pos = 0
        if self._mode:
            pos = self._number(text, 0) if self._mode == _DIGITS else self._string(text, 0)
        while pos < end:
            pos = self._read(text, pos)
        self._fed += end

    def close(self) -> None:
        """Say that the text is whole: a number at its end counts."""
        if self._mode == _DIGITS:
            self._end_number()
        if self._mode or self._carry or self._stack or len(self._holder) != 1:
            raise ValueError(f"the JSON text is not whole at character {self._fed}")

    def changes(self) -> Iterator[Told]:
        """What changed since the last call; the first call yields all there is.

        Yields (path, ("set", value)) for a value that is new or replaced, where
        objects and arrays are new as empty ones, and (path, ("append", text)) for
        a string that grew. A path is the names and indexes from the root. What
        lies deeper than 256 levels is set whole, when it is whole.
        """
        if self._log is None:
            self._watched = not self._held
            events = events_of(0, self._holder[0]) if self._holder else []
        else:
            events = self._log
        self._log = []
        told = replay(events, self._path, self._depth)
        self._depth = self._held - 1 if self._held else len(self._steps)
        self._path = self._steps[: min(self._depth, DEEPEST)]
        return told

    def _read(self, text: str, pos: int) -> int:
        """Whole tokens, as fast as they can be told apart; returns where to go on."""
        top, key, add, watched = self._top, self._key, self._add, self._watched
        for token in _TOKENS(text, pos):
            kind = token.lastindex or 0
            if kind > _LAST_LEAF:
                self._key = key
                goes_on = self._turn(token, kind)
                if goes_on:
                    return goes_on
                top, key, add, watched = self._top, self._key, self._add, self._watched
                continue
            value: Any = token[kind]
            if key is None:
                key = self._name(value) if watched else value
                continue
            if kind > 1:
                value = _LEAVES[kind](value)
            if watched:
                value = self._leaf(len(top) if add else key, value)
            if add:
                add(value)
            else:
                top[key] = value
                key = None
        raise AssertionError("the end is a token")

    def _turn(self, token: re.Match[str], kind: int) -> int:
        """What is no whole leaf; returns where to go on, or 0: right after it."""
        if kind == _CLOSER:
            self._shut()
            return 0
        if kind == _OPENER:
            return self._open(token.string, token.start(kind))
        if kind == _END:
            return len(token.string)
        text, pos = token.string, token.start(kind)
        if text[pos] == '"':
            return self._begin_string(text, pos + 1)
        if text[pos] in _NUMBER_STARTS:
            self._mode, self._parts, self._start = _DIGITS, [], self._fed + pos
            return self._number(text, pos)
        self._carry = text[pos:]
        if not any(word.startswith(self._carry) for word in _WORDS):
            raise ValueError(f"no JSON at character {self._fed + pos}")
        return len(text)

    def _open(self, text: str, pos: int) -> int:
        watched = self._watched
        if not watched and self._attempts and len(text) - pos > _WORTH_DECODING:
            try:
                value, end = _DECODE(text, pos)
            except (ValueError, RecursionError):  # cut, too deep, or a huge integer
                self._attempts -= 1
            else:
                self._put(value)
                return end
        opener = text[pos]
        inner: Any = {} if opener == "{" else []
        step = self._step()
        self._stack.append(self._top)
        self._steps.append(step)
        if watched and self._hook and not self._hook.opens(step, _kind_of(opener)):
            self._held = len(self._steps)
            self._watched = False
        else:
            if watched and self._log is not None:
                self._log.append((OPEN, step, opener))
            if self._add:
                self._add(inner)
            else:
                self._top[step] = inner
        self._enter(inner)
        return 0

    def _shut(self) -> None:
        if not self._stack:
            raise ValueError(f"a closer too many before character {self._fed}")
        whole = self._top
        step = self._steps.pop()
        self._enter(self._stack.pop())
        if self._watched:
            if self._hook:
                self._hook.closes()
            if self._log is not None:
                self._log.append((CLOSE, step, whole))
        elif self._held > len(self._steps):
            self._held = 0
            self._watched = True
            if not self._add:
                self._key = str(step)
            self._put(whole)

    def _enter(self, container: Any) -> None:
        self._top = container
        if container.__class__ is list:
            self._add, self._key = container.append, ""
        else:
            self._add = self._key = None

    def _step(self) -> str | int:
        return len(self._top) if self._add else self._key or ""

    def _name(self, name: str) -> str:
        return self._hook.name(name) if self._hook else name

    def _leaf(self, step: str | int, value: Any) -> Any:
        """What is shown for a whole value that stands at ``step``, noted when somebody asks."""
        if self._hook:
            value = self._hook.leaf(step, value)
        if self._log is not None:
            self._log += events_of(step, value)
        return value

    def _put(self, value: Any) -> None:
        """A whole value where the next one belongs, or the name of one."""
        if self._add:
            self._add(self._leaf(len(self._top), value) if self._watched else value)
        elif self._key is None:
            self._key = self._name(value) if self._watched else value
        else:
            self._top[self._key] = self._leaf(self._key, value) if self._watched else value
            self._key = None

    def _begin_string(self, text: str, pos: int) -> int:
        part, end = self._part(text, pos)
        if end:
            self._put(part)
            return end
        if self._key is None:
            self._mode, self._parts = _NAME, [part]
            return len(text)
        step = self._step()
        if self._watched and self._hook and not self._hook.opens(step, "string"):
            self._mode, self._parts = _HELD, [part]
            return len(text)
        self._mode = _SHOWN
        if self._watched and self._log is not None:
            self._log.append((SET, step, part))
        if self._add:
            self._add(part)
        else:
            self._top[step] = part
        return len(text)

    def _string(self, text: str, pos: int) -> int:
        """Go on inside a string."""
        part, end = self._part(text, pos)
        if self._mode != _SHOWN:
            self._parts.append(part)
            if end:
                self._mode = _FREE
                self._put("".join(self._parts))
            return end or len(text)
        at = -1 if self._add else self._key
        top = self._top
        # The string grows in place only while nothing else holds it, the tree neither.
        grown: str = top[at]
        top[at] = None
        grown += part
        top[at] = grown
        if part and self._watched and self._log is not None:
            self._log.append((APPEND, len(top) - 1 if self._add else at or "", part))
        if end:
            self._end_string(grown)
        return end or len(text)

    def _end_string(self, text: str) -> None:
        self._mode = _FREE
        if self._watched and self._hook:
            step = len(self._top) - 1 if self._add else self._key or ""
            value = self._hook.leaf(step, text)
            if value is not text:
                self._top[step] = value
                if self._log is not None:
                    self._log += events_of(step, value)
        if not self._add:
            self._key = None

    def _part(self, text: str, pos: int) -> tuple[str, int]:
        """The inside of a string as far as it goes, and the end of the string or 0."""
        found = _BODY(text, pos)
        end = found.end() if found else pos
        part = text[pos:end]
        if "\\" in part:
            part = _DECODE(f'"{part}"')[0]
        if text.startswith('"', end):
            return part, end + 1
        self._carry = text[end:]
        if len(self._carry) > _LONGEST_ESCAPE:
            raise ValueError(f"no JSON escape at character {self._fed + end}")
        return part, 0

    def _number(self, text: str, pos: int) -> int:
        """Go on inside a number."""
        found = _NUMBER(text, pos)
        end = found.end() if found else pos
        self._parts.append(text[pos:end])
        if end < len(text):
            self._end_number()
        return end

    def _end_number(self) -> None:
        number = "".join(self._parts)
        self._mode = _FREE
        self._parts = []
        if not number[-1:].isdigit():
            raise ValueError(f"no JSON number at character {self._start}")
        value: Any = number
        if not number.removeprefix("-").isdigit():
            value = float(number)
        else:
            try:
                value = int(number)
            except ValueError:
                self.huge.append((self._start, self._start + len(number)))
        self._put(value)


# By the group of a token; strings are as they stand.
_LEAVES: tuple[Callable[[str], Any], ...] = (str, str, int, float, _WORDS.__getitem__)


def _kind_of(opener: str) -> Kind:
    return "object" if opener == "{" else "array"


def build(text: str, *, huge: list[tuple[int, int]] | None = None) -> Any:
    """The value of a valid JSON text, at any depth.

    Integers too long for ``int()`` stay strings; their (start, end) are added to
    ``huge``. Text that is no JSON raises ValueError.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:  # a huge integer, or too deep for the C scanner
        if isinstance(error, RecursionError):
            with suppress(ValueError):
                return deep(text)
        builder = Builder()
        builder.feed(text)
        builder.close()
        if huge is not None:
            huge += builder.huge
        return builder.value
