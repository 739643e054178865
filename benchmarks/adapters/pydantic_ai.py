"""What a call costs through pydantic-ai: its own tool of a function, and altar's through it.

Each call takes the way of a run: a ToolManager checks the arguments, which come
as the text a model wrote, and executes the tool.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic_ai import RunContext, ToolCallPart
from pydantic_ai.models.test import TestModel
from pydantic_ai.tool_manager import ToolManager
from pydantic_ai.toolsets import FunctionToolset
from pydantic_ai.usage import RunUsage

import altar
from altar_extras.pydantic_ai import export_tools, import_tools

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["pairs"]


def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


async def aadd(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


def pairs() -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """By label: one call of the framework's own tool, and one of altar's."""
    loop = asyncio.new_event_loop()  # lighter than a Runner, which minds signals
    run = loop.run_until_complete
    ctx: Any = RunContext(deps=None, model=TestModel(), usage=RunUsage(), run_step=1)

    def manager(toolset: Any) -> ToolManager[Any]:
        return run(ToolManager[Any](toolset).for_run_step(ctx))

    native = FunctionToolset([add, aadd])
    own, ours = manager(native), manager(export_tools([add, aadd]))
    session = altar.Session(import_tools(native))
    call = ToolCallPart("add", '{"a": 1, "b": 2}', tool_call_id="c")
    acall = ToolCallPart("aadd", '{"a": 1, "b": 2}', tool_call_id="c")
    args = {"a": 1, "b": 2}
    return [
        (
            "exported, async",
            lambda: run(own.handle_call(acall)),
            lambda: run(ours.handle_call(acall)),
        ),
        (
            "exported, sync",
            lambda: run(own.handle_call(call)),
            lambda: run(ours.handle_call(call)),
        ),
        (
            "imported, async",
            lambda: run(own.handle_call(acall)),
            lambda: run(session.aexecute("aadd", args)),
        ),
    ]
