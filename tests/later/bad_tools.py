"""Tools that misbehave, each in its own way; a worker process imports this module."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from altar import trace
from altar.errors import ToolError
from altar.later import Context
from altar.later._mark import MARK_ATTRIBUTE, ToolOptions, mark_for

FOR_EVER = 600  # seconds; nobody waits so long
TASKS: list[Any] = []


def isolated(**options: Any) -> Any:
    """``@tool(isolate=True, ...)`` without a note in the registry of whoever tests."""

    def decorate(fn: Any) -> Any:
        given = ToolOptions(isolate=True, **options)
        setattr(fn, MARK_ATTRIBUTE, mark_for(fn, options=given))
        return fn

    return decorate


@isolated()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@isolated()
def process() -> int:
    """The process this runs in."""
    return os.getpid()


@isolated()
def segfault() -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


@isolated()
def exits(code: int = 3) -> None:
    """End the process at once."""
    os._exit(code)


@isolated()
def aborts() -> None:
    """End the process with a signal."""
    os.abort()


@isolated()
def leaves() -> None:
    """Ask the interpreter to end."""
    sys.exit(3)


@isolated()
def interrupts() -> None:
    """Pretend that somebody pressed Ctrl-C."""
    raise KeyboardInterrupt


@isolated(timeout=0.2)
def loops() -> None:
    """Never end, in Python."""
    while True:
        pass


@isolated(timeout=0.2)
def loops_stubbornly() -> None:
    """Never end, and swallow every exception on the way."""
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001, S110
            pass


@isolated(timeout=0.2)
def loops_in_c() -> int:
    """Never end, without giving way to other threads."""
    return len(str(re.fullmatch(r"(a+)+b", "a" * 64)))


@isolated(timeout=0.2)
async def sleeps_on() -> None:
    """Never end, and refuse to be cancelled."""
    while True:
        try:
            await asyncio.sleep(FOR_EVER)
        except BaseException:  # noqa: BLE001, S110
            pass


@isolated()
async def endless() -> None:
    """Never answer, but stop when told."""
    await asyncio.Event().wait()


@isolated()
def waits() -> None:
    """Never answer, deaf to everything."""
    time.sleep(FOR_EVER)


@isolated(memory_mb=200)
def grows_at_once() -> int:
    """Ask for two gigabytes in one step."""
    return len(bytearray(2_000_000_000))


@isolated(memory_mb=200)
def grows_slowly() -> int:
    """Ask for more and more, and touch it."""
    kept = []
    while True:
        kept.append(b"x" * 5_000_000)


@isolated()
def forks_on() -> str:
    """Fork, and let the child go on as if it were the tool."""
    return "child" if os.fork() == 0 else "parent"


@isolated()
def daemonises() -> int:
    """Start a process that leaves the family, and live on in it."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            os.close(writer)
            time.sleep(FOR_EVER)
        os._exit(0)
    os.wait()
    return int(os.read(reader, 20))


@isolated()
def leaves_a_child() -> int:
    """Start a process and forget it."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid


@isolated()
def closes_output() -> str:
    """Close standard output and error."""
    print("last words")
    os.close(1)
    os.close(2)
    return "closed"


@isolated()
def redirects() -> str:
    """Put a file where standard output was."""
    fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    print('{"pretends": "to be a result"}', flush=True)
    return "redirected"


@isolated()
def closes_many() -> str:
    """Close what a daemon would close."""
    os.closerange(3, 1000)
    return "closed"


@isolated()
def closes_all() -> str:
    """Close every descriptor there is."""
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    return "closed"


@isolated()
def takes_over() -> str:
    """Put another file under every descriptor."""
    fd = os.open(os.devnull, os.O_RDWR)
    for other in range(3, 5000):
        if other != fd:
            try:
                os.fstat(other)
            except OSError:
                continue
            os.dup2(fd, other)
    return "taken"


@isolated()
def floods() -> str:
    """Print ten megabytes."""
    for _ in range(100):
        print("x" * 100_000)
    return "printed"


@isolated()
def moves() -> str:
    """Change the working directory, the umask and the environment."""
    os.chdir("/")
    os.umask(0o777)
    os.environ["MOVED"] = "1"
    return os.getcwd()


@isolated()
def place() -> list[Any]:
    """Where and as what this runs."""
    mask = os.umask(0o022)
    os.umask(mask)
    # altar's own come with the first async tool, in a worker that may have had one
    left = [one for one in threading.enumerate() if not one.name.startswith("altar")]
    return [os.getcwd(), mask, os.environ.get("MOVED"), len(left)]


@isolated()
def starts_a_thread() -> None:
    """Leave a thread behind."""
    threading.Thread(target=time.sleep, args=(FOR_EVER,), daemon=True).start()


@isolated()
def handles_signals() -> None:
    """Leave a signal handler behind."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@isolated()
