"""The tools that the GRID is measured with."""

from __future__ import annotations

import asyncio

import altar


@altar.tool(name="bench_echo", idempotent=True)
async def bench_echo(text: str) -> str:
    """Give the text back."""
    return text


@altar.tool(name="bench_wait", idempotent=True)
async def bench_wait(seconds: float) -> float:
    """Answer after a time."""
    await asyncio.sleep(seconds)
    return seconds
