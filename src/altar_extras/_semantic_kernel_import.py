"""The way in: functions and plugins of Semantic Kernel as tools of a session."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from altar import Blob, ToolError
from altar.adm import Problem, json_path
from altar.bridge import Effects, Importer, Refused
from altar.errors import ConfigurationError, ErrorType
from altar_extras._semantic_kernel_function import APPROVED, AltarFunction, CallFailedError
from altar_extras._semantic_kernel_library import (
    BinaryContent,
    ChatMessageContent,
    FunctionExecutionException,
    Kernel,
    KernelArguments,
    KernelFunction,
    KernelFunctionFromMethod,
    KernelPlugin,
    KernelServiceNotFoundError,
    OperationCancelledException,
    ServiceContentFilterException,
    ServiceException,
    TextContent,
    function_call_form,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from altar import Context
    from altar.later import SchemaTool

__all__ = ["import_tools"]

_GIVEN = frozenset({"kernel", "service", "execution_settings", "arguments"})
_UNTYPED = (None, "", "Any", "object")
_WRONG = re.compile(r"Parameter (\S+) is (required|expected)")


def import_tools(
    *foreign: Any, kernel: Any = None, arguments: Mapping[str, Any] | None = None
) -> list[SchemaTool]:
    """Functions of Semantic Kernel for ``altar.Session(tools=[...])``.

    Each of ``foreign`` is a KernelFunction, a KernelPlugin, a Kernel (all its
    plugins), a function or an object with ``@kernel_function``, or a list of
    these. ``kernel`` runs them, with its filters and services (else the one
    given, or an empty one); ``arguments`` are those of every call that no model
    gives. A function whose name another plugin has too is called
    ``plugin-function``. The code runs on the event loop, as in a kernel.

    Raises DeclarationError with every function that cannot be carried, and
    why; ConfigurationError for a ``kernel`` or ``arguments`` of another kind.
    """
    if kernel is not None and not isinstance(kernel, Kernel):
        raise ConfigurationError(f"kernel={kernel!r:.60}: give a semantic_kernel.Kernel")
    given: Any = arguments
    if given is not None and not isinstance(given, Mapping):
        raise ConfigurationError(f"arguments={given!r:.60}: give KernelArguments, or a mapping")
    importer = Importer("Semantic Kernel")
    found = list(_functions(foreign, importer, kernel))
    names = Counter(function.name for function, _ in found)
    home: Any = None
    for function, at in found:
        if at is None and home is None:
            home = Kernel()
        name = function.name if names[function.name] == 1 else function.fully_qualified_name
        _add(importer, name, function, _Call(function, at or home, arguments))
    return importer.tools()


def _functions(foreign: Any, importer: Importer, kernel: Any) -> Iterator[tuple[Any, Any]]:
    """Every function in what was given, and the kernel that is to run it."""
    for one in foreign:
        if isinstance(one, KernelFunction):
            yield one, kernel
        elif isinstance(one, KernelPlugin):
            yield from ((function, kernel) for function in one)
        elif isinstance(one, Kernel):
            yield from _functions(one.plugins.values(), importer, kernel or one)
        elif isinstance(one, (list, tuple)):
            yield from _functions(one, importer, kernel)
        else:
            try:
                made = _marked(one)
            except Exception as error:  # noqa: BLE001 - any object may be given
                made, reason = [], f"it cannot be read ({type(error).__name__}: {str(error)[:200]})"
            else:
                reason = "nothing in it is marked with @kernel_function"
            if not made:
                name = str(getattr(one, "__name__", None) or type(one).__name__)
                importer.refused.append(Refused(name, reason))
            yield from ((function, kernel) for function in made)


def _marked(one: Any) -> list[Any]:
    """A function with ``@kernel_function``, or those of an object."""
    if getattr(one, "__kernel_function__", None) is True:
        return [KernelFunctionFromMethod(method=one)]
    if isinstance(one, FunctionType):
        return []
    name = re.sub(r"\W", "_", type(one).__name__, flags=re.ASCII)
    return list(KernelPlugin.from_object(name, one))


def _add(importer: Importer, name: str, function: Any, call: _Call) -> None:
    if isinstance(function, AltarFunction):
        declared = function.declaration
        importer.add(
            name,
            call.run,
            description=declared.description,
            parameters=declared.to_dict("json-schema")["parameters"],
            extensions=declared.extensions,
            options=Effects.of(declared).options(),
        )
        return
    returned = function.return_parameter
    try:
        parameters = _parameters(function)
    except Exception as error:  # noqa: BLE001 - metadata that somebody wrote by hand
        reason = f"it cannot be described ({type(error).__name__}: {str(error)[:200]})"
        importer.refused.append(Refused(name, reason))
        return
    importer.add(
        name,
        call.run,
        description=function.description or "",
        parameters=parameters,
        returns=None if returned is None else _returned(returned.schema_data),
    )


def _parameters(function: Any) -> dict[str, Any]:
    """What the kernel shows a model, without what it gives itself; closed, as it refuses others."""
    shown = function_call_form(function.metadata)["function"]["parameters"]
    given = _GIVEN if isinstance(function, KernelFunctionFromMethod) else frozenset[str]()
    untyped = {one.name for one in function.metadata.parameters if one.type_ in _UNTYPED}
    properties = {
        name: _meant(one, function.is_prompt) if name in untyped or one is None else one
        for name, one in shown["properties"].items()
        if name not in given
    }
    required = [name for name in shown["required"] if name in properties]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _meant(schema: Any, is_prompt: bool) -> dict[str, Any]:
    """The schema of a parameter without a type, which a kernel shows as an object.

    What a prompt takes is text.
    """
    kept = {name: one for name, one in (schema or {}).items() if name != "type"}
    return {"type": "string", **kept} if is_prompt else kept


def _returned(schema: Any) -> dict[str, Any] | None:
    """The schema of a result, where one was said: "object" is the library's word for anything."""
    if not isinstance(schema, dict) or schema.get("type") in {None, "object"}:
        return None
    return schema


