"""A grid as it is in life: server, Host and runtimes are processes, and so is the caller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from altar_extras.grid.security import Credentials

ROOT = Path(__file__).resolve().parents[2]
TOOLS = "benchmarks.grid.tools"


@dataclass(kw_only=True)
class Fleet:
    """Its client's credentials, and its processes by what they are."""

    client: Credentials
    pids: dict[str, list[int]] = field(default_factory=dict)
    seconds: float = 0.0  # from the first process to the last one that was ready


@contextmanager
def fleet(
    *,
    tls: bool = False,
    audit: bool = True,
    pauses: tuple[float, ...] = (0.002,),
    slots: int = 256,
) -> Iterator[Fleet]:
    """A grid with one Host, and one runtime for each of ``pauses`` (seconds bench_pause takes)."""
    with ExitStack() as stack:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.grid.node", *(["--tls"] if tls else [])]
        host = child(stack, command, {})
        told = json.loads(line_of(host))
        runtimes = []
        for number, pause in enumerate(pauses):
            command = [sys.executable, *PROGRAM, "grid", "runtime", TOOLS]
            command += ["--credentials", told["runtime"], "--slots", str(slots)]
            if audit:
                command += ["--audit", f"{told['folder']}/audit/bench-{number}"]
            else:
                command.append("--no-audit")
            runtimes.append(child(stack, command, {"BENCH_PAUSE": str(pause)}))
        for one in runtimes:
            line_of(one)
        yield Fleet(
            client=Credentials.read(told["client"], role="client"),
            pids={
                "server": told["server"],
                "host": [host.pid],
                "runtime": [one.pid for one in runtimes],
            },
            seconds=time.perf_counter() - begun,
        )


PROGRAM = ["-m", "altar"]


def child(stack: ExitStack, command: list[str], more: dict[str, str]) -> subprocess.Popen[str]:
    """A process that ends with the stack."""
    made = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
    )
    stack.callback(ended, made)
    return made


def ended(process: subprocess.Popen[str]) -> None:
    """Ask it to end, and wait."""
    assert process.stdin is not None
    process.stdin.close()
    if "runtime" in process.args:  # type: ignore[operator]
        process.kill()  # it would answer questions for ten seconds more
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def line_of(process: subprocess.Popen[str]) -> str:
    """The first line it prints."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{process.args} ended before it was ready")
    return line
