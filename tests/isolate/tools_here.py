"""Tools that the tests run in worker processes; some of them behave badly."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from altar import Context, tool

IMPORTED = time.monotonic()


@tool
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@tool
def add_slowly(a: int) -> int:
    """Add one, in a moment."""
    time.sleep(0.004)
    return a + 1


@tool
def where() -> int:
    """The process that answers."""
    return os.getpid()


@tool
def crash() -> None:
    """Read what is not there."""
    ctypes.string_at(0)


@tool
def leave(code: int) -> None:
    """End the process."""
    print("last words", flush=True)
    os._exit(code)


@tool
def loop() -> Iterator[int]:
    """Never end, and hear nothing."""
    yield os.getpid()
    while True:
        pass


@tool
def until_cancelled(ctx: Context) -> str:
    """End when told to."""
    ctx.progress(os.getpid())
    while not ctx.cancelled:
        time.sleep(0.005)
    return "stopped"


@tool
def hold(path: str) -> int:
    """Wait for a file."""
    while not os.path.exists(path):
        time.sleep(0.002)
    return os.getpid()


@tool
def count(n: int) -> Iterator[int]:
    """Numbers."""
    yield from range(n)


@tool
def grow(child: bool = False) -> None:
    """Take memory, oneself or in a process of one's own."""
    if child and os.fork():
        os.wait()
        return
    kept = []
    while True:
        if len(kept) < 35:  # enough to be killed for, and no harm to a machine that is late
            kept.append(bytearray(8_000_000))
        time.sleep(0.002)


@tool
def large(size: int) -> str:
    """A long text."""
    return "x" * size


@tool
def move(folder: str) -> int:
    """Change the working directory."""
    os.chdir(folder)
    return os.getpid()


@tool
def flood(lines: int) -> int:
    """Print."""
    for _ in range(lines):
        print("y" * 1000)
    return lines


@tool
def close_standard_files() -> int:
    """Close 0, 1 and 2."""
    for fd in (0, 1, 2):
        os.close(fd)
    return 1


@tool
def escape() -> int:
    """Leave a process of another session behind, and say which."""
    code = "import time\nwhile True: time.sleep(1)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    return process.pid


@tool
def fork_and_answer() -> int:
    """Both processes go on; one may answer."""
    return os.fork()


@tool
def kill_oneself(number: int = signal.SIGKILL) -> None:
    """Die of a signal."""
    os.kill(os.getpid(), number)


@tool
def imported() -> float:
    """When this module was."""
    return IMPORTED


@tool
def scatter() -> Iterator[int]:
    """Start a process that nothing connects with this one but its parent's number."""
    command = ["sleep", "20"]
    yield subprocess.Popen(command, env={}, start_new_session=True).pid
    while True:
        pass


@tool
def leave_the_line_open(ctx: Context) -> None:
    """Die, while a process that is no Python any more holds every descriptor."""
    reader, writer = os.pipe()  # the child's end is closed as it becomes another program
    pid = ctypes.PyDLL(None).fork()  # no other thread has the interpreter meanwhile
    if pid == 0:
        os.setsid()
        for fd in range(64, 80):
            try:
                os.set_inheritable(fd, True)
            except OSError:
                pass
        os.execve("/bin/sleep", ["sleep", "20"], {})
    os.close(writer)
    os.read(reader, 1)
    ctx.progress(pid)
    os._exit(3)
