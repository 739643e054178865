"""fastmcp, the server side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool

TITLE = "fastmcp"
DISTRIBUTION = "fastmcp"
ENTRY = "`FastMCP.tool` / `Tool.from_function`, `Tool.run`, `FastMCP.list_tools`, `get_tool`"
SOURCE = '''
from fastmcp import FastMCP

server = FastMCP("bench")

@server.tool
def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city
'''
SKIP = {"turn_us": "serves tools; it has no loop of its own"}
NOTES = {"sync_us": "runs sync tools in a thread"}

declare = Tool.from_function


def document(declared: Any) -> dict[str, Any]:
    return {
        "name": declared.name,
        "description": declared.description,
        "parameters": declared.parameters,
    }


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    tools = {fn.__name__: declare(fn)}
    name = fn.__name__

    async def call(args: Any) -> Any:
        return await tools[name].run(args)

    return call


dispatch_async = dispatch


def value(result: Any) -> Any:
    return result.structured_content["result"]


def hold(fns: list[Callable[..., Any]]) -> Any:
    return [declare(fn) for fn in fns]


def register(fns: list[Callable[..., Any]]) -> Any:
    server: Any = FastMCP("many")
    for fn in fns:
        server.tool(fn)
    return server


async def listing(server: Any) -> Any:
    return await server.list_tools()


def lookup(server: Any) -> Callable[[str], Any]:
    async def find(name: str) -> Any:
        return await server.get_tool(name)

    return find
