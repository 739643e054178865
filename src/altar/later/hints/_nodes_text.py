"""Types that travel as text: dates, UUIDs, paths, addresses, bytes, numbers of exact size."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from altar.later.hints._nodes import Node, Refs, exact
from altar.later.hints._report import surrogate_free

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.later.hints._codegen import Gen
    from altar.later.hints._report import Path, Report

__all__ = ["NumericText", "TextNode"]

_MAX_TEXT: Final = 100_000


class TextNode(Node):
    """A class that is parsed from a string.

    ``parse`` turns canonical text into the object and raises for anything
    else. ``lenient`` may read more: it is given any JSON value and returns
    the object, or None when it makes no sense; what it reads is listed as a
    coercion.
    """

    __slots__ = ("_label", "extra", "lenient", "name", "parse")

    kinds = frozenset({str})

    def __init__(
        self,
        name: str,
        label: str,
        parse: Callable[[str], Any],
        *,
        extra: dict[str, Any] | None = None,
        lenient: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name = name
        self._label = label
        self.parse = parse
        self.extra = extra or {}
        self.lenient = lenient

    @property
    def label(self) -> str:
        return self._label

    @property
    def hashable(self) -> bool:  # type: ignore[override]
        return self.name != "bytearray"

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": "string", **self.extra}

    def load(self, value: Any, path: Path, report: Report) -> Any:
        value = exact(value)
        if value.__class__ is str:
            if len(value) > _MAX_TEXT and self.name not in ("bytes", "bytearray"):
                return report.fail(path, f"{self._label}, shorter", value, "maxLength")
            if not value.isascii() and not surrogate_free(value):
                expected = "text without lone surrogates"
                return report.note(path, expected, "a lone surrogate", "surrogate")
        given: Any = value
        if value.__class__ in self.kinds:
            with suppress(Exception):  # parsers of many classes; the value is refused below
                return self.parse(given)
        if self.lenient is not None and not report.strict:
            found = None
            with suppress(Exception):
                found = self.lenient(value)
            if found is not None:
                source = "string" if value.__class__ is str else type(value).__name__
                report.coerced(
                    path, {"int": "integer", "float": "number"}.get(source, source), self.name
                )
                return found
        keyword = "format" if value.__class__ is str else "type"
        return report.fail(path, self._label, value, keyword)

    def emit(self, gen: Gen, var: str) -> None:
        gen.text(var)
        if self.name not in ("bytes", "bytearray"):
            gen.miss_if(f"len({var}) > {_MAX_TEXT}")
        gen.add(f"{var} = {gen.const(self.parse)}({var})")


class NumericText(TextNode):
    """A number of exact size (Decimal, Fraction): a string, or a JSON number."""

    __slots__ = ()
    kinds = frozenset({str, int, float})

    @property
    def prime(self) -> frozenset[type]:
        return frozenset({str})

    def body(self, refs: Refs) -> dict[str, Any]:
        return {"type": ["string", "number"], **self.extra}

    def emit(self, gen: Gen, var: str) -> None:
        self.emit_call(gen, var)
