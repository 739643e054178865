"""Agent and Chat: a model with its tools, and a conversation with it."""

from __future__ import annotations

from contextlib import aclosing, closing
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from altar.agent._given import (
    check_known,
    check_model,
    declared_for,
    given_history,
    given_options,
    given_session,
    opened,
)
from altar.agent._kept import Kept, guarded
from altar.agent._output import output_spec
from altar.errors import ClosedError, ConfigurationError
from altar.llm import Pending, Shelves, Task, mend_history, run, to_messages
from altar.llm import arun as _arun
from altar.llm import astream as _astream
from altar.llm import stream as _stream
from altar.runtime._inside import inside

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable, Mapping

    from altar.later import Session
    from altar.llm import EventOf, Message, Options, Prompt, Provider, Reply

__all__ = ["Agent", "Chat"]

T = TypeVar("T")

_NOBODY = "This call was not run: nobody approved it."
_BOTH = (
    "this Agent has tools of its own (tools=), and session= brings others: not both. Type "
    "Agent(...) without tools=, and session=altar.Session(tools=[...]) with all of them"
)


class Agent(Generic[T]):
    """A model, its tools and its instructions, ready to be asked again and again.

    An Agent holds no conversation; ``chat()`` begins one. An ``Agent[User]``
    answers with ``Reply[User]``: that is what ``output=User`` makes it. Tools
    that need ``deps`` come in a session: ``run(..., session=Session(tools,
    deps=...))`` of an Agent without ``tools``.

    Inside a ``with`` block it keeps one provider, with its connections, and one
    circuit breaker: that of its options, or one that leaves the model alone for
    a minute when every attempt of two runs in a row has failed. Outside of one
    each run opens and closes a provider that is given by name.
    """

    @overload
    def __init__(
        self,
        *,
        output: type[T],
        model: str | Provider | None = None,
        tools: Any = (),
        instructions: str | None = None,
        options: Options | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[Any],
        *,
        output: Any = None,
        model: str | Provider | None = None,
        tools: Any = (),
        instructions: str | None = None,
        options: Options | None = None,
    ) -> None: ...
    def __init__(
        self,
        *,
        output: Any = None,
        model: str | Provider | None = None,
        tools: Any = (),
        instructions: str | None = None,
        options: Options | None = None,
    ) -> None:
        check_model(model)
        if not (instructions is None or isinstance(instructions, str)):
            raise ConfigurationError(
                f"instructions= takes a text, not {type(instructions).__name__}; type "
                "instructions='Be brief.'"
            )
        self.model = model
        self.tools = tools
        self.instructions = instructions
        self.output = None if output is None else output_spec(output)
        self.options = given_options(options)
        self.shelves = Shelves()
        self._lock = Lock()
        self._entered = 0
        self._kept: Kept | None = None
        self._guarded = self.options

    def __enter__(self) -> Self:
        with self._lock:
            self._entered += 1
            if self._kept is None:
                self._kept = Kept(self.model)
                self._guarded = guarded(self.options)
        return self

    def __exit__(self, *exc: object) -> None:
        kept = self._leave()
        if kept is not None:
            kept.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        kept = self._leave()
        if kept is not None:
            await kept.aclose()

    def _leave(self) -> Kept | None:
        """What is closed now that a block ends: the last one closes what all of them shared."""
        with self._lock:
            self._entered -= 1
            if self._entered:
                return None
            kept, self._kept = self._kept, None
            self._guarded = self.options
        return kept

    def lifetime(self) -> tuple[Kept | None, Options]:
        """The provider that is kept now, if any, and the options; only a run calls this."""
        with self._lock:
            return self._kept, self._guarded

    def run(self, prompt: Prompt, *, session: Session | None = None) -> Reply[T]:
        """Answer ``prompt``; see :func:`generate`."""
        job = _Job(self, prompt, self._given(session))
        with job.running, job:
            return run(job.task, job.session)

    async def arun(self, prompt: Prompt, *, session: Session | None = None) -> Reply[T]:
        """Answer ``prompt`` without blocking the event loop."""
        job = _Job(self, prompt, self._given(session))
        with job.running:
            async with job:
                return await _arun(job.task, job.session)

    def stream(
        self, prompt: Prompt, *, session: Session | None = None
    ) -> Generator[EventOf[T], None, None]:
        """Answer ``prompt`` as events; see :func:`stream`.

        The run begins with the first event that is asked for, and opens what it needs then.
        """
        return _streamed(_Job(self, prompt, self._given(session)))

    def astream(
        self, prompt: Prompt, *, session: Session | None = None
    ) -> AsyncGenerator[EventOf[T], None]:
        """Answer ``prompt`` as events, without blocking the event loop."""
        return _astreamed(_Job(self, prompt, self._given(session)))

    def chat(
        self,
        *,
        session: Session | None = None,
        history: Iterable[Message | Mapping[str, Any]] = (),
    ) -> Chat[T]:
        """Begin a conversation; with ``session`` its tools are used, and it stays open.

        ``history`` is what was said before: messages, or what ``dump_messages``
        made of them. Calls in it without a result are answered with an error.
        """
        return Chat(self, session=self._given(session), history=history)

    def _given(self, session: Session | None) -> Session | None:
        return given_session(session, self.tools, _BOTH)


