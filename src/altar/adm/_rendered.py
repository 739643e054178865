"""Rendered: a document in some dialect, with what the dialect could not say."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Loss", "Rendered"]


class Loss(NamedTuple):
    """One thing a dialect could not say: where it stood, the keyword, and what became of it.

    ``path`` leads to the (sub)schema in the source document, written like
    ``$.properties.city``; ``reason`` is one sentence for a person.
    """

    path: str
    keyword: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.keyword}: {self.reason}"


class Rendered(NamedTuple):
    """A document, owned by the caller, and its losses; no loss means the same meaning."""

    document: Any
    losses: tuple[Loss, ...]
