"""Wrapper: a Runtime that holds another one, and decides without waiting.

A wrapper is one generator, ``steps``. It yields a CallContext to have the inner
runtime carry out the call with it, or a :class:`Step` that knows how to wait in
a thread and on an event loop; it is sent the ToolResult, or what the step came
to, and returns the ToolResult. What is raised meanwhile (a KeyboardInterrupt,
the cancellation of the task) is raised at its ``yield``. The two drivers below
are all that sync and async differ in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from altar.errors import ConfigurationError
from altar.runtime._protocol import CallContext, Runtime

if TYPE_CHECKING:
    from collections.abc import Generator

    from altar.adm import FunctionCall, ToolResult

__all__ = ["Step", "Steps", "Wrapper"]


class Step(Protocol):
    """Something to wait for that is not the inner runtime: a pause, a place in a queue."""

    def run(self) -> Any:
        """Wait for it in this thread."""
        ...

    async def arun(self) -> Any:
        """Wait for it on the running event loop."""
        ...


Steps: TypeAlias = "Generator[CallContext | Step, Any, ToolResult]"


class Wrapper:
    """What wrappers have in common: the ``inner`` runtime and the two drivers.

    Write ``steps``. It runs to its end or is raised into, whatever the inner
    runtime does, so what it takes it gives back in a ``finally``. ``printed`` is
    what stands for it in a printed stack.

    Raises ConfigurationError when ``inner`` is no Runtime.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Runtime) -> None:
        if isinstance(inner, type) or not isinstance(inner, Runtime):
            raise ConfigurationError(
                f"{type(self).__name__}({inner!r}): give the Runtime to wrap first, for example "
                f"Session(tools, runtime=lambda local: {type(self).__name__}(local, ...))"
            )
        self.inner = inner

    @property
    def honours_deadline(self) -> bool:
        """Whether a call returns when ``ctx.deadline`` has passed: here, what the inner one does.

        A wrapper that itself waits for longer says False.
        """
        return getattr(self.inner, "honours_deadline", False) is True

    def steps(self, call: FunctionCall, ctx: CallContext) -> Steps:
        """Decide what to do about one call."""
        raise NotImplementedError

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result (the Runtime protocol)."""
        steps = self.steps(call, ctx)
        try:
            step = steps.send(None)
            while True:
                try:
                    if isinstance(step, CallContext):
                        answer = self.inner.invoke(call, step)
                    else:
                        answer = step.run()
                except BaseException as error:  # noqa: BLE001 - it is raised again by steps
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: ToolResult = end.value
            return result

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        steps = self.steps(call, ctx)
        try:
            step = steps.send(None)
            while True:
                try:
                    if isinstance(step, CallContext):
                        answer = await self.inner.ainvoke(call, step)
                    else:
                        answer = await step.arun()
                except BaseException as error:  # noqa: BLE001 - it is raised again by steps
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: ToolResult = end.value
            return result

    def printed(self) -> str:
        """What a printed stack shows for it."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{self.printed()} -> {self.inner!r}"
