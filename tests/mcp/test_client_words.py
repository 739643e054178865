"""What people read who typed an address, a token or a kind of items wrongly."""

from __future__ import annotations

import asyncio

import pytest

from altar.errors import ConfigurationError
from altar.mcp import HttpOptions, McpError, Resource, Server, connect

TOKEN = "a-token-of-ours"


def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


def greet(name: str) -> str:
    """Greet."""
    return f"Say hello to {name}."


def refused(path: str = "", bearer: str | None = TOKEN) -> str:
    async def main() -> str:
        async with Server([add]).listen(HttpOptions(port=0, tokens=(TOKEN,))) as served:
            url = served.url.removesuffix("/mcp") + path if path else served.url
            with pytest.raises(McpError) as caught:
                async with connect(url=url, bearer=bearer):
                    pass
            return str(caught.value).replace(url, "URL")

    return asyncio.run(main())


def test_a_wrong_path_is_told_with_its_url_and_status():
    said = "the MCP server at URL answered with HTTP status 404: there is nothing here."
    assert refused("/elsewhere") == said


def test_a_missing_and_a_wrong_token_are_told_with_what_to_type():
    for bearer, reason in ((None, "is missing"), ("another-token", "is not known")):
        said = refused(bearer=bearer)
        assert "answered with HTTP status 401: " in said
        assert f"bearer token {reason}. " in said
        assert said.endswith("connect(url=..., bearer=...).")
        assert "another-token" not in said


def test_a_kind_of_items_that_there_is_not_is_refused_with_the_nearest():
    server = Server(
        [add],
        prompts={"greet": greet},
        resources=[Resource("note://{name}", lambda name: name)],
    )

    async def main() -> None:
        async with server.listen(HttpOptions(port=0)) as served, connect(url=served.url) as client:
            with pytest.raises(ConfigurationError, match="did you mean 'prompts'"):
                await client.aitems("promts")
            with pytest.raises(ConfigurationError, match="'resources', 'resourceTemplates'"):
                await client.aitems(7)  # type: ignore[arg-type]
            (prompt,) = await client.aitems("prompts")
            (template,) = await client.aitems("resourceTemplates")
            assert (prompt["name"], template["uriTemplate"]) == ("greet", "note://{name}")

    asyncio.run(main())
