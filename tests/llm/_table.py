"""Table, a runtime of plain functions, and FakeClock, for tests of the loop alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from altar.adm import ErrorObject, FunctionCall, ToolResult
from altar.llm import Clock
from altar.runtime import CallContext


class Table:
    """Carries calls out by name; a function may take the context as ``ctx``."""

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self.functions = functions
        self.ran: list[tuple[str, dict[str, Any]]] = []

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        self.ran.append((call.name, call.args))
        function = self.functions.get(call.name)
        if function is None:
            return failure(call, f"no tool {call.name!r}", "TOOL_NOT_FOUND")
        value = function(**call.args)
        if isinstance(value, ErrorObject):
            return ToolResult(name=call.name, call_id=call.call_id, error=value)
        for chunk in value if isinstance(value, Chunks) else ():
            if ctx.emit is not None:
                ctx.emit(chunk)
        content = list(value) if isinstance(value, Chunks) else value
        return ToolResult(name=call.name, call_id=call.call_id, content=content)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        return self.invoke(call, ctx)


class Chunks(list[Any]):
    """What a streaming tool yields."""


def failure(call: FunctionCall, message: str, kind: str) -> ToolResult:
    error = ErrorObject(message=message, type=kind)
    return ToolResult(name=call.name, call_id=call.call_id, error=error)


class FakeClock(Clock):
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.time = 0.0
        self.slept = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds

    async def asleep(self, seconds):
        self.sleep(seconds)

    def jitter(self):
        return 1.0


def told(events):
    """Events without what differs from run to run."""
    out = []
    for event in events:
        match event.kind:
            case "text" | "thinking":
                out.append((event.kind, event.text))
            case "tool_call":
                out.append((event.kind, event.call.name, event.call.args))
            case "tool_progress":
                out.append((event.kind, event.call.name, event.value))
            case "tool_result":
                out.append((event.kind, event.call.name, event.result.content, event.result.ok))
            case "end":
                out.append(
                    (event.kind, event.reply.finish, event.reply.text, len(event.reply.calls))
                )
            case _:
                out.append((event.kind,))
    return out
