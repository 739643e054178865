"""google-genai and its automatic function calling (JSON Schema path)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
from google import genai
from google.genai import types
from google.genai._extra_utils import (
    invoke_function_from_dict_args,
    invoke_function_from_dict_args_async,
)

TITLE = "google-genai"
DISTRIBUTION = "google-genai"
ENTRY = "`FunctionDeclaration.from_callable`, automatic function calling and its own invoker"
SOURCE = '''
from google import genai
from google.genai import types

def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city

forecast_tool = types.FunctionDeclaration.from_callable_with_api_option(
    callable=forecast, api_option="GEMINI_API"
)
'''
SKIP = {
    "nested_us": "refuses dataclass parameters",
    "nested_first_us": "refuses dataclass parameters",
    "nested_long_us": "refuses dataclass parameters",
    "record_us": "refuses dataclass parameters",
    "register_s": "has no registry: a list of functions goes with every request",
    "lookup_us": "has no registry: a list of functions goes with every request",
}
NOTES = {
    "sync_us": "with `unit: str`, since it refuses every call to a function with a Literal",
    "async_us": "with `unit: str`, since it refuses every call to a function with a Literal",
    "list_ms": "derives every schema anew on every request",
    "turn_us": "its loop takes no scripted model: a mock HTTP transport is included",
    "declare_us": "leaves the parameters' descriptions inside the tool's description",
    "wire_bytes": "leaves the parameters' descriptions inside the tool's description",
}


def declare(fn: Callable[..., Any]) -> Any:
    return types.FunctionDeclaration.from_callable_with_api_option(
        callable=fn, api_option="GEMINI_API", use_json_schema=True
    )


def document(declared: Any) -> dict[str, Any]:
    return {
        "name": declared.name,
        "description": declared.description,
        "parameters": declared.parameters_json_schema,
    }


def _without_literal(fn: Callable[..., Any]) -> Callable[..., Any]:
    fn.__annotations__["unit"] = str
    return fn


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools = {fn.__name__: _without_literal(fn)}
    name = fn.__name__

    def call(args: Any) -> Any:
        return invoke_function_from_dict_args(args, tools[name])

    return call


def dispatch_async(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools = {fn.__name__: _without_literal(fn)}
    name = fn.__name__

    def call(args: Any) -> Any:
        return invoke_function_from_dict_args_async(args, tools[name])

    return call


def value(result: Any) -> Any:
    return result


def hold(fns: list[Callable[..., Any]]) -> Any:
    return [declare(fn) for fn in fns]


def register(fns: list[Callable[..., Any]]) -> Any:
    return fns


def listing(fns: Any) -> Any:
    return [declare(fn) for fn in fns]


def loop(fn: Callable[..., Any]) -> Callable[[int], int]:
    wanted = 0
    calls = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        part: dict[str, Any] = {"text": "done"}
        if calls < wanted:
            calls += 1
            part = {"functionCall": {"name": fn.__name__, "args": {"key": f"key {calls}"}}}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        return httpx.Response(
            200,
            content=json.dumps({"candidates": [candidate]}).encode(),
            headers={"content-type": "application/json"},
        )

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = genai.Client(api_key="none", http_options=types.HttpOptions(httpx_client=http))

    def run(turns: int) -> int:
        nonlocal calls, wanted
        calls, wanted = 0, turns
        client.models.generate_content(
            model="scripted",
            contents="Look the keys up.",
            config=types.GenerateContentConfig(
                tools=[fn],
                automatic_function_calling=types.AutomaticFunctionCallingConfig(
                    maximum_remote_calls=turns + 5
                ),
            ),
        )
        return calls

    return run
