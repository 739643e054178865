"""toolregistry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolregistry import Tool, ToolRegistry

TITLE = "toolregistry"
DISTRIBUTION = "toolregistry"
ENTRY = "`Tool.from_function`, `Tool.run` / `arun`, `ToolRegistry.register` / `get_schemas`"
EXTRA = ["pydantic"]
SOURCE = '''
from toolregistry import ToolRegistry

registry = ToolRegistry()

@registry.register
def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city
'''
SKIP = {
    "turn_us": "runs tool calls; it has no loop of its own",
    "nested_us": "leaves a pydantic model unconstrained",
    "nested_first_us": "leaves a pydantic model unconstrained",
    "nested_long_us": "leaves a pydantic model unconstrained",
    "record_us": "refuses an ISO text where a datetime is declared",
}
NOTES = {
    "declare_us": "leaves the parameters' descriptions inside the tool's description",
    "wire_bytes": "leaves the parameters' descriptions inside the tool's description",
}

declare = Tool.from_function


def document(declared: Any) -> dict[str, Any]:
    made: dict[str, Any] = declared.get_schema()["function"]
    return {key: made[key] for key in ("name", "description", "parameters")}


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    registry = register([fn])
    name = fn.__name__

    def call(args: Any) -> Any:
        return registry.get_tool(name).run(args)

    return call


def dispatch_async(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    registry = register([fn])
    name = fn.__name__

    def call(args: Any) -> Any:
        return registry.get_tool(name).arun(args)

    return call


def value(result: Any) -> Any:
    return result


def hold(fns: list[Callable[..., Any]]) -> Any:
    return [declare(fn) for fn in fns]


def register(fns: list[Callable[..., Any]]) -> Any:
    registry: Any = ToolRegistry()
    for fn in fns:
        registry.register(fn)
    return registry


def listing(registry: Any) -> Any:
    return registry.get_schemas()


def lookup(registry: Any) -> Callable[[str], Any]:
    find: Callable[[str], Any] = registry.get_tool
    return find
