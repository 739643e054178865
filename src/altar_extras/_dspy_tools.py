"""Tools both ways: altar's as ``dspy.Tool``, and every ``dspy.Tool`` as one of altar's."""

from __future__ import annotations

import inspect
import json
import sys
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import dspy  # type: ignore[import-untyped]
from dspy.utils.callback import with_callbacks  # type: ignore[import-untyped]
from pydantic import PrivateAttr, ValidationError

from altar import FunctionCall, ToolError
from altar.bridge import Effects, as_session, model_text
from altar.errors import AltarError, DeclarationError
from altar.later import schema_of
from altar.runtime import CallContext, Cancellation
from altar_extras._dspy_errors import again, typed
from altar_extras._dspy_results import outputs_of
from altar_extras._dspy_types import problems_of, wrong_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar import Context, FunctionDeclaration, Session, ToolResult
    from altar.bridge import Importer

__all__ = ["ToolFailed", "add_tool", "exported"]

_CHECK = "_validate_and_parse_args"  # where a dspy.Tool refuses arguments
_PROMPT = "format_error_for_lm"  # what writes a failed tool into a prompt, traceback and all
_traceback: Any = BaseException.__traceback__
_SILENT = "No description provided."
_REQUIRED = " (Required)"  # how DSPy notes it of tools that it took from elsewhere


class ToolFailed(AltarError):  # noqa: N818 - what happened, as the model reads it
    """What an exported tool raises for a failed call: DSPy's modules tell it to their model.

    Its text is the error as JSON, ``{"error": {"type", "message", ...}}``;
    ``result`` is the :class:`altar.ToolResult`.
    """

    __module__ = "altar_extras.dspy"  # a model reads it: no more than it needs

    def __init__(self, result: ToolResult) -> None:
        self.result = result
        super().__init__(model_text(result))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.result,)

    def _shown(self) -> Any:
        """Where it was raised; for a prompt of DSPy's nothing, which would be paths and lines."""
        if sys._getframe(1).f_code.co_name == _PROMPT:  # noqa: SLF001
            return None
        return _traceback.__get__(self)

    def _put(self, value: Any) -> None:
        _traceback.__set__(self, value)

    __traceback__: Any = property(_shown, _put)


# -- altar's, for DSPy -------------------------------------------------------------------


