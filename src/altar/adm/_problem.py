"""Problem: one thing that is wrong with a value, and where."""

from __future__ import annotations

from typing import Any

__all__ = ["Problem", "json_path", "json_steps"]


def json_path(steps: tuple[str | int, ...] | list[str | int]) -> str:
    """Write steps as a JSON path: ``("items", 0, "a b")`` is ``$.items[0]['a b']``."""
    out = ["$"]
    for step in steps:
        if isinstance(step, int):
            out.append(f"[{step}]")
        elif step.isidentifier():
            out.append(f".{step}")
        else:
            quoted = step.replace("\\", "\\\\").replace("'", "\\'")
            if not quoted.isprintable():  # a path is shown and logged: no line ends, no surrogates
                quoted = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in quoted)
            out.append(f"['{quoted}']")
    return "".join(out)


def json_steps(path: str) -> tuple[int | str, ...]:
    """The steps of a JSON path, as :func:`json_path` writes them.

    Characters that cannot be shown stay escaped, as they stand in the path.
    """
    steps: list[int | str] = []
    rest = path.removeprefix("$")
    while rest:
        if rest.startswith("['"):
            text, rest = _quoted(rest[2:])
            steps.append(text)
        elif rest.startswith("["):
            number, _, rest = rest[1:].partition("]")
            steps.append(int(number))
        else:
            end = min((at for at in (rest.find(".", 1), rest.find("[", 1)) if at > 0), default=None)
            steps.append(rest[1:end])
            rest = "" if end is None else rest[end:]
    return tuple(steps)


def _quoted(text: str) -> tuple[str, str]:
    """The text up to the quote that ends it, and what stands behind the bracket."""
    out, at = [], 0
    while at < len(text) and text[at] != "'":
        at += text[at] == "\\" and at + 1 < len(text)
        out.append(text[at])
        at += 1
    return "".join(out), text[at + 2 :]


class Problem:
    """One violation: the JSON path, the rule, what was expected, what came.

    ``keyword`` is the JSON Schema keyword that was broken ("type",
    "required", ...) or altar's own word ("surrogate", "constructor");
    ``got`` is a short text that shows the value's kind, shortened; ``nearest``
    the closest valid name or value, or None.
    """

    __slots__ = ("expected", "got", "keyword", "nearest", "path")

    def __init__(
        self,
        path: str,
        expected: str,
        got: str,
        *,
        keyword: str = "",
        nearest: str | None = None,
    ) -> None:
        self.path = path
        self.expected = expected
        self.got = got
        self.keyword = keyword
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest is not None else ""
        return f"{self.path}: expected {self.expected}, got {self.got}{hint}"

    def __repr__(self) -> str:
        return f"Problem({self!s})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.path, self.keyword, self.expected, self.got))

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that reaches the model in ``error.details.problems``."""
        out = {"path": self.path, "expected": self.expected, "got": self.got}
        if self.keyword:
            out["keyword"] = self.keyword
        if self.nearest is not None:
            out["nearest"] = self.nearest
        return out
