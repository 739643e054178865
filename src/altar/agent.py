"""Agent, generate and stream: where tools, a model and the loop meet."""

from __future__ import annotations

from contextlib import aclosing, closing
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from altar import config, plugins
from altar.adm import Problem, Schema
from altar.errors import ConfigurationError, InvalidDataError
from altar.later import Session
from altar.llm import (
    BaseProvider,
    Message,
    Options,
    OutputSpec,
    Provider,
    Reply,
    Task,
    run,
    to_messages,
)
from altar.llm import arun as _arun
from altar.llm import astream as _astream
from altar.llm import stream as _stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from altar.llm import Event, Prompt

__all__ = ["Agent", "Chat", "agenerate", "astream", "generate", "stream"]


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

    ``prompt`` is a text, a list of texts and Blobs, or a history of Messages.
    ``model`` is "prefix:name" or a Provider; None takes the configured one,
    or the labelled offline demo model. ``tools`` is what a Session takes:
    () means none, a Registry all of its own. With ``session`` its tools are used.
    ``output`` is a type or a Schema: ``reply.output`` is then an object of it, and
    an answer that does not fit is asked for again, twice at most.

    What a model or a tool does never raises: see ``reply.finish``. Raises
    ConfigurationError for settings that cannot work, and ProviderError when
    the provider stays unreachable; its ``messages`` hold the history so far.
    """
    agent = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return agent.run(prompt, session=session)


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
    agent = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return await agent.arun(prompt, session=session)


def stream(
    prompt: Prompt,
    *,
    model: str | Provider | None = None,
    tools: Any = (),
    output: Any = None,
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> Generator[Event, None, None]:
    """As :func:`generate`, as events; the last one, ``end``, carries the reply.

    Closing the generator ends the run.
    """
    agent = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return agent.stream(prompt, session=session)


def astream(
    prompt: Prompt,
    *,
    model: str | Provider | None = None,
    tools: Any = (),
    output: Any = None,
    instructions: str | None = None,
    session: Session | None = None,
    options: Options | None = None,
) -> AsyncGenerator[Event, None]:
    """As :func:`stream`, without blocking the event loop."""
    agent = Agent(
        model=model, tools=tools, instructions=instructions, output=output, options=options
    )
    return agent.astream(prompt, session=session)


class Agent:
    """A model, its tools and its instructions, ready to be asked again and again.

    An Agent holds no conversation; ``chat()`` begins one.
    """

    def __init__(
        self,
        *,
        model: str | Provider | None = None,
        tools: Any = (),
        instructions: str | None = None,
        output: Any = None,
        options: Options | None = None,
    ) -> None:
        self.model = model
        self.tools = tools
        self.instructions = instructions
        self.output = None if output is None else _output_spec(output)
        self.options = Options() if options is None else options

    def run(self, prompt: Prompt, *, session: Session | None = None) -> Reply[Any]:
        """Answer ``prompt``; see :func:`generate`."""
        with _Job(self, to_messages(prompt), _given(self, session)) as job:
            return run(job.task, job.session)

    async def arun(self, prompt: Prompt, *, session: Session | None = None) -> Reply[Any]:
        """Answer ``prompt`` without blocking the event loop."""
        async with _Job(self, to_messages(prompt), _given(self, session)) as job:
            return await _arun(job.task, job.session)

    def stream(
        self, prompt: Prompt, *, session: Session | None = None
    ) -> Generator[Event, None, None]:
        """Answer ``prompt`` as events; see :func:`stream`."""
        return _streamed(_Job(self, to_messages(prompt), _given(self, session)))

    def astream(
        self, prompt: Prompt, *, session: Session | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer ``prompt`` as events, without blocking the event loop."""
        return _astreamed(_Job(self, to_messages(prompt), session))

    def chat(self, *, session: Session | None = None) -> Chat:
        """Begin a conversation."""
        return Chat(self, session=session)


