"""Runtimes of the grid: they serve tools, run each call once at most, and say what became of it."""

from __future__ import annotations

from altar_extras.grid.runtime._book import Arrival, Book
from altar_extras.grid.runtime._contracts import contracts_of
from altar_extras.grid.runtime._invocation import Invocation, Phase
from altar_extras.grid.runtime._journal import RuntimeJournal
from altar_extras.grid.runtime._server import RuntimeServer, RuntimeStatus
from altar_extras.grid.runtime._settings import RuntimeSettings

__all__ = [
    "Arrival",
    "Book",
    "Invocation",
    "Phase",
    "RuntimeJournal",
    "RuntimeServer",
    "RuntimeSettings",
    "RuntimeStatus",
    "contracts_of",
]
