"""Progress of a batch: what a caller is told, and a bar on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from altar.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bar", "BatchProgress", "teller"]

_EVERY = 0.1  # seconds between two drawings
_LINES_EVERY = 5.0  # the same where it is no terminal
_WIDEST = 40


class BatchProgress(NamedTuple):
    """How far a batch is: calls ended (``failed`` and ``resumed`` among them), of ``total``.

    ``total`` is None where the calls come from an iterator; ``seconds`` is the
    time since the batch began.
    """

    done: int
    total: int | None
    failed: int
    resumed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second, those of an earlier run left out."""
        return (self.done - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Seconds until the end at this rate, or None where nobody can say."""
        if self.total is None or self.rate <= 0:
            return None
        return (self.total - self.done) / self.rate

    def __str__(self) -> str:
        count = f"{self.done}" if self.total is None else f"{self.done}/{self.total}"
        words = [count, f"{self.rate:.1f}/s"]
        if self.resumed:
            words.append(f"{self.resumed} from before")
        if self.failed:
            words.append(f"{self.failed} failed")
        if self.left is not None and self.done < (self.total or 0):
            words.append(f"{_clock(self.left)} left")
        return "  ".join(words)


class Bar:
    """Draws the progress on one line of a terminal; elsewhere a line now and then."""

    def __init__(self, stream: IO[str], *, clock: Callable[[], float] = monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._drawn = float("-inf")
        self._is_terminal = stream.isatty()

    def __call__(self, progress: BatchProgress) -> None:
        """Draw, unless it was drawn just now."""
        now = self._clock()
        if now - self._drawn >= (_EVERY if self._is_terminal else _LINES_EVERY):
            self._drawn = now
            self._draw(progress)

    def end(self, progress: BatchProgress) -> None:
        """Draw the last state, and leave the line."""
        self._draw(progress)
        if self._is_terminal:
            self._put("\n")

    def _draw(self, progress: BatchProgress) -> None:
        if not self._is_terminal:
            self._put(f"batch: {progress}\n")
            return
        text = str(progress)
        columns = shutil.get_terminal_size().columns
        width = min(_WIDEST, columns - len(text) - 4)
        drawn = f"{self._row(progress, width)}  " if progress.total and width >= 8 else ""
        self._put(f"\r{drawn}{text}"[:columns] + "\x1b[K")

    def _row(self, progress: BatchProgress, width: int) -> str:
        full, empty = "━", "╌"
        try:
            (full + empty).encode(getattr(self._stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            full, empty = "#", "-"
        filled = width * progress.done // (progress.total or 1)
        return full * filled + empty * (width - filled)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a terminal that went away stops no batch
            return


def teller(progress: object) -> Callable[[BatchProgress], None] | None:
    """What is told of the progress: a bar, the caller's function, or nobody.

    Raises ConfigurationError for anything but None, True, False and a function.
    """
    if progress is None:
        progress = (
            sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        )
    if progress is False:
        return None
    if progress is True:
        return None if sys.stderr is None else Bar(sys.stderr)
    if not callable(progress):
        raise ConfigurationError(
            f"progress={progress!r}: give True, False, a function that takes a BatchProgress, "
            "or None for a bar where stderr is a terminal"
        )
    told: Callable[[BatchProgress], None] = cast("Any", progress)
    return told


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
