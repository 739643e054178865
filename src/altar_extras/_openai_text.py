"""Rewriter: undoes strict JSON text while it streams, the same for every way it is cut."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar_extras._openai_undo import Undo

__all__ = ["Rewriter"]

_PLAIN = re.compile(r'[^"\\]+')
_SPACE = " \t\r\n"
_NULL = "null"


class _Frame:
    """An object or an array that is open: what is undone in it, and how far it has come."""

    __slots__ = ("is_object", "kept", "key", "undo", "wrapper")

    def __init__(self, is_object: bool, undo: Undo | None, wrapper: bool = False) -> None:
        self.is_object = is_object
        self.undo = undo
        self.wrapper = wrapper
        self.key = ""
        self.kept = 0  # members that were let through


class Rewriter:
    """Takes JSON text in pieces and hands on what may be shown of it.

    Members that ``undo`` drops are left out with their comma, and of a
    ``wrapped`` text only the value under "value" is handed on; all other
    characters are the model's own, spaces included. A member is held back
    until its value shows that it is not null. Text that turns out to be no
    JSON, a refusal in plain words, passes as it is.
    """

    def __init__(self, undo: Undo | None, *, wrapped: bool = False) -> None:
        self._undo = undo
        self._wrapped = wrapped
        self._frames: list[_Frame] = []
        self._mode: Callable[[str], None] = self._value
        self._out: list[str] = []
        self._held: list[str] | None = None  # a member's comma, name and colon
        self._word: list[str] = []  # a name, or a null that is not whole yet
        self._escaped = False

    def feed(self, text: str) -> str:
        """What ``text`` adds to the rewritten text."""
        at, end = 0, len(text)
        while at < end:
            if self._mode == self._string or self._mode == self._name:
                run = None if self._escaped else _PLAIN.match(text, at)
                if run is not None:
                    self._say(run[0])
                    at = run.end()
                    continue
            self._mode(text[at])
            at += 1
        out, self._out = "".join(self._out), []
        return out

    def end(self) -> str:
        """What was held back when the text ended early."""
        self._give_up("")
        out, self._out = "".join(self._out), []
        return out

    # -- one character, by what is expected ------------------------------------------------

    def _value(self, char: str) -> None:
        frame = self._frames[-1] if self._frames else None
        if char in _SPACE:
            self._say(char)
        elif char == "n" and frame is not None and self._may_drop(frame):
            self._word = [char]
            self._mode = self._null
        elif char == "]" and frame is not None and not frame.is_object:
            self._close(char)
        elif frame is None and self._wrapped and char != "{":
            self._give_up(char)
        elif self._keep():
            self._open(char)
        else:
            self._give_up(char)

    def _open(self, char: str) -> None:
        """The first character of a value."""
        if char in "{[":
            wrapper = self._wrapped and not self._frames
            frame = _Frame(char == "{", self._undo if not self._frames else self._inner(), wrapper)
            if wrapper:
                self._held = [char]
            else:
                self._out.append(char)
            self._frames.append(frame)
            self._mode = self._member if frame.is_object else self._value
        else:
            self._out.append(char)
            self._mode = self._string if char == '"' else self._scalar

    def _member(self, char: str) -> None:
        if char == '"':
            self._hold(char)
            self._word = []
            self._mode = self._name
        elif char in _SPACE:
            self._hold(char)
        elif char == "}" and not self._frames[-1].wrapper:
            self._release()
            self._close(char)
        else:
            self._give_up(char)

    def _name(self, char: str) -> None:
        self._say(char)
        if self._ends(char):
            self._frames[-1].key = _read_name("".join(self._word[:-1]))
            self._mode = self._colon

    def _colon(self, char: str) -> None:
        if char not in f":{_SPACE}":
            self._give_up(char)
            return
        self._hold(char)
        if char == ":":
            self._mode = self._value

    def _string(self, char: str) -> None:
        self._say(char)
        if self._ends(char):
            self._mode = self._after

    def _scalar(self, char: str) -> None:
        if char in ",]}" or char in _SPACE:
            self._mode = self._after
            self._after(char)
        else:
            self._out.append(char)

    def _null(self, char: str) -> None:
        self._word.append(char)
        word = "".join(self._word)
        if word == _NULL:
            self._held = None
            self._mode = self._after
        elif not _NULL.startswith(word):
            self._keep()
            self._out.append(word)
            self._mode = self._scalar

    def _after(self, char: str) -> None:
        """Behind a value."""
        frame = self._frames[-1] if self._frames else None
        if char in _SPACE:
            self._out.append(char)
        elif frame is None or (frame.wrapper and char == ","):
            self._give_up(char)
        elif char == ("}" if frame.is_object else "]"):
            self._close(char)
        elif char != ",":
            self._give_up(char)
        elif frame.is_object:
            self._held = [char]
            self._mode = self._member
        else:
            self._out.append(char)
            self._mode = self._value

    def _pass(self, char: str) -> None:
        self._out.append(char)

    # -- what they share -------------------------------------------------------------------

    def _may_drop(self, frame: _Frame) -> bool:
        undo = frame.undo
        return frame.is_object and undo is not None and frame.key in undo.drops

    def _inner(self) -> Undo | None:
        frame = self._frames[-1]
        if frame.undo is None:
            return None
        return frame.undo.inner.get(frame.key) if frame.is_object else frame.undo.items

    def _ends(self, char: str) -> bool:
        """Whether a character of a text is the quote that ends it."""
        if self._escaped:
            self._escaped = False
            return False
        self._escaped = char == "\\"
        return char == '"'

    def _say(self, text: str) -> None:
        if self._mode == self._name:
            self._word.append(text)
        (self._out if self._held is None else self._held).append(text)

    def _hold(self, char: str) -> None:
        if self._held is None:
            self._held = []
        self._held.append(char)

    def _keep(self) -> bool:
        """Let through the value that begins, with its comma and name; False where it may not be."""
        frame = self._frames[-1] if self._frames else None
        if frame is None or not frame.is_object or self._held is None:
            return True
        if frame.wrapper:
            if frame.key != "value":
                return False
            self._held = None
        elif not frame.kept and self._held[0] == ",":
            del self._held[0]  # those before it were left out
        frame.kept += 1
        self._release()
        return True

    def _release(self) -> None:
        if self._held is not None:
            self._out += self._held
            self._held = None

    def _close(self, char: str) -> None:
        if not self._frames.pop().wrapper:
            self._out.append(char)
        self._mode = self._after

    def _give_up(self, char: str) -> None:
        self._release()
        if self._mode == self._null:
            self._out += self._word
        self._out.append(char)
        self._mode = self._pass


def _read_name(text: str) -> str:
    try:
        name: Any = json.loads(f'"{text}"')
    except ValueError:
        return text
    return str(name)
