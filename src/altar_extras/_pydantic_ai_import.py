"""The way in: toolsets and tools of pydantic-ai as tools of altar's."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_ai import Agent, Tool
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.models import Model
from pydantic_ai.tools import RunContext, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, ToolsetTool
from pydantic_ai.usage import RunUsage
from pydantic_core import to_jsonable_python

from altar import ToolError
from altar.bridge import Effects, Importer, Refused, problems_of, refusal
from altar.errors import DeclarationError, ErrorType
from altar.later import ToolOptions
from altar.runtime import Policy
from altar_extras._pydantic_ai_arguments import Arguments
from altar_extras._pydantic_ai_errors import told
from altar_extras._pydantic_ai_nobody import Nobody
from altar_extras._pydantic_ai_progress import ToolProgress
from altar_extras._pydantic_ai_values import value_of
from altar_extras._pydantic_in import is_strict

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from altar import Context
    from altar.later import SchemaTool

__all__ = ["import_tools"]

_SOURCE = "pydantic-ai"
_EXTERNAL = (
    "its results are made outside (ExternalToolset, kind='external'), so there is nothing to "
    "call: write a function that makes them, and give that to the session"
)


def import_tools(*foreign: Any, deps: Any = None, model: Model | None = None) -> list[SchemaTool]:
    """Tools for ``Session(tools=[...])`` from toolsets, Tool objects and functions.

    A toolset of any kind is asked for its tools now, with ``deps``, and each
    call is one run of one step: the toolset is entered, asked for the tool as
    it is then, and left. The tool finds ``RunContext.deps`` as the session's
    dependencies (or ``deps`` where it has none), ``tool_call_approved`` as
    altar's approval, the deadline, and ``model``, or one that refuses to be
    asked. Its own validation runs after altar's. What it raises is a typed
    error of the call. Call it outside an event loop for toolsets that connect.

    Raises DeclarationError naming every tool that cannot be carried, and why.
    """
    importer = Importer(_SOURCE)
    asked = Nobody() if model is None else model
    loose: FunctionToolset[Any] = FunctionToolset()
    for item in foreign:
        if isinstance(item, AbstractToolset):
            _take(importer, item, deps, asked)
        elif isinstance(item, Tool) or (callable(item) and not isinstance(item, type)):
            _add(importer, loose, item)
        else:
            importer.refused.append(_no_tool(item))
    if loose.tools:
        _take(importer, loose, deps, asked)
    return importer.tools()


def _add(importer: Importer, loose: FunctionToolset[Any], item: Any) -> None:
    """Put a Tool, or a function as one, beside the others."""
    try:
        tool: Tool[Any] = item if isinstance(item, Tool) else Tool(item)
    except Exception as error:  # noqa: BLE001 - whatever the framework says of a signature
        name = getattr(item, "__name__", repr(item)[:60])
        importer.refused.append(Refused(name, f"{type(error).__name__}: {error}"))
        return
    if tool.name in loose.tools:
        importer.refused.append(Refused(tool.name, "another tool there has the same name"))
    else:
        loose.tools[tool.name] = tool


def _no_tool(item: Any) -> Refused:
    if isinstance(item, Agent):
        why = (
            "an Agent is no tool: give import_tools(*agent.toolsets) for its tools, or a function "
            "that returns (await agent.run(question)).output"
        )
        return Refused(item.name or "an Agent", why)
    return Refused(repr(item)[:60], "give a toolset, a pydantic_ai.Tool or a function")


def _take(importer: Importer, toolset: AbstractToolset[Any], deps: Any, model: Model) -> None:
    """Add every tool that a toolset has now."""
    ctx = _run_context(deps, model)
    try:
        listed = _awaited(_listed(toolset, ctx))
    except Exception as error:
        reason = f"listing its tools failed ({type(error).__name__}): {error}"
        raise DeclarationError(f"tools of {_SOURCE}", [f"{toolset.label}: {reason}"]) from error
    for name, tool in listed.items():
        definition = tool.tool_def
        if definition.kind not in ("function", "unapproved"):
            importer.refused.append(Refused(name, _EXTERNAL))
            continue
        kept = tool if _is_settled(toolset, name) else None
        call = _Call(toolset, definition, kept, (deps, model))
        importer.add(
            name,
            call.run,
            description=definition.description or "",
            parameters=definition.parameters_json_schema,
            returns=definition.return_schema or None,
            options=_options(definition, tool.args_validator),
        )


class _Call:
    """One tool of a toolset; ``run`` is what altar calls."""

    def __init__(
        self,
        toolset: AbstractToolset[Any],
        definition: ToolDefinition,
        kept: ToolsetTool[Any] | None,
        given: tuple[Any, Model],
    ) -> None:
        self._toolset = toolset
        self._name = definition.name
        self._schema = definition.parameters_json_schema
        self._kept = kept
        self._deps, self._model = given

    async def run(self, args: dict[str, Any], context: Context[Any]) -> Any:
        """The tool's result; raises ToolError for what the framework says by exceptions."""
        deps = self._deps if context.deps is None else context.deps
        ctx = _run_context(deps, self._model, context)
        ctx.tool_name = self._name
        try:
            if self._kept is not None:
                return value_of(await self._answer(self._toolset, self._kept, args, ctx))
            toolset = await self._toolset.for_run(ctx)
            async with toolset:
                toolset = await toolset.for_run_step(ctx)
                tool = (await toolset.get_tools(ctx)).get(self._name)
                if tool is None:
                    raise ToolError(
                        "The tool is not there at the moment.", type=ErrorType.INVALID_STATE
                    )
                return value_of(await self._answer(toolset, tool, args, ctx))
        except ToolError:
            raise
        except Exception as error:
            said = told(error)
            if said is None:
                raise
            raise said from error

    async def _answer(
        self,
        toolset: AbstractToolset[Any],
        tool: ToolsetTool[Any],
        args: dict[str, Any],
        ctx: RunContext[Any],
    ) -> Any:
        ctx.max_retries = tool.max_retries
        validator = tool.args_validator
        if not isinstance(validator, Arguments):
            try:
                # from JSON text, as a model's arguments come: strict types take no other texts
                args = validator.validate_json(json.dumps(args))
            except ValidationError as error:
                schema = self._schema
                raise refusal(problems_of(error, args, name=self._name, schema=schema)) from error
        check: Callable[..., Any] | None = tool.args_validator_func
        if check is not None:
            try:
                checked = check(ctx, **args)
                if hasattr(checked, "__await__"):
                    await checked
            except ModelRetry as error:
                kind = ErrorType.PARAMETER_VALIDATION_FAILED
                raise ToolError(error.message, type=kind) from error
        return await toolset.call_tool(self._name, args, ctx, tool)


