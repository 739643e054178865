"""What the verbs print to: the console of altar's command line hands itself in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["Console"]


class Console(Protocol):
    """The part of the command line's console that the verbs use."""

    out: TextIO
    live: bool
    debug: bool

    @property
    def width(self) -> int:
        """Columns to fill."""
        ...

    def style(self, text: str, *styles: str) -> str:
        """The text in colour, where colour is shown."""
        ...

    def print(self, *lines: str) -> None:
        """Write whole lines to standard output."""
        ...

    def json(self, value: Any) -> None:
        """Write a JSON document."""
        ...

    def note(self, message: str) -> None:
        """Write a remark to standard error."""
        ...

    def error(self, message: str) -> None:
        """Write one line to standard error."""
        ...

    def more(self, message: str) -> None:
        """Write a line that belongs to an error."""
        ...
