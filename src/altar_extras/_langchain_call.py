"""One imported tool of LangChain, called through LangChain's own machinery."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.messages import ToolMessage
from langchain_core.messages.tool import ToolOutputMixin
from langchain_core.tools import BaseTool
from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from altar import ToolError
from altar.adm import Problem
from altar.errors import ErrorType
from altar_extras._langchain_errors import again, is_unwritten, said_of, wrong_arguments
from altar_extras._langchain_tool import APPROVED, AltarTool
from altar_extras._langchain_values import value_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import RunnableConfig

    from altar import Context
    from altar_extras._langchain_injected import Injected

__all__ = ["ForeignCall"]

_NOTHING: Any = object()


class _Noted:
    """What the tool's own code did in one call, before LangChain made text of it."""

    __slots__ = ("error", "value")

    def __init__(self) -> None:
        self.value: Any = _NOTHING
        self.error: Exception | None = None


_noted: contextvars.ContextVar[_Noted | None] = contextvars.ContextVar("altar_noted", default=None)


class TextWithArtifact(str):
    """Text of a tool that has an artifact beside it: ``result.value.artifact``."""

    __slots__ = ("artifact",)

    artifact: Any


class ForeignCall:
    """Calls one tool; ``function`` is what a SchemaTool runs, sync or async as the tool is."""

    def __init__(self, tool: BaseTool, injected: Injected | None, given: Any, config: Any) -> None:
        self._tool = tool
        self._shadow = _shadow_of(tool)
        self._injected = injected
        self._hidden = injected.hidden if injected is not None else frozenset[str]()
        self._given = given
        self._config: RunnableConfig = {} if config is None else config
        self._only_sync = False
        self.function: Callable[..., Any] = self._async if _is_async(tool) else self._sync

    def _sync(self, args: dict[str, Any], context: Context[Any]) -> Any:
        call, config = self._prepared(args, context)
        token = _noted.set(noted := _Noted())
        try:
            return self._value(self._shadow.invoke(call, config), noted)
        except Exception as error:
            raise self._told(error, noted) from error
        finally:
            _noted.reset(token)

    async def _async(self, args: dict[str, Any], context: Context[Any]) -> Any:
        if self._only_sync:
            return await asyncio.to_thread(self._sync, args, context)
        call, config = self._prepared(args, context)
        token = _noted.set(noted := _Noted())
        try:
            return self._value(await self._shadow.ainvoke(call, config), noted)
        except Exception as error:
            if not is_unwritten(error, at_once=True):
                raise self._told(error, noted) from error
        finally:
            _noted.reset(token)
        self._only_sync = True  # _arun is there, and says that it is not
        return await asyncio.to_thread(self._sync, args, context)

    def _prepared(
        self, args: dict[str, Any], context: Context[Any]
    ) -> tuple[dict[str, Any], RunnableConfig]:
        """The tool call as LangChain has it, and the config of its run."""
        config = self._config
        said: dict[str, Any] = {}  # metadata costs LangChain more than the call: the id says most
        if context.correlation_id != context.call_id:
            said["altar_correlation_id"] = context.correlation_id
        if context.approved and isinstance(self._tool, AltarTool):
            said[APPROVED] = [context.call_id]  # not True, which the calls it makes would inherit
        if said:
            config = config.copy()
            config["metadata"] = {**(config.get("metadata") or {}), **said}
        if self._injected is not None and self._hidden:
            args = self._filled(args, context)
        call = {"type": "tool_call", "id": context.call_id, "name": self._tool.name, "args": args}
        return call, config

    def _filled(self, args: dict[str, Any], context: Context[Any]) -> dict[str, Any]:
        """The arguments with what is injected; a model that gave one of these is refused."""
        taken = sorted(self._hidden.intersection(args))
        if taken:
            problems = [
                Problem(f"$.{name}", "nothing of this name", "a value", keyword="injected")
                for name in taken
            ]
            raise ToolError(
                f"Not the model's to give: {', '.join(taken)}.",
                type=ErrorType.PARAMETER_VALIDATION_FAILED,
                details={"problems": [problem.to_dict() for problem in problems]},
            )
        injected = self._injected
        if injected is None:
            return args
        given = self._given(context) if callable(self._given) else self._given
        known = given if isinstance(given, Mapping) else {}
        lacks = sorted(injected.required - known.keys())
        if lacks:
            raise ToolError(
                f"The application gave no {', '.join(lacks)} to the tool.",
                type=ErrorType.CONFIGURATION_ERROR,
            )
        made = {name: known[name] for name in injected.values & known.keys()}
        return {**args, **made, **dict.fromkeys(injected.call_ids, context.call_id)}

    def _value(self, answer: Any, noted: _Noted) -> Any:
        """What the tool returned, as altar is to have it; raises what it said by a message."""
        if isinstance(answer, list):  # of messages and commands, which LangChain hands on
            answer = next((one for one in answer if isinstance(one, ToolMessage)), answer)
        if not isinstance(answer, ToolMessage):
            return _commanded(answer) if isinstance(answer, ToolOutputMixin) else value_of(answer)
        is_ours = isinstance(self._tool, AltarTool) and isinstance(answer.artifact, dict)
        if answer.status == "error":
            if is_ours:
                raise again(answer.artifact["error"])
            raise ToolError(_text(answer.content) or "The tool failed.")
        if is_ours:
            return answer.artifact["content"]
        value = noted.value
        if self._tool.response_format == "content_and_artifact" and isinstance(value, tuple):
            value = value[0]
        if value is _NOTHING or _is_output(value):
            value = answer.content
        value = value_of(value)
        if answer.artifact is not None and isinstance(value, str):
            value = TextWithArtifact(value)
            value.artifact = answer.artifact
        return value

    def _told(self, error: Exception, noted: _Noted) -> Exception:
        """The error as altar's where it has a meaning; else itself, which no model reads."""
        if isinstance(error, ToolError):
            return error
        if isinstance(error, (ValidationError, ValidationErrorV1)) and noted.error is not error:
            return wrong_arguments(error, _own_words(self._tool.handle_validation_error, error))
        return said_of(error) or error


