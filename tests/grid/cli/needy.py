"""Tools for the tests of the command: they want deps, wait, or stay with their caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator  # noqa: TC003 - read when the tool is declared

import altar
from altar import Context  # noqa: TC001 - read when the tool is declared


class Store:
    """What ``ask`` looks into."""

    def get(self, key: str) -> str:
        return f"{key} of the store"


def made() -> Store:
    """The deps."""
    return Store()


@altar.tool(name="needy_ask")
def ask(key: str, ctx: Context[Store]) -> str:
    """Look a key up."""
    return ctx.deps.get(key)


@altar.tool(name="needy_wait")
async def wait() -> AsyncIterator[str]:
    """Wait until it is stopped."""
    yield "begun"
    await asyncio.Event().wait()


@altar.tool(name="needy_screen", execution="local_only")
def screen() -> str:
    """What the user sees now."""
    return "a blank page"