class _Exported(dspy.Tool):  # type: ignore[misc]
    """A tool of a session's: DSPy calls it, altar checks and runs."""

    _declaration: Any = PrivateAttr(default=None)
    _asked: Any = PrivateAttr(default=None)
    _aasked: Any = PrivateAttr(default=None)
    _carried: Any = PrivateAttr(default=None)
    _acarried: Any = PrivateAttr(default=None)

    def __call__(self, /, **kwargs: Any) -> Any:
        if dspy.settings.callbacks or getattr(self, "callbacks", None):
            return self._observed(kwargs)
        return _answer(self._asked(kwargs))

    async def acall(self, /, **kwargs: Any) -> Any:
        if dspy.settings.callbacks or getattr(self, "callbacks", None):
            return await self._aobserved(kwargs)
        return _answer(await self._aasked(kwargs))

    @with_callbacks  # type: ignore[untyped-decorator]
    def _observed(self, kwargs: dict[str, Any]) -> Any:
        return _answer(self._asked(kwargs))

    @with_callbacks  # type: ignore[untyped-decorator]
    async def _aobserved(self, kwargs: dict[str, Any]) -> Any:
        return _answer(await self._aasked(kwargs))

    def format_as_litellm_function_call(self) -> dict[str, Any]:
        """The function as a model with native calls is told of it."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.desc,
                "parameters": self._declaration.to_dict("json-schema")["parameters"],
            },
        }


def _answer(result: ToolResult) -> Any:
    if result.error is None:
        return result.content
    raise ToolFailed(result)


def exported(tools: Any) -> list[Any]:
    """Every tool of a session, as it is now, as a ``dspy.Tool``."""
    session = as_session(tools)
    return [_export(session, declaration) for declaration in session.declarations()]


def _export(session: Session, declaration: FunctionDeclaration) -> Any:
    name = declaration.name

    def asked(args: dict[str, Any]) -> ToolResult:
        return session.execute(name, args)

    async def aasked(args: dict[str, Any]) -> ToolResult:
        return await session.aexecute(name, args)

    def carried(args: dict[str, Any], context: Context[Any]) -> ToolResult:
        call, flags = FunctionCall(name=name, args=args), context._flags  # noqa: SLF001 - altar's
        if not flags:
            return session.invoke(call, _handed_on(context))
        either = Cancellation()
        tell = [(flag, _telling(flag, either)) for flag in flags]
        for flag, listener in tell:
            flag.on_cancel(listener)
        try:
            return session.invoke(call, _handed_on(context, either))
        finally:
            for flag, listener in tell:
                flag.forget(listener)

    async def acarried(args: dict[str, Any], context: Context[Any]) -> ToolResult:
        return await session.ainvoke(FunctionCall(name=name, args=args), _handed_on(context))

    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(positional):
            raise TypeError(f"{name}() takes {', '.join(positional) or 'no arguments'}")
        return _answer(asked({**dict(zip(positional, args, strict=False)), **kwargs}))

    call.__name__ = call.__qualname__ = name
    call.__signature__, positional = _signature(declaration)  # type: ignore[attr-defined]
    make: Any = _Exported
    tool = make(
        call, name=name, desc=declaration.description, args=_arguments(declaration), arg_types={}
    )
    tool._declaration = declaration  # noqa: SLF001 - its own
    tool._asked, tool._aasked = asked, aasked  # noqa: SLF001
    tool._carried, tool._acarried = carried, acarried  # noqa: SLF001
    return tool


def _telling(flag: Cancellation, other: Cancellation) -> Callable[[], None]:
    return lambda: other.cancel(flag.reason or "")


def _handed_on(context: Context[Any], cancelled: Cancellation | None = None) -> CallContext:
    """The circumstances of a call, for the session that the tool came from."""
    return CallContext(
        correlation_id=context.correlation_id,
        deadline=context.deadline,
        emit=context.progress,
        approved=context.approved,
        cancelled=cancelled,
    )


def _signature(declaration: FunctionDeclaration) -> tuple[inspect.Signature, list[str]]:
    """What code that an RLM writes may call, and the names of arguments given by position."""
    parameters, optional = [], False
    for name, schema in declaration.to_dict("json-schema")["parameters"]["properties"].items():
        if not name.isidentifier() or iskeyword(name):
            break
        default: Any = inspect.Parameter.empty
        if name not in declaration.parameters.required:
            default = schema.get("default") if isinstance(schema, dict) else None
            optional = True
        elif optional:  # Python has none of these by position
            break
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)
        )
    names = [one.name for one in parameters]
    more = "kwargs" if "kwargs" not in names else "more_kwargs"
    parameters.append(inspect.Parameter(more, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters), names


def _arguments(declaration: FunctionDeclaration) -> dict[str, Any]:
    """Each argument's schema by itself, as DSPy writes it into a prompt."""
    parameters = declaration.to_dict("json-schema")["parameters"]
    shared = parameters.get("$defs")
    found = {}
    for name, schema in parameters.get("properties", {}).items():
        alone = dict(schema) if isinstance(schema, dict) else {}
        if shared and '"$ref"' in json.dumps(alone):
            alone["$defs"] = shared
        found[name] = alone
    return found


# -- DSPy's, for altar -------------------------------------------------------------------


def add_tool(importer: Importer, tool: Any, name: str | None = None) -> None:
    """Take a ``dspy.Tool`` in, with its own checks behind altar's."""
    if isinstance(tool, _Exported):
        return _take_back(importer, tool, name)
    importer.add(
        name or tool.name or "",
        _AsyncTool(tool) if _is_async(tool.func) else _Tool(tool),
        description=tool.desc or "",
        parameters=_parameters(tool),
        returns=_returns(tool.func),
    )
    return None


class _Tool:
    """A ``dspy.Tool`` as the function of a tool."""

    __slots__ = ("_tool",)

    def __init__(self, tool: Any) -> None:
        self._tool = tool

    def __call__(self, args: dict[str, Any], context: Any) -> Any:
        try:
            return outputs_of(self._tool(**args), may_be_none=True)
        except Exception as error:
            known = _refusal(error, self._tool) or typed(error)
            if known is None:
                raise
            raise known from error


