"""MCP: altar's tools for any MCP client, and any MCP server's tools for altar."""

from __future__ import annotations

from altar._lazy import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from altar.mcp._client import Client as Client
    from altar.mcp._client_ask import Question as Question
    from altar.mcp._client_errors import McpError as McpError
    from altar.mcp._client_options import ClientOptions as ClientOptions
    from altar.mcp._connect import connect as connect

__all__ = ["Client", "ClientOptions", "McpError", "Question", "connect"]

__getattr__, __dir__ = lazy_names(
    "altar.mcp",
    {
        "Client": "altar.mcp._client",
        "ClientOptions": "altar.mcp._client_options",
        "McpError": "altar.mcp._client_errors",
        "Question": "altar.mcp._client_ask",
        "connect": "altar.mcp._connect",
    },
)
