"""RuntimeContract: what every Runtime must do, as tests that a runtime's author runs.

Subclass it under a name your test runner collects, and say how a runtime is made:

    class TestMyRuntime(RuntimeContract):
        def make_runtime(self, tools):
            return MyRuntime(tools)
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from altar.adm import FunctionCall, ToolResult
from altar.errors import ErrorType, ToolError
from altar.later._mark import MARK_ATTRIBUTE, ToolOptions, mark_for
from altar.runtime import CallContext, Cancellation, Runtime, ainvoke_many, invoke_many

__all__ = ["RuntimeContract"]


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


async def aadd(a: int, b: int = 1) -> int:
    """Add two numbers, later."""
    await asyncio.sleep(0)
    return a + b


def count(to: int) -> Any:
    """Count, one chunk at a time."""
    for number in range(to):
        yield str(number)


def broken() -> None:
    """Fail with a text that must stay inside."""
    raise ValueError("secret=42 in /etc/passwd")


def refusing() -> None:
    """Fail with a text the model should hear."""
    raise ToolError("Try the other door.", type="BUSINESS_RULE_VIOLATION", retry_after=1.5)


def leaving() -> None:
    """Try to end the process."""
    raise SystemExit(3)


def shapeless() -> object:
    """Return what has no JSON form."""
    cycle: list[object] = []
    cycle.append(cycle)
    return cycle


async def endless() -> None:
    """Never answer."""
    await asyncio.Event().wait()


def large() -> str:
    """Return more than fits."""
    return "x" * 200_000


def guarded() -> str:
    """Do what a person must have allowed."""
    return "done"


# marked without the decorator, which would note it in the registry of whoever tests
setattr(guarded, MARK_ATTRIBUTE, mark_for(guarded, options=ToolOptions(approval=True)))

TOOLS = (add, aadd, count, broken, refusing, leaving, shapeless, endless, large, guarded)


class RuntimeContract:
    """The contract of :class:`altar.runtime.Runtime`, one test for each promise.

    ``make_runtime(tools)`` returns a runtime that serves the functions it is
    given. The tests are plain methods: pytest collects them, and anything else
    can call them.
    """

    def make_runtime(self, tools: Any) -> Runtime:
        """Return a fresh runtime that serves ``tools``."""
        raise NotImplementedError(f"{type(self).__name__}.make_runtime(tools) -> Runtime")

    def both(
        self, name: str, args: dict[str, Any] | None = None, **changes: Any
    ) -> tuple[ToolResult, ToolResult]:
        """The results of one call, by ``invoke`` and by ``ainvoke``."""
        runtime = self.make_runtime(TOOLS)
        call = FunctionCall(name=name, args=args)
        sync = runtime.invoke(call, CallContext(**changes))
        again = FunctionCall(name=name, args=args)
        return sync, asyncio.run(_ainvoke(runtime, again, changes))

    def refused(
        self, kind: str, name: str, args: dict[str, Any] | None = None, **changes: Any
    ) -> ToolResult:
        """Both ways answer with an error of this type; the synchronous one is returned."""
        for result in self.both(name, args, **changes):
            assert result.error is not None, result
            assert result.error.type == kind, result
            assert result.error.message.strip()
            json.dumps(result.to_dict(), allow_nan=False).encode()
        return self.both(name, args, **changes)[0]

    def test_it_is_a_runtime(self) -> None:
        """It has both methods of the protocol."""
        assert isinstance(self.make_runtime(TOOLS), Runtime)

    def test_a_call_is_answered_with_its_name_and_id(self) -> None:
        """The result carries the call's own name and id, and JSON content."""
        runtime = self.make_runtime(TOOLS)
        call = FunctionCall(name="add", args={"a": 2}, call_id="call-1")
        result = runtime.invoke(call, CallContext())
        assert (result.ok, result.content) == (True, 3)
        assert (result.call_id, result.name) == ("call-1", "add")

    def test_sync_and_async_tools_run_both_ways(self) -> None:
        """What a tool is says nothing about how it may be called."""
        for name in ("add", "aadd"):
            assert [result.content for result in self.both(name, {"a": 2, "b": 3})] == [5, 5]

    def test_chunks_reach_the_listener_and_make_the_result(self) -> None:
        """A generator's chunks are reported in order, and joined when all are text."""
        chunks: list[Any] = []
        results = self.both("count", {"to": 3}, emit=chunks.append)
        assert [result.content for result in results] == ["012", "012"]
        assert chunks == ["0", "1", "2"] * 2

    def test_an_unknown_name_is_answered(self) -> None:
        """A name nobody serves becomes a result that says so."""
        self.refused(ErrorType.TOOL_NOT_FOUND, "no_such_tool")

    def test_what_needs_approval_runs_with_it_alone(self) -> None:
        """A tool marked ``approval`` runs when the context says that a person allowed it."""
        self.refused(ErrorType.APPROVAL_REQUIRED, "guarded")
        assert [result.content for result in self.both("guarded", approved=True)] == ["done"] * 2

    def test_bad_arguments_are_told_with_their_paths(self) -> None:
        """Every problem is told at once, and the body does not run."""
        args = {"a": "x", "c": 1}
        result = self.refused(ErrorType.PARAMETER_VALIDATION_FAILED, "add", args)
        assert result.error is not None
        assert result.error.details is not None
        paths = {problem["path"] for problem in result.error.details["problems"]}
        assert paths == {"$.a", "$.c"}

    def test_the_text_of_an_exception_stays_inside(self) -> None:
        """The model hears that the tool failed, not what was in the message."""
        result = self.refused(ErrorType.TOOL_EXECUTION_FAILED, "broken")
        assert "secret" not in json.dumps(result.to_dict())
        assert "/etc" not in json.dumps(result.to_dict())

    def test_a_tool_error_is_heard(self) -> None:
        """ToolError's message, type and retry time reach the model."""
        result = self.refused("BUSINESS_RULE_VIOLATION", "refusing")
        assert result.error is not None
        assert result.error.message == "Try the other door."
        assert (result.error.retry_allowed, result.error.retry_after_ms) == (True, 1500)

    def test_a_tool_cannot_end_the_process(self) -> None:
        """SystemExit is contained."""
        self.refused(ErrorType.TOOL_EXECUTION_FAILED, "leaving")

    def test_a_result_without_json_form_is_told(self) -> None:
        """A cycle becomes an error result."""
        self.refused(ErrorType.TOOL_EXECUTION_FAILED, "shapeless")

    def test_a_large_result_is_capped(self) -> None:
        """Head and tail are kept, and the result says that something is missing."""
        for result in self.both("large"):
            assert result.ok
            assert len(json.dumps(result.content)) <= 70_000
            assert result.metadata is not None
            assert result.metadata["truncated"]

    def test_a_deadline_ends_a_call(self) -> None:
        """A call that is too slow, or too late, is answered with TIMEOUT."""
        self.refused(ErrorType.TIMEOUT, "endless", deadline=time.monotonic() + 0.1)
        self.refused(ErrorType.TIMEOUT, "add", {"a": 1}, deadline=time.monotonic() - 1)

    def test_a_cancelled_call_does_not_begin(self) -> None:
        """A flag that is up answers CANCELLED."""
        flag = Cancellation()
        flag.cancel("enough")
        self.refused(ErrorType.CANCELLED, "add", {"a": 1}, cancelled=flag)

    def test_raising_the_flag_ends_a_running_call(self) -> None:
        """An explicit cancel while the tool runs answers CANCELLED."""
        runtime = self.make_runtime(TOOLS)
        ctx = CallContext()

        async def main() -> ToolResult:
            task = asyncio.create_task(runtime.ainvoke(FunctionCall(name="endless"), ctx))
            await asyncio.sleep(0.02)
            ctx.cancelled.cancel("enough")
            return await task

        result = asyncio.run(main())
        assert result.error is not None
        assert result.error.type == ErrorType.CANCELLED

    def test_cancelling_the_awaiting_task_raises(self) -> None:
        """asyncio.timeout and Task.cancel work as around any other await."""
        runtime = self.make_runtime(TOOLS)

        async def main() -> str:
            try:
                async with asyncio.timeout(0.02):
                    await runtime.ainvoke(FunctionCall(name="endless"), CallContext())
            except TimeoutError:
                return "raised"
            return "swallowed"

        assert asyncio.run(main()) == "raised"

    def test_many_calls_keep_their_order(self) -> None:
        """Results stand where their calls stood, also when fewer may run at once."""
        runtime = self.make_runtime(TOOLS)
        calls = [FunctionCall(name="aadd", args={"a": n}) for n in range(20)]
        contexts = [CallContext() for _ in calls]
        expected = list(range(1, 21))
        results = invoke_many(runtime, calls, contexts, max_concurrency=3)
        assert [result.content for result in results] == expected
        fresh = [FunctionCall(name="add", args={"a": n}) for n in range(20)]
        results = asyncio.run(ainvoke_many(runtime, fresh, contexts, max_concurrency=3))
        assert [result.content for result in results] == expected

    def test_an_error_carries_the_correlation_id(self) -> None:
        """What finds the call in logs stands in its error."""
        result = self.refused(ErrorType.TOOL_NOT_FOUND, "nope", correlation_id="trace-7")
        assert result.error is not None
        assert result.error.correlation_id == "trace-7"


async def _ainvoke(runtime: Runtime, call: FunctionCall, changes: dict[str, Any]) -> ToolResult:
    return await runtime.ainvoke(call, CallContext(**changes))
