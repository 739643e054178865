"""Tools that take a Context, and those that have only a schema, on the fast lane and off it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altar import Context, FunctionCall, FunctionDeclaration, Session, ToolError
from altar.later import SchemaTool, ToolOptions
from altar.runtime import CallContext, Cancellation

NODES: dict[str, Any] = {
    "n": {"type": "integer"},
    "f": {"type": "number"},
    "s": {"type": "string", "description": "Text."},
    "b": {"type": ["boolean", "null"]},
    "e": {"enum": ["red", 3]},
    "l": {"type": "array", "items": {"type": "integer"}},
}
PLAIN = {"type": "object", "properties": {k: NODES[k] for k in "nfsb"}, "required": ["n"]}
RICH = {"type": "object", "properties": NODES, "required": ["n", "e"]}
EITHER = {"type": "object", "properties": PLAIN["properties"], "anyOf": [{"required": ["n"]}, {"required": ["s"]}]}  # fmt: skip
KEPT: list[Context] = []


def declared(name: str, parameters: Any) -> FunctionDeclaration:
    return FunctionDeclaration(name=name, description="D", parameters=parameters)


def shown(args: Any, context: Context) -> list[Any]:
    KEPT.append(context)
    context.progress({"n": 1})
    ids = context.correlation_id if context.correlation_id != context.call_id else "same"
    told = [context.deps, context.tool_name, context.approved, context.cancelled, ids]
    return [args, *told, context.remaining(), context.session.id if context.session else None]


def echo(args: dict[str, Any]) -> Any:
    if args.get("s") == "raise":
        raise ToolError("no", type="X")
    return args.get("l") or args["n"] if "n" in args else args


async def aecho(args: dict[str, Any]) -> Any:
    return echo(args)


async def ashown(args: dict[str, Any], context: Context) -> list[Any]:
    return shown(args, context)


def native(n: int, ctx: Context, *, s: str = "x") -> list[Any]:
    return shown([n, s], ctx)


async def anative(ctx: Context, n: int) -> list[Any]:
    return shown(n, ctx)


def needy(n: int, ctx: Context[str]) -> list[Any]:
    return shown(n, ctx)


def later(args: dict[str, Any], context: Context) -> Any:
    return ashown(args, context) if args["n"] > 5 else shown(args, context)


TOOLS = [
    native,
    anative,
    needy,
    SchemaTool(declared("plain", PLAIN), echo),
    SchemaTool(declared("aplain", PLAIN), aecho),
    SchemaTool(declared("rich", RICH), shown, takes_context=True),
    SchemaTool(declared("arich", RICH), ashown, takes_context=True),
    SchemaTool(declared("later", PLAIN), later, takes_context=True),
    SchemaTool(declared("careful", RICH), shown, takes_context=True, options=ToolOptions(strict=True)),
]  # fmt: skip
NAMES = ["aplain", "anative", "arich", "careful", "later", "native", "needy", "plain", "rich"]


class Through:
    """A runtime that keeps every call off the lanes."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def invoke(self, call: Any, ctx: Any) -> Any:
        return self.inner.invoke(call, ctx)

    async def ainvoke(self, call: Any, ctx: Any) -> Any:
        return await self.inner.ainvoke(call, ctx)


def warmed(**options: Any) -> Session:
    session = Session(TOOLS, id="same", **options)
    args = {"n": 1, "e": "red"}
    for _ in range(20):
        for name in NAMES:
            session.execute(name, {"n": 1} if name not in ("rich", "arich", "careful") else args)
    KEPT.clear()
    return session


LANES = {strict: warmed(deps="D", strict=strict) for strict in (False, True)}
GENERAL = {strict: Session(TOOLS, id="same", deps="D", strict=strict, runtime=Through) for strict in (False, True)}  # fmt: skip


def seen(result: Any) -> Any:
    told = result.to_dict()
    del told["call_id"]
    return repr(told), repr(result.value), type(result.cause)


leaves = st.sampled_from(
    [1, 9, -(2**63), 2**63, True, None, 1.5, 3.0, float("nan"), "x", "raise", "é", "\ud800", "7", "RED", "red", 3, [1], ["1"], "[1]", {}]
)  # fmt: skip


def test_every_tool_here_has_a_lane():
    for session in LANES.values():
        assert sorted([*session._fast, *session._afast]) == sorted(NAMES)


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from("nfsbelz"), leaves, max_size=4), st.booleans(), st.booleans())  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_both_ways_answer_alike(name, args, strict, whole):
    args = {"n": 1, "e": "red", **args} if whole else args
    lane, general = LANES[strict], GENERAL[strict]
    assert seen(lane.execute(name, args)) == seen(general.execute(name, args))

    async def both():
        return await lane.aexecute(name, args), await general.aexecute(name, args)

    one, other = asyncio.run(both())
    assert seen(one) == seen(other)