def _is_async(tool: BaseTool) -> bool:
    written = getattr(tool, "coroutine", _NOTHING)
    if written is not _NOTHING:
        return written is not None
    return type(tool)._arun is not BaseTool._arun  # noqa: SLF001 - what its author writes


def _shadow_of(tool: BaseTool) -> BaseTool:
    """The tool with ears: the same code, bound to the same object, and its results noted.

    LangChain makes text of what a tool returns for a tool call, and text of its
    errors where the tool handles them. Its own validation errors come out whole.
    """
    if isinstance(tool, AltarTool):
        return tool
    shadow = tool.model_copy(update={"handle_validation_error": False})
    # past pydantic, which would look for fields of these names
    object.__setattr__(shadow, "_run", _noting(tool._run))  # noqa: SLF001
    object.__setattr__(shadow, "_arun", _anoting(tool._arun))  # noqa: SLF001
    return shadow


def _noting(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        noted = _noted.get() or _Noted()
        try:
            noted.value = method(*args, **kwargs)
        except Exception as error:
            noted.error = error
            raise
        return noted.value

    return _as_signed(run, method)


def _anoting(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def arun(*args: Any, **kwargs: Any) -> Any:
        noted = _noted.get() or _Noted()
        try:
            noted.value = await method(*args, **kwargs)
        except Exception as error:
            noted.error = error
            raise
        return noted.value

    return _as_signed(arun, method)


def _as_signed(made: Callable[..., Any], method: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its signature at hand, which LangChain asks for in every call."""
    with contextlib.suppress(TypeError, ValueError):
        made.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    return made


def _is_output(value: Any) -> bool:
    """Whether a tool made a message itself."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, ToolOutputMixin)


def _own_words(handler: Any, error: Any) -> str | None:
    """What a tool that handles its validation errors says of one."""
    if isinstance(handler, str):
        return handler
    return str(handler(error)) if callable(handler) else None


def _commanded(command: Any) -> Any:
    """What a Command says to the model, where it asks for nothing beside; else INVALID_STATE."""
    update = getattr(command, "update", None)
    messages = update.get("messages") if isinstance(update, Mapping) else None
    said = [one for one in messages or () if isinstance(one, ToolMessage)]
    beside = sorted(str(key) for key in update if key != "messages") if update else []
    beside += [name for name in ("goto", "graph", "resume") if getattr(command, name, None)]
    if beside or not said:
        asked = ", ".join(beside) or "nothing that a model could read"
        raise ToolError(
            f"The tool answered with a {type(command).__name__} for a graph ({asked}), and there "
            "is none here.",
            type=ErrorType.INVALID_STATE,
        )
    if said[-1].status == "error":
        raise ToolError(_text(said[-1].content) or "The tool failed.")
    return value_of(said[-1].content)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = [one if isinstance(one, str) else one.get("text", "") for one in content]
    return "\n".join(part for part in parts if part)
