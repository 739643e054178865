"""The way out: a session as a toolset of pydantic-ai."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from pydantic_ai.exceptions import (
    ApprovalRequired,
    CallDeferred,
    ModelRetry,
    ToolFailed,
    UserError,
)
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool

from altar.adm import ErrorObject, FunctionCall, ToolResult
from altar.bridge import Effects, as_session, model_text
from altar.errors import ConfigurationError, ErrorType
from altar.runtime import CallContext, Cancellation
from altar_extras._pydantic_ai_arguments import UNREAD, Arguments, unread
from altar_extras._pydantic_ai_errors import Failed, Retry
from altar_extras._pydantic_ai_progress import Progress, ToolProgress
from altar_extras._pydantic_ai_values import content_of

if TYPE_CHECKING:
    from pydantic_ai.tools import RunContext

    from altar.adm import FunctionDeclaration
    from altar.later import Session

__all__ = ["SessionToolset", "ToolProgress", "export_tools"]

_APPROVALS = ("defer", "refuse")
_DEPS = ("session", "run")
_ELSEWHERE = "The result of this call is made elsewhere, later, and nobody waits for it here."
_NEVER = Cancellation.never()  # the framework cancels tasks
# what the model itself can put right, by calling again with other arguments
_CORRECTABLE = frozenset({ErrorType.PARAMETER_VALIDATION_FAILED})


def export_tools(
    tools: Any,
    *,
    id: str | None = None,  # noqa: A002 - the framework's own word
    max_retries: int | None = None,
    approvals: Literal["defer", "refuse"] = "defer",
    deps: Literal["session", "run"] = "session",
) -> SessionToolset:
    """A toolset for ``Agent(toolsets=[...])``; calls go through the session.

    ``tools`` is a Session, or what ``Session(tools=...)`` takes. What a tool or
    a model does ends no run: arguments that altar refuses are answered as
    retries while the run's budget for the tool lasts (``max_retries``, or the
    agent's own), and as a failed call from then on; every other error is a
    failed call. The text is altar's, ``{"error": {"type", "message", ...}}``.

    A call that needs a person's yes is deferred to the application, as
    ``DeferredToolRequests``, which the agent's ``output_type`` must then name;
    ``approvals="refuse"`` tells the model instead. ``deps="run"`` gives tools
    the run's dependencies as ``Context.deps`` in place of the session's.

    Raises ConfigurationError for a bad option, and what ``Session`` raises.
    """
    if approvals not in _APPROVALS:
        raise ConfigurationError(f"approvals={approvals!r}: give 'defer' or 'refuse'")
    if deps not in _DEPS:
        raise ConfigurationError(f"deps={deps!r}: give 'session' or 'run'")
    if max_retries is not None and (max_retries.__class__ is not int or max_retries < 0):
        raise ConfigurationError(
            f"max_retries={max_retries!r}: give an integer of at least 0, or leave it out"
        )
    session = as_session(tools)
    return SessionToolset(
        session, id, max_retries, defers=approvals == "defer", lends=deps == "run"
    )


class SessionToolset(AbstractToolset[Any]):
    """What :func:`export_tools` makes; ``session`` is the session it lends.

    It shows what the session shows when a step of a run begins. Entering and
    leaving it opens and closes nothing: the session is its owner's.
    """

    def __init__(
        self,
        session: Session,
        id: str | None = None,  # noqa: A002 - the framework's own word
        /,
        max_retries: int | None = None,
        *,
        defers: bool = True,
        lends: bool = False,
    ) -> None:
        self.session = session
        self._id = id
        self._max_retries = max_retries
        self._defers = defers
        self._lends = lends
        self._listed: tuple[Any, int, dict[str, ToolsetTool[Any]]] | None = None

    @property
    def id(self) -> str | None:
        """The id it was given: durable runs need one."""
        return self._id

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """The session's tools, by name, with altar's schemas."""
        declared = self.session.declarations()
        budget = ctx.max_retries if self._max_retries is None else self._max_retries
        listed = self._listed
        if listed is None or listed[0] is not declared or listed[1] != budget:
            made = {item.name: self._tool(item, budget) for item in declared}
            self._listed = listed = (declared, budget, made)
        return dict(listed[2])

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """The tool's result as JSON; raises what the framework answers a model with."""
        if UNREAD in tool_args and (text := unread(tool_args)) is not None:
            result = await self.session.aexecute(name, text)
            raise self._failure(result, ctx)
        if self._lends and ctx.deps is None and self.session.deps is not None:
            raise UserError(
                "export_tools(deps='run') gives tools the run's dependencies, and this run has "
                "none: give Agent.run(deps=...)"
            )
        progress = Progress(ctx)
        try:
            result = await self.session.ainvoke(
                FunctionCall(name=name, args=tool_args),
                CallContext(
                    correlation_id=ctx.tool_call_id or "",
                    deadline=None if ctx.deadline is None else _deadline(ctx),
                    emit=progress,
                    cancelled=_NEVER,
                    deps=ctx.deps if self._lends else None,
                    approved=ctx.tool_call_approved,
                ),
            )
            if progress.begun:
                await progress.settled()
        except BaseException:
            progress.drop()
            raise
        if result.error is None:
            return content_of(result)
        raise self._failure(result, ctx)

    def _tool(self, declared: FunctionDeclaration, budget: int) -> ToolsetTool[Any]:
        document = declared.to_dict("json-schema")
        returns = declared.returns
        said = {name: True for name, given in Effects.of(declared)._asdict().items() if given}
        definition = ToolDefinition(
            name=declared.name,
            description=declared.description,
            parameters_json_schema=document["parameters"],
            return_schema=None if returns is None else _object(returns.to_dict("json-schema")),
            metadata=said or None,
        )
        return ToolsetTool(
            toolset=self,
            tool_def=definition,
            max_retries=budget,
            args_validator=Arguments(document["parameters"]),
        )

    def _failure(self, result: ToolResult, ctx: RunContext[Any]) -> Exception:
        """What tells the framework of an error, in a way that ends no run."""
        error = result.error
        meant = _meant(result.cause)
        if isinstance(meant, CallDeferred):
            if self._defers:
                return meant
            said = ErrorObject(message=_ELSEWHERE, type=ErrorType.INVALID_STATE)
            return Failed(model_text(ToolResult(name=result.name, error=said)))
        kind = None if error is None else error.type
        asks = kind == ErrorType.APPROVAL_REQUIRED or isinstance(meant, ApprovalRequired)
        if asks and self._defers and not ctx.tool_call_approved:
            return meant if isinstance(meant, ApprovalRequired) else ApprovalRequired()
        if isinstance(meant, (ModelRetry, ToolFailed)) and meant is result.cause:
            # raised for a model to read, so its text is not kept back
            said = ErrorObject(message=meant.message, type=ErrorType.TOOL_EXECUTION_FAILED)
            result = ToolResult(name=result.name, error=said)
        text = model_text(result)
        # a retry past the budget would end the run; a failed call is not counted
        again = kind in _CORRECTABLE or isinstance(meant, ModelRetry)
        return Retry(text) if again and ctx.retry < ctx.max_retries else Failed(text)


def _meant(cause: BaseException | None) -> BaseException | None:
    """The framework's own exception that a tool raised, where it raised one."""
    ours = (ApprovalRequired, CallDeferred, ModelRetry, ToolFailed)
    for raised in (cause, None if cause is None else cause.__cause__):
        if isinstance(raised, ours):
            return raised
    return None


def _deadline(ctx: RunContext[Any]) -> float | None:
    """The end of the run, as a time of the monotonic clock."""
    left = ctx.remaining_time()
    return None if left is None else monotonic() + left


def _object(schema: Any) -> dict[str, Any] | None:
    """A schema as the framework holds one; true says nothing."""
    return schema if isinstance(schema, dict) and schema else None
