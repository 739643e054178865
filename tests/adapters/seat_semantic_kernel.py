"""Semantic Kernel's seat: calls and schemas as ``FunctionChoiceBehavior.Auto`` makes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_calling_utils import (
    kernel_function_metadata_to_function_call_format,
)
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.contents import ChatHistory, FunctionCallContent

import altar
from altar_extras.semantic_kernel import export_tools, import_tools
from tests.adapters.seats import Outcome
from tests.adapters.tools import TOOLS

__all__ = ["SEATS"]

_BARE = "the library sends properties and required alone: no additionalProperties"
_MOVED = "references stand inside the parameter, because the library sends nothing beside it"
_UNKNOWN = "the library refuses unknown arguments itself, in its own words"


class SemanticKernel:
    """A kernel that answers function calls of a model."""

    name = "semantic-kernel"
    falls_short: ClassVar[Mapping[str, str]] = {
        **{f"schema:{function.__name__}": _BARE for function in TOOLS},
        "schema:depth": f"{_MOVED}; {_BARE}",
        **dict.fromkeys(("add-unknown", "add-misspelt", "nothing-unknown"), _UNKNOWN),
        "whoami-context": _UNKNOWN,
        "join-plain": _UNKNOWN,
        "join-inner": _UNKNOWN,
    }

    def export(self, session: altar.Session) -> Any:
        self._runner = asyncio.Runner()  # one each time: the seat may be taken again
        kernel = Kernel()
        kernel.add_plugin(export_tools(session))
        return kernel

    def schemas(self, exported: Any) -> dict[str, Any]:
        return {name: one["parameters"] for name, one in self.told(exported).items()}

    def descriptions(self, exported: Any) -> dict[str, str] | None:
        return {name: one["description"] for name, one in self.told(exported).items()}

    def told(self, kernel: Kernel) -> dict[str, Any]:
        chosen = FunctionChoiceBehavior.Auto().get_config(kernel).available_functions or []
        forms = [kernel_function_metadata_to_function_call_format(one) for one in chosen]
        return {form["function"]["name"].partition("-")[2]: form["function"] for form in forms}

    def call(self, exported: Any, name: str, args: dict[str, Any]) -> Outcome:
        call = FunctionCallContent(id="call_1", name=f"altar-{name}", arguments=json.dumps(args))
        history = ChatHistory()
        self._runner.run(
            exported.invoke_function_call(
                call, history, function_behavior=FunctionChoiceBehavior.Auto()
            )
        )
        (item,) = history.messages[-1].items
        if "altar" not in item.metadata:
            return Outcome(ok=False, error_type="(the library's)", error_message=str(item.result))
        content = item.metadata["altar"].get("content")
        if "error" in item.metadata["altar"]:
            return Outcome.failed(item.result)
        same = content == item.result if isinstance(content, str) else None
        return Outcome(ok=True, content=content if same else json.loads(item.result))

    def back(self, exported: Any) -> list[Any]:
        return import_tools(exported)

    def close(self) -> None:
        self._runner.close()


SEATS = [SemanticKernel()]