class Chat(Generic[T]):
    """A conversation: it keeps the history, and one session for its tools.

    A turn that fails leaves a history that can be sent: what was answered
    stays, with a result for every call; a prompt nobody answered is dropped.
    A provider that is given by name is loaded once, and let go of at the end.

    ``pending`` is what the last turn waits for, or None: ``send`` it when it is
    decided (or one that was stored, as the first thing of a new chat), and the
    turn goes on. With any other prompt its calls count as not allowed, and are
    answered so before the model reads on.
    """

    def __init__(
        self,
        agent: Agent[T],
        *,
        session: Session | None = None,
        history: Iterable[Message | Mapping[str, Any]] = (),
    ) -> None:
        self.agent = agent
        self.messages: tuple[Message, ...] = given_history(history, _NOBODY)
        self.pending: Pending | None = None
        self._owned = session is None
        self._session = opened(agent.tools) if session is None else session
        self.kept = Kept(agent.model)
        self.shelves = Shelves()
        self._floor = RLock()
        self._speaker: _Turn | None = None
        self._closed = False

    def send(self, prompt: Prompt) -> Reply[T]:
        """Say ``prompt`` and return the Reply."""
        turn = self._turn(prompt)
        with turn.running, turn:
            return run(turn.task, turn.session)

    async def asend(self, prompt: Prompt) -> Reply[T]:
        """Say ``prompt`` and return the Reply, without blocking the event loop."""
        turn = self._turn(prompt)
        with turn.running:
            async with turn:
                return await _arun(turn.task, turn.session)

    def stream(self, prompt: Prompt) -> Generator[EventOf[T], None, None]:
        """Say ``prompt`` and show the answer as events.

        The turn begins with the first event that is asked for: it follows what
        was said until then.
        """
        return _streamed(self._turn(prompt))

    def astream(self, prompt: Prompt) -> AsyncGenerator[EventOf[T], None]:
        """Say ``prompt`` and show the answer as events, without blocking the event loop."""
        return _astreamed(self._turn(prompt))

    def close(self) -> None:
        """End the conversation; a session of its own is closed, and so is its provider."""
        self._closed = True
        self.kept.close()
        if self._owned:
            self._session.close()

    async def aclose(self) -> None:
        """As :meth:`close`, on an event loop."""
        self._closed = True
        await self.kept.aclose()
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

    def begin_turn(self, turn: _Turn) -> list[Message] | Pending:
        """Give ``turn`` the floor, and what its run begins with; only a turn calls this."""
        with self._floor:
            before = self._speaker
            if before is not None:
                if before.running.locked():
                    raise ConfigurationError(
                        "a chat answers one message at a time; wait for the reply, or begin "
                        "another conversation with agent.chat()"
                    )
                self._keep(before)  # an interrupt ended it, and came in the way of its end
            self._check_open()
            messages = self._next(turn.asked)
            self._speaker = turn
        return messages

    def end_turn(self, turn: _Turn) -> None:
        """Take the history back, and the floor; only a turn that ends calls this."""
        with self._floor:
            if self._speaker is turn:
                self._keep(turn)

    def _keep(self, turn: _Turn) -> None:
        """Take what came of a turn; done twice it comes to the same."""
        came = turn.came_to()
        if came is not None:
            self.messages, self.pending = came
        self._speaker = None

    def _turn(self, prompt: Prompt) -> _Turn:
        self._check_open()
        return _Turn(self, prompt, self._session)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the chat was closed; begin another with agent.chat()")
        if self._session.closed:
            raise ClosedError(
                "the chat's session is closed, or past its ttl; begin another conversation with "
                "agent.chat(session=altar.Session(...))"
            )

    def _next(self, asked: list[Message] | Pending) -> list[Message] | Pending:
        """What the next run begins with."""
        if isinstance(asked, Pending):
            if self.messages and self.messages != asked.messages:
                raise ConfigurationError(
                    "this Pending is not what the chat waits for; give it chat.pending, or begin "
                    "another conversation with agent.chat()"
                )
            return asked
        if self.pending is None:
            return [*self.messages, *asked]
        return [*mend_history(self.messages, _NOBODY)[0], *asked]


