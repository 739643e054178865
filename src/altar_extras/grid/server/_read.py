"""Read a NATS configuration file into plain values, as the server itself reads it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_config", "seconds_of", "size_of"]

_GAP = re.compile(r"(?:[\s,;]|#[^\n]*|//[^\n]*)*")  # between the things of a map or a list
_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)
_KEY = re.compile(r"[^\s,;{}\[\]:=#\"'(]+")
_WORD = re.compile(r"[^\s,;{}\[\]\"'(][^\s,;{}\[\]]*")
_BLOCK = re.compile(r"\((.*?)\n[ \t]*\)", re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", '"': '"', "\\": "\\"}
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_SIZE = re.compile(r"(-?\d{1,18})([kmgtpe]?)(i?b?|)", re.IGNORECASE)
_POWERS = " kmgtpe"
_SPAN = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)(h|ms|m|s|us|µs|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DEEPEST = 32


def read_config(text: str, *, folder: Path | None = None) -> dict[str, Any]:
    """The values of a configuration: dicts, lists, str, int, float and bool; keys as written.

    Includes are read from ``folder``; variables come from the file, then from the environment.
    Raises ConfigurationError with the line of what cannot be read.
    """
    return _Reader(text, folder, []).mapping(end="")


def size_of(value: object) -> int | None:
    """Bytes of "1MB" (1024 * 1024), "64k" (64,000) or a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    match = _SIZE.fullmatch(str(value))
    if match is None:
        return None
    power = _POWERS.index(match[2].lower() or " ")
    return int(match[1]) * int((1024 if match[3] else 1000) ** power)


def seconds_of(value: object) -> float | None:
    """Seconds of "1m30s", "500ms" or a number, which the server takes as seconds; else None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or not value:
        return None
    parts = list(_SPAN.finditer(value))
    if "".join(part[0] for part in parts) != value:
        return None
    return sum(float(part[1]) * _SECONDS[part[2]] for part in parts)


class _Reader:
    """One text from its first character to its last."""

    def __init__(self, text: str, folder: Path | None, scopes: list[dict[str, Any]]) -> None:
        self.text, self.folder, self.scopes = text, folder, scopes
        self.at = 0

    def enter(self, scope: dict[str, Any]) -> None:
        if len(self.scopes) > _DEEPEST:
            raise self.wrong("this nests too deep, or includes itself")
        self.scopes.append(scope)

    def mapping(self, *, end: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.enter(found)
        while True:
            self.take(_GAP)
            mark = self.text[self.at : self.at + 1]
            if mark in ("", "}"):
                if mark != end:
                    raise self.wrong("a '}' is missing" if end else "there is a '}' too many")
                self.at += len(mark)
                self.scopes.pop()
                return found
            key = self.key()
            new = self.included() if key.lower() == "include" else {key: self.after_key()}
            # The server takes either letters, and of two the one it comes upon last: not a choice.
            twice = {name.lower() for name in found} & {name.lower() for name in new}
            if twice:
                raise self.wrong(f"{min(twice)} is said twice")
            found.update(new)

    def key(self) -> str:
        quoted = self.take(_STRING)
        if quoted is not None:
            return quoted[0][1:-1]
        bare = self.take(_KEY)
        if bare is None:
            raise self.wrong(f"a name was expected, not {self.text[self.at]!r}")
        return bare[0]

    def after_key(self) -> Any:
        self.take(_BLANK)
        if self.text[self.at : self.at + 1] in (":", "="):
            self.at += 1
            self.take(_BLANK)
        return self.value()

    def value(self) -> Any:
        mark = self.text[self.at : self.at + 1]
        if mark in ("{", "["):
            self.at += 1
            return self.mapping(end="}") if mark == "{" else self.array()
        for pattern, read in (
            (_STRING, self.string),
            (_BLOCK, lambda match: match[1].strip()),
            (_WORD, lambda match: self.plain(match[0])),
        ):
            match = self.take(pattern)
            if match is not None:
                return read(match)
        raise self.wrong(f"a value was expected, not {mark!r}" if mark else "a value is missing")

    def array(self) -> list[Any]:
        found: list[Any] = []
        self.enter({})
        while True:
            self.take(_GAP)
            if self.text[self.at : self.at + 1] == "]":
                self.at += 1
                self.scopes.pop()
                return found
            found.append(self.value())

    def string(self, match: re.Match[str]) -> str:
        if match[0][0] == "'":
            return match[0][1:-1]
        return _ESCAPE.sub(
            lambda part: (
                chr(int(part[1][1:], 16)) if len(part[1]) > 1 else _ESCAPES.get(part[1], part[0])
            ),
            match[0][1:-1],
        )

    def plain(self, word: str) -> Any:
        if word.startswith("$") and not word.startswith(("$2a$", "$2b$", "$2y$")):  # a hash
            return self.variable(word[1:])
        if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        if re.fullmatch(r"-?\d{1,18}", word):
            return int(word)
        return float(word) if re.fullmatch(r"-?\d{1,18}\.\d{1,18}", word) else word

    def variable(self, name: str) -> Any:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        if name not in os.environ:
            raise self.wrong(f"${name} is set neither in the file nor in the environment")
        value = os.environ[name]
        return value if value.startswith("$") else self.plain(value)

    def included(self) -> dict[str, Any]:
        self.take(_BLANK)
        path = str(self.value())
        if self.folder is None:
            raise self.wrong(f"include {path!r}: check the file by its path, not by its text")
        file = self.folder / path
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self.wrong(f"include {path!r} cannot be read: {error}") from error
        return _Reader(text, file.parent, [*self.scopes]).mapping(end="")

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def wrong(self, what: str) -> ConfigurationError:
        line = self.text.count("\n", 0, self.at) + 1
        return ConfigurationError(f"line {line}: {what}")
