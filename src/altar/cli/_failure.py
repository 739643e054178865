"""What the developer is shown when a call fails: every problem, and the place in their code."""

from __future__ import annotations

import os
import re
import sysconfig
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

import altar
from altar.adm import Problem
from altar.errors import ToolError

if TYPE_CHECKING:
    from altar.adm import ErrorObject, ToolResult
    from altar.cli._console import Console

__all__ = ["problems_of", "show_cause", "summary_of"]

_FRAME = re.compile(r'\s+File "(?P<file>.+)", line (?P<line>\d+)')
_CRASHED = ("Fatal Python error", "Current thread", "Thread 0x")  # of faulthandler
_PRINTED = 5  # lines
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
    told = _from_worker(cause)
    if told:
        for line in told:
            console.more(line)
        return
    try:
        text = " ".join(str(cause).split())
    except Exception:  # noqa: BLE001 - a broken __str__ is the tool's
        text = "its message cannot be read"
    line = f"{type(cause).__name__}: {text}" if text else type(cause).__name__
    console.more(f"{line}{_place(cause)}")


def _from_worker(cause: BaseException) -> list[str]:
    """What an isolated tool raised, as if it had been raised here; for a worker that died, where
    it was and what it printed last. Empty for what was raised in this process.
    """
    from altar.isolate._worker import WorkerError  # noqa: PLC0415 - only on failure
    from altar.later._isolated import WorkerTraceback  # noqa: PLC0415

    if isinstance(cause, WorkerTraceback):
        lines = str(cause).strip().splitlines()
        frames = [at for at, line in enumerate(lines) if _FRAME.match(line)]
        after = lines[frames[-1] + 1 :] if frames else lines
        raised = next((at for at, line in enumerate(after) if not line.startswith(" ")), 0)
        text = " ".join(" ".join(after[raised:]).split())
        return [f"{text}{_shown_place(_frames(lines))}"]
    if not isinstance(cause, WorkerError):
        return []
    lines = cause.output.splitlines()
    crashed = next((at for at, line in enumerate(lines) if line.startswith(_CRASHED)), len(lines))
    place = _shown_place(_frames(lines[crashed:])[::-1])  # the innermost comes first there
    printed = [line for line in lines[:crashed] if line.strip()][-_PRINTED:]
    first = str(cause).partition(";")[0].partition("\n")[0]
    return [f"{first}{place}", *(f"it printed: {line}" for line in printed)]


def _frames(lines: list[str]) -> list[tuple[str, int]]:
    found = [match for line in lines if (match := _FRAME.match(line))]
    return [(match["file"], int(match["line"])) for match in found]


def _place(cause: BaseException) -> str:
    """Where in the developer's code it was."""
    found = extract_tb(cause.__traceback__)
    return _shown_place([(one.filename, one.lineno or 0) for one in found])


def _shown_place(frames: list[tuple[str, int]]) -> str:
    """The innermost line, the last of them, that is no library's."""
    frames = [one for one in frames if not one[0].startswith((_ALTAR, "<"))]
    own = [one for one in frames if not one[0].startswith(_LIBRARIES)] or frames
    if not own:
        return ""
    path, number = Path(own[-1][0]), own[-1][1]
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return f" ({shown}:{number})"