class Chat:
    """A conversation: it keeps the history, and one session for its tools.

    A turn that fails leaves a history that can be sent: what was answered
    stays, with a result for every call; a prompt nobody answered is dropped.
    """

    def __init__(self, agent: Agent, *, session: Session | None = None) -> None:
        self.agent = agent
        self.messages: tuple[Message, ...] = ()
        self._owned = session is None
        self._session = _given(agent, session) or _opened(agent)
        self._answering = False

    def send(self, prompt: Prompt) -> Reply[Any]:
        """Say ``prompt`` and return the Reply."""
        with self._turn(prompt) as turn:
            return run(turn.task, turn.session)

    async def asend(self, prompt: Prompt) -> Reply[Any]:
        """Say ``prompt`` and return the Reply, without blocking the event loop."""
        async with self._turn(prompt) as turn:
            return await _arun(turn.task, turn.session)

    def stream(self, prompt: Prompt) -> Generator[Event, None, None]:
        """Say ``prompt`` and show the answer as events."""
        return _streamed(self._turn(prompt))

    def astream(self, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Say ``prompt`` and show the answer as events, without blocking the event loop."""
        return _astreamed(self._turn(prompt))

    def close(self) -> None:
        """End the conversation; its session is closed."""
        if self._owned:
            self._session.close()

    async def aclose(self) -> None:
        """As :meth:`close`, on an event loop."""
        if self._owned:
            await self._session.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    def begin_turn(self) -> None:
        """Take the floor; only a running turn calls this."""
        if self._answering:
            raise ConfigurationError(
                "a chat answers one message at a time; wait for the reply, or begin another "
                "conversation with agent.chat()"
            )
        self._answering = True

    def end_turn(self, messages: list[Message] | None) -> None:
        """Give the floor back, with the history so far; only a running turn calls this."""
        self._answering = False
        if messages is not None:
            self.messages = tuple(messages)

    def _turn(self, prompt: Prompt) -> _Turn:
        return _Turn(self, [*self.messages, *to_messages(prompt)], self._session)


class _Job:
    """One run: its task, and what is closed after it (what it opened, nothing else)."""

    def __init__(self, agent: Agent, messages: list[Message], session: Session | None) -> None:
        self._owns_session = session is None
        self._owns_provider = not isinstance(agent.model, (BaseProvider, Provider))
        provider = _provider_of(agent.model)
        self.session = _opened(agent) if session is None else session
        self.task = Task(
            provider,
            messages,
            declarations=self.session.declarations(),
            instructions=agent.instructions,
            output=agent.output,
            options=agent.options,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._owns_session:
            self.session.close()
        if self._owns_provider:
            self.task.provider.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        if self._owns_session:
            await self.session.aclose()
        if self._owns_provider:
            await self.task.provider.aclose()


class _Turn(_Job):
    """One run inside a chat, which takes the history back however the run ends."""

    def __init__(self, chat: Chat, messages: list[Message], session: Session) -> None:
        super().__init__(chat.agent, messages, session)
        self._chat = chat
        self._asked = len(messages)

    def __enter__(self) -> Self:
        self._chat.begin_turn()
        return self

    def __exit__(self, *exc: object) -> None:
        self._keep()
        super().__exit__(*exc)

    async def __aexit__(self, *exc: object) -> None:
        self._keep()
        await super().__aexit__(*exc)

    def _keep(self) -> None:
        answered = len(self.task.messages) > self._asked
        self._chat.end_turn(self.task.messages if answered else None)


def _streamed(job: _Job) -> Generator[Event, None, None]:
    with job, closing(_stream(job.task, job.session)) as events:
        yield from events


async def _astreamed(job: _Job) -> AsyncGenerator[Event, None]:
    async with job, aclosing(_astream(job.task, job.session)) as events:
        async for event in events:
            yield event


def _given(agent: Agent, session: Session | None) -> Session | None:
    """The session the caller brought, if any; tools come from one place only."""
    if session is not None and not (isinstance(agent.tools, tuple) and not agent.tools):
        raise ConfigurationError(
            "give tools= or session=, not both: a session brings its tools; type "
            "session.add(...) to give it more"
        )
    return session


def _output_spec(output: Any) -> OutputSpec:
    """The schema of ``output`` and the way from JSON to it: a Schema, or any type a tool takes."""
    if isinstance(output, Schema):
        schema = output

        def check(value: Any) -> Any:
            problems = schema.check(value)
            if problems:
                raise InvalidDataError("output", problems)
            return value

        document = schema.document if isinstance(schema.document, dict) else {}
        return OutputSpec(name="answer", schema=document, load=check)
    return _typed_output(output)


def _typed_output(output: Any) -> OutputSpec:
    """A type is read as the argument of a tool is: declared, checked and built by one rule."""
    kept: list[Any] = []
    guard = Lock()

    def answer(value: Any) -> None:
        kept.append(value)

    answer.__annotations__["value"] = output
    reader = Session(tools=[answer])
    parameters = reader.declarations()[0].to_dict(dialect="json-schema")["parameters"]
    schema = dict(parameters["properties"]["value"])
    if "$defs" in parameters:
        schema["$defs"] = parameters["$defs"]

    def load(value: Any) -> Any:
        with guard:
            result = reader.execute("answer", {"value": value})
            if result.error is None:
                return kept.pop()
        found = (result.error.details or {}).get("problems", ())
        problems = [Problem(**{**item, "path": _below(item["path"])}) for item in found]
        raise InvalidDataError("output", problems or [Problem("$", "a value", "none that fits")])

    name = getattr(output, "__name__", "answer")
    return OutputSpec(name=name, schema=schema, load=load)


def _below(path: str) -> str:
    """A path under the argument ``value``, as a path of the answer itself."""
    return "$" + path.removeprefix("$.value")


def _opened(agent: Agent) -> Session:
    """A session for the agent's tools, on the runtime of the configured mode."""
    found = config.settings()
    runtime = None if found.mode == "local" else plugins.load_runtime(found.mode)(found)
    return Session(tools=agent.tools, runtime=runtime)


def _provider_of(model: str | Provider | None) -> Provider:
    """The provider for ``model``; the offline demo only when nothing is configured."""
    if isinstance(model, (BaseProvider, Provider)):
        return model
    if model is None:
        model = config.settings().model or "offline:"
    if not isinstance(model, str):
        raise ConfigurationError(
            f"model= is a text such as 'gemini:gemini-3.8-flash' or a Provider, "
            f"not {type(model).__name__}"
        )
    provider: Provider = plugins.load_provider(model)
    return provider
