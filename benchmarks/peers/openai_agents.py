"""openai-agents, with strict_mode=False (its strict mode refuses free-form objects)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import Agent, RunConfig, Runner, function_tool
from agents.items import ModelResponse
from agents.models.interface import Model
from agents.run_context import RunContextWrapper
from agents.tool_context import ToolContext
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

TITLE = "openai-agents"
DISTRIBUTION = "openai-agents"
ENTRY = "`function_tool(strict_mode=False)`, `FunctionTool.on_invoke_tool`, `Runner`"
SOURCE = '''
from agents import function_tool

@function_tool(strict_mode=False)
def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city
'''
NOTES = {
    "sync_us": "takes JSON text, so reading it is included; runs sync tools in a thread",
    "async_us": "takes JSON text, so reading it is included",
    "record_us": "takes JSON text, so reading it is included; runs sync tools in a thread",
}

declare = function_tool(strict_mode=False)


def document(declared: Any) -> dict[str, Any]:
    return {
        "name": declared.name,
        "description": declared.description,
        "parameters": declared.params_json_schema,
    }


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools: dict[str, Any] = {fn.__name__: declare(fn)}
    name = fn.__name__
    context: Any = ToolContext(context=None, tool_name=name, tool_call_id="1", tool_arguments="")
    texts: dict[int, str] = {}

    async def call(args: Any) -> Any:
        text = texts.get(id(args)) or texts.setdefault(id(args), json.dumps(args))
        return await tools[name].on_invoke_tool(context, text)

    return call


dispatch_async = dispatch


def value(result: Any) -> Any:
    return result


def hold(fns: list[Callable[..., Any]]) -> Any:
    return [declare(fn) for fn in fns]


def register(fns: list[Callable[..., Any]]) -> Any:
    return Agent(name="many", tools=hold(fns))


async def listing(agent: Any) -> Any:
    return await agent.get_all_tools(RunContextWrapper(None))


class _Scripted(Model):
    def __init__(self, name: str) -> None:
        self.name = name
        self.wanted = 0
        self.calls = 0

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        if self.calls == self.wanted:
            text = ResponseOutputText(text="done", type="output_text", annotations=[])
            message = ResponseOutputMessage(
                id="1", type="message", role="assistant", status="completed", content=[text]
            )
            return ModelResponse(output=[message], usage=Usage(), response_id=None)
        self.calls += 1
        call = ResponseFunctionToolCall(
            id=f"fc_{self.calls}",
            call_id=f"call_{self.calls}",
            type="function_call",
            name=self.name,
            arguments=json.dumps({"key": f"key {self.calls}"}),
        )
        return ModelResponse(output=[call], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def loop(fn: Callable[..., Any]) -> Callable[[int], int]:
    model = _Scripted(fn.__name__)
    agent = Agent(name="loop", model=model, tools=[declare(fn)])
    config = RunConfig(tracing_disabled=True)

    def run(turns: int) -> int:
        model.calls, model.wanted = 0, turns
        Runner.run_sync(agent, "Look the keys up.", max_turns=turns + 5, run_config=config)
        return model.calls

    return run
