"""What a call costs through DSPy: its own tool of a function, and altar's through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import dspy

import altar
from altar_extras.dspy import export_tools, import_tools

__all__ = ["pairs"]


def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


async def aadd(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


class Echo(dspy.Module):
    """A program that asks no model."""

    def forward(self, a: int, b: int) -> dspy.Prediction:
        return dspy.Prediction(sum=a + b)


def pairs() -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """By label: one call of the framework's own tool, and one of altar's."""
    own, aown, program = dspy.Tool(add), dspy.Tool(aadd), Echo()
    ours, aours = export_tools([add, aadd])
    session = altar.Session(import_tools(own, program))
    args = {"a": 1, "b": 2}
    run = asyncio.new_event_loop().run_until_complete
    return [
        ("exported, sync", partial(own, **args), partial(ours, **args)),
        ("exported, async", lambda: run(aown.acall(**args)), lambda: run(aours.acall(**args))),
        ("imported, sync", partial(own, **args), partial(session.execute, "add", args)),
        ("program, sync", partial(program, **args), partial(session.execute, "Echo", args)),
    ]
