"""Questions a server asks the person behind a client, and the answers on their way back."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from altar.adm import Schema
from altar.errors import ErrorType, InvalidDataError
from altar.mcp._client_errors import McpError
from altar.mcp._import_patterns import without_patterns
from altar.mcp._jsonrpc import INVALID_PARAMS
from altar.runtime._ask import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    Said: TypeAlias = dict[str, Any] | bool | None
    Elicit: TypeAlias = "Callable[[Question], Said | Awaitable[Said]]"

__all__ = ["METHOD", "Desk", "Question", "Waiting"]

METHOD = "elicitation/create"
_MAX_MESSAGE = 10_000
_MAX_URL = 4096
_MAX_OPEN = 16  # functions of the application that wait for a person, in threads
_YES: dict[str, Any] = {"type": "object", "properties": {}}


class Waiting(Protocol):
    """The call that a question keeps waiting."""

    tool: str

    def take_approval(self) -> bool:
        """Whether a person allowed the call, told once."""
        ...


class Question(NamedTuple):
    """What a server wants to know of a person before it goes on.

    ``schema`` is the JSON Schema of the answer, an object whose properties are
    plain values; one without properties only asks for a yes. ``url`` is a page
    the person is to open instead, or None. ``tool`` names the tool whose call
    waits, "" where that is not known.
    """

    message: str
    schema: dict[str, Any]
    url: str | None = None
    tool: str = ""
    server: str = ""

    @property
    def is_confirmation(self) -> bool:
        """Whether a yes is all that is asked for."""
        return self.url is None and self.schema == _YES


class Desk:
    """Puts questions to the application.

    ``home`` is the event loop that the application's async answers run on,
    None where the client's own will do.
    """

    def __init__(self, ask: Elicit | None) -> None:
        self.ask = ask
        self.home: asyncio.AbstractEventLoop | None = None
        self._open: set[object] = set()

    def capabilities(self, *, approved: bool = False) -> dict[str, Any]:
        """What the client may be asked: a call that a person approved can be confirmed."""
        if self.ask is not None:
            return {"elicitation": {"form": {}, "url": {}}}
        return {"elicitation": {"form": {}}} if approved else {}

    async def answer(
        self, params: Mapping[str, Any], *, server: str, call: Waiting, is_its_own: bool
    ) -> dict[str, Any]:
        """The result of ``elicitation/create``; raises McpError where there is none.

        ``is_its_own`` says that the question belongs to ``call`` for sure.
        """
        question = _question_of(params, call.tool, server)
        is_plain = question.is_confirmation and params.get("requestedSchema") == _YES
        if is_its_own and is_plain and call.take_approval():
            return {"action": "accept", "content": {}}  # a person allowed this very call
        if self.ask is None:
            raise McpError(
                f"{server} asks for input, and nobody answers it: {question.message[:500]}",
                type=ErrorType.APPROVAL_REQUIRED
                if question.is_confirmation
                else ErrorType.INVALID_STATE,
            )
        try:
            said = await self._put(self.ask, question)
        except asyncio.CancelledError:
            raise
        except McpError:
            raise
        except BaseException as error:  # sys.exit() in it must not end the client's thread
            raise McpError(
                f"Asking a person for {server} failed ({type(error).__name__}).",
                type=ErrorType.CONFIGURATION_ERROR,
            ) from error
        return _result_of(said, question)

    async def _put(self, ask: Elicit, question: Question) -> Any:
        target: Any = ask
        if not (inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(_call(target))):
            said = await self._in_thread(target, question)
        else:
            said = target(question)
        if not inspect.isawaitable(said):
            return said
        home = self.home
        if home is None or home.is_closed() or not home.is_running():
            return await said
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(said), home))

    async def _in_thread(self, target: Any, question: Question) -> Any:
        """A question that its server takes back still waits for the person, in its thread."""
        if len(self._open) >= _MAX_OPEN:
            raise McpError(
                "Too many questions wait for a person.", type=ErrorType.RESOURCE_EXHAUSTED
            )
        token = object()
        self._open.add(token)

        def work() -> Any:
            try:
                return target(question)
            finally:
                self._open.discard(token)

        return await in_thread(work)


async def _awaited(said: Awaitable[Any]) -> Any:
    try:
        return await said
    except (asyncio.CancelledError, Exception):
        raise
    except BaseException as error:  # it would end the application's loop
        raise RuntimeError(type(error).__name__) from error


def _call(target: Any) -> Any:
    return getattr(type(target), "__call__", None)  # noqa: B004 - the method, not whether


def _question_of(params: Mapping[str, Any], tool: str, server: str) -> Question:
    message, schema, url = (params.get(key) for key in ("message", "requestedSchema", "url"))
    mode = params.get("mode", "form")
    if mode not in ("form", "url"):
        raise _refused(f"{server} asks in the unknown mode {mode!r:.60}.")
    if mode == "url" and not _is_page(url):
        raise _refused(f"{server} asks to open what is no page of the web.")
    return Question(
        message=message[:_MAX_MESSAGE] if isinstance(message, str) else "",
        schema=without_patterns(schema) if isinstance(schema, dict) else dict(_YES),
        url=url if mode == "url" else None,
        tool=tool,
        server=server,
    )


def _is_page(url: object) -> bool:
    if not isinstance(url, str) or len(url) > _MAX_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _refused(message: str) -> McpError:
    return McpError(message, code=INVALID_PARAMS)


def _result_of(said: object, question: Question) -> dict[str, Any]:
    """The answer as the wire has it: defaults filled in, and checked against the form."""
    if said is None:
        return {"action": "cancel"}
    if said is False:
        return {"action": "decline"}
    if question.url is not None and said is True:
        return {"action": "accept"}
    if said is not True and not isinstance(said, dict):
        raise McpError(
            "elicit= gives a dict, True (the defaults), False (no) or None (no answer), not "
            f"{type(said).__name__}",
            type=ErrorType.CONFIGURATION_ERROR,
        )
    content = {**_defaults(question.schema), **(said if isinstance(said, dict) else {})}
    try:
        problems = Schema.from_dict(question.schema).check(content)
    except (InvalidDataError, RecursionError):
        problems = ()  # a form that is no schema: the server checks what it gets
    if problems:
        raise McpError(
            f"elicit= gave what the server's form does not take: {problems[0]}",
            type=ErrorType.CONFIGURATION_ERROR,
            details={"problems": [problem.to_dict() for problem in problems[:32]]},
        )
    return {"action": "accept", "content": content}


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    fields = schema.get("properties")
    if not isinstance(fields, dict):
        return {}
    return {
        name: field["default"]
        for name, field in fields.items()
        if isinstance(field, dict) and "default" in field
    }
