"""Carrying out a call once: the first runs it, twins wait, other arguments are refused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from altar.later._dedupe import Claim, Ledger, fingerprint, inside
from altar.later._failure import cancelled, invalid_state, show_name, timed_out
from altar.later._plan import seconds_of
from altar.runtime._pool import Gate, default_pool
from altar.runtime._waits import restore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from altar.adm import FunctionCall, ToolResult
    from altar.runtime import CallContext

__all__ = ["aonce", "once"]


def once(
    ledger: Ledger, call: FunctionCall, ctx: CallContext, run: Callable[[], ToolResult]
) -> ToolResult:
    """Run the call, or wait for the run that has its id, or answer what that came to."""
    print_ = fingerprint(call)
    if print_ is None:  # no JSON: the tool's own check says what is wrong with it
        return run()
    while True:
        claim, mine = ledger.claim(call.call_id, print_)
        if mine:
            token = inside.set((*inside.get(), claim))
            result = None
            try:
                result = run()
                return result
            finally:
                inside.reset(token)
                ledger.settle(call.call_id, claim, result)
        known = _answer(claim, call, print_)
        if known is None:
            known = _wait(ledger, claim, call, ctx)
        if known is not None:
            return known


async def aonce(
    ledger: Ledger, call: FunctionCall, ctx: CallContext, run: Callable[[], Awaitable[ToolResult]]
) -> ToolResult:
    """As :func:`once`, without blocking the event loop."""
    print_ = fingerprint(call)
    if print_ is None:
        return await run()
    while True:
        claim, mine = ledger.claim(call.call_id, print_)
        if mine:
            token = inside.set((*inside.get(), claim))
            result = None
            try:
                result = await run()
                return result
            finally:
                restore(inside, token)
                ledger.settle(call.call_id, claim, result)
        known = _answer(claim, call, print_)
        if known is None:
            known = await _await(ledger, claim, call, ctx)
        if known is not None:
            return known


def _answer(claim: Claim, call: FunctionCall, print_: str) -> ToolResult | None:
    """The result where it is known without waiting."""
    if claim.print != print_:
        return invalid_state(
            call.name,
            call.call_id,
            f"The call id {call.call_id!r} was used before with another name or other arguments.",
            "Send the call under a new id.",
        )
    if claim.result is None and claim in inside.get():
        return invalid_state(
            call.name,
            call.call_id,
            f"The tool {show_name(call.name)} sent its own call again while it answers it.",
            "Send the call under a new id.",
        )
    return claim.result


def _wait(ledger: Ledger, claim: Claim, call: FunctionCall, ctx: CallContext) -> ToolResult | None:
    """What the running twin comes to; None when it was given up, and this call may try."""
    gate = Gate()
    ledger.on_settled(claim, gate.open)
    ctx.cancelled.on_cancel(gate.open)
    seconds = ctx.remaining()
    try:
        with default_pool().blocking():
            gate.wait(seconds)
    finally:
        ctx.cancelled.forget(gate.open)
        ledger.forget(claim, gate.open)
    return _after_wait(claim, call, ctx, seconds)


async def _await(
    ledger: Ledger, claim: Claim, call: FunctionCall, ctx: CallContext
) -> ToolResult | None:
    loop = asyncio.get_running_loop()
    settled = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(settled.set)

    ledger.on_settled(claim, wake)
    ctx.cancelled.on_cancel(wake)
    seconds = ctx.remaining()
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await settled.wait()
    except TimeoutError:
        if not limit.expired():
            raise
    finally:
        ctx.cancelled.forget(wake)
        ledger.forget(claim, wake)
    return _after_wait(claim, call, ctx, seconds)


def _after_wait(
    claim: Claim, call: FunctionCall, ctx: CallContext, seconds: float | None
) -> ToolResult | None:
    if claim.result is not None:
        return claim.result
    if claim.dropped:
        return None
    if ctx.cancelled.reason is not None:
        return cancelled(call.name, call.call_id, ctx.cancelled.reason)
    return timed_out(call.name, call.call_id, seconds_of(ctx.deadline, seconds or 0.0))
