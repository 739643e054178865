"""Tools on the wire: a declaration as MCP lists it, a result as MCP tells it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from altar.adm import Blob, Schema
from altar.bridge import Effects, as_declared, model_text
from altar.mcp._versions import LATEST_MODERN, STRUCTURED_SINCE, at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    from altar.adm import FunctionDeclaration, ToolResult
    from altar.later import Session

__all__ = ["WRAPPED", "Catalog", "block_of", "blocks_of", "call_result"]

# an object schema that holds the result of a tool in its one property "result" says so with
# this key, which other servers set as well; clients that know it take the result out again
WRAPPED = "x-fastmcp-wrap-result"


class Catalog:
    """The tools of a session as each era lists them; made again when they change."""

    __slots__ = ("_changed", "_entries", "_made_of", "_promised", "_returns", "_session")

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._made_of: tuple[FunctionDeclaration, ...] | None = None
        self._entries: dict[str, list[dict[str, Any]]] = {}
        self._returns: dict[str, dict[str, Any] | None] = {}
        self._promised: dict[str, Schema] = {}  # each compiled at its first call

    def entries(self, version: str) -> list[dict[str, Any]]:
        """Every tool, in order, for a client that speaks this version."""
        self._refresh()
        made = self._entries.get(version)
        if made is None:
            made = [_entry(one, version) for one in self._session.declarations()]
            self._entries[version] = made
        return made

    def answer(self, result: ToolResult, version: str) -> dict[str, Any]:
        """What ``tools/call`` answers with this result."""
        self._refresh()
        returns = self._returns.get(result.name)
        promised = self._promised.get(result.name)
        return call_result(as_declared(result, promised), returns, version)

    def _refresh(self) -> None:
        declared = self._session.declarations()
        if declared is not self._made_of:
            first = self._made_of is None
            self._made_of, self._entries = declared, {}
            self._returns = {one.name: one.extensions.get("x_returns") for one in declared}
            self._promised = {
                name: Schema.trusted(said)
                for name, said in self._returns.items()
                if said is not None
            }
            if not first:
                self._changed()


def call_result(result: ToolResult, returns: dict[str, Any] | None, version: str) -> dict[str, Any]:
    """What ``tools/call`` answers."""
    if result.error is not None:
        text = model_text(result)
        return {"content": [{"type": "text", "text": text}], "isError": True}
    said: dict[str, Any] = {"content": blocks_of(result), "isError": False}
    content = result.content
    if version == LATEST_MODERN:
        if returns is not None or content.__class__ is not str:
            said["structuredContent"] = content
    elif at_least(version, STRUCTURED_SINCE):
        if returns is not None and not _is_object(returns):
            said["structuredContent"] = {"result": content}
        elif content.__class__ is dict:
            said["structuredContent"] = content
    return said


def blocks_of(result: ToolResult) -> list[dict[str, Any]]:
    """The content of a result: texts as they are, bytes by their media type, else JSON."""
    value = result.value
    kind = value.__class__
    if kind is Blob:
        return [block_of(value)]
    if (kind is list or kind is tuple) and any(item.__class__ is Blob for item in value):
        return [
            block_of(item if item.__class__ is Blob else json_of, at)
            for at, (item, json_of) in enumerate(zip(value, result.content, strict=True))
        ]
    if result.content.__class__ is str:
        return [{"type": "text", "text": result.content}]
    return [{"type": "text", "text": model_text(result)}]


def block_of(value: Any, at: int = 0) -> dict[str, Any]:
    """One value as a block: a Blob by its media type, a text as it is, else JSON.

    Pictures and sounds have blocks of their own; other bytes are a resource
    inside the result, the ``at``-th of it.
    """
    if isinstance(value, str):
        return {"type": "text", "text": value}
    if not isinstance(value, Blob):
        return {"type": "text", "text": json.dumps(value, ensure_ascii=False)}
    family = value.mime.partition("/")[0]
    if family in ("image", "audio"):
        data = b64encode(value.data).decode("ascii")
        return {"type": family, "data": data, "mimeType": value.mime}
    inside: dict[str, Any] = {"uri": f"result://blob/{at}", "mimeType": value.mime}
    if family == "text":
        try:
            inside["text"] = value.data.decode()
        except UnicodeDecodeError:
            family = ""
    if family != "text":
        inside["blob"] = b64encode(value.data).decode("ascii")
    return {"type": "resource", "resource": inside}


def _entry(declaration: FunctionDeclaration, version: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": declaration.name,
        "description": declaration.description,
        "inputSchema": declaration.to_dict("json-schema")["parameters"],
    }
    extensions = declaration.extensions
    title = extensions.get("x_title")
    annotations = _annotations(Effects.of(declaration))
    if isinstance(title, str):
        annotations["title"] = title
        if at_least(version, STRUCTURED_SINCE):
            made["title"] = title
    if annotations and version != "2024-11-05":
        made["annotations"] = annotations
    returns = extensions.get("x_returns")
    if returns is not None and at_least(version, STRUCTURED_SINCE):
        modern = version == LATEST_MODERN
        output = returns if modern or _is_object(returns) else _wrapped(returns)
        if output is not None:
            made["outputSchema"] = output
    return made


def _annotations(effects: Effects) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if effects.read_only:
        said["readOnlyHint"] = True
    if effects.destructive:
        said["destructiveHint"] = True
    if effects.idempotent:
        said["idempotentHint"] = True
    return said


def _is_object(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "object"


def _wrapped(schema: dict[str, Any]) -> dict[str, Any] | None:
    """The schema as the property ``result`` of an object; None where a $ref would be lost."""
    inner = {key: value for key, value in schema.items() if key not in ("$defs", "$schema")}
    text = json.dumps(schema)
    if text.count('"$ref": "') != text.count('"$ref": "#/$defs/'):
        return None
    outer = {
        "type": "object",
        "properties": {"result": inner},
        "required": ["result"],
        WRAPPED: True,
    }
    if "$defs" in schema:
        outer["$defs"] = schema["$defs"]
    return outer
