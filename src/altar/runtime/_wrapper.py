"""Wrapper: a Runtime that holds another one, and decides without waiting.

A wrapper is one generator, ``steps``. It yields a CallContext to have the inner
runtime carry out the call with it, or a :class:`Step` that knows how to wait in
a thread and on an event loop; it is sent the ToolResult, or what the step came
to, and returns the ToolResult. What is raised meanwhile (a KeyboardInterrupt,
the cancellation of the task) is raised at its ``yield``. The two drivers below
are all that sync and async differ in.
"""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from altar.adm import ToolResult
from altar.errors import ConfigurationError
from altar.runtime._protocol import CallContext, Runtime

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import NoReturn

    from altar.adm import FunctionCall

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

    Raises ConfigurationError when ``inner`` is no Runtime, when ``steps`` is
    missing or no generator, yields what nothing can be done with, or returns no
    ToolResult. What else ``steps`` raises leaves ``invoke``; a Session answers
    such a call with an error result.
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
        raise ConfigurationError(
            f"{type(self).__name__} has no steps: write def steps(self, call, ctx), with "
            "`result = yield ctx` and `return result`"
        )

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result (the Runtime protocol)."""
        steps = self.steps(call, ctx)
        if steps.__class__ is not GeneratorType:
            self._no_generator(steps)
        try:
            step = steps.send(None)
            while True:
                try:
                    if isinstance(step, CallContext):
                        answer = self.inner.invoke(call, step)
                        if answer.__class__ is not ToolResult:
                            self._no_answer(answer)
                    elif hasattr(step, "run"):
                        answer = step.run()
                    else:
                        self._no_step(step)
                except BaseException as error:  # noqa: BLE001 - it is raised again by steps
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: ToolResult = end.value
            return result if result.__class__ is ToolResult else self._checked(result)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        steps = self.steps(call, ctx)
        if steps.__class__ is not GeneratorType:
            self._no_generator(steps)
        try:
            step = steps.send(None)
            while True:
                try:
                    if isinstance(step, CallContext):
                        answer = await self.inner.ainvoke(call, step)
                        if answer.__class__ is not ToolResult:
                            self._no_answer(answer)
                    elif hasattr(step, "arun"):
                        answer = await step.arun()
                    else:
                        self._no_step(step)
                except BaseException as error:  # noqa: BLE001 - it is raised again by steps
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: ToolResult = end.value
            return result if result.__class__ is ToolResult else self._checked(result)

    def printed(self) -> str:
        """What a printed stack shows for it."""
        return type(self).__name__

    def __repr__(self) -> str:
        return f"{self.printed()} -> {self.inner!r}"

    def _checked(self, result: object) -> ToolResult:
        if isinstance(result, ToolResult):  # of a class of its own
            return result
        raise ConfigurationError(
            f"{type(self).__name__}.steps returned {_shown(result)}: end with `return result`, "
            "where `result = yield ctx`"
            if result is None
            else f"{type(self).__name__}.steps returned {_shown(result)}: return a ToolResult, "
            "as `result = yield ctx` is one"
        )

    def _no_generator(self, made: object) -> None:
        """``steps`` was no generator function, or handed on a generator of another kind."""
        if hasattr(made, "send") and hasattr(made, "throw") and not hasattr(made, "__await__"):
            return
        name = type(self).__name__
        close = getattr(made, "close", None)
        if close is not None:  # a coroutine that nobody awaits would be complained about
            close()
        if hasattr(made, "__await__") or hasattr(made, "__aiter__"):
            raise ConfigurationError(
                f"{name}.steps is async: write def steps(self, call, ctx) without async, with "
                "`result = yield ctx`; it serves async calls as it is"
            )
        raise ConfigurationError(
            f"{name}.steps returned {_shown(made)} and has no yield: it is a generator; write "
            "`result = yield ctx` to have the inner runtime carry out the call (instead of "
            "self.inner.invoke), then `return result`; to answer without a call, write "
            "`yield from ()` before the return"
        )

    def _no_answer(self, answer: object) -> None:
        if not isinstance(answer, ToolResult):  # it may be of a class of its own
            raise ConfigurationError(
                f"{type(self.inner).__name__} answered a call with {_shown(answer)}: its invoke "
                "and ainvoke must return a ToolResult"
            )

    def _no_step(self, step: object) -> NoReturn:
        raise ConfigurationError(
            f"{type(self).__name__}.steps yielded {_shown(step)}: write `result = yield ctx` to "
            "have the inner runtime carry out the call, or yield an object with run() and arun()"
        )


def _shown(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
