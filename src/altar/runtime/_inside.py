"""Whether this process is a worker, and whether it is importing the user's modules just now."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["Inside", "inside", "stays_local"]


class Inside:
    """``worker`` is True in a worker process; ``loading`` names what it imports now, or is None."""

    __slots__ = ("loading", "worker")

    def __init__(self) -> None:
        self.worker = False
        self.loading: str | None = None

    def refuse(self, what: str) -> NoReturn:
        """Raise ConfigurationError: ``what`` was begun by code that runs on import."""
        from altar.errors import ConfigurationError  # noqa: PLC0415 - errors loads enum; on failure

        raise ConfigurationError(
            f"{what} while a worker process was importing {self.loading}: a worker starts a fresh "
            "interpreter that imports the file of the tool, and what stands there at top level "
            'runs again. Put what starts the program below `if __name__ == "__main__":`, and '
            "leave imports and functions above it"
        )


inside = Inside()

stays_local: ContextVar[bool] = ContextVar("altar_stays_local", default=False)
"""True where sessions run their tools here whatever the mode is: set by what serves a grid's
calls, so that a tool that makes a session does not send its calls around."""
