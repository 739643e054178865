"""LangChain's seat: calls as a tool node makes them, and schemas as ``bind_tools`` sends them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from langchain_core.messages import ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

import altar
from altar.adm import ToolResult
from altar_extras.langchain import export_tools, import_tools
from tests.adapters.seats import Outcome

__all__ = ["SEATS"]


class LangChain:
    """Tool calls in, tool messages out."""

    name = "langchain"
    falls_short: ClassVar[Mapping[str, str]] = {
        "schema:depth": "LangChain writes references out and stops where a type holds itself; "
        "export_declarations keeps them",
    }

    def export(self, session: altar.Session) -> Any:
        return {tool.name: tool for tool in export_tools(session)}

    def schemas(self, exported: Any) -> dict[str, Any]:
        told = {name: convert_to_openai_tool(tool) for name, tool in exported.items()}
        return {name: one["function"]["parameters"] for name, one in told.items()}

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        told = {name: convert_to_openai_tool(tool) for name, tool in exported.items()}
        return {name: one["function"]["description"] for name, one in told.items()}

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        call = {"type": "tool_call", "id": "call_1", "name": name, "args": args}
        return self.outcome(self.answer(exported[name], call))

    def answer(self, tool: Any, call: dict[str, Any]) -> ToolMessage:
        return tool.invoke(call)

    def outcome(self, message: ToolMessage) -> Outcome:
        if message.status == "error":
            return Outcome.failed(message.content)
        content = ToolResult.from_dict(message.artifact).content
        if not isinstance(content, str):
            assert json.loads(str(message.content)) == content
        elif message.content != content:
            return Outcome(ok=True, content=message.content)
        return Outcome(ok=True, content=content)

    def back(self, exported: Any) -> list[Any]:
        return import_tools(*exported.values())

    def close(self) -> None:
        pass


class AsyncLangChain(LangChain):
    """The same by ``ainvoke``."""

    name = "langchain-async"

    def export(self, session: altar.Session) -> Any:
        self._runner = asyncio.Runner()  # one each time: the seat may be taken again
        return super().export(session)

    def answer(self, tool: Any, call: dict[str, Any]) -> ToolMessage:
        return self._runner.run(tool.ainvoke(call))

    def close(self) -> None:
        self._runner.close()


SEATS = [LangChain(), AsyncLangChain()]
