"""Async tools: they run on your loop, side by side; sync code may call them as well."""

from __future__ import annotations

import asyncio

import altar
from altar import FunctionCall, tool


@tool
async def fetch(page: int) -> str:
    """Fetch one page."""
    await asyncio.sleep(0.01)
    return f"page {page}"


async def main() -> None:
    """Ten calls at a time, answered in order."""
    async with altar.Session(tools=[fetch]) as session:
        one = await session.aexecute("fetch", {"page": 1})
        print(one.content)

        calls = [FunctionCall(name="fetch", args={"page": number}) for number in range(10)]
        results = await session.aexecute_many(calls, max_concurrency=10)
        print([result.content for result in results])

    reply = await altar.agenerate("Fetch page 7", tools=[fetch], model="offline:")
    print(reply.calls[0].result.content)


if __name__ == "__main__":
    asyncio.run(main())
    with altar.Session(tools=[fetch]) as session:  # and from sync code, without a loop
        print(session.execute("fetch", {"page": 2}).content)
