"""Isolated tools: one that crashes, hangs or grows costs its worker process, and nothing else."""

from __future__ import annotations

import ctypes
import os
import statistics

import altar
from altar import tool
from altar.later import ProcessRuntime


@tool(isolate=True)
def mean(numbers: list[float]) -> float:
    """The mean of some numbers."""
    return statistics.fmean(numbers)


@tool(isolate=True)
def crash() -> str:
    """Read memory that is not there, as a faulty library would."""
    return str(ctypes.string_at(0))


@tool(isolate=True, timeout=0.2)
def search(text: str) -> int:
    """Count the pairs of characters, without ever coming to an end."""
    found = 0
    while True:
        found += text.count("ab")


@tool(isolate=True, memory_mb=200)
def collect() -> int:
    """Read everything into memory."""
    return len(bytearray(4_000_000_000))


def where() -> int:
    """The process this runs in; not marked as isolated."""
    return os.getpid()


if __name__ == "__main__":  # a worker imports this file: only the program itself goes on here
    with altar.Session([mean, crash, search, collect]) as session:
        print("mean:", session.execute("mean", {"numbers": [1, 2, "6"]}).content)
        for name, args in (("crash", {}), ("search", {"text": "abab"}), ("collect", {})):
            error = session.execute(name, args).error
            assert error is not None
            print(f"{name}: {error.type}")
        print("mean:", session.execute("mean", {"numbers": [4]}).content)

    with (
        ProcessRuntime([where], workers=1) as runtime,
        altar.Session([where], runtime=runtime) as session,
    ):
        answer = session.execute("where").content
        print("another process:", answer != os.getpid())
