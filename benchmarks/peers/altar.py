"""altar itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altar

TITLE = "altar"
DISTRIBUTION = "altar"
ENTRY = "`tool`, `declare`, `Session.execute`, `Session.aexecute`, `Registry`, `generate`"
EXTRA = ["pydantic"]
SOURCE = '''
from altar import tool

@tool
def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city
'''

decorate = altar.tool


def declare(fn: Callable[..., Any]) -> Any:
    return altar.declare(altar.tool(fn))


def document(declared: Any) -> dict[str, Any]:
    return declared.to_dict(dialect="json-schema")


def dispatch(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    session = altar.Session(tools=[fn])
    name = fn.__name__
    execute = session.execute

    def call(args: Any) -> Any:
        return execute(name, args)

    return call


def dispatch_async(fn: Callable[..., Any]) -> Callable[[Any], Any]:
    session = altar.Session(tools=[fn])
    name = fn.__name__
    execute = session.aexecute

    def call(args: Any) -> Any:
        return execute(name, args)

    return call


def value(result: Any) -> Any:
    return result.unwrap()


def hold_lazy(fns: list[Callable[..., Any]]) -> Any:
    for fn in fns:
        altar.tool(fn)
    return fns


def hold(fns: list[Callable[..., Any]]) -> Any:
    for fn in fns:
        altar.tool(fn)
    return altar.registry.declare_all()


def register(fns: list[Callable[..., Any]]) -> Any:
    for fn in fns:
        altar.tool(fn)
    return {}


def listing(opened: Any) -> Any:
    """What one more turn of an open session sends: its declarations, and their bytes."""
    if not opened:
        opened["session"] = altar.Session(tools=altar.registry)
    return opened["session"].declarations(), altar.registry.wire()


def lookup(opened: Any) -> Callable[[str], Any]:
    return altar.registry.get


def loop(fn: Callable[..., Any]) -> Callable[[int], int]:
    from altar.llm import ToolCall
    from altar.testing import ScriptedProvider

    altar.tool(fn)

    def run(turns: int) -> int:
        script: list[Any] = [
            ToolCall(fn.__name__, {"key": f"key {number}"}) for number in range(turns)
        ]
        script.append("done")
        model = ScriptedProvider(script)
        return len(altar.generate("Look the keys up.", model=model, tools=[fn]).calls)

    return run
