"""What the system says about processes: memory, descendants, and who carries a mark."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from altar.isolate._wire import ENVIRONMENT_MARK

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = [
    "bearers",
    "exit_text",
    "family",
    "has_ended",
    "kill",
    "kill_family",
    "kill_group",
    "reap",
    "resident",
    "shared_out",
]

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self/statm").exists()
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_MOST = 4096  # processes looked at in one family
_GENERATIONS = 8
_NO_PROCESS = (ProcessLookupError, PermissionError)


def resident(pid: int) -> int:
    """Bytes of a process that are in memory; 0 where nobody says."""
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:  # noqa: PTH123 - 40 times a second
            return int(file.read(128).split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def shared_out(pids: list[int]) -> int:
    """Bytes in memory of several processes together, shared pages counted once."""
    total = 0
    for pid in pids:
        try:
            rollup = (_PROC / str(pid) / "smaps_rollup").read_bytes()
            at = rollup.index(b"\nPss:")
            total += int(rollup[at + 5 : at + 40].split()[0]) * 1024
        except (OSError, ValueError, IndexError):
            total += resident(pid)
    return total


def family(pid: int) -> list[int]:
    """A process and those it started, and theirs; without those whose parent has ended."""
    found = [pid]
    for one in found:
        if len(found) >= _MOST:
            break
        with suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):  # noqa: PTH208 - 40 times a second
                with (
                    suppress(OSError),
                    open(f"/proc/{one}/task/{task}/children", "rb", buffering=0) as file,  # noqa: PTH123
                ):
                    found += map(int, file.read(65_536).split())
    return found


def bearers(mark: str) -> list[int]:
    """The processes of this user whose environment holds a variable that begins with the mark.

    End ``mark`` with a NUL to ask for the whole value.
    They show the environment they were started with, so a process that made
    itself another one is not found.
    """
    if not _HAS_PROC:
        return []
    sought = f"{ENVIRONMENT_MARK}={mark}".encode("ascii")
    own = os.getpid()
    found: list[int] = []
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - after each kill
    except OSError:  # no descriptor is left
        return found
    for name in names:
        if name.isdigit() and int(name) != own:
            try:
                with open(f"/proc/{name}/environ", "rb", buffering=0) as file:  # noqa: PTH123
                    environ = file.read(1 << 20)
            except OSError:
                continue
            if environ.startswith(sought) or b"\0" + sought in environ:
                found.append(int(name))
    return found


def has_ended(process: Popen[bytes]) -> bool:
    """Whether a child has ended. Where it can be, it is left to be reaped, so that its number
    stays its own until its group is killed.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    try:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, process.pid, flags) is not None
    except ChildProcessError:  # reaped by the program
        return True


def kill_group(pid: int) -> None:
    """Kill a process that has not been reaped, and its group: their number is still theirs."""
    with suppress(*_NO_PROCESS):
        os.killpg(pid, signal.SIGKILL)
    with suppress(*_NO_PROCESS):  # it may have left its group
        os.kill(pid, signal.SIGKILL)


def kill_family(pid: int) -> None:
    """Kill a process that has not been reaped, its group, and whatever it started, wherever
    that went: children of those that die first become its own (it is a subreaper).
    """
    with suppress(*_NO_PROCESS):
        os.kill(pid, signal.SIGSTOP)  # it starts no more
    killed = {pid}
    for _ in range(_GENERATIONS):
        found = [one for one in family(pid) if one not in killed]
        if not found:
            break
        kill(found)
        killed.update(found)
    kill_group(pid)


def reap(process: Popen[bytes]) -> int | None:
    """Wait for a process that has ended; its exit code, or None where nobody kept it."""
    if process.returncode is not None:
        return process.returncode
    try:
        _, status = os.waitpid(process.pid, 0)
    except ChildProcessError:  # reaped by the program, or by a system that is to ignore them
        process.returncode = 0
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode


def kill(pids: list[int]) -> None:
    """Kill processes found by their mark."""
    for pid in pids:
        with suppress(*_NO_PROCESS):
            os.kill(pid, signal.SIGKILL)


def exit_text(code: int | None) -> str:
    """How a process ended, in a word: "SIGSEGV", "exit code 3"."""
    if code is None:
        return "no exit code"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
