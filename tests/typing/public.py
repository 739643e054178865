"""What a user's type checker infers; checked by mypy and pyright, never executed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, assert_type

from pydantic import BaseModel

import altar
from altar import Context, Reply, tool
from altar.adm import ErrorObject, FunctionCall, FunctionDeclaration, Schema, ToolResult
from altar.llm import CallRecord, Message, PartialEvent, Pending, ReplyEvent
from altar.runtime import CallContext, Runtime


@tool
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@tool(name="take", timeout=1.0, idempotent=True)
async def fetch(page: int) -> str:
    """Fetch a page."""
    return str(page)


class Deps:
    """What an application hands to its tools."""

    limit: int = 3


@tool
def limited(context: Context[Deps]) -> int:
    """Read the application's limit."""
    return assert_type(context.deps, Deps).limit


def the_function_keeps_its_type() -> None:
    assert_type(add(1, b=2), int)
    decorate: Callable[[int, int], int] = add
    decorate(1, 2)
    add("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def an_async_function_stays_awaitable() -> None:
    assert_type(await fetch(1), str)


def declarations() -> None:
    declaration = altar.declare(add)
    assert_type(declaration, FunctionDeclaration)
    assert_type(declaration.parameters, Schema)
    assert_type(declaration.to_dict(dialect="json-schema"), dict[str, Any])


def sessions() -> None:
    with altar.Session(tools=[add, "other"], ttl=60.0, deps=Deps()) as session:
        result = session.execute("add", {"a": 1})
        assert_type(result, ToolResult)
        assert_type(result.ok, bool)
        assert_type(result.error, ErrorObject | None)
        assert_type(session.execute_many([FunctionCall(name="add")]), list[ToolResult])
        assert_type(session.declarations(), tuple[FunctionDeclaration, ...])
        runtime: Runtime = session
        assert_type(runtime.invoke(FunctionCall(name="add"), CallContext()), ToolResult)


async def async_sessions() -> None:
    async with altar.Session(tools=[fetch]) as session:
        assert_type(await session.aexecute("take", {"page": 1}), ToolResult)


def replies() -> None:
    reply = altar.generate("How much is 1 + 2?", tools=[add])
    assert_type(reply, Reply[Any])
    assert_type(reply.text, str)
    assert_type(reply.calls, tuple[CallRecord, ...])
    assert_type(reply.messages, tuple[Message, ...])
    if reply.pending is not None:
        assert_type(reply.pending.approve("id").deny(reason="no"), Pending)
        assert_type(reply.pending.calls, tuple[FunctionCall, ...])
        assert_type(altar.generate(reply.pending, tools=[add]), Reply[Any])


class User:
    """What an application asks for."""

    name: str = ""


@dataclass
class Order:
    """What an application asks for, as a dataclass."""

    amount: int


class Pair(TypedDict):
    """What an application asks for, as a TypedDict."""

    left: int


class Person(BaseModel):
    """What an application asks for, as a pydantic model."""

    name: str


def typed_replies() -> None:
    assert_type(altar.generate("Who?", output=User), Reply[User])
    assert_type(altar.generate("Who?", output=User).output.name, str)
    assert_type(altar.generate("Who?", output=list[User]), Reply[list[User]])
    assert_type(altar.generate("Who?", output=int | None), Reply[Any])
    assert_type(altar.generate("Who?", output=Schema(type="integer")), Reply[Any])
    agent = altar.Agent(output=User, tools=[add])
    assert_type(agent.run("Who?"), Reply[User])
    assert_type(agent.chat().send("Who?"), Reply[User])
    assert_type(altar.Agent(tools=[add]).run("Who?"), Reply[Any])
    assert_type(altar.Agent(output=Schema(type="integer")).run("How much?"), Reply[Any])


async def typed_replies_later() -> None:
    assert_type(await altar.agenerate("Who?", output=User), Reply[User])
    assert_type(await altar.Agent(output=User).arun("Who?"), Reply[User])
    assert_type(await altar.agenerate("Who?"), Reply[Any])


def events() -> None:
    for event in altar.stream("How much is 1 + 2?", tools=[add]):
        if event.kind == "text":
            assert_type(event.text, str)
        elif event.kind == "tool_result":
            assert_type(event.result, ToolResult)
            assert_type(event.seconds, float)
        elif event.kind == "end":
            assert_type(event.reply, Reply[Any])


def typed_events() -> None:
    for event in altar.stream("Who?", output=Order):
        if event.kind == "partial":
            assert_type(event, PartialEvent)
        elif event.kind == "end":
            assert_type(event.reply, Reply[Order])
            assert_type(event.reply.output.amount, int)
    for shown in altar.stream("Who?", output=list[int]):
        if isinstance(shown, ReplyEvent):
            assert_type(shown.reply, Reply[list[int]])
    for seen in altar.stream("Who?", output=Pair):
        if isinstance(seen, ReplyEvent):
            assert_type(seen.reply.output["left"], int)
    for told in altar.stream("Who?", output=Literal["up", "down"]):
        if told.kind == "end":
            assert_type(told.reply, Reply[Any])
    for said in altar.Agent(output=Person).stream("Who?"):
        if said.kind == "end":
            assert_type(said.reply.output.name, str)
    for heard in altar.Agent(output=Order).chat().stream("Who?"):
        if heard.kind == "end":
            assert_type(heard.reply, Reply[Order])


async def typed_events_later() -> None:
    async for event in altar.astream("Who?", output=Order):
        if event.kind == "end":
            assert_type(event.reply, Reply[Order])
    async for shown in altar.Agent(output=list[int]).astream("Who?"):
        if shown.kind == "end":
            assert_type(shown.reply, Reply[list[int]])


def typed_replies_of_every_kind() -> None:
    assert_type(altar.generate("Who?", output=Order), Reply[Order])
    assert_type(altar.generate("Who?", output=list[int]), Reply[list[int]])
    assert_type(altar.generate("Who?", output=Pair), Reply[Pair])
    assert_type(altar.generate("Who?", output=Person), Reply[Person])
    assert_type(altar.generate("Who?", output=Literal["up", "down"]), Reply[Any])
