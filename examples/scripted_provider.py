"""Testing: a scripted model plays its part, so that a test needs no network and no luck."""

from __future__ import annotations

import altar
from altar import Options, tool
from altar.llm import Limits, Request, ToolCall
from altar.testing import FunctionProvider, ScriptedProvider


@tool
def look_up(key: str) -> str:
    """Look a value up."""
    return {"colour": "green", "size": "large"}[key]


def scripted() -> None:
    """The model first asks for a tool that does not exist, mends its call, and answers."""
    script = [
        ToolCall("lookup", {"key": "colour"}),
        ToolCall("look_up", {"key": "colour"}),
        "It is green.",
    ]
    with ScriptedProvider(script) as model:  # fails when the script is not played to its end
        reply = altar.generate("Which colour?", model=model, tools=[look_up])
    print([record.result.status.value for record in reply.calls], reply.text)


def stubborn() -> None:
    """A model that calls the same thing for ever is stopped, and the reply is still usable."""

    def always_the_same(request: Request) -> ToolCall:
        return ToolCall("look_up", {"key": "size"})

    options = Options(limits=Limits(rounds=10))
    reply = altar.generate(
        "Which size?", model=FunctionProvider(always_the_same), tools=[look_up], options=options
    )
    print(reply.finish, len(reply.calls))


if __name__ == "__main__":
    scripted()
    stubborn()