class _AsyncTool(_Tool):
    __slots__ = ()

    async def __call__(self, args: dict[str, Any], context: Any) -> Any:
        try:
            return outputs_of(await self._tool.acall(**args), may_be_none=True)
        except Exception as error:
            known = _refusal(error, self._tool) or typed(error)
            if known is None:
                raise
            raise known from error


def _refusal(error: Exception, tool: Any) -> ToolError | None:
    """The refusal of arguments, where this tool's own check raised it; None where its code did."""
    if not isinstance(error, (ValueError, TypeError)):
        return None
    trace = error.__traceback__
    while trace is not None and not (
        trace.tb_frame.f_code.co_name == _CHECK and trace.tb_frame.f_locals.get("self") is tool
    ):
        trace = trace.tb_next
    if trace is None:
        return None
    name = str(trace.tb_frame.f_locals.get("k", ""))
    if isinstance(error, ValidationError):
        return wrong_arguments(problems_of(error, name, skip=1))
    said = str(error).partition(" is invalid: ")[2] or str(error)
    problem = {"path": f"$.{name}", "expected": said, "got": "", "keyword": "dspy"}
    return wrong_arguments([problem])


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(type(function), "__call__", None)  # noqa: B004 - an object's own
    )


def _parameters(tool: Any) -> dict[str, Any]:
    """The arguments of a ``dspy.Tool`` as one schema; those are required that it cannot lack."""
    try:
        known = dict(inspect.signature(tool.func).parameters)
    except (TypeError, ValueError):
        known = {}
    stars = {
        name for name, one in known.items() if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }
    args = tool.args or {}
    open_ended = tool.has_kwargs and any(name in args for name in stars)
    properties = {name: schema for name, schema in args.items() if name not in stars}
    words = tool.arg_desc or {}
    noted = {name for name, text in words.items() if text.endswith(_REQUIRED)}
    foreign = tool.has_kwargs and bool(words) and set(args) <= set(words)
    foreign = foreign and all(
        words[name].removesuffix(_REQUIRED) == schema.get("description", _SILENT)
        for name, schema in args.items()
    )
    required = []
    for name, schema in properties.items():
        own = known.get(name)
        lacks = own is None or own.default is inspect.Parameter.empty
        if name in noted if foreign else (lacks and "default" not in schema):
            required.append(name)
    document = {"type": "object", "properties": properties, "required": required}
    return {**document, "additionalProperties": open_ended}


def _returns(function: Any) -> dict[str, Any] | None:
    """What the function's return annotation says, where JSON can say it."""
    try:
        annotation = inspect.signature(function, eval_str=True).return_annotation
        if annotation is inspect.Signature.empty or annotation is Any:
            return None
        return dict(schema_of(annotation).to_dict("json-schema"))
    except (DeclarationError, NameError, TypeError, ValueError):
        return None


def _take_back(importer: Importer, tool: _Exported, name: str | None) -> None:
    """A tool that altar gave away comes back as it was, its session with it."""
    declaration = tool._declaration  # noqa: SLF001 - its own
    document = declaration.to_dict("json-schema")
    importer.add(
        name or declaration.name,
        _Returned(tool._carried, tool._acarried),  # noqa: SLF001
        description=declaration.description,
        parameters=document["parameters"],
        options=Effects.of(declaration).options(),
        extensions=declaration.extensions,
    )


class _Returned:
    """The function of a tool that was exported before: it asks the session that has it."""

    __slots__ = ("_acarried", "_carried")

    def __init__(self, carried: Callable[..., Any], acarried: Callable[..., Any]) -> None:
        self._carried = carried
        self._acarried = acarried

    def __call__(self, args: dict[str, Any], context: Context[Any]) -> Any:
        return _content(self._carried(args, context))

    async def __altar_async__(self, args: dict[str, Any], context: Context[Any]) -> Any:
        return _content(await self._acarried(args, context))


def _content(result: ToolResult) -> Any:
    error = result.error
    if error is None:
        return result.content if result.value is None else result.value
    raise again(error)
