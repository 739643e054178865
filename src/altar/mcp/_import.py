"""The tools of a server as tools of altar's."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from altar.adm import Schema
from altar.bridge import Effects, Importer, Refused
from altar.errors import InvalidDataError
from altar.mcp._client_call import Call
from altar.mcp._client_errors import McpError, doubted
from altar.mcp._import_patterns import without_patterns
from altar.mcp._import_value import WRAPPED, value_of
from altar.mcp._transport_params import param_headers, params_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from altar.later import Context
    from altar.mcp._client_options import ClientOptions

__all__ = ["Tools"]

_MAX_NAME = 1000  # characters, as are the others
_MAX_TITLE = 1000
_MAX_TEXT = 20_000


class Tools:
    """What a server lists, taken in once; a definition that stays keeps its tool."""

    __slots__ = ("_ask", "_known", "_options", "_trust", "importer")

    def __init__(
        self,
        ask: Callable[..., Coroutine[Any, Any, dict[str, Any]]],
        options: ClientOptions,
        *,
        trust: bool,
    ) -> None:
        self._ask = ask
        self._options = options
        self._trust = trust
        self._known: dict[str, tuple[str, Callable[..., Any]]] = {}
        self.importer = Importer("an MCP server")

    def take(self, definitions: list[Any], server: str) -> bool:
        """Take in what the server lists now; True where that is not what it was."""
        importer = Importer(server)
        known: dict[str, tuple[str, Callable[..., Any]]] = {}
        for one in definitions:
            if not isinstance(one, dict):
                importer.refused.append(Refused(repr(one)[:100], "a tool is a JSON object"))
            else:
                try:
                    self._add(importer, known, one, server)
                except RecursionError:
                    name = _text(one, "name")[:100]
                    importer.refused.append(Refused(name, "its definition nests too deeply"))
        before = [tool.declaration.to_dict() for tool in self.importer.accepted()]
        after = [tool.declaration.to_dict() for tool in importer.accepted()]
        self.importer, self._known = importer, known
        return before != after

    def _add(
        self,
        importer: Importer,
        known: dict[str, tuple[str, Callable[..., Any]]],
        one: dict[str, Any],
        server: str,
    ) -> None:
        name = one.get("name")
        if not isinstance(name, str) or not name.strip():
            importer.refused.append(Refused(repr(name)[:100], "a tool's name is a text"))
            return
        if len(name) > _MAX_NAME:
            reason = f"its name has more than {_MAX_NAME} characters"
            importer.refused.append(Refused(name[:100], reason))
            return
        parameters = one.get("inputSchema")
        if not isinstance(parameters, dict):
            importer.refused.append(Refused(name, "its inputSchema is no JSON object"))
            return
        mirrored = params_of(parameters)
        if isinstance(mirrored, str):
            importer.refused.append(Refused(name, mirrored))
            return
        returns, wrapped = _returns_of(name, one.get("outputSchema"))
        text = json.dumps(one, sort_keys=True)
        kept = self._known.get(name)
        if kept is not None and kept[0] == text:
            call = kept[1]
        else:
            call = self._caller(one, name, returns, mirrored, wrapped=wrapped, server=server)
        added = importer.add(
            self._options.prefix + name,
            call,
            description=(_text(one, "description") or _title(one))[:_MAX_TEXT],
            parameters=without_patterns(parameters),
            returns=None if returns is None else returns.to_dict("json-schema"),
            options=self._effects(one).options(),
            extensions=_said(one, name, self._options.prefix),
        )
        if added is not None:
            known[name] = (text, call)

    def _caller(
        self,
        one: dict[str, Any],
        name: str,
        returns: Schema | None,
        mirrored: dict[tuple[str, ...], str],
        *,
        wrapped: bool,
        server: str,
    ) -> Callable[..., Any]:
        ask, is_trusted = self._ask, self._trust
        idempotent = self._effects(one).idempotent

        async def call(args: dict[str, Any], context: Context[Any]) -> Any:
            loop = asyncio.get_running_loop()

            def progress(chunk: dict[str, Any]) -> None:
                with suppress(RuntimeError):  # the loop has ended: nobody listens
                    loop.call_soon_threadsafe(context.progress, chunk)

            known = Call(
                tool=name,
                approved=context.approved,
                idempotent=idempotent,
                progress=progress,
            )
            try:
                result = await ask(
                    {"name": name, "arguments": args},
                    seconds=context.remaining(),
                    call=known,
                    headers=param_headers(mirrored, args),
                )
                return value_of(result, returns, wrapped=wrapped, server=server)
            except McpError as error:
                if is_trusted:
                    raise
                raise doubted(error, approved=context.approved) from None

        return call

    def _effects(self, one: dict[str, Any]) -> Effects:
        """What calls do: a stranger's word may make altar more careful, and never less."""
        said = one.get("annotations")
        hints = said if isinstance(said, dict) else {}
        destructive = hints.get("destructiveHint") is True
        read_only = self._trust and hints.get("readOnlyHint") is True and not destructive
        ask = self._options.approve
        return Effects(
            read_only=read_only,
            destructive=destructive,
            idempotent=self._trust and hints.get("idempotentHint") is True,
            approval=ask == "always"
            or (ask in ("destructive", "writes") and destructive)
            or (ask == "writes" and not read_only),
        )


def _returns_of(name: str, schema: Any) -> tuple[Schema | None, bool]:
    """What the tool returns, out of its wrapping; an output schema altar cannot read is none."""
    if not isinstance(schema, dict):
        return None, False
    fields = schema.get("properties")
    inner = fields.get("result") if isinstance(fields, dict) else None
    # the official Python SDK wraps what is no object so, and says it by the title alone
    is_official = (
        schema.get("title") == f"{name}Output"
        and schema.get("required") == ["result"]
        and isinstance(fields, dict)
        and [*fields] == ["result"]
    )
    wrapped = isinstance(inner, dict) and (schema.get(WRAPPED) is True or is_official)
    if wrapped and isinstance(inner, dict):
        schema = {**inner, **({"$defs": schema["$defs"]} if "$defs" in schema else {})}
    try:
        return Schema.from_dict(without_patterns(schema, keep_quick=False)), wrapped
    except InvalidDataError:
        return None, wrapped


def _text(one: dict[str, Any], key: str) -> str:
    found = one.get(key)
    return found if isinstance(found, str) else ""


def _title(one: dict[str, Any]) -> str:
    said = one.get("annotations")
    found = _text(one, "title") or (_text(said, "title") if isinstance(said, dict) else "")
    return found[:_MAX_TITLE]


def _said(one: dict[str, Any], name: str, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if title := _title(one):
        found["x_title"] = title
    said = one.get("annotations")
    if isinstance(said, dict) and said and len(json.dumps(said)) <= _MAX_TEXT:
        found["x_mcp_annotations"] = said
    if prefix:
        found["x_foreign_name"] = name
    return found
