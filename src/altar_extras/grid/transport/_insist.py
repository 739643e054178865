"""insist: what needs a connection is tried again, as long as a second try may bring more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from altar_extras.grid.transport._protocol import (
    AdmissionRefusedError,
    GridTransportError,
    NotConnectedError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["insist", "may_pass"]

T = TypeVar("T")
_FIRST, _LONGEST = 0.05, 0.5  # seconds between tries
_PASSING = frozenset({"lost", "no_host", "silent"})


def may_pass(error: GridTransportError) -> bool:
    """Whether the same try may fare better in a moment: the server said nothing or went away, or
    no Host told it who we are. Where nobody listens, or a key or a certificate is refused, not.
    """
    if isinstance(error, (AdmissionRefusedError, NotConnectedError)):
        return error.reason in _PASSING
    return False


async def insist(work: Callable[[], Awaitable[T]], *, within: float) -> T:
    """What ``work`` brings; tried again for so many seconds, which bound it in any case.

    Raises what the last try raised, at once where it may not pass; TimeoutError
    where the first one did not end in time.
    """
    problem: GridTransportError | None = None
    pause = _FIRST
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    return await work()
                except GridTransportError as error:
                    if not may_pass(error):
                        raise
                    problem = error
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST)
    except TimeoutError:
        if problem is None:
            raise
        raise problem from problem.__cause__
