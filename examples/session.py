"""Sessions: which tools a conversation sees, how calls run, what comes back."""

from __future__ import annotations

import altar
from altar import FunctionCall, ToolError, tool


@tool
def divide(a: float, b: float) -> float:
    """Divide a by b."""
    if b == 0:
        raise ToolError("b must not be zero")  # the model hears exactly this
    return a / b


@tool(timeout=2.0, idempotent=True)
def stock(article: str) -> int:
    """How many pieces of an article are in stock."""
    return len(article)


def half(x: int) -> float:
    """Half of a number; a plain function is a tool too."""
    return x / 2


if __name__ == "__main__":
    with altar.Session(tools=[divide, "stock"]) as session:
        session.add(half)
        print([declaration.name for declaration in session.declarations()])

        result = session.execute("divide", {"a": 1, "b": 4})
        print(result.ok, result.content, result.unwrap())

        failed = session.execute("divide", {"a": 1, "b": 0})
        print(failed.ok, failed.error)

        calls = [FunctionCall(name="half", args={"x": x}) for x in range(4)]
        print([one.content for one in session.execute_many(calls, max_concurrency=4)])

        unknown = session.execute("divdie", {"a": 1, "b": 4})
        print(unknown.error)

        session.remove("half")
        print([declaration.name for declaration in session.declarations()])
