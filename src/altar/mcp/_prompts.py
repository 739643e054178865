"""Prompts: functions whose text a person asks for; declared as tools are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from altar.later import Session
from altar.mcp._jsonrpc import INTERNAL_ERROR, RpcError
from altar.mcp._server_tools import block_of

if TYPE_CHECKING:
    from altar.adm import ToolResult

__all__ = ["Prompts"]

_ROLES = frozenset({"user", "assistant"})
_MAX_VALUES = 100  # the specification's own limit


class Prompts:
    """The prompts of a server: names and arguments from the functions, as for tools.

    A function returns the text, or a list of messages: each is a text or a
    Blob said by the user, or ``{"role": "assistant", "content": ...}`` with
    content that is a text, a Blob or a content block of MCP.
    """

    __slots__ = ("_schemas", "entries", "session")

    def __init__(self, functions: Any) -> None:
        self.session = Session(functions, runtime=lambda local: local)
        self.entries: list[dict[str, Any]] = []
        self._schemas: dict[str, dict[str, Any]] = {}
        for declared in self.session.declarations():
            schema = declared.to_dict("json-schema")["parameters"]
            self._schemas[declared.name] = schema
            entry: dict[str, Any] = {"name": declared.name, "description": declared.description}
            title = declared.extensions.get("x_title")
            if isinstance(title, str):
                entry["title"] = title
            required = schema.get("required", ())
            entry["arguments"] = [
                {
                    "name": name,
                    **({"description": one["description"]} if "description" in one else {}),
                    "required": name in required,
                }
                for name, one in schema.get("properties", {}).items()
            ]
            self.entries.append(entry)

    def completions(self, name: str, argument: str, typed: str) -> list[str]:
        """The values of an argument that start so, where it has a closed list of them."""
        one = self._schemas.get(name, {}).get("properties", {}).get(argument, {})
        known = one.get("enum", ())
        return [each for each in known if isinstance(each, str) and each.startswith(typed)][
            :_MAX_VALUES
        ]

    def messages(self, result: ToolResult) -> list[dict[str, Any]]:
        """The messages of a prompt whose function succeeded."""
        value = result.value
        said = value if isinstance(value, list | tuple) else [value]
        return [_message(one, result.name) for one in said]


def _message(said: Any, name: str) -> dict[str, Any]:
    if not isinstance(said, dict) or "role" not in said:
        return {"role": "user", "content": block_of(said)}
    content = said.get("content")
    if said["role"] not in _ROLES or content is None:
        raise RpcError(INTERNAL_ERROR, f"The prompt {name!r} made a message that is none")
    is_block = isinstance(content, dict) and isinstance(content.get("type"), str)
    return {"role": said["role"], "content": content if is_block else block_of(content)}
