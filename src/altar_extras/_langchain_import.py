"""The way in: tools of LangChain as tools of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, Tool

from altar.bridge import Effects, Importer, Refused
from altar.errors import ConfigurationError
from altar_extras._langchain_call import ForeignCall
from altar_extras._langchain_injected import injected_into
from altar_extras._langchain_tool import RETURN_DIRECT, AltarTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables import RunnableConfig

    from altar import Context
    from altar.later import SchemaTool
    from altar_extras._langchain_injected import Injected

    Given = Mapping[str, Any] | Callable[[Context[Any]], Mapping[str, Any]]

__all__ = ["import_tools"]


def import_tools(
    *foreign: Any,
    injected: Given | None = None,
    config: RunnableConfig | None = None,
) -> list[SchemaTool]:
    """Tools of LangChain for ``altar.Session(tools=[...])``.

    Each of ``foreign`` is a tool (``@tool``, StructuredTool, a subclass of
    BaseTool, ``runnable.as_tool()``), a toolkit with ``get_tools()``, or a list of these. altar
    checks the arguments by the tool's schema; the tool's own validation runs
    after it. ``config`` is the RunnableConfig of every call: callbacks, tags,
    metadata. A tool that is async in any way runs on the event loop.

    Arguments that a framework injects are never declared. The tool call's id
    and the RunnableConfig are filled in; ``injected`` gives the others by name,
    as a mapping, or as a function of the call's :class:`altar.Context`.

    Raises DeclarationError with every tool that cannot be carried, and why.
    """
    given: Any = injected
    if given is not None and not isinstance(given, Mapping) and not callable(given):
        raise ConfigurationError(
            f"injected={given!r:.60}: give a mapping of names to values, or a function that makes "
            "one of an altar.Context"
        )
    importer = Importer("LangChain")
    for one in _tools(foreign, importer):
        _add(importer, one, injected, config)
    return importer.tools()


def _tools(foreign: Any, importer: Importer) -> Iterator[BaseTool]:
    """Every tool in what was given; what is none is refused, with what to type."""
    for one in foreign:
        if isinstance(one, BaseTool):
            yield one
        elif isinstance(one, (list, tuple)):
            yield from _tools(one, importer)
        elif callable(getattr(one, "get_tools", None)):
            yield from _tools(one.get_tools(), importer)
        else:
            name = getattr(one, "__name__", None) or type(one).__name__
            importer.refused.append(Refused(str(name), _no_tool(one)))


def _no_tool(one: Any) -> str:
    if isinstance(one, Runnable):
        return 'a Runnable is no tool yet; type .as_tool(name="...", description="...")'
    if isinstance(one, Mapping):
        return "a declaration alone: the model's vendor runs it, and nothing here can"
    if callable(one):
        return "a plain function; give it to altar.Session(tools=[...]) itself"
    return "neither a tool of LangChain nor a toolkit with get_tools()"


def _add(
    importer: Importer, tool: BaseTool, given: Given | None, config: RunnableConfig | None
) -> None:
    extensions: dict[str, Any] = {RETURN_DIRECT: True} if tool.return_direct else {}
    if isinstance(tool, AltarTool):
        declared = tool.declaration
        importer.add(
            tool.name,
            ForeignCall(tool, None, None, config).function,
            description=tool.description,
            parameters=declared.to_dict("json-schema")["parameters"],
            extensions={**declared.extensions, **extensions},
            options=Effects.of(declared).options(),
        )
        return
    try:
        injections = injected_into(tool)
        lacking = _lacking(injections, given)
        if lacking:
            importer.refused.append(Refused(tool.name, lacking))
            return
        parameters = _parameters(tool, injections)
        call = ForeignCall(tool, injections, given, config)
    except Exception as error:  # noqa: BLE001 - a tool that cannot say what it takes
        reason = f"it cannot be described ({type(error).__name__}: {str(error)[:200]})"
        importer.refused.append(Refused(tool.name, reason))
        return
    importer.add(
        tool.name,
        call.function,
        description=tool.description,
        parameters=parameters,
        extensions=extensions,
    )


def _lacking(injections: Injected, given: Given | None) -> str:
    """Why the tool could never be called: what it needs and nobody gives."""
    if given is not None and not isinstance(given, Mapping):
        return ""
    lacks = sorted(injections.required - set(given or ()))
    if not lacks:
        return ""
    form = ", ".join(f"{name!r}: ..." for name in lacks)
    return (
        f"{', '.join(lacks)}: injected by the framework that runs it, which altar is not; type "
        f"import_tools(..., injected={{{form}}})"
    )


def _parameters(tool: BaseTool, injections: Injected) -> dict[str, Any]:
    """The JSON Schema that a model is shown, without what is injected."""
    schema: Any = tool.args_schema
    if schema is None and isinstance(tool, Tool):
        properties = dict(tool.args)
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    if not isinstance(schema, dict):
        shown: Any = tool.tool_call_schema
        if isinstance(shown, dict):
            schema = shown
        else:
            of_v2 = getattr(shown, "model_json_schema", None)
            schema = (of_v2 or shown.schema)()
        # the tool's own name and description, said twice
        schema = {key: value for key, value in schema.items() if key not in _REPEATED}
    return _without(schema, injections.hidden)


_REPEATED = frozenset({"title", "description"})


def _without(schema: dict[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or hidden.isdisjoint(properties):
        return schema
    shown = {name: one for name, one in properties.items() if name not in hidden}
    made = {**schema, "properties": shown}
    required = [name for name in schema.get("required", ()) if name not in hidden]
    made.pop("required", None)
    if required:
        made["required"] = required
    for key in _SHARED & made.keys():
        made[key] = _reached(made[key], shown)
        if not made[key]:
            del made[key]
    return made


_SHARED = frozenset({"$defs", "definitions"})


def _reached(shared: dict[str, Any], start: Any) -> dict[str, Any]:
    """Those of the shared schemas that something refers to."""
    found: dict[str, Any] = {}
    parts = [start]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name in shared and name not in found:
                found[name] = shared[name]
                parts.append(shared[name])
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return {name: one for name, one in shared.items() if name in found}
