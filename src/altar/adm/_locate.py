"""Where a JSON text breaks: a strict scanner without recursion that names path and position."""

from __future__ import annotations

import re
from json import loads
from typing import TYPE_CHECKING, NoReturn

from altar.adm._problem import Problem, json_path

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["locate", "position"]

# possessive quantifiers: no backtracking, so time and memory stay linear in a long text
_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_WORD = re.compile(r"[-+]?[A-Za-z0-9_.$+-]++")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PATH_STEPS = 32
_LITERALS = frozenset({"true", "false", "null"})


def locate(text: str, *, max_depth: int, max_digits: int) -> Problem | None:
    """The first fault of a JSON text, or None when it has none."""
    try:
        _Scanner(text, max_depth, max_digits).run()
    except _FoundError as fault:
        return fault.problem
    return None


def position(text: str, index: int) -> str:
    """``line 2 column 5 (character 17)``, counted from 1, 1 and 0."""
    line = text.count("\n", 0, index) + 1
    column = index - text.rfind("\n", 0, index)
    return f"line {line} column {column} (character {index})"


class _FoundError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Scanner:
    """One pass over the text; ``steps`` is the path, ``keys`` the names seen per open object."""

    def __init__(self, text: str, max_depth: int, max_digits: int) -> None:
        self.text = text
        self.at = 0
        self.max_depth = max_depth
        self.max_digits = max_digits
        self.steps: list[str | int] = []
        self.keys: list[set[str] | None] = []

    def run(self) -> None:
        state: Callable[[], object] | None = self.value
        while state is not None:
            state = state()  # type: ignore[assignment]  # each state returns the next one

    def fail(self, expected: str, keyword: str = "syntax", got: str = "", at: int = -1) -> NoReturn:
        index = self.at if at < 0 else at
        what = got or self.seen(index)
        where = position(self.text, index)
        path = json_path(self.steps[:_PATH_STEPS])
        path += "..." if len(self.steps) > _PATH_STEPS else ""
        raise _FoundError(Problem(path, expected, f"{what} at {where}", keyword=keyword))

    def seen(self, index: int) -> str:
        if index >= len(self.text):
            return "the end of the text"
        word = _WORD.match(self.text, index)
        found = word.group() if word else self.text[index]
        return ascii(found if len(found) <= 24 else found[:21] + "...")

    def peek(self) -> str:
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def value(self) -> Callable[[], object] | None:
        char = self.peek()
        if char == "{" or char == "[":
            return self.open(char)
        if char == '"':
            self.string()
        elif char == "-" or char.isdecimal():
            self.number()
        else:
            word = _WORD.match(self.text, self.at)
            found = word.group() if word else ""
            if found not in _LITERALS:
                special = found.lstrip("+-") in {"NaN", "Infinity"}
                self.fail("a finite number" if special else "a JSON value")
            self.at += len(found)
        return self.after

    def open(self, char: str) -> Callable[[], object]:
        if len(self.keys) >= self.max_depth:
            limit = f"at most {self.max_depth} levels of nesting"
            self.fail(limit, "depth", f"level {len(self.keys) + 1}")
        self.at += 1
        following = self.peek()
        if char == "[":
            self.keys.append(None)
            self.steps.append(0)
            return self.close if following == "]" else self.value
        self.keys.append(set())
        self.steps.append("")
        return self.close if following == "}" else self.key

    def close(self) -> Callable[[], object]:
        self.at += 1
        self.keys.pop()
        self.steps.pop()
        return self.after

    def key(self) -> Callable[[], object]:
        self.steps.pop()
        char = self.peek()
        if char != '"':
            self.fail("a name in double quotes")
        start = self.at
        name = self.string()
        names = self.keys[-1]
        if names is None:  # pragma: no cover - key() only runs inside an object
            raise AssertionError
        self.steps.append(name)
        if name in names:
            self.fail("each name once", "duplicate", f"{ascii(name)[:60]} again", start)
        names.add(name)
        if self.peek() != ":":
            self.fail("':'")
        self.at += 1
        return self.value

    def after(self) -> Callable[[], object] | None:
        char = self.peek()
        if not self.keys:
            if char:
                self.fail("the end of the text")
            return None
        in_array = self.keys[-1] is None
        if char == ("]" if in_array else "}"):
            return self.close
        if char != ",":
            self.fail("',' or ']'" if in_array else "',' or '}'")
        self.at += 1
        if in_array:
            last = self.steps[-1]
            self.steps[-1] = last + 1 if isinstance(last, int) else 0
            return self.value
        return self.key

    def string(self) -> str:
        start = self.at
        match = _STRING.match(self.text, start)
        end = match.end() if match else start
        if self.text[end : end + 1] != '"':
            self.at = end
            self.fail("'\"'" if end >= len(self.text) else "a valid character or escape")
        self.at = end + 1
        decoded = str(loads(self.text[start : self.at]))
        if _SURROGATE.search(decoded):
            self.fail("Unicode text", "surrogate", "a lone surrogate", start)
        return decoded

    def number(self) -> None:
        start = self.at
        match = _NUMBER.match(self.text, start)
        word = _WORD.match(self.text, start)
        if match is None or word is None or word.end() != match.end():
            special = word is not None and word.group() == "-Infinity"
            self.fail("a finite number" if special else "a JSON number")
        found = match.group()
        self.at = match.end()
        if found.lstrip("-").isdecimal():
            if len(found.lstrip("-")) > self.max_digits:
                got = f"an integer of {len(found)} digits"
                self.fail(f"at most {self.max_digits} digits", "maximum", got, start)
        elif abs(float(found)) == float("inf"):
            self.fail("a number within the range of a double", "maximum", "", start)
