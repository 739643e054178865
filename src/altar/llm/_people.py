"""Asking the application about a call: here and now, in a thread, or on the event loop."""

from __future__ import annotations

from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any

from altar.errors import ConfigurationError
from altar.llm._steps import Unasked
from altar.runtime._ask import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.llm._steps import AskPerson

__all__ = ["aask", "ask", "refuse_async"]

_NO_LOOP = (
    "approve= is async, and this run is not: give a plain function, or ask with altar.agenerate, "
    "altar.astream, Agent.arun or Chat.asend"
)


def refuse_async(approve: Callable[..., Any] | None) -> None:
    """Raise ConfigurationError for an async function where there is no event loop to run it on."""
    if approve is not None and _is_async(approve):
        raise ConfigurationError(_NO_LOOP)


def _is_async(approve: Callable[..., Any]) -> bool:
    return iscoroutinefunction(approve) or iscoroutinefunction(type(approve).__call__)


def ask(step: AskPerson) -> object:
    """What the application says; what it raises says neither yes nor no."""
    try:
        said = step.approve(step.call)
    except Exception as error:  # noqa: BLE001 - the application may raise anything
        return Unasked(error)
    if isawaitable(said):
        close = getattr(said, "close", None)
        if close is not None:
            close()
        return Unasked(ConfigurationError(_NO_LOOP))
    return said


async def aask(step: AskPerson) -> object:
    """As :func:`ask`; a plain function runs in a thread of its own: it may wait for a person."""
    try:
        if _is_async(step.approve):
            said = await step.approve(step.call)
        else:
            said = await in_thread(partial(step.approve, step.call))
            if isawaitable(said):
                said = await said
    except Exception as error:  # noqa: BLE001 - the application may raise anything
        return Unasked(error)
    return said
