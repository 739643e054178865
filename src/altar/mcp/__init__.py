"""MCP: altar's tools for any MCP client, and any MCP server's tools for altar."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.mcp._client import Client
    from altar.mcp._client_ask import Question
    from altar.mcp._client_errors import McpError
    from altar.mcp._client_options import ClientOptions
    from altar.mcp._connect import connect
    from altar.mcp._elicit import Elicited, elicit
    from altar.mcp._resources import Resource
    from altar.mcp._serve import serve
    from altar.mcp._server import Server
    from altar.mcp._server_options import HttpOptions, ServerOptions

__all__ = [
    "Client",
    "ClientOptions",
    "Elicited",
    "HttpOptions",
    "McpError",
    "Question",
    "Resource",
    "Server",
    "ServerOptions",
    "connect",
    "elicit",
    "serve",
]

_HOMES = {
    "Client": "altar.mcp._client",
    "ClientOptions": "altar.mcp._client_options",
    "Elicited": "altar.mcp._elicit",
    "HttpOptions": "altar.mcp._server_options",
    "McpError": "altar.mcp._client_errors",
    "Question": "altar.mcp._client_ask",
    "Resource": "altar.mcp._resources",
    "Server": "altar.mcp._server",
    "ServerOptions": "altar.mcp._server_options",
    "connect": "altar.mcp._connect",
    "elicit": "altar.mcp._elicit",
    "serve": "altar.mcp._serve",
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
