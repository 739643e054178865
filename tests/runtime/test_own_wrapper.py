"""A wrapper of one's own: small mistakes are told by name, and what breaks is still an answer."""

from __future__ import annotations

import asyncio

import pytest

import altar
from altar import FunctionCall, Session, ToolResult
from altar.adm import ErrorObject
from altar.errors import ConfigurationError
from altar.llm import ToolCall
from altar.resilience import CircuitBreaker
from altar.runtime import Breaker, CallContext, Observe, Retry, Wrapper
from altar.testing import Faults, Mishap, ScriptedProvider


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class NoReturn(Wrapper):
    def steps(self, call, ctx):
        yield ctx


class Other(Wrapper):
    def steps(self, call, ctx):
        yield ctx
        return call


class BareYield(Wrapper):
    def steps(self, call, ctx):
        return (yield)


class NoYield(Wrapper):
    def steps(self, call, ctx):
        return self.inner.invoke(call, ctx)


class AsyncSteps(Wrapper):
    async def steps(self, call, ctx):
        return await self.inner.ainvoke(call, ctx)


class AsyncYield(Wrapper):
    async def steps(self, call, ctx):
        yield ctx


class NoSteps(Wrapper):
    pass


class Raises(Wrapper):
    def steps(self, call, ctx):
        raise ValueError("a secret")
        yield


class RaisesLate(Wrapper):
    def steps(self, call, ctx):
        yield ctx
        raise ValueError("a secret")


MISTAKES = {
    NoReturn: r"NoReturn\.steps returned None: end with `return result`",
    Other: r"Other\.steps returned a FunctionCall: return a ToolResult",
    BareYield: r"BareYield\.steps yielded None: write `result = yield ctx`",
    NoYield: r"NoYield\.steps .*has no yield.*`result = yield ctx`.*self\.inner\.invoke",
    AsyncSteps: r"AsyncSteps\.steps is async: write def steps",
    AsyncYield: r"AsyncYield\.steps is async: write def steps",
    NoSteps: r"NoSteps has no steps: write def steps\(self, call, ctx\)",
}
ARGS = {"a": 1, "b": 2}


def generated(session):
    model = ScriptedProvider([ToolCall("add", ARGS), "done"])
    return altar.generate("add", model=model, session=session).calls[0].result


WAYS = {
    "sync": lambda session: session.execute("add", ARGS),
    "async": lambda session: asyncio.run(session.aexecute("add", ARGS)),
    "generate": generated,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrapper", MISTAKES)
def test_a_small_mistake_is_told_with_the_class_and_what_to_type(wrapper, way):
    for runtime in (
        wrapper,
        lambda local: Retry(wrapper(local)),
        lambda local: wrapper(Retry(local)),
    ):
        with Session([add], runtime=runtime) as session:
            with pytest.raises(ConfigurationError, match=MISTAKES[wrapper]):
                WAYS[way](session)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrapper", [Raises, RaisesLate])
def test_what_a_wrapper_raises_is_an_answer_that_names_it_and_not_what_it_said(
    wrapper, way, caplog
):
    for runtime in (
        wrapper,
        lambda local: Retry(wrapper(local)),
        lambda local: wrapper(Retry(local)),
    ):
        caplog.clear()
        with Session([add], runtime=runtime) as session:
            result = WAYS[way](session)
        assert result.error.type == "TOOL_EXECUTION_FAILED"
        assert f"{wrapper.__name__}.steps raised ValueError" in result.error.message
        assert result.error.details == {"executed": "unknown"}
        assert result.error.retry_allowed is False
        assert "secret" not in result.error.message
        assert "secret" in str(result.cause)
        assert f"{wrapper.__name__}.steps raised ValueError" in caplog.text


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_breaks_a_call_off_is_raised(ending):
    class Ends(Wrapper):
        def steps(self, call, ctx):
            yield ctx
            raise ending

    with Session([add], runtime=Ends) as session, pytest.raises(ending):
        session.execute("add", ARGS)


def test_wrappers_around_see_the_exception_before_it_is_answered():
    told = []
    runtime = Observe(Breaker(Raises(Session([add])), CircuitBreaker(failures=1)), told.append)
    with Session([], runtime=runtime) as session:
        kinds = [session.execute("add", ARGS).error.type for _ in range(2)]
    assert kinds == ["TOOL_EXECUTION_FAILED", "CIRCUIT_OPEN"]
    assert isinstance(told[0].result.cause, ValueError)


class Foreign:
    """A runtime of somebody else's that does what ``do`` does."""

    def __init__(self, do):
        self.do = do

    def invoke(self, call, ctx):
        return self.do(call)

    async def ainvoke(self, call, ctx):
        return self.do(call)


def test_a_runtime_that_raises_is_an_answer_too():
    def do(call):
        raise LookupError("a secret")

    with Session([add], runtime=Foreign(do)) as session:
        for way in WAYS.values():
            result = way(session)
            assert "Foreign raised LookupError" in result.error.message
            assert "secret" not in result.error.message


@pytest.mark.parametrize("wrap", [lambda inner: inner, Retry])
def test_a_runtime_that_returns_no_result_is_told(wrap):
    with Session([add], runtime=wrap(Foreign(lambda call: None))) as session:
        for way in WAYS.values():
            with pytest.raises(ConfigurationError, match=r"Foreign answered a call with None"):
                way(session)


def test_an_answer_under_another_calls_id_is_kept_from_whoever_asked(caplog):
    runtime = lambda local: Faults(local, [Mishap("wrong_id")])  # noqa: E731 - as people write it
    with Session([add], runtime=runtime) as session:
        for result in (
            session.execute("add", ARGS, call_id="mine"),
            asyncio.run(session.aexecute("add", ARGS, call_id="mine-too")),
        ):
            assert result.call_id.startswith("mine")
            assert (result.error.type, result.value) == ("TOOL_EXECUTION_FAILED", None)
            assert "call_id=call.call_id" in str(result.cause)
    assert "under another id" in caplog.text


def test_a_result_without_an_id_is_this_calls_and_bears_its_name():
    shared = ToolResult(name="short", content=3)
    with Session([add], runtime=Foreign(lambda call: shared)) as session:
        ids = []
        for number in range(3):
            result = session.execute(FunctionCall(name="add", args=ARGS, call_id=f"c{number}"))
            assert (result.name, result.content) == ("add", 3)
            ids.append(result.call_id)
    assert ids == ["c0", "c1", "c2"]


def test_a_renaming_runtime_answers_under_the_name_that_was_called():
    no = ErrorObject(message="no", type="TIMEOUT")

    def do(call):
        return ToolResult(name="inner.add", call_id=call.call_id, error=no)

    with Session([add], runtime=Foreign(do)) as session:
        result = session.execute("add", ARGS)
    assert (result.name, result.error.message) == ("add", "no")


def test_a_result_and_a_generator_of_ones_own_classes_will_do():
    class Special(ToolResult):
        pass

    class Both(Wrapper):
        def steps(self, call, ctx):
            yield from ()
            return Special(name=call.name, call_id=call.call_id, content=5)

    assert Both(Session([add])).invoke(FunctionCall(name="add"), CallContext()).content == 5
