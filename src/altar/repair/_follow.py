"""Follows strict JSON as it comes, and says how far it is that."""

from __future__ import annotations

import re

from altar.repair._sound import sound

__all__ = ["Follower"]

_WHITE = r"[ \t\n\r]*+"
_INNER = r'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+'
_STRING = rf'"{_INNER}"'
_SCALAR = r"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?|true|false|null)"
# Beside a comma, a digit makes one number of two: 1,234. In an array there is no telling.
_VALUES = {
    kind: re.compile(rf'{_WHITE}(?:([{{\[])|(")|{_SCALAR}(?={_WHITE}(?:[}}\]]|,{after})))').match
    for kind, after in (("{", r"[^0-9]"), ("[", ""))
}
_NAME = re.compile(rf"{_WHITE}{_STRING}{_WHITE}:").match
_INSIDE = re.compile(_INNER).match
# A comma that begins a line may stand behind a closer that was lost: the scanner decides.
_AFTER = re.compile(rf"(?:[ \t]*+(?=,)|{_WHITE}(?=[}}\]]))([,}}\]])").match
_EMPTY = re.compile(rf"{_WHITE}[}}\]]").match


_WORTH_DECODING, _ATTEMPTS = 512, 8

# What may stand between ``pos`` and the end of the text while a token is not whole, by mode.
_CUT_ESCAPE = r"\\(?:u[0-9a-fA-F]{0,3})?"
_PENDING = tuple(
    re.compile(rf"(?:{part})?+\Z").match
    for part in (
        rf"{_WHITE}(?:[-+.0-9eE]++|t(?:rue?|r)?|f(?:alse?|als?|a)?|n(?:ull?|u)?)?{_WHITE},?",
        rf'{_WHITE}(?:"{_INNER}(?:{_CUT_ESCAPE}|"{_WHITE})?)?',
        _CUT_ESCAPE,
        _WHITE,
    )
)

_SIGNS = "\"',;:+/)}] \t"
_SIGNS_LOOKED_AT = 64

# A token that is not whole after so many characters is taken for damage.
_LONGEST = 4096

_VALUE, _KEY, _STRING_OPEN, _DONE_VALUE = range(4)


class Follower:
    """Reads from ``pos`` on; ``pos`` is how far the text is strict JSON.

    ``is_done``: the value is whole. ``is_lost``: what follows ``pos`` is no
    JSON. Otherwise more text is needed, and ``run()`` goes on.
    """

    __slots__ = (
        "_attempts",
        "_is_first",
        "_mode",
        "_opener",
        "_stack",
        "is_done",
        "is_lost",
        "pos",
    )

    def __init__(self, pos: int) -> None:
        self.pos = pos
        self.is_done = self.is_lost = False
        self._mode = _VALUE
        self._is_first = False  # an opener stands right before
        self._stack: list[str] = []
        self._opener = pos  # the latest opening bracket, or the latest string's first character
        self._attempts = 0

    def run(self, text: str) -> None:
        """Go on in ``text``, of which all that was read before is a beginning."""
        if self.is_done or self.is_lost:
            return
        steps = (self._value, self._key, self._string, self._after)
        self._attempts = _ATTEMPTS
        while steps[self._mode](text):
            pass
        if not self.is_done:
            far = len(text) - self.pos > _LONGEST
            self.is_lost = far or not _PENDING[self._mode](text, self.pos)

    def sure(self, text: str) -> int:
        """How far other readings would agree, should the rest be damaged.

        A brace may be that of a set, and signs at the end of a string may
        stand behind a quote that is missing.
        """
        if self._is_first and self._mode == _KEY:
            return self._opener
        if self._mode == _STRING_OPEN or text[self.pos - 1] == '"':
            tail = text[max(self._opener, self.pos - _SIGNS_LOOKED_AT) : self.pos]
            return self.pos - len(tail) + len(tail.rstrip(_SIGNS))
        return self.pos

    def doubtful(self, text: str) -> int:
        """From where on escapes that seemed sound may be none, now that one at ``pos`` is not; -1.

        Two backslashes are one, unless none of the string was ever escaped.
        """
        if self._mode == _STRING_OPEN and text.startswith("\\", self.pos):
            return self._opener if text.find("\\", self._opener, self.pos) >= 0 else -1
        return -1

    def _value(self, text: str) -> bool:
        """The beginning of a value; False where the text does not show it."""
        if self._is_first and self._closes(text):
            return not self.is_done
        found = _VALUES[self._stack[-1] if self._stack else "["](text, self.pos)
        if found is None:
            return False
        self._is_first = False
        kind = found.lastindex
        self.pos = found.end()
        self._mode = _DONE_VALUE
        if kind == 1:
            if self._passes(text, found.start(1)):
                return not self.is_done
            self._stack.append(found[1])
            self._opener = found.start(1)
            self._is_first = True
            self._mode = _KEY if found[1] == "{" else _VALUE
        elif kind:
            self._mode = _STRING_OPEN
            self._opener = self.pos
        return True

    def _passes(self, text: str, at: int) -> bool:
        """Whether an object or array is whole already, as the C scanner finds quickly."""
        if not self._attempts or len(text) - at < _WORTH_DECODING:
            return False
        try:
            _, self.pos = sound(text, at)
        except (StopIteration, ValueError, RecursionError):
            self._attempts -= 1
            return False
        self.is_done = not self._stack
        return True

    def _key(self, text: str) -> bool:
        if self._is_first and self._closes(text):
            return not self.is_done
        found = _NAME(text, self.pos)
        if found is None:
            return False
        self._is_first = False
        self.pos = found.end()
        self._mode = _VALUE
        return True

    def _string(self, text: str) -> bool:
        found = _INSIDE(text, self.pos)
        if found:
            self.pos = found.end()
        if not text.startswith('"', self.pos):
            return False
        self.pos += 1
        self._mode = _DONE_VALUE
        return True

    def _after(self, text: str) -> bool:
        found = _AFTER(text, self.pos)
        if found is None:
            return False
        sign = found[1]
        if sign == ",":
            self._mode = _KEY if self._stack[-1] == "{" else _VALUE
            self.pos = found.end()
            return True
        return self._close(sign, found.end()) and not self.is_done

    def _closes(self, text: str) -> bool:
        found = _EMPTY(text, self.pos)
        return found is not None and self._close(text[found.end() - 1], found.end())

    def _close(self, closer: str, end: int) -> bool:
        if (closer == "}") != (self._stack[-1] == "{"):
            return False
        self._stack.pop()
        self.pos = end
        self._is_first = False
        self._mode = _DONE_VALUE
        self.is_done = not self._stack
        return True
