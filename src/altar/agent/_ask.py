"""generate and stream, sync and async: one question to an Agent made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from altar.agent._agent import Agent
from altar.agent._given import given_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from altar.later import Session
    from altar.llm import EventOf, Options, Prompt, Provider, Reply

__all__ = ["agenerate", "astream", "generate", "stream"]

T = TypeVar("T")

_BOTH = (
    "give tools= or session=, not both: a session brings its tools; type "
    "session.add(...) to give it more"
)


@overload
def generate(
    prompt: Prompt,
    *,
    output: type[T],
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Reply[T]: ...
@overload
def generate(
    prompt: Prompt,
    *,
    output: Any = None,
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Reply[Any]: ...
def generate(
    prompt: Prompt,
    *,
    model: str | Provider | None = None,
    tools: Any = (),
    output: Any = None,
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Reply[Any]:
    """Ask ``model``, run the tools it calls until it is done, and return the Reply.

    ``prompt`` is a text, a list of texts and Blobs, a history of Messages, or the
    ``pending`` of a reply, decided: that run then goes on.
    ``model`` is "prefix:name" or a Provider; None takes the configured one,
    or the labelled offline demo model. ``tools`` is what a Session takes:
    () means none, a Registry all of its own. With ``session`` its tools are used
    instead; that is also the way to give tools their ``deps``:
    ``session=Session(tools, deps=...)``. ``output`` is a type or a Schema:
    ``reply.output`` is then an object of it, and an answer that does not fit is
    asked for again, twice at most; where none came, ``reply.finish`` says why,
    and ``reply.output`` is None whatever its type says.

    What a model or a tool does never raises: see ``reply.finish``. Raises
    ConfigurationError for settings that cannot work (ClosedError for a closed
    session), and ProviderError when the provider stays unreachable; its
    ``messages`` hold the history so far.
    """
    given_session(session, tools, _BOTH)
    agent: Agent[Any] = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return agent.run(prompt, session=session)


@overload
async def agenerate(
    prompt: Prompt,
    *,
    output: type[T],
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Reply[T]: ...
@overload
async def agenerate(
    prompt: Prompt,
    *,
    output: Any = None,
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Reply[Any]: ...
async def agenerate(
    prompt: Prompt,
    *,
    model: str | Provider | None = None,
    tools: Any = (),
    output: Any = None,
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Reply[Any]:
    """As :func:`generate`, without blocking the event loop."""
    given_session(session, tools, _BOTH)
    agent: Agent[Any] = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return await agent.arun(prompt, session=session)


@overload
def stream(
    prompt: Prompt,
    *,
    output: type[T],
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Generator[EventOf[T], None, None]: ...
@overload
def stream(
    prompt: Prompt,
    *,
    output: Any = None,
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Generator[EventOf[Any], None, None]: ...
def stream(
    prompt: Prompt,
    *,
    model: str | Provider | None = None,
    tools: Any = (),
    output: Any = None,
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Generator[EventOf[Any], None, None]:
    """As :func:`generate`, as events; the last one, ``end``, carries the reply.

    Closing the generator ends the run.
    """
    given_session(session, tools, _BOTH)
    agent: Agent[Any] = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return agent.stream(prompt, session=session)


@overload
def astream(
    prompt: Prompt,
    *,
    output: type[T],
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> AsyncGenerator[EventOf[T], None]: ...
@overload
def astream(
    prompt: Prompt,
    *,
    output: Any = None,
    model: str | Provider | None = None,
    tools: Any = (),
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> AsyncGenerator[EventOf[Any], None]: ...
def astream(
    prompt: Prompt,
    *,
    model: str | Provider | None = None,
    tools: Any = (),
    output: Any = None,
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> AsyncGenerator[EventOf[Any], None]:
    """As :func:`stream`, without blocking the event loop."""
    given_session(session, tools, _BOTH)
    agent: Agent[Any] = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return agent.astream(prompt, session=session)
