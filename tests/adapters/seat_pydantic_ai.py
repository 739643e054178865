"""The seat of pydantic-ai: calls as a run of an agent makes them, for a model that is scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic_ai import Agent, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.test import TestModel

import altar
from altar_extras.pydantic_ai import SessionToolset, export_tools, import_tools
from tests.adapters.seats import Outcome

__all__ = ["SEATS"]


class PydanticAI:
    name = "pydantic-ai"
    falls_short: ClassVar[Mapping[str, str]] = {}

    def export(self, session: altar.Session) -> SessionToolset:
        self._loop = asyncio.new_event_loop()  # one each time: the seat may be taken again
        # nobody approves here: a model is told that a person must
        return export_tools(session, approvals="refuse")

    def schemas(self, exported: SessionToolset) -> dict[str, Any]:
        return {one.name: one.parameters_json_schema for one in self._declared(exported)}

    def descriptions(self, exported: SessionToolset) -> dict[str, str] | None:
        return {one.name: one.description for one in self._declared(exported)}

    def call(self, exported: SessionToolset, name: str, args: dict[str, Any]) -> Outcome:
        calls = [ToolCallPart(name, args)]

        def model(messages: list[Any], _info: Any) -> ModelResponse:
            return ModelResponse(parts=[calls.pop()] if calls else [TextPart("done")])

        agent = Agent(FunctionModel(model), toolsets=[exported])
        run = self._loop.run_until_complete(agent.run("go"))
        parts = [part for message in run.all_messages() for part in message.parts]
        (part,) = [part for part in parts if isinstance(part, ToolReturnPart)]
        if part.outcome == "success":
            return Outcome(ok=True, content=part.content)
        return Outcome.failed(part.content)

    def back(self, exported: SessionToolset) -> list[Any]:
        return import_tools(exported)

    def close(self) -> None:
        self._loop.close()

    def _declared(self, exported: SessionToolset) -> list[Any]:
        model = TestModel(call_tools=[])
        self._loop.run_until_complete(Agent(model, toolsets=[exported]).run("go"))
        assert model.last_model_request_parameters is not None
        return model.last_model_request_parameters.function_tools


SEATS = [PydanticAI()]