def sets_alarm() -> None:
    """Leave a bomb behind."""
    signal.alarm(30)


@isolated()
def traces() -> int:
    """Leave a trace function behind that fails."""

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    sys.settrace(fail)
    return 3


@isolated()
def returns_much(size: int) -> str:
    """Return far more than anybody reads."""
    return "x" * size


@isolated()
def returns_junk() -> object:
    """Return what has no JSON form."""
    return [object()]


@isolated()
def yields(to: int) -> Any:
    """Count."""
    for number in range(to):
        yield str(number)


@isolated()
def raises() -> None:
    """Fail with a text that stays inside."""
    raise ValueError("secret=42")


@isolated()
def refuses() -> None:
    """Fail with a text for the model."""
    raise ToolError("Ask again later.", type="BUSINESS_RULE_VIOLATION", retry_after=2)


@isolated(idempotent=True)
def dies_once(path: str) -> str:
    """Die the first time."""
    if not os.path.exists(path):
        open(path, "w").close()
        os._exit(1)
    return "alive"


@isolated()
def about(context: Context) -> dict[str, Any]:
    """What the tool knows of its call."""
    context.progress({"step": 1})
    context.logger.warning("a word from the worker")
    left = context.remaining()
    return {
        "call_id": context.call_id,
        "correlation_id": context.correlation_id,
        "left": None if left is None else round(left, -2),
        "approved": context.approved,
        "tool": context.tool_name,
    }


@isolated()
def watches(context: Context) -> str:
    """Look whether anybody waits, and stop."""
    context.progress("begun")
    while not context.cancelled:
        time.sleep(0.01)
    return "stopped"


@isolated()
def asks_session(context: Context) -> Any:
    """Use what is not there."""
    return context.session.declarations()  # type: ignore[union-attr]


@isolated()
def asks_deps(context: Context) -> Any:
    """Use what is not there."""
    return context.deps.database


@isolated()
def spans() -> None:
    """Leave a trace, in the good sense."""
    with trace.span("in the worker", attributes={"step": 1}):
        trace.event("happened", {"n": 2})


@isolated()
def closes_the_first() -> int:
    """Leave standard output to whoever opens a file next."""
    os.close(1)
    return os.getpid()


@isolated()
def sets_a_timer(which: int) -> int:
    """Leave a timer behind that is no alarm."""
    signal.setitimer(which, 30)
    return os.getpid()


@isolated()
def blocks_a_signal() -> int:
    """Leave a signal blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    return os.getpid()


@isolated()
def lowers_a_limit() -> int:
    """Leave a limit that kills later."""
    resource.setrlimit(resource.RLIMIT_CPU, (500, resource.RLIM_INFINITY))
    return os.getpid()


@isolated()
def leaks_descriptors(many: int) -> int:
    """Leave files open."""
    for _ in range(many):
        os.open("/dev/null", os.O_RDONLY)
    return os.getpid()


@isolated()
def starts_a_namesake() -> int:
    """Leave a thread behind that is called as altar's are."""
    threading.Thread(target=time.sleep, args=(FOR_EVER,), name="altar-of-mine", daemon=True).start()
    return os.getpid()


@isolated()
def guts_the_interpreter() -> int:
    """Forget every module."""
    sys.modules.clear()
    return os.getpid()


@isolated()
async def leaves_a_task(stubborn: bool) -> int:
    """Leave a task behind."""

    async def task() -> None:
        while True:
            try:
                await asyncio.sleep(FOR_EVER)
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    TASKS.append(asyncio.create_task(task()))
    await asyncio.sleep(0)
    return os.getpid()


@isolated()
def starts_unmarked() -> int:
    """Start a process in a session of its own, with nothing of this one's environment."""
    words = ["/bin/sleep", str(FOR_EVER)]
    return subprocess.Popen(words, env={}, start_new_session=True).pid
