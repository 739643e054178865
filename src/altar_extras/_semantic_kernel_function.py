"""The way out: a session as a plugin of Semantic Kernel."""

from __future__ import annotations

import asyncio
import contextvars
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from altar import Blob
from altar.adm import FunctionCall
from altar.bridge import as_session, model_text
from altar.errors import ConfigurationError, DeclarationError
from altar.runtime import CallContext
from altar_extras._semantic_kernel_library import (
    AudioContent,
    BinaryContent,
    FunctionExecutionException,
    FunctionResult,
    ImageContent,
    KernelFunction,
    KernelFunctionMetadata,
    KernelParameterMetadata,
    KernelPlugin,
    PrivateAttr,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from altar.adm import FunctionDeclaration, ToolResult
    from altar.later import Session

__all__ = ["AltarFunction", "CallFailedError", "export_tools"]

APPROVED = "altar_approved"
_MAX_ID = 128
_PLUGIN = re.compile(r"[0-9A-Za-z_]+")
_PARAMETER = re.compile(r"[0-9A-Za-z_-]+")
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_END = object()


class CallFailedError(FunctionExecutionException):  # type: ignore[misc]
    """What an exported function raises for a call that failed and that no model made.

    Its text is ``{"error": {"type", "message", ...}}``; ``result`` is the
    :class:`altar.ToolResult`.
    """

    def __init__(self, result: ToolResult) -> None:
        super().__init__(model_text(result))
        self.result = result


class _Asked(NamedTuple):
    """A call that a model made: its id, and the arguments it gave."""

    call_id: str
    given: Any

    def names(self) -> frozenset[str]:
        """The names of the arguments, where they can be read."""
        given = self.given
        if isinstance(given, str):
            try:
                given = json.loads(given)
            except ValueError:  # the kernel reads more forms; declared names are known anyway
                given = None
        return frozenset(given) if isinstance(given, Mapping) else frozenset()


_asked: contextvars.ContextVar[_Asked | None] = contextvars.ContextVar("altar_asked", default=None)


class _Lent:
    """A tool of a session and how the kernel's calls reach it."""

    __slots__ = ("_is_open", "_known", "declaration", "optional", "session")

    def __init__(
        self, session: Session, declaration: FunctionDeclaration, schema: Any, parameters: Any
    ) -> None:
        self.session = session
        self.declaration = declaration
        self.optional = [one.model_copy(update={"is_required": False}) for one in parameters]
        self._known = frozenset(schema["properties"])
        self._is_open = schema.get("additionalProperties", True) is not False

    async def answer(self, arguments: Any, metadata: Any) -> Any:
        """The FunctionResult of a call; raises where it failed and no model asked."""
        is_asked = _asked.get() is not None
        call, context = self.call(arguments)
        if is_asked or context.approved:
            result = await self.session.ainvoke(call, context)
        else:  # nothing to say of it: the shorter way
            result = await self.session.aexecute(call.name, call.args)
        if result.error is not None and not is_asked:
            raise CallFailedError(result)
        return FunctionResult(
            function=metadata,
            value=_text(result) if is_asked else _value(result),
            metadata={"arguments": arguments, "altar": result.to_dict()},
        )

    def call(self, arguments: Any) -> tuple[FunctionCall, CallContext]:
        """The call without what else lies in the kernel's arguments, which all functions share."""
        asked = _asked.get()
        known = self._known
        if self._is_open:
            known |= asked.names() if asked is not None else frozenset(arguments) - {APPROVED}
        args = {name: value for name, value in arguments.items() if name in known}
        call_id = "" if asked is None else asked.call_id
        said = None if APPROVED in known else arguments.get(APPROVED)
        if said is not None and asked is not None and APPROVED in asked.names():
            said = None  # the model's own word: an older kernel lets it in
        if isinstance(said, Mapping):
            said = bool(call_id) and said.get(call_id) == self.declaration.name
        elif isinstance(said, (list, tuple, set, frozenset)):
            said = bool(call_id) and call_id in said
        context = CallContext(correlation_id=call_id, approved=said is True)
        return FunctionCall(name=self.declaration.name, args=args), context

    async def chunks(self, call: FunctionCall, context: CallContext) -> AsyncIterator[Any]:
        """What the tool reports while it runs; without that, its content."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[Any] = asyncio.Queue()
        context.emit = lambda chunk: _put(loop, waiting, chunk)
        task = asyncio.ensure_future(self.session.ainvoke(call, context))
        task.add_done_callback(lambda _: waiting.put_nowait(_END))
        told = False
        try:
            while (chunk := await waiting.get()) is not _END:
                told = True
                yield chunk
            result = await task
        finally:
            task.cancel()
        if result.error is not None:
            raise CallFailedError(result)
        if not told:
            yield _value(result)


class AltarFunction(KernelFunction):  # type: ignore[misc]
    """A tool of a session, as :func:`export_tools` makes it.

    ``declaration`` is altar's, ``session`` the session that runs the calls.
    """

    _lent: _Lent = PrivateAttr()  # which pydantic looks up slowly: what is hot goes past that

    def __init__(self, session: Session, declaration: FunctionDeclaration, plugin: str, /) -> None:
        schema = declaration.to_dict("json-schema")["parameters"]
        super().__init__(metadata=_metadata(declaration, schema, plugin))
        self._lent = _Lent(session, declaration, schema, self.metadata.parameters)

    @property
    def declaration(self) -> FunctionDeclaration:
        """What altar says of the tool."""
        return self._lent.declaration

    @property
    def session(self) -> Session:
        """The session that runs its calls."""
        return self._lent.session

    @property
    def parameters(self) -> list[Any]:
        """The parameters as the kernel checks calls by them: altar says what is missing.

        Models are shown ``metadata.parameters``.
        """
        optional: list[Any] = self.__pydantic_private__["_lent"].optional
        return optional

    async def invoke(
        self, kernel: Any, arguments: Any = None, metadata: Any = None, **kwargs: Any
    ) -> Any:
        """Call it, as any function of a kernel; with the ``metadata`` of a model's call, its id."""
        token = _asked.set(_read_call(metadata))
        try:
            return await super().invoke(kernel, arguments, metadata, **kwargs)
        finally:
            _asked.reset(token)

    async def _invoke_internal(self, context: Any) -> None:
        lent = self.__pydantic_private__["_lent"]
        context.result = await lent.answer(context.arguments, self.metadata)

    async def _invoke_internal_stream(self, context: Any) -> None:
        lent = self._lent
        chunks = lent.chunks(*lent.call(context.arguments))
        context.result = FunctionResult(function=self.metadata, value=chunks)


def export_tools(tools: Any, *, plugin_name: str = "altar") -> Any:
    """The tools of a session as a ``KernelPlugin``, for ``kernel.add_plugin(...)``.

    ``tools`` is a Session, or what ``Session(tools=...)`` takes. Each function
    carries altar's name, description and JSON Schema, and every call goes
    through the session. A model's call is answered with text: the content, or
    ``{"error": {"type", "message", ...}}``; the whole result is in the
    FunctionResult's metadata, under "altar". A call of your own,
    ``kernel.invoke(...)``, gives the content itself, and raises
    :class:`CallFailedError`.

    Arguments of the kernel that are no parameters are left out, as every
    function of a kernel leaves them. ``altar_approved`` among them, True,
    ``{id of a tool call: name of its tool}`` or a list of ids, says that a person agreed.

    Raises ConfigurationError for a plugin name that Semantic Kernel refuses,
    DeclarationError for tools it cannot carry, and what ``Session`` raises.
    """
    given: Any = plugin_name
    if not isinstance(given, str) or not _PLUGIN.fullmatch(given):
        raise ConfigurationError(
            f"plugin_name={plugin_name!r:.60}: give ASCII letters, digits and underscores"
        )
    session = as_session(tools)
    declared = session.declarations()
    problems = [
        f"{one.name}: Semantic Kernel allows no parameter of the name {name!r}"
        for one in declared
        for name in one.to_dict("json-schema")["parameters"]["properties"]
        if not _PARAMETER.fullmatch(name)
    ]
    if problems:
        raise DeclarationError("tools for Semantic Kernel", problems)
    functions = [AltarFunction(session, one, plugin_name) for one in declared]
    return KernelPlugin(plugin_name, "Tools of a session of altar's.", functions)


def _metadata(declaration: FunctionDeclaration, schema: dict[str, Any], plugin: str) -> Any:
    required = schema.get("required", ())
    shared = schema.get("$defs", {})
    parameters = [
        KernelParameterMetadata(
            name=name,
            description=_of(one, "description"),
            default_value=_of(one, "default"),
            type_=_type(one),
            is_required=name in required,
            schema_data=_alone(name, one, shared),
        )
        for name, one in schema["properties"].items()
    ]
    returns = declaration.returns
    returned = None
    if returns is not None:
        told = returns.to_dict("json-schema")
        returned = KernelParameterMetadata(
            name="return",
            description=_of(told, "description"),
            type_=_type(told),
            is_required=True,
            schema_data=told if isinstance(told, dict) else {},
        )
    return KernelFunctionMetadata(
        name=declaration.name,
        plugin_name=plugin,
        description=declaration.description,
        parameters=parameters,
        is_prompt=False,
        is_asynchronous=True,
        return_parameter=returned,
        additional_properties=dict(declaration.extensions),
    )


def _of(schema: Any, key: str) -> Any:
    return schema.get(key) if isinstance(schema, dict) else None


def _type(schema: Any) -> str:
    said = _of(schema, "type")
    return _TYPES.get(said, said) if isinstance(said, str) else "Any"


def _alone(name: str, schema: Any, shared: dict[str, Any]) -> dict[str, Any]:
    """One parameter's schema with what it refers to inside: the kernel sends nothing beside it."""
    if not isinstance(schema, dict):
        return {} if schema is not False else {"not": {}}
    if not shared or '"$ref"' not in json.dumps(schema):
        return schema
    home = f"#/properties/{name}/$defs/"
    moved: dict[str, Any] = _moved({**schema, "$defs": shared}, home)
    return moved


def _moved(part: Any, home: str) -> Any:
    if isinstance(part, list):
        return [_moved(one, home) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: _moved(one, home) for key, one in part.items()}
    target = part.get("$ref")
    if isinstance(target, str) and target.startswith("#/$defs/"):
        made["$ref"] = home + target.removeprefix("#/$defs/")
    return made


def _read_call(metadata: Any) -> _Asked | None:
    """What a FunctionCallContent says of the call, as the kernel hands it on."""
    function = metadata.get("function") if isinstance(metadata, Mapping) else None
    if not isinstance(function, Mapping):
        return None
    return _Asked(str(metadata.get("id") or "")[:_MAX_ID], function.get("arguments"))


def _text(result: ToolResult) -> str:
    return result.content if isinstance(result.content, str) else model_text(result)


def _value(result: ToolResult) -> Any:
    """The content; blobs, alone or in a list, as the library's own content."""
    value, content = result.value, result.content
    if value.__class__ is Blob:
        return _binary(value)
    if value.__class__ in (list, tuple) and any(item.__class__ is Blob for item in value):
        pairs = zip(value, content, strict=False)
        return [_binary(item) if item.__class__ is Blob else plain for item, plain in pairs]
    return content


def _binary(blob: Blob) -> Any:
    kinds = {"image": ImageContent, "audio": AudioContent}
    kind = kinds.get(blob.mime.partition("/")[0], BinaryContent)
    return kind(data=blob.data, mime_type=blob.mime, data_format="base64")


def _put(loop: asyncio.AbstractEventLoop, waiting: asyncio.Queue[Any], chunk: Any) -> None:
    loop.call_soon_threadsafe(waiting.put_nowait, chunk)
