"""Console: what the commands print to, in colour on a terminal and plainly elsewhere."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
from traceback import format_exception
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["CliError", "Console", "compact", "is_terminal", "shorten", "standard"]

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_PLAIN = {0x2192: "->", 0x25B8: ">", 0x2717: "x", 0x2026: "...", 0x00B7: "-", 0x2713: "+"}
_PLAIN |= {0x2502: "|", 0x251C: "|", 0x2514: "`", 0x2501: "=", 0x201C: '"', 0x201D: '"'}  # a tree's
_CONTROLS = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (9, 10)}


class CliError(Exception):
    """What the user is to read on one line; ``status`` is the exit code."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


class Console:
    """Two streams, and whether each is a terminal that shows colour; ``debug`` asks for more."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self.err = err
        self.debug = False
        self.live = is_terminal(out)
        self.live_err = is_terminal(err)
        self._colour_out = _shows_colour(out)
        self._colour_err = _shows_colour(err)
        self._unicode = (getattr(out, "encoding", None) or "").lower().startswith("utf")
        self._status = 0

    def style(self, text: str, *styles: str) -> str:
        """The text in colour, or as it is where colour is not shown."""
        return _painted(text, styles) if self._colour_out else text

    def style_err(self, text: str, *styles: str) -> str:
        """As :meth:`style`, for standard error."""
        return _painted(text, styles) if self._colour_err else text

    def print(self, *lines: str) -> None:
        """Write whole lines to standard output."""
        self.clear_status()
        for line in lines or ("",):
            self.out.write(self._fit(line) + "\n")

    def write(self, text: str) -> None:
        """Write a piece of text from elsewhere, its control characters made visible."""
        self.clear_status()
        self.out.write(self._fit(text.translate(_CONTROLS)))
        self.out.flush()

    def status(self, text: str) -> None:
        """Show a passing line that the next output replaces; on a terminal only."""
        if self.live:
            self.clear_status()
            line = self._fit(shorten(text.translate(_CONTROLS), self.width - 1))
            self.out.write(self.style(line, "dim"))
            self.out.flush()
            self._status = len(line)

    def clear_status(self) -> None:
        """Take the passing line away."""
        if self._status:
            self._status = 0
            self.out.write("\r\x1b[2K")

    def error(self, message: str) -> None:
        """Write one line to standard error."""
        self.clear_status()
        self.out.flush()
        label = "\x1b[1;31merror\x1b[0m" if self._colour_err else "error"
        line = " ".join(message.split()).translate(_CONTROLS)
        self.err.write(f"altar: {label}: {line}\n")

    def more(self, message: str) -> None:
        """Write a line that belongs to an error, indented below it, to standard error."""
        self.clear_status()
        self.out.flush()
        self.err.write(f"  {message.translate(_CONTROLS)}\n")

    def note(self, message: str) -> None:
        """Write a remark to standard error."""
        self.clear_status()
        self.out.flush()
        line = message.translate(_CONTROLS)
        self.err.write(f"\x1b[2m{line}\x1b[0m\n" if self._colour_err else f"{line}\n")

    def tell(self, line: str) -> None:
        """Write a line to standard error as it is; its control characters are the caller's care."""
        self.clear_status()
        self.out.flush()
        self.err.write(f"{line}\n")

    def ask(self, question: str) -> str:
        """Write a question to standard error and read the line typed; nothing where none came."""
        self.clear_status()
        self.out.flush()
        self.err.write(question)
        self.err.flush()
        typed = sys.stdin.readline()
        if not typed:  # the end of the input: the cursor still stands behind the question
            self.err.write("\n")
        return typed

    def traceback(self, error: BaseException) -> None:
        """Write a traceback to standard error."""
        self.clear_status()
        self.out.flush()
        self.err.write("".join(format_exception(error)).translate(_CONTROLS))

    def json(self, value: Any) -> None:
        """Write a JSON document."""
        self.print(json.dumps(value, indent=2, ensure_ascii=not self._unicode))

    @property
    def width(self) -> int:
        """Columns to fill; 100 where the output is no terminal."""
        return shutil.get_terminal_size((100, 24)).columns if self.live else 100

    def _fit(self, text: str) -> str:
        return text if self._unicode else text.translate(_PLAIN)


def compact(value: Any) -> str:
    """A JSON value on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def shorten(text: str, width: int) -> str:
    """The text on one line, cut to ``width`` columns."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: max(0, width - 1)] + "…"


class _Closed(io.TextIOBase):
    """What stands for a stream that was closed before the process began."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


def standard() -> Console:
    """A console on this process's own streams."""
    closed: Any = _Closed()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a model may say what the terminal cannot show
            reconfigure(errors="replace")
    return Console(sys.stdout or closed, sys.stderr or closed)


def _painted(text: str, styles: tuple[str, ...]) -> str:
    if not styles:
        return text
    codes = ";".join(_STYLES[style] for style in styles)
    return f"\x1b[{codes}m{text}\x1b[0m"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sits at the other end."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty is not None and isatty()) and os.environ.get("TERM") != "dumb"


def _shows_colour(stream: TextIO) -> bool:
    return is_terminal(stream) and not os.environ.get("NO_COLOR")