@pytest.mark.parametrize("name", ["native", "anative", "rich", "arich", "later", "needy"])
@pytest.mark.parametrize("on_loop", [False, True])
def test_a_context_shows_the_same_on_both_ways(name, on_loop):
    args = {"n": 9} if name not in ("rich", "arich") else {"n": 9, "e": "red"}

    def told(session, **said):
        chunks = []
        ctx = CallContext(emit=chunks.append, **said)
        call = FunctionCall(name=name, args=args)
        result = asyncio.run(session.ainvoke(call, ctx)) if on_loop else session.invoke(call, ctx)
        assert KEPT[-1].call_id == result.call_id == call.call_id
        return seen(result), chunks

    for said in ({}, {"correlation_id": "c"}, {"deps": "other"}, {"approved": True}):
        assert told(LANES[False], **said) == told(GENERAL[False], **said)


@pytest.mark.parametrize("name", ["native", "anative", "rich", "arich"])
def test_the_id_a_tool_is_told_is_its_results_own(name):
    args = {"n": 1} if name not in ("rich", "arich") else {"n": 1, "e": "red"}
    results = [LANES[False].execute(name, args), asyncio.run(LANES[False].aexecute(name, args))]
    assert [one.call_id for one in results] == [one.call_id for one in KEPT[-2:]]
    assert results[0].call_id != results[1].call_id


def test_a_lane_gives_no_call_without_the_dependencies_it_needs():
    session = Session([needy])
    lends = CallContext(deps="D")
    for _ in range(20):
        assert session.invoke(FunctionCall(name="needy", args={"n": 1}), lends).ok
    assert "needy" in session._fast
    refused = session.execute("needy", {"n": 1})
    assert refused.error.type == Session([needy]).execute("needy", {"n": 1}).error.type


def test_a_tool_on_the_lane_hears_that_its_session_closes():
    heard = []

    def tool(args: dict[str, Any], context: Context) -> None:
        if args:
            session.close()
        heard.append(context.cancelled)

    session = Session([SchemaTool(declared("t", PLAIN | {"required": []}), tool, takes_context=True)])  # fmt: skip
    for _ in range(20):
        session.execute("t", {})
    assert "t" in session._fast
    session.execute("t", {"n": 1})
    assert heard[-1]
    assert not any(heard[:-1])


@pytest.mark.parametrize("how", ["flag", "task"])
def test_who_waits_no_more_is_known_to_the_context(how):
    async def main():
        async def slow(args: dict[str, Any], context: Context) -> None:
            KEPT.append(context)
            if args:
                await asyncio.Event().wait()

        session = Session([SchemaTool(declared("t", PLAIN | {"required": []}), slow, takes_context=True)])  # fmt: skip
        for _ in range(20):
            await session.aexecute("t")
        assert "t" in session._afast
        flag = Cancellation()
        call = FunctionCall(name="t", args={"n": 1})
        task = asyncio.create_task(session.ainvoke(call, CallContext(cancelled=flag)))
        await asyncio.sleep(0)
        assert not KEPT[-1].cancelled
        if how == "flag":
            flag.cancel("enough")
            assert (await task).error.type == "CANCELLED"
        else:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert KEPT[-1].cancelled
        return session

    asyncio.run(main())


def test_a_tool_on_the_lane_may_call_another_of_its_session():
    async def outer(args: dict[str, Any], context: Context) -> Any:
        return (await context.session.aexecute("aplain", args)).content

    tools = [*TOOLS, SchemaTool(declared("outer", PLAIN), outer, takes_context=True)]
    session = Session(tools)
    found = [asyncio.run(session.aexecute("outer", {"n": n})).content for n in range(40)]
    assert found == list(range(40))
    assert "outer" in session._afast


def test_what_a_schema_says_of_all_arguments_together_is_checked_of_none_too():
    session = Session([SchemaTool(declared("t", EITHER), lambda args: args)])
    assert session.execute("t", {"s": "x"}).ok
    assert session.execute("t", {}).error.type == "PARAMETER_VALIDATION_FAILED"


def test_who_never_raises_a_flag_is_answered_and_stopped_as_all_others():
    never = Cancellation.never()
    with pytest.raises(RuntimeError, match="cancelled=Cancellation"):
        never.cancel("x")
    assert not never

    async def main():
        async def slow(args: dict[str, Any], context: Context) -> Any:
            KEPT.append(context)
            if args.get("s") == "wait":
                await asyncio.Event().wait()
            return echo(args)

        tool = SchemaTool(declared("t", PLAIN), slow, takes_context=True)
        session = Session([tool], id="same")
        general = Session([tool], id="same", runtime=Through)
        ctx = CallContext(cancelled=never, correlation_id="c")

        async def ask(where: Session, **args: Any) -> Any:
            return await where.ainvoke(FunctionCall(name="t", args=args), ctx)

        for _ in range(20):
            await ask(session, n=1)
        assert "t" in session._afast
        for args in ({"n": 2}, {"n": "2"}, {"n": 1, "s": "raise"}, {"n": "x"}, {}):
            assert seen(await ask(session, **args)) == seen(await ask(general, **args))
            assert KEPT[-1].correlation_id == "c"
        task = asyncio.create_task(ask(session, n=1, s="wait"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert KEPT[-1].cancelled
        task = asyncio.create_task(ask(session, n=1, s="wait"))
        await asyncio.sleep(0)
        await session.aclose()
        assert (await task).error.type == "CANCELLED"
        assert (await ask(session, n=1)).error.type == "INVALID_STATE"

    asyncio.run(main())
