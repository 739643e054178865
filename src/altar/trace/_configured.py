"""The tracer that settings ask for: a file, from the first session or run until the end."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar.trace._active import switch

if TYPE_CHECKING:
    from altar.trace._tracer import Tracer

__all__ = ["check", "configured"]

ENDINGS = (".jsonl", ".ndjson", ".db", ".sqlite", ".sqlite3")


def check(path: str) -> None:
    """Raise ConfigurationError for a path that no trace can be written to; nothing is made."""
    folder = os.path.dirname(path) or "."  # noqa: PTH120 - pathlib costs its import
    why = None
    if not path.lower().endswith(ENDINGS):
        why = f"it ends in none of {', '.join(ENDINGS)}"
    elif os.path.isdir(path):  # noqa: PTH112
        why = "it is a directory"
    elif not os.path.isdir(folder):  # noqa: PTH112
        why = f"there is no directory {folder!r}; make it first"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):  # noqa: PTH110
        why = "it may not be written"
    if why is not None:
        raise ConfigurationError(
            f"trace={path!r} in configure: {why}; type altar.configure(trace='run.jsonl')"
        )


class _Configured:
    """The tracer that was started for the settings, and for which of them."""

    def __init__(self) -> None:
        self.path: str | None = None
        self._lock = Lock()
        self._tracer: Tracer | None = None

    def follow(self, path: str | None) -> None:
        """Trace to ``path``, or no more; what cannot be written is said, and stops nobody."""
        with self._lock:
            if path == self.path:
                return
            self._end()
            if path is None:
                return
            if switch.tracer is not None:  # the application's own; it may end before the program
                return
            self.path = path
            self._begin(path)

    def end(self) -> None:
        """Trace no more."""
        with self._lock:
            self._end()

    def _begin(self, path: str) -> None:
        from altar.trace._tracer import Tracer  # noqa: PLC0415 - only where something is traced

        try:
            self._tracer = Tracer(path).start()
        except (ConfigurationError, OSError) as error:
            import logging  # noqa: PLC0415 - costs 5 ms

            logging.getLogger("altar").warning("nothing is traced: %s", error)

    def _end(self) -> None:
        tracer, self._tracer = self._tracer, None
        self.path = None
        if tracer is not None:
            tracer.close()


configured = _Configured()
