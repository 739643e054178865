"""The same tools in pydantic-ai: python examples/one_tools_file/with_pydantic_ai.py"""

from __future__ import annotations

import tools
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from altar_extras.pydantic_ai import export_tools

ORDER = {"customer": "Ada", "lines": [{"title": "Emma", "copies": 2}]}


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """What a model would say; the first call is bad, and it mends it."""
    if len(messages) == 1:
        print([tool.name for tool in info.function_tools])
        return ModelResponse(parts=[ToolCallPart("place_order", {"order": ORDER})])
    if len(messages) == 3:
        args = {"order": ORDER, "deliver": "2027-03-04"}
        return ModelResponse(parts=[ToolCallPart("place_order", args)])
    last = messages[-1].parts[-1]
    return ModelResponse(parts=[TextPart(str(getattr(last, "content", "")))])


if __name__ == "__main__":
    agent = Agent(FunctionModel(answer), toolsets=[export_tools(tools)])
    run = agent.run_sync("Two cheap books for Ada, please.")
    for message in run.all_messages():
        for part in message.parts:
            if isinstance(part, ToolReturnPart):
                print(part.outcome, part.content)
    print(run.output)
