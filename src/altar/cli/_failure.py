"""What the developer is shown when a call fails: every problem, and the place in their code."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

import altar
from altar.adm import Problem
from altar.errors import ToolError

if TYPE_CHECKING:
    from traceback import FrameSummary

    from altar.adm import ErrorObject, ToolResult
    from altar.cli._console import Console

__all__ = ["problems_of", "show_cause", "summary_of"]

_ALTAR = str(Path(altar.__file__).parent) + os.sep
_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib")})


def problems_of(error: ErrorObject) -> list[str]:
    """The problems of the arguments, a line for each; none where there are less than two."""
    found = (error.details or {}).get("problems")
    if not isinstance(found, list) or len(found) < 2:
        return []
    try:
        return [str(Problem(**problem)) for problem in found]
    except TypeError:  # the problems of somebody else's error
        return []


def summary_of(error: ErrorObject) -> str:
    """The error on one line, without the problems that stand on lines of their own."""
    message = error.message
    if problems_of(error):
        message = message.partition(". ")[0] + ":"
    return f"{error.type}: {message}"


def show_cause(console: Console, result: ToolResult) -> None:
    """The exception of a tool, on standard error: it is the developer's own, no model sees it.

    One line with its place in the code; with --debug the whole traceback.
    """
    cause = result.cause
    if cause is None:
        return
    if console.debug:
        console.traceback(cause)
    details = result.error.details if result.error is not None else None
    if isinstance(cause, ToolError) or (details or {}).get("stage") == "result":
        return  # the message said it
    try:
        text = " ".join(str(cause).split())
    except Exception:  # noqa: BLE001 - a broken __str__ is the tool's
        text = "its message cannot be read"
    line = f"{type(cause).__name__}: {text}" if text else type(cause).__name__
    console.more(f"{line}{_place(cause)}")


def _place(cause: BaseException) -> str:
    """Where in the developer's code it was: the innermost line that is no library's."""
    frames = [one for one in extract_tb(cause.__traceback__) if not _is_altar(one)]
    own = [one for one in frames if not _is_library(one)] or frames
    if not own:
        return ""
    path = Path(own[-1].filename)
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f" ({shown}:{own[-1].lineno})"


def _is_altar(frame: FrameSummary) -> bool:
    return frame.filename.startswith((_ALTAR, "<"))


def _is_library(frame: FrameSummary) -> bool:
    return frame.filename.startswith(_LIBRARIES)
