"""The tracer that settings ask for: a file, from the first span, session or run to the end."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING

from altar.errors import ConfigurationError
from altar.trace._active import switch

if TYPE_CHECKING:
    from altar.trace._tracer import Tracer

__all__ = ["check", "configured", "told"]

ENDINGS = (".jsonl", ".ndjson", ".db", ".sqlite", ".sqlite3")


_TYPED = {
    "configure": "altar.configure(trace='run.jsonl')",
    "altar.toml": 'trace = "run.jsonl"',
    "the variable ALTAR_TRACE": "ALTAR_TRACE=run.jsonl",
}


def check(path: str, source: str = "configure") -> None:
    """Raise ConfigurationError for a path that no trace can be written to; nothing is made.

    ``source`` is where the path stands: it is named in the error.
    """
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
            f"trace={path!r} in {source}: {why}; type {_TYPED.get(source, _TYPED['configure'])}"
        )


class _Configured:
    """The tracer that was started for the settings, and for which of them."""

    def __init__(self) -> None:
        self.path: str | None = None
        self._lock = RLock()  # what is called while it begins may make a span
        self._tracer: Tracer | None = None

    def follow(self, path: str | None, source: str, *, strict: bool = False) -> None:
        """Trace to ``path``, or no more; what cannot be written is said once, and stops nobody.

        With ``strict`` it is raised: ConfigurationError.
        """
        with self._lock:
            if path == self.path:
                switch.settled = True
                return
            self._end()
            if path is None:
                switch.settled = True
                return
            if switch.tracer is not None:  # the application's own; it may end before the program
                return
            self.path = path
            try:
                check(path, source)
                self._tracer = _started(path)
            except (ConfigurationError, OSError) as error:
                if strict:
                    self.path = None
                    raise
                switch.settled = True
                told(error)
            switch.settled = True

    def end(self) -> None:
        """Trace no more."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        tracer, self._tracer = self._tracer, None
        self.path = None
        switch.settled = False
        if tracer is not None:
            tracer.close()


def _started(path: str) -> Tracer:
    from altar.trace._tracer import Tracer  # noqa: PLC0415 - only where something is traced

    return Tracer(path).start()


def told(error: Exception) -> None:
    """Say on standard error that nothing is traced: a warning, so that whoever runs it sees it."""
    import warnings  # noqa: PLC0415 - only where something is wrong

    warnings.warn(f"altar: nothing is traced: {error}", RuntimeWarning, stacklevel=2)


configured = _Configured()