async def _listed(
    toolset: AbstractToolset[Any], ctx: RunContext[Any]
) -> dict[str, ToolsetTool[Any]]:
    run = await toolset.for_run(ctx)
    async with run:
        step = await run.for_run_step(ctx)
        return await step.get_tools(ctx)


def _is_settled(toolset: AbstractToolset[Any], name: str) -> bool:
    """Whether the tool is the same in every run, so that it need not be asked for again."""
    if type(toolset) is not FunctionToolset:
        return False
    tool = toolset.tools.get(name)
    return tool is not None and tool.prepare is None


def _options(definition: ToolDefinition, validator: Any) -> ToolOptions:
    said = definition.metadata or {}
    given: dict[str, Any] = {name: said.get(name) is True for name in Effects._fields}
    if definition.kind == "unapproved":
        given["approval"] = True
    if given["read_only"] and given["destructive"]:  # contradicts itself: the warning counts
        given["read_only"] = False
    return ToolOptions(
        **given,
        strict=is_strict(validator),
        timeout=definition.timeout,
        policy=Policy(concurrency=1) if definition.sequential else None,
    )


@dataclass(repr=False, kw_only=True)
class _Run(RunContext[Any]):
    """A run of one call: what the tool emits is its progress."""

    altar_context: Any = None

    async def emit(self, event: Any, /) -> Any:
        """Tell the event as a chunk of JSON."""
        if self.altar_context is not None:
            own = isinstance(event, ToolProgress)
            self.altar_context.progress(event.chunk if own else to_jsonable_python(event))
        return event


def _run_context(deps: Any, model: Model, context: Context[Any] | None = None) -> RunContext[Any]:
    ctx = _Run(deps=deps, model=model, usage=RunUsage(), run_step=1, altar_context=context)
    if context is not None:
        left = context.remaining()
        ctx.tool_call_id = context.correlation_id
        ctx.tool_call_approved = context.approved
        ctx.run_id = None if context.session is None else context.session.id
        ctx.deadline = None if left is None else datetime.now(UTC) + timedelta(seconds=left)
    return ctx


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, from a thread that may have a running loop or none."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    found: list[Any] = []

    def run() -> None:
        try:
            found.extend((asyncio.run(coroutine), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            found.extend((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    value, error = found
    if error is not None:
        raise error
    return value
