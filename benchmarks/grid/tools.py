"""The tools that the GRID is measured with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import altar

PAUSE = float(os.environ.get("BENCH_PAUSE", "0.002"))


@altar.tool(name="bench_echo", idempotent=True)
async def bench_echo(text: str) -> str:
    """Give the text back."""
    return text


@altar.tool(name="bench_pause", idempotent=True)
async def bench_pause(text: str) -> str:
    """Give the text back after the time that this process takes for it."""
    await asyncio.sleep(PAUSE)
    return text


@altar.tool(name="bench_stream", idempotent=True)
async def bench_stream(count: int, text: str) -> AsyncIterator[str]:
    """Report so many chunks, the last of which is the result."""
    for _ in range(count):
        yield text
