"""An agent on a budget: rounds, calls, tokens, money and time, each with its own named end.

python examples/budgeted_agent.py
"""

from __future__ import annotations

from decimal import Decimal

import altar
from altar import Limits, Options, tool
from altar.llm import Message, Price, Request, Response, ToolCall, Usage
from altar.testing import FunctionProvider


@tool
def search(query: str) -> list[str]:
    """Search the archive."""
    return [f"nothing about {query!r}"]


def restless(request: Request) -> Response:
    """Stands for a model that never finds enough; 1,000 tokens in and 200 out each time."""
    call = ToolCall("search", {"query": f"attempt {len(request.messages)}"})
    usage = Usage(input_tokens=1000, output_tokens=200)
    return Response(message=Message("assistant", (call,)), usage=usage)


PRICES = {"function:function": Price(input=Decimal("1.50"), output=Decimal("9.00"))}
BUDGETS = {
    "five rounds": Limits(rounds=5),
    "three calls": Limits(calls=3),
    "4,000 tokens": Limits(tokens=4000),
    "two cents": Limits(cost=Decimal("0.02")),
}

if __name__ == "__main__":
    for name, limits in BUDGETS.items():
        reply = altar.generate(
            "Find everything.",
            model=FunctionProvider(restless),
            tools=[search],
            options=Options(limits=limits, prices=PRICES),
        )
        spent = reply.usage
        print(
            f"{name}: {reply.finish} after {spent.requests} requests and {len(reply.calls)} calls, "
            f"{spent.total_tokens} tokens, ${spent.cost}"
        )
        print("  ", reply.detail)
