"""MCP's seats: the official client, and altar's own, against altar's server."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any, ClassVar

from mcp.client.stdio import stdio_client

import altar
import mcp
from altar.mcp import Server, connect
from tests.adapters.seats import Outcome
from tests.mcp.serving import listening

if int(version("mcp").partition(".")[0]) < 2:  # Semantic Kernel alone brings an older one
    raise ImportError("the official mcp library is older than 2.3", name="mcp")

__all__ = ["SEATS"]

_SERVE = "from tests.adapters.tools import make_session; import altar.mcp; altar.mcp.serve(make_session())"


class Official:
    """A client of the SDK, held open by a task of its own, for those without a loop."""

    def __init__(self, target: Any, mode: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(target, mode), daemon=True)
        self._thread.start()
        assert self._ready.wait(60)
        if self._failed is not None:
            raise self._failed

    def do(self, work: Any) -> Any:
        """What this coroutine, given the client, comes to."""
        return asyncio.run_coroutine_threadsafe(work(self._client), self._loop).result(60)

    def close(self) -> None:
        """Leave."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def _run(self, target: Any, mode: str) -> None:
        try:
            self._loop.run_until_complete(self._main(target, mode))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._failed = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _main(self, target: Any, mode: str) -> None:
        async with mcp.Client(target, mode=mode) as self._client:
            self._ready.set()
            await self._stop.wait()


class Mcp:
    """altar's server and the official client; back again through altar's client."""

    falls_short: ClassVar[Mapping[str, str]] = {
        "power-infinite": "JSON has no infinity, and MCP holds a result to its declared schema",
        "back:power-infinite": "the same",
    }

    def __init__(self, way: str, mode: str) -> None:
        self.name = f"mcp-{way}-{'2025' if mode == 'legacy' else '2026'}"
        self._way, self._mode = way, mode
        self._open = ExitStack()

    def export(self, session: altar.Session) -> Any:
        if self._way == "http":
            self._url = self._open.enter_context(listening(Server(session)))
            target: Any = self._url
        else:
            args = ["-c", _SERVE]
            target = stdio_client(mcp.StdioServerParameters(command=sys.executable, args=args))
        client = Official(target, self._mode)
        self._open.callback(client.close)
        return client

    def schemas(self, exported: Any) -> dict[str, Any]:
        return {tool.name: tool.input_schema for tool in self._tools(exported)}

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        return {tool.name: tool.description for tool in self._tools(exported)}

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        said = exported.do(lambda client: client.call_tool(name, args))
        if said.is_error:
            return Outcome.failed(said.content[0].text)
        content = said.structured_content
        if self._mode == "legacy" and isinstance(content, dict) and list(content) == ["result"]:
            content = content["result"]
        elif content is None:
            text = said.content[0].text
            try:
                content = json.loads(text)
            except ValueError:
                content = text
        return Outcome(ok=True, content=content)

    def back(self, exported: Any) -> list[Any]:
        there = (
            {"url": self._url}
            if self._way == "http"
            else {"command": [sys.executable, "-c", _SERVE]}
        )
        client = connect(**there, trust=True)  # type: ignore[arg-type]
        self._open.callback(client.close)
        return list(client.tools())

    def close(self) -> None:
        self._open.close()

    def _tools(self, exported: Any) -> list[Any]:
        return list(exported.do(lambda client: client.list_tools()).tools)


SEATS = [Mcp("stdio", "2026-07-28"), Mcp("http", "2026-07-28"), Mcp("http", "legacy")]
