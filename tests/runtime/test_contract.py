"""The runtimes of this package keep the contract of the protocol."""

from __future__ import annotations

import pytest

from altar import Session
from altar.later import LocalRuntime
from altar.runtime import CallContext
from altar.testing import RuntimeContract


class TestLocalRuntime(RuntimeContract):
    def make_runtime(self, tools):
        return LocalRuntime(tools)


class TestSession(RuntimeContract):
    def make_runtime(self, tools):
        return Session(tools)


class Passing:
    """The least a wrapper can be."""

    def __init__(self, inner):
        self.inner = inner

    def invoke(self, call, ctx):
        return self.inner.invoke(call, ctx.replace(attempt=ctx.attempt + 1))

    async def ainvoke(self, call, ctx):
        return await self.inner.ainvoke(call, ctx.replace(attempt=ctx.attempt + 1))


class TestWrappedInSession(RuntimeContract):
    def make_runtime(self, tools):
        return Session(tools, runtime=Passing)


class TestSessionInSession(RuntimeContract):
    def make_runtime(self, tools):
        return Session(tools, runtime=Session(tools))


def test_the_contract_says_what_is_missing():
    """Without make_runtime the suite names the method to write."""
    with pytest.raises(NotImplementedError, match="make_runtime"):
        RuntimeContract().test_it_is_a_runtime()


def test_a_context_copy_changes_only_what_it_is_told():
    """replace keeps every other field and shares the cancellation."""
    ctx = CallContext(session_id="s", correlation_id="c", attempt=2, deps=object())
    copy = ctx.replace(attempt=3, deadline=7.0)
    assert (copy.attempt, copy.deadline) == (3, 7.0)
    assert (copy.session_id, copy.correlation_id, copy.deps) == ("s", "c", ctx.deps)
    assert copy.cancelled is ctx.cancelled
    assert copy.replace(deadline=None).deadline is None
