"""What a call costs through LangChain: its own tool of a function, and altar's through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langchain_core.tools import StructuredTool

import altar
from altar_extras.langchain import export_tools, import_tools

__all__ = ["pairs"]


def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


async def aadd(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


def pairs() -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """By label: one call of the framework's own tool, and one of altar's."""
    args = {"a": 1, "b": 2}
    call: Any = {"type": "tool_call", "id": "call_1", "name": "add", "args": args}
    acall: Any = {**call, "name": "aadd"}
    own, aown = StructuredTool.from_function(add), StructuredTool.from_function(coroutine=aadd)
    ours, aours = export_tools([add, aadd])
    session = altar.Session(import_tools(own))
    loop = asyncio.new_event_loop()  # lighter than a Runner, which minds signals
    return [
        ("arguments, sync", lambda: own.invoke(args), lambda: ours.invoke(args)),
        ("tool call, sync", lambda: own.invoke(call), lambda: ours.invoke(call)),
        (
            "tool call, async",
            lambda: loop.run_until_complete(aown.ainvoke(acall)),
            lambda: loop.run_until_complete(aours.ainvoke(acall)),
        ),
        ("imported, sync", lambda: own.invoke(call), lambda: session.execute("add", args)),
    ]
