"""llm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import llm

TITLE = "llm"
DISTRIBUTION = "llm"
ENTRY = "`Tool.function`, `Model.chain`"
SOURCE = '''
from llm import Tool

def forecast(city: str, days: int = 1) -> str:
    """Weather forecast.

    Args:
        city: Name of the city.
        days: How many days ahead.
    """
    return city

forecast = Tool.function(forecast)
'''
SKIP = {
    "sync_us": "does not check arguments",
    "async_us": "does not check arguments",
    "record_us": "does not check arguments",
    "register_s": "has no registry in Python: a list of tools goes with every prompt",
    "list_ms": "has no registry in Python: a list of tools goes with every prompt",
    "list_again_ms": "has no registry in Python: a list of tools goes with every prompt",
    "lookup_us": "has no registry in Python: a list of tools goes with every prompt",
}
NOTES = {
    "declare_us": "leaves the parameters' descriptions inside the tool's description",
    "wire_bytes": "leaves the parameters' descriptions inside the tool's description",
}

declare = llm.Tool.function


def document(declared: Any) -> dict[str, Any]:
    return {
        "name": declared.name,
        "description": declared.description,
        "parameters": declared.input_schema,
    }


def hold(fns: list[Callable[..., Any]]) -> Any:
    return [declare(fn) for fn in fns]


class _Scripted(llm.Model):
    model_id = "scripted"
    can_stream = False
    supports_tools = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.wanted = 0
        self.calls = 0

    def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any) -> Iterator[str]:
        if self.calls == self.wanted:
            yield "done"
            return
        self.calls += 1
        call = llm.ToolCall(
            name=self.name,
            arguments={"key": f"key {self.calls}"},
            tool_call_id=f"call_{self.calls}",
        )
        response.add_tool_call(call)


def loop(fn: Callable[..., Any]) -> Callable[[int], int]:
    model = _Scripted(fn.__name__)
    tool = declare(fn)

    def run(turns: int) -> int:
        model.calls, model.wanted = 0, turns
        model.chain("Look the keys up.", tools=[tool]).text()
        return model.calls

    return run
