"""The seat of DSPy: calls as its agents make them, and failures as they tell their model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dspy.utils.exceptions import format_error_for_lm

import altar
from altar_extras.dspy import ToolFailed, export_tools, import_tools
from tests.adapters.seats import Outcome

__all__ = ["SEATS"]


class DSPy:
    name = "dspy"
    falls_short: ClassVar[Mapping[str, str]] = {}

    def export(self, session: altar.Session) -> dict[str, Any]:
        return {tool.name: tool for tool in export_tools(session)}

    def schemas(self, exported: dict[str, Any]) -> dict[str, Any]:
        calls = [tool.format_as_litellm_function_call() for tool in exported.values()]
        return {call["function"]["name"]: call["function"]["parameters"] for call in calls}

    def descriptions(self, exported: dict[str, Any]) -> dict[str, str] | None:
        calls = [tool.format_as_litellm_function_call() for tool in exported.values()]
        return {call["function"]["name"]: call["function"]["description"] for call in calls}

    def call(self, exported: dict[str, Any], name: str, args: dict[str, Any]) -> Outcome:
        try:
            content = exported[name](**args)
        except Exception as error:
            told = format_error_for_lm(error, traceback_frames=5)
            kind = f"{ToolFailed.__module__}.{ToolFailed.__qualname__}: "
            assert told.startswith(f"\n{kind}"), told
            return Outcome.failed(told.removeprefix(f"\n{kind}"))
        return Outcome(ok=True, content=content)

    def back(self, exported: dict[str, Any]) -> list[Any]:
        return import_tools(*exported.values())

    def close(self) -> None:
        pass


SEATS = [DSPy()]
