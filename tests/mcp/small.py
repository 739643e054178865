"""A small server for tests on pipes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any

import altar
from altar.mcp import Resource, Server, ServerOptions, elicit


def _made() -> list[Any]:
    """Functions local to another are marked and not registered: other tests have such names."""

    @altar.tool(read_only=True, idempotent=True)
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @altar.tool
    def noisy() -> str:
        """Prints wherever it can."""
        print("print")
        sys.stdout.write("write\n")
        sys.stdout.flush()
        os.write(1, b"descriptor\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        return f"read {sys.stdin.read()!r}"

    @altar.tool(approval=True, destructive=True)
    def wipe(path: str) -> str:
        """Remove everything."""
        return f"wiped {path}"

    @altar.tool
    async def wait(seconds: float) -> str:
        """Waits."""
        await asyncio.sleep(seconds)
        return "waited"

    @altar.tool
    async def forever() -> str:
        """Never ends by itself."""
        try:
            await asyncio.Event().wait()
        finally:
            print("forever was cancelled", file=sys.stderr, flush=True)
        return ""

    @altar.tool
    def count(n: int) -> Any:
        """Counts aloud."""
        for at in range(n):
            yield {"progress": at + 1, "total": n, "message": f"at {at + 1}"}
        return n

    @altar.tool
    async def survey() -> str:
        """Asks twice."""
        first = await elicit(
            "Name?", {"type": "object", "properties": {"name": {"type": "string"}}}
        )
        second = await elicit("Sure?")
        return f"{first.content.get('name')} {second.action}"

    @altar.tool
    def fails() -> str:
        """Fails with a secret."""
        raise ValueError("secret")

    return [add, noisy, wipe, wait, forever, count, survey, fails]


add, noisy, wipe, wait, forever, count, survey, fails = _made()

TOOLS = [add, noisy, wipe, wait, forever, count, survey, fails]


def make(**options: Any) -> Server:
    """The server, with these options."""
    return Server(
        TOOLS,
        name="small",
        resources=[
            Resource("notes://today", "buy milk"),
            Resource("notes://{day}", lambda day: {"day": day}),
            Resource("files://{+path}", lambda path: path),
        ],
        prompts={"greet": greet},
        options=ServerOptions(**options),
    )


def greet(name: str, times: int = 1) -> str:
    """Greets.

    Args:
        name: whom
    """
    return " ".join([f"Hello {name}"] * times)


server = make(max_message=100_000)