class _Job:
    """One run: its task, and what is closed after it (what it opened, nothing else).

    Nothing is opened before it is entered: a stream may never be begun.
    """

    task: Task
    session: Session

    def __init__(self, agent: Agent[Any], prompt: Prompt, session: Session | None) -> None:
        if inside.loading is not None:
            inside.refuse("a model was asked")
        # held while the run goes on, by a with statement: no interrupt keeps it held
        self.running = Lock()
        self.asked = prompt if isinstance(prompt, Pending) else to_messages(prompt)
        check_known(agent.model)
        self._agent = agent
        self._given = session
        self._opened: Session | None = None
        self._own: Kept | None = None

    def __enter__(self) -> Self:
        try:
            self._open(self.asked)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        if self._opened is not None:
            await self._opened.aclose()
        if self._own is not None:
            await self._own.aclose()

    def _open(
        self,
        messages: list[Message] | Pending,
        kept: Kept | None = None,
        shelves: Shelves | None = None,
    ) -> None:
        agent = self._agent
        held, options = agent.lifetime()
        keeper = held or kept
        if keeper is None:
            keeper = self._own = Kept(agent.model)
        session = self._given
        if session is None:
            session = self._opened = opened(agent.tools)
        self.session = session
        self.task = Task(
            keeper.provider(),
            messages,
            declarations=declared_for(messages, session),
            instructions=agent.instructions,
            output=agent.output,
            options=options,
            shelves=shelves or agent.shelves,
        )

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        if self._own is not None:
            self._own.close()


class _Turn(_Job):
    """One run inside a chat, which takes the history back however the run ends."""

    def __init__(self, chat: Chat[Any], prompt: Prompt, session: Session) -> None:
        super().__init__(chat.agent, prompt, session)
        self._chat = chat
        self._before: list[Message] | None = None

    def __enter__(self) -> Self:
        chat = self._chat
        try:
            self._open(chat.begin_turn(self), chat.kept, chat.shelves)
            self._before = list(self.task.messages)
        except BaseException:
            chat.end_turn(self)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._chat.end_turn(self)

    async def __aexit__(self, *exc: object) -> None:
        self._chat.end_turn(self)

    def came_to(self) -> tuple[tuple[Message, ...], Pending | None] | None:
        """The history so far, and what it waits for; None where nothing was answered."""
        before = self._before
        if before is None:
            return None
        task = self.task
        messages = task.settled()
        answered = task.pending is not None or len(task.messages) > len(before)
        # what waited may have been answered in the message that holds its siblings' results
        answered = answered or (task.resumed is not None and task.messages != before)
        return (tuple(messages), task.pending) if answered else None


def _streamed(job: _Job) -> Generator[EventOf[Any], None, None]:
    with job.running, job, closing(_stream(job.task, job.session)) as events:
        yield from events


async def _astreamed(job: _Job) -> AsyncGenerator[EventOf[Any], None]:
    with job.running:
        async with job, aclosing(_astream(job.task, job.session)) as events:
            async for event in events:
                yield event
