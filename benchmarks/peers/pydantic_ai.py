"""pydantic-ai (slim)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic_ai import Agent, FunctionToolset, RunContext, Tool
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RunUsage

TITLE = "pydantic-ai"
DISTRIBUTION = "pydantic-ai-slim"
ENTRY = "`Tool`, `FunctionToolset.get_tools` / `call_tool`, `Agent` over `FunctionModel`"
SOURCE = '''
from pydantic_ai import Tool

def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city

forecast = Tool(forecast)
'''
NOTES = {
    "sync_us": "runs sync tools in a thread; checked by the toolset's own validator",
    "nested_long_us": "re-reads the source file of every dataclass for attribute docstrings",
}

declare = Tool


def document(declared: Any) -> dict[str, Any]:
    definition = declared.tool_def
    return {
        "name": definition.name,
        "description": definition.description,
        "parameters": definition.parameters_json_schema,
    }


def _context() -> Any:
    return RunContext(deps=None, model=TestModel(), usage=RunUsage())


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    toolset: Any = FunctionToolset([fn])
    context = _context()
    tools = asyncio.run(toolset.get_tools(context))
    name = fn.__name__

    async def call(args: Any) -> Any:
        tool = tools[name]
        checked = tool.args_validator.validate_python(args)
        return await toolset.call_tool(name, checked, context, tool)

    return call


dispatch_async = dispatch


def value(result: Any) -> Any:
    return result


def hold(fns: list[Callable[..., Any]]) -> Any:
    return FunctionToolset(fns)


register = hold


async def listing(toolset: Any) -> Any:
    return await toolset.get_tools(_context())


def lookup(toolset: Any) -> Callable[[str], Any]:
    find: Callable[[str], Any] = toolset.tools.__getitem__
    return find


def loop(fn: Callable[..., Any]) -> Callable[[int], int]:
    wanted = 0
    calls = 0

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        nonlocal calls
        if calls == wanted:
            return ModelResponse(parts=[TextPart("done")])
        calls += 1
        return ModelResponse(parts=[ToolCallPart(fn.__name__, {"key": f"key {calls}"})])

    agent = Agent(FunctionModel(model), tools=[fn])

    def run(turns: int) -> int:
        nonlocal calls, wanted
        calls, wanted = 0, turns
        agent.run_sync("Look the keys up.")
        return calls

    return run
