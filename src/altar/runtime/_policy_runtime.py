"""PolicyRuntime: a runtime under one policy, where nothing is known of the tools behind it."""

from __future__ import annotations

from _thread import allocate_lock
from typing import TYPE_CHECKING, Any

from altar.runtime._keyed import MAX_KEYS
from altar.runtime._stack import Parts, stacked

if TYPE_CHECKING:
    from altar.adm import FunctionCall, ToolResult
    from altar.runtime._protocol import CallContext, Runtime

__all__ = ["PolicyRuntime"]


class PolicyRuntime:
    """``inner`` within the wrappers that ``said`` (fields and their values) comes to.

    Each name has its own stack. A model may make up as many names as it likes,
    so those beyond the first ``MAX_KEYS`` share one: forgetting the oldest would
    let a flood of names lift the limits of a tool.
    """

    __slots__ = ("_lock", "_others", "_said", "_stacks", "inner")

    def __init__(self, inner: Runtime, said: list[tuple[str, Any]]) -> None:
        self.inner = inner
        self._said = said
        self._lock = allocate_lock()
        self._stacks: dict[str, Runtime] = {}
        self._others = self._new()

    @property
    def honours_deadline(self) -> bool:
        """Whether a call returns when its deadline has passed."""
        return getattr(self._others, "honours_deadline", False) is True

    def invoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call and wait for its result (the Runtime protocol)."""
        return self._stack(call.name).invoke(call, ctx)

    async def ainvoke(self, call: FunctionCall, ctx: CallContext) -> ToolResult:
        """Carry out one call without blocking the event loop (the Runtime protocol)."""
        return await self._stack(call.name).ainvoke(call, ctx)

    def __repr__(self) -> str:
        return repr(self._others)

    def _stack(self, name: str) -> Runtime:
        stack = self._stacks.get(name)
        if stack is None:
            with self._lock:
                stack = self._stacks.get(name)
                if stack is None:
                    if len(self._stacks) >= MAX_KEYS:
                        return self._others
                    stack = self._stacks[name] = self._new()
        return stack

    def _new(self) -> Runtime:
        parts = Parts(self)
        return stacked(self.inner, {name: (value, parts) for name, value in self._said})
