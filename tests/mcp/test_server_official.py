"""The official client against altar's server: both eras, both transports, one test for all."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

mcp = pytest.importorskip("mcp")
types = pytest.importorskip("mcp_types")

from mcp.client.stdio import stdio_client  # noqa: E402

import altar  # noqa: E402
from altar.mcp import Server  # noqa: E402
from tests.mcp.everything import server as everything  # noqa: E402
from tests.mcp.serving import listening  # noqa: E402
from tests.mcp.small import make  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS = [(era, way) for era in ("legacy", "2026-07-28") for way in ("stdio", "http")]


@contextmanager
def target(way: str) -> Iterator[Any]:
    if way == "http":
        with listening(make()) as url:
            yield url
    else:
        args = ["-m", "altar", "mcp", "tests/mcp/small.py"]
        yield stdio_client(mcp.StdioServerParameters(command=sys.executable, args=args))


def run(place: Any, era: str, talk: Any, **options: Any) -> Any:
    async def main() -> Any:
        async with mcp.Client(place, mode=era, **options) as client:
            return await talk(client)

    return asyncio.run(asyncio.wait_for(main(), 120))


@pytest.mark.parametrize(("era", "way"), WAYS)
def test_the_official_client_finds_and_calls_everything(era: str, way: str):
    asked: list[str] = []
    heard: list[float] = []

    async def answer(context: Any, params: Any) -> Any:
        asked.append(params.message)
        content = {"name": "Ada"} if params.message == "Name?" else {}
        return types.ElicitResult(action="accept", content=content)

    async def progress(at: float, total: float | None, message: str | None) -> None:
        heard.append(at)

    async def talk(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools["add"].annotations.read_only_hint is True
        assert tools["add"].annotations.idempotent_hint is True
        assert tools["wipe"].annotations.destructive_hint is True
        assert tools["add"].input_schema["required"] == ["a", "b"]
        done = await client.call_tool("add", {"a": "40", "b": 2})
        assert done.structured_content == (42 if era != "legacy" else {"result": 42})
        assert done.content[0].text == "42"
        refused = await client.call_tool("add", {"a": 1, "c": 2})
        assert refused.is_error
        assert "PARAMETER_VALIDATION_FAILED" in refused.content[0].text
        failed = await client.call_tool("fails", {})
        assert failed.is_error
        assert "secret" not in failed.content[0].text
        with pytest.raises(mcp.MCPError) as unknown:
            await client.call_tool("nope", {})
        assert unknown.value.error.code == -32602
        wiped = await client.call_tool("wipe", {"path": "/"})
        assert wiped.content[0].text == "wiped /"
        surveyed = await client.call_tool("survey", {})
        assert surveyed.content[0].text == "Ada accept"
        assert asked == ['Allow this call? wipe {"path": "/"}', "Name?", "Sure?"]
        await client.call_tool("count", {"n": 3}, progress_callback=progress)
        assert heard == [1, 2, 3]
        read = await client.read_resource("notes://monday")
        assert read.contents[0].text == '{"day": "monday"}'
        with pytest.raises(mcp.MCPError):
            await client.read_resource("files://a/../../etc")
        prompt = await client.get_prompt("greet", {"name": "Ada", "times": "2"})
        assert prompt.messages[0].content.text == "Hello Ada Hello Ada"
        with pytest.raises(mcp.MCPError) as wrong:
            await client.get_prompt("greet", {})
        assert wrong.value.error.code == -32602

    with target(way) as place:
        run(place, era, talk, elicitation_callback=answer)


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
def test_a_no_and_a_client_that_cannot_ask_are_typed_refusals(era: str):
    async def decline(context: Any, params: Any) -> Any:
        return types.ElicitResult(action="decline")

    async def talk(client: Any) -> str:
        said = await client.call_tool("wipe", {"path": "/"})
        assert said.is_error
        return str(said.content[0].text)

    with listening(make()) as url:
        assert "PERMISSION_DENIED" in run(url, era, talk, elicitation_callback=decline)
        assert "APPROVAL_REQUIRED" in run(url, era, talk)


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
def test_bytes_come_as_pictures_sounds_and_resources(era: str):
    async def talk(client: Any) -> None:
        picture = (await client.call_tool("test_image_content", {})).content
        assert [(one.type, one.mime_type) for one in picture] == [("image", "image/png")]
        sound = (await client.call_tool("test_audio_content", {})).content
        assert [one.type for one in sound] == ["audio"]
        mixed = (await client.call_tool("test_multiple_content_types", {})).content
        assert [one.type for one in mixed] == ["text", "image", "resource"]
        assert mixed[0].text == "Multiple:"
        shown = await client.get_prompt("test_prompt_with_image", {})
        assert [one.content.type for one in shown.messages] == ["image", "text"]

    with listening(everything) as url:
        run(url, era, talk)


def test_a_long_list_comes_in_pages_and_whole():
    def tool(name: str) -> Any:
        def call() -> str:
            return name

        call.__doc__ = name
        return call

    from altar.mcp import ServerOptions  # noqa: PLC0415

    session = altar.Session({f"tool_{n}": tool(f"Number {n}.") for n in range(25)})

    async def talk(client: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            page = await client.list_tools(cursor=cursor)
            assert len(page.tools) <= 10
            found += [one.name for one in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                return found

    with session, listening(Server(session, options=ServerOptions(page_size=10))) as url:
        for era in ("legacy", "2026-07-28"):
            assert run(url, era, talk) == [f"tool_{n}" for n in range(25)]
