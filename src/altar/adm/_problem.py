"""Problem: one thing that is wrong with a value, and where."""

from __future__ import annotations

from typing import Any

__all__ = ["Problem", "json_path"]


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
