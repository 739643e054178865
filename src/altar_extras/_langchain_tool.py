"""The way out: each tool of a session as a tool of LangChain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, ToolException
from pydantic import PrivateAttr

from altar.adm import FunctionCall
from altar.bridge import as_session, model_text
from altar.errors import ConfigurationError
from altar.runtime import CallContext, Cancellation
from altar_extras._langchain_progress import progress_of, steers
from altar_extras._langchain_values import blocks_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from altar.adm import FunctionDeclaration, ToolResult
    from altar.later import Session

__all__ = ["APPROVED", "AltarTool", "CallFailedError", "export_declarations", "export_tools"]

APPROVED = "altar_approved"
RETURN_DIRECT = "x_return_direct"
_MAX_ID = 128
_NEVER = Cancellation.never()  # LangChain cancels tasks


class CallFailedError(ToolException):
    """What an exported tool raises for a call that failed, where nobody handles it.

    Its text is what a model reads, ``{"error": {"type", "message", ...}}``;
    ``result`` is the :class:`altar.ToolResult`.
    """

    def __init__(self, result: ToolResult) -> None:
        super().__init__(model_text(result))
        self.result = result


class AltarTool(BaseTool):
    """A tool of a session, as :func:`export_tools` makes it.

    ``declaration`` is altar's, ``session`` the session that runs the calls.
    LangChain checks nothing: altar does. Given a tool call it answers a
    ToolMessage, of status "error" where the call failed; given arguments alone,
    the result's content, or the error as text. Text alone is the only argument, or
    the JSON text of all. With ``handle_tool_error``
    False a failure is raised, as :class:`CallFailedError`. A copy may have another
    name: calls go to the declaration's.
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True

    _declaration: FunctionDeclaration = PrivateAttr()
    _session: Session = PrivateAttr()

    def __init__(self, session: Session, declaration: FunctionDeclaration, /) -> None:
        super().__init__(
            name=declaration.name,
            description=declaration.description,
            args_schema=declaration.to_dict("json-schema")["parameters"],
            return_direct=declaration.extensions.get(RETURN_DIRECT) is True,
        )
        self._session = session
        self._declaration = declaration

    @property
    def declaration(self) -> FunctionDeclaration:
        """What altar says of the tool."""
        return self._declaration

    @property
    def session(self) -> Session:
        """The session that runs its calls."""
        return self._session

    def _to_args_and_kwargs(
        self, tool_input: str | dict[str, Any], tool_call_id: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        # by position: as keywords, arguments named run_manager or config would be lost
        if isinstance(tool_input, str) and len(self.args) == 1:
            tool_input = {next(iter(self.args)): tool_input}
        return (tool_input, tool_call_id), {}

    # The annotations stay this plain because LangChain resolves them in every call.
    def _run(self, args: Any, tool_call_id: Any, run_manager: Any = None) -> Any:
        if isinstance(args, str):
            return self._answer(self._session.execute(self._declaration.name, args), tool_call_id)
        context = _context(tool_call_id, run_manager, self._declaration.name)
        context.emit = progress_of(run_manager, self.name, tool_call_id)
        call = FunctionCall(name=self._declaration.name, args=args)
        result = self._session.invoke(call, context)
        return self._answer(result, tool_call_id)

    async def _arun(self, args: Any, tool_call_id: Any, run_manager: Any = None) -> Any:
        if isinstance(args, str):
            result = await self._session.aexecute(self._declaration.name, args)
            return self._answer(result, tool_call_id)
        context = _context(tool_call_id, run_manager, self._declaration.name)
        context.emit = emit = progress_of(run_manager, self.name, tool_call_id)
        call = FunctionCall(name=self._declaration.name, args=args)
        if emit is None:
            return self._answer(await self._session.ainvoke(call, context), tool_call_id)
        async with emit:
            result = await self._session.ainvoke(call, context)
        return self._answer(result, tool_call_id)

    def _answer(self, result: ToolResult, tool_call_id: str | None) -> tuple[Any, Any]:
        """Content and artifact. A whole message where there is a call to answer."""
        if result.error is not None:
            steering = steers(result.cause)
            if steering is not None:
                raise steering
            if tool_call_id is None or self.handle_tool_error is not True:
                raise CallFailedError(result)
            content: Any = model_text(result)
        elif tool_call_id is None:  # LangChain makes no message
            return result.content, None
        else:
            content = blocks_of(result)
        message = ToolMessage(
            content,
            artifact=result.to_dict(),
            tool_call_id=tool_call_id,
            name=self.name,
            status="success" if result.error is None else "error",
        )
        return message, None


def export_tools(tools: Any, *, return_direct: Collection[str] = ()) -> list[AltarTool]:
    """The tools of a session for ``model.bind_tools(...)``, tool nodes and agents.

    ``tools`` is a Session, or what ``Session(tools=...)`` takes. Each carries
    altar's name, description and JSON Schema, and every call goes through the
    session, so that its limits, dependencies, policies and traces hold.
    ``return_direct`` names those whose result ends an agent's run.

    The ToolMessage of a call has the result's content as text, or blocks for
    blobs; its artifact is the whole result as a JSON object, which
    ``altar.ToolResult.from_dict`` reads. The tool call's id, or else the run's,
    is altar's ``correlation_id``; the run's id and tags travel as baggage. A call that
    needs a person's yes has it where the run's config says
    ``{"metadata": {"altar_approved": {id of a tool call: name of its tool}}}``, a list
    of ids, or True for all.

    Raises ConfigurationError for a name in ``return_direct`` that is none of
    the tools, and what ``Session`` raises.
    """
    if isinstance(return_direct, str):
        raise ConfigurationError(
            f"return_direct={return_direct!r}: give the names in a list; type "
            f"return_direct=[{return_direct!r}]"
        )
    session = as_session(tools)
    made = [AltarTool(session, declaration) for declaration in session.declarations()]
    named = {tool.name: tool for tool in made}
    for name in return_direct:
        if name not in named:
            raise ConfigurationError(
                f"return_direct={name!r}: no tool of the session; there are "
                f"{', '.join(sorted(named)) or 'none'}"
            )
        named[name].return_direct = True
    return made


def export_declarations(tools: Any) -> list[dict[str, Any]]:
    """The same tools as ``bind_tools`` takes them untouched: objects of OpenAI's form.

    LangChain writes references out where it binds tools, and loses what is
    recursive; of these it changes nothing. They bind a model alone: the calls
    are made through what :func:`export_tools` gives.
    """
    return [
        {"type": "function", "function": declaration.to_dict("json-schema")}
        for declaration in as_session(tools).declarations()
    ]


def _context(tool_call_id: str | None, run_manager: Any, name: str) -> CallContext:
    """What the session is told of the run that the call belongs to."""
    if run_manager is None:
        return CallContext(correlation_id=_id(tool_call_id), cancelled=_NEVER)
    run = str(run_manager.run_id)
    baggage = {"langchain.run_id": run}
    if run_manager.parent_run_id is not None:
        baggage["langchain.parent_run_id"] = str(run_manager.parent_run_id)
    if run_manager.tags:
        baggage["langchain.tags"] = ",".join(map(str, run_manager.tags))
    return CallContext(
        correlation_id=_id(tool_call_id) or run,
        baggage=baggage,
        cancelled=_NEVER,
        approved=_is_approved(run_manager.metadata, tool_call_id, name),
    )


def _id(tool_call_id: str | None) -> str:
    return tool_call_id[:_MAX_ID] if tool_call_id else ""


def _is_approved(metadata: Any, tool_call_id: str | None, name: str) -> bool:
    said = metadata.get(APPROVED) if metadata else None
    if isinstance(said, Mapping):
        return tool_call_id is not None and said.get(tool_call_id) == name
    if isinstance(said, (list, tuple, set, frozenset)):
        return tool_call_id is not None and tool_call_id in said
    return said is True
