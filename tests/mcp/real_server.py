"""Servers made with the official SDK, for tests: ``python real_server.py`` serves stdio."""

import base64
from typing import Annotated, Any

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel, Field


class Point(BaseModel):
    x: int
    y: int


class Sure(BaseModel):
    sure: bool = True
    why: str = Field(default="because", description="The reason.")


def made() -> MCPServer:
    server = MCPServer("demo", instructions="Be kind.")

    @server.tool(annotations=types.ToolAnnotations(read_only_hint=True, title="Sum"))
    def add(a: int, b: int = 2) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def point(x: int, y: int) -> Point:
        """A point."""
        return Point(x=x, y=y)

    @server.tool()
    def fail() -> str:
        """Fail."""
        raise ValueError("secret words")

    @server.tool()
    async def slow(seconds: float, ctx: Context) -> str:
        """Take a while."""
        for at in range(3):
            await ctx.report_progress(at, 3, f"step {at}")
        try:
            await anyio.sleep(seconds)
        except BaseException:
            cancelled.append("slow")
            raise
        return "done"

    @server.tool()
    def ended() -> list[str]:
        """Which calls were cancelled."""
        return cancelled

    @server.tool()
    def delete(what: str, sure: Annotated[Sure, Resolve(asked)]) -> str:
        """Delete, after a person said yes."""
        return f"{what}: {sure.sure}, {sure.why}"

    @server.resource("note://one")
    def note() -> str:
        """A note."""
        return "remember"

    return server


cancelled: list[str] = []


def asked(what: str) -> Elicit[Sure]:
    return Elicit(f"Delete {what}?", Sure)


PAGES: list[list[types.Tool]] = [
    [types.Tool(name=f"tool-{page}-{at}", input_schema={"type": "object"}) for at in range(3)]
    for page in range(4)
]


async def listed(_ctx: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    at = int(params.cursor) if params is not None and params.cursor else 0
    more = str(at + 1) if at + 1 < len(PAGES) else None
    return types.ListToolsResult(tools=PAGES[at], next_cursor=more)


async def called(_ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    data = base64.b64encode(b"\x89PNG").decode()
    inside = types.TextResourceContents(uri="note://one", text="hi", mime_type="text/plain")
    raw = types.BlobResourceContents(uri="note://two", blob=data)
    blocks: dict[str, list[Any]] = {
        "tool-0-0": [],
        "tool-0-1": [types.ImageContent(type="image", data=data, mime_type="image/png")],
        "tool-0-2": [
            types.TextContent(type="text", text="one"),
            types.AudioContent(type="audio", data=data, mime_type="audio/wav"),
            types.EmbeddedResource(type="resource", resource=inside),
            types.EmbeddedResource(type="resource", resource=raw),
            types.ResourceLink(type="resource_link", uri="note://three", name="three"),
        ],
    }
    return types.CallToolResult(content=blocks[params.name])


def low() -> Server[Any]:
    return Server("low", on_list_tools=listed, on_call_tool=called)


if __name__ == "__main__":
    made().run()
