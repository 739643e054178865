"""langchain-core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool

TITLE = "langchain-core"
DISTRIBUTION = "langchain-core"
ENTRY = "`tool(parse_docstring=True)`, `convert_to_openai_tool`, `StructuredTool.invoke`"
SOURCE = '''
from langchain_core.tools import tool

@tool(parse_docstring=True)
def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city
'''
SKIP = {"turn_us": "has no tool loop; that is in another package, langchain"}

decorate = tool(parse_docstring=True)


def declare(fn: Callable[..., Any]) -> Any:
    return convert_to_openai_tool(decorate(fn))


def document(declared: Any) -> dict[str, Any]:
    made: dict[str, Any] = declared["function"]
    return made


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools: dict[str, Any] = {fn.__name__: decorate(fn)}
    name = fn.__name__

    def call(args: Any) -> Any:
        return tools[name].invoke(args)

    return call


def dispatch_async(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools: dict[str, Any] = {fn.__name__: decorate(fn)}
    name = fn.__name__

    def call(args: Any) -> Any:
        return tools[name].ainvoke(args)

    return call


def value(result: Any) -> Any:
    return result


def hold(fns: list[Callable[..., Any]]) -> Any:
    tools = [decorate(fn) for fn in fns]
    for made in tools:
        convert_to_openai_tool(made)
    return tools


def hold_lazy(fns: list[Callable[..., Any]]) -> Any:
    return [decorate(fn) for fn in fns]


def register(fns: list[Callable[..., Any]]) -> Any:
    return {fn.__name__: decorate(fn) for fn in fns}


def listing(tools: Any) -> Any:
    return [convert_to_openai_tool(made) for made in tools.values()]
