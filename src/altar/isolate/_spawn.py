"""Start a worker process: a fresh interpreter, told nothing but what HELLO says."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from altar.isolate._wire import ENVIRONMENT_MARK, HELLO, WIRE_VERSION, encode
from altar.isolate._worker import Worker

__all__ = ["WORKER", "spawn"]

WORKER = ("altar.later._worker", str(Path(__file__).parents[2]))
_HIGH = 64  # far from 0, 1 and 2, which tools close and print to
_BOOT = (
    "import sys\n"
    "root, module, fd = sys.argv[1:4]\n"
    "sys.path.insert(0, root)\n"
    "del sys.argv[1:]\n"
    "__import__(module, fromlist=['main']).main(int(fd))\n"
)


def spawn(mark: str, *, memory_mb: int | None, program: tuple[str, str] = WORKER) -> Worker:
    """Start a worker and say HELLO; ``program`` is its module and the folder it lies in.

    Raises OSError where the system refuses a process.
    """
    hello = encode(HELLO, {**_hello(), "mark": mark, "memory_mb": memory_mb})
    command = [*_interpreter(), "-c", _BOOT, *program[::-1]]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    reader, writer = os.pipe()
    high = -1
    try:
        high = _high(theirs.fileno())
        process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [*command, str(high)],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            pass_fds=(high,),
            env={**os.environ, ENVIRONMENT_MARK: mark},
            start_new_session=True,
        )
        try:
            worker = Worker(process, ours, reader, mark=mark, now=monotonic())
        except BaseException:
            process.kill()
            process.wait()
            raise
    except BaseException:
        ours.close()
        os.close(reader)
        raise
    finally:
        theirs.close()
        os.close(writer)
        if high >= 0:
            os.close(high)
    ours.setblocking(False)
    os.set_blocking(reader, False)
    with suppress(OSError):  # it is dead already, which is seen where it is awaited
        worker.rest = hello[ours.send(hello) :]  # a socket holds nearly all that there is
    return worker


def _hello() -> dict[str, Any]:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    spec = getattr(main, "__spec__", None)
    try:
        cwd = os.getcwd()  # noqa: PTH109 - a text
    except OSError:  # it was removed
        cwd = os.sep
    return {
        "wire": WIRE_VERSION,
        "path": [
            os.path.abspath(entry) if entry else cwd  # noqa: PTH100
            for entry in list[Any](sys.path)  # some put there what is no text
            if isinstance(entry, str)
        ],
        "cwd": cwd,
        "main": os.path.join(cwd, file) if isinstance(file, str) else None,  # noqa: PTH118
        "main_name": getattr(spec, "name", None),
        "parent": os.getpid(),
    }


def _interpreter() -> list[str]:
    """Our interpreter with the flags that change what programs mean, and a safe path."""
    flags = sys.flags
    if not sys.executable:
        raise OSError("sys.executable does not say which interpreter to start")
    command = [sys.executable, "-P"]
    for name, letter in (
        ("dont_write_bytecode", "B"),
        ("no_user_site", "s"),
        ("no_site", "S"),
        ("ignore_environment", "E"),
        ("isolated", "I"),
    ):
        if getattr(flags, name):
            command.append(f"-{letter}")
    if flags.optimize:
        command.append("-" + "O" * flags.optimize)
    if flags.utf8_mode:
        command += ["-X", "utf8"]
    if flags.dev_mode:
        command += ["-X", "dev"]
    return command + [f"-W{option}" for option in sys.warnoptions]


def _high(fd: int) -> int:
    """A copy of a descriptor, out of the way of those that programs number themselves."""
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except OSError:  # a low limit of open files
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
