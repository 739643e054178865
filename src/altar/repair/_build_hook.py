"""What somebody who knows better may say while a value is built."""

from __future__ import annotations

from typing import Any, Literal, Protocol, TypeAlias

__all__ = ["Hook", "Kind"]

Kind: TypeAlias = Literal["object", "array", "string"]


class Hook(Protocol):
    """What a schema has to say while a value grows.

    Steps are the names and indexes of a path; the root's step is 0.
    """

    def name(self, name: str) -> str:
        """The name to show for a member of the innermost open object."""
        ...

    def opens(self, step: str | int, kind: Kind) -> bool:
        """True when the value that starts here may be shown while it grows.

        An object or array for which this is True is open until ``closes()``.
        One for which it is False is shown when it is whole, as what ``leaf()``
        makes of it; nothing inside it is asked about. A string that came in one
        piece is not asked about.
        """
        ...

    def closes(self) -> None:
        """The innermost open object or array is whole."""
        ...

    def leaf(self, step: str | int, value: Any) -> Any:
        """What to show for a whole scalar, or for a whole container that was held."""
        ...
