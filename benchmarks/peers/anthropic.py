"""anthropic's own tool helpers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from anthropic import Anthropic, beta_async_tool, beta_tool

TITLE = "anthropic"
DISTRIBUTION = "anthropic"
ENTRY = "`beta_tool`, `BetaFunctionTool.call`, `beta.messages.tool_runner`"
SOURCE = '''
from anthropic import beta_tool

@beta_tool
def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city
'''
NOTES = {
    "turn_us": "its runner takes no scripted model: a mock HTTP transport is included",
}

declare = beta_tool


def document(declared: Any) -> dict[str, Any]:
    made = declared.to_dict()
    return {
        "name": made["name"],
        "description": made["description"],
        "parameters": made["input_schema"],
    }


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools = {fn.__name__: beta_tool(fn)}
    name = fn.__name__

    def call(args: Any) -> Any:
        return tools[name].call(args)

    return call


def dispatch_async(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools = {fn.__name__: beta_async_tool(fn)}
    name = fn.__name__

    def call(args: Any) -> Any:
        return tools[name].call(args)

    return call


def value(result: Any) -> Any:
    return result


def hold(fns: list[Callable[..., Any]]) -> Any:
    return {fn.__name__: beta_tool(fn) for fn in fns}


register = hold


def listing(tools: Any) -> Any:
    return [tool.to_dict() for tool in tools.values()]


def lookup(tools: Any) -> Callable[[str], Any]:
    find: Callable[[str], Any] = tools.__getitem__
    return find


def loop(fn: Callable[..., Any]) -> Callable[[int], int]:
    wanted = 0
    calls = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        done = calls == wanted
        part: dict[str, Any] = {"type": "text", "text": "done"}
        if not done:
            calls += 1
            arguments = {"key": f"key {calls}"}
            part = {
                "type": "tool_use",
                "id": f"toolu_{calls}",
                "name": fn.__name__,
                "input": arguments,
            }
        body = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [part],
            "stop_reason": "end_turn" if done else "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        return httpx.Response(200, content=json.dumps(body).encode(), headers=_JSON)

    client = Anthropic(
        api_key="none", http_client=httpx.Client(transport=httpx.MockTransport(answer))
    )
    tool = beta_tool(fn)

    def run(turns: int) -> int:
        nonlocal calls, wanted
        calls, wanted = 0, turns
        client.beta.messages.tool_runner(
            model="scripted",
            max_tokens=100,
            tools=[tool],
            messages=[{"role": "user", "content": "Look the keys up."}],
        ).until_done()
        return calls

    return run


_JSON = {"content-type": "application/json"}