class _Call:
    """Calls one function by its kernel."""

    def __init__(self, function: Any, kernel: Any, arguments: Mapping[str, Any] | None) -> None:
        self._function = function
        self._kernel = kernel
        self._arguments = arguments

    async def run(self, args: dict[str, Any], context: Context[Any]) -> Any:
        given = KernelArguments(settings=getattr(self._arguments, "execution_settings", None))
        given.update(self._arguments or {})
        given.update(args)
        if isinstance(self._function, AltarFunction):
            given[APPROVED] = context.approved
        try:
            result = await self._function.invoke(self._kernel, given)
        except Exception as error:
            raise _told(error) or error from error
        if result is None:
            raise ToolError(
                "A filter of the kernel ended the call without a result.",
                type=ErrorType.INVALID_STATE,
            )
        return _value(result.value)


def _value(value: Any) -> Any:
    """What a function returned, as one of altar's may: text of messages, blobs of data."""
    if isinstance(value, BinaryContent):
        data = value.data
        return Blob(value.mime_type, data if isinstance(data, bytes) else data.tobytes())
    if isinstance(value, (TextContent, ChatMessageContent)):
        return str(value)
    if isinstance(value, (list, tuple)):
        made = [_value(item) for item in value]
        is_reply = len(made) == 1 and isinstance(value[0], (TextContent, ChatMessageContent))
        return made[0] if is_reply else made
    return value


def _told(error: Exception) -> ToolError | None:
    """What a model is told of an exception that the library has a meaning for; else None."""
    name = type(error).__name__
    if isinstance(error, CallFailedError):
        failed = error.result.error
        return None if failed is None else _again(failed)
    if isinstance(error, FunctionExecutionException):
        wrong = _WRONG.match(str(error))
        return None if wrong is None else _wrong(wrong[1], wrong[2] == "required")
    if isinstance(error, OperationCancelledException):
        return ToolError(f"The call was cancelled ({name}).", type=ErrorType.CANCELLED)
    if isinstance(error, KernelServiceNotFoundError):
        return ToolError(
            f"The kernel has no AI service for it ({name}).", type=ErrorType.CONFIGURATION_ERROR
        )
    if isinstance(error, ServiceContentFilterException):
        return ToolError(
            f"A model refused it by its content filter ({name}).",
            type=ErrorType.PERMISSION_DENIED,
        )
    if isinstance(error, ServiceException):
        return ToolError(
            f"A service that it asked did not answer ({name}).",
            type=ErrorType.SERVICE_UNAVAILABLE,
        )
    return None


def _again(failed: Any) -> ToolError:
    after = failed.retry_after_ms
    return ToolError(
        failed.message,
        type=failed.type,
        retry_after=None if after is None else after / 1000,
        details=failed.details,
    )


def _wrong(name: str, is_missing: bool) -> ToolError:
    problem = Problem(
        json_path([name]),
        "a value (required)" if is_missing else "a value that the function can take",
        "nothing" if is_missing else "another",
        keyword="required" if is_missing else "type",
    )
    return ToolError(
        f"1 argument is wrong. {problem}",
        type=ErrorType.PARAMETER_VALIDATION_FAILED,
        details={"problems": [problem.to_dict()]},
    )
