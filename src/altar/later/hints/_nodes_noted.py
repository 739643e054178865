"""A type with a description of its own, where Annotated stands inside another type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.later.hints._nodes import Node, Refs

if TYPE_CHECKING:
    from altar.later.hints._codegen import Gen
    from altar.later.hints._metadata import Facts
    from altar.later.hints._report import Path, Report

__all__ = ["NotedNode"]


class NotedNode(Node):
    """Another node, with a description and examples."""

    __slots__ = ("_facts", "hashable", "identity", "inner")

    def __init__(self, inner: Node, facts: Facts) -> None:
        self.inner = inner
        self._facts = facts
        self.identity = inner.identity
        self.hashable = inner.hashable

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]
        return self.inner.kinds

    @property
    def prime(self) -> frozenset[type]:
        return self.inner.prime

    @property
    def note(self) -> str | None:
        return self._facts.description or self.inner.note

    @property
    def legend(self) -> str | None:
        return self.inner.legend

    @property
    def label(self) -> str:
        return self.inner.label

    def schema(self, refs: Refs) -> dict[str, Any]:
        doc = self.inner.schema(refs)
        if self._facts.examples:
            doc["examples"] = list(self._facts.examples)
        doc.update(self._facts.extra)
        return doc

    def body(self, refs: Refs) -> dict[str, Any]:
        return self.schema(refs)

    def load(self, value: Any, path: Path, report: Report) -> Any:
        return self.inner.load(value, path, report)

    def load_key(self, text: str, path: Path, report: Report) -> Any:
        return self.inner.load_key(text, path, report)

    def key_schema(self) -> dict[str, Any] | None:
        return self.inner.key_schema()

    def emit(self, gen: Gen, var: str) -> None:
        gen.emit(self.inner, var)
