"""is_async: whether what an application gave is a function that somebody has to await."""

from __future__ import annotations

from functools import partial
from typing import Any

__all__ = ["is_async"]

_IS_COROUTINE = 0x80  # inspect.CO_COROUTINE, without its import


def is_async(given: Any) -> bool:
    """Whether it was written ``async def``: a function, a method, a partial, or ``__call__``."""
    while isinstance(given, partial):
        given = given.func
    by_class = getattr(type(given), "__call__", None)  # noqa: B004 - its code, not whether it is
    codes = (getattr(given, "__code__", None), getattr(by_class, "__code__", None))
    return any(code is not None and code.co_flags & _IS_COROUTINE for code in codes)
