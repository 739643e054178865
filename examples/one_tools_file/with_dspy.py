"""The same tools in DSPy: python examples/one_tools_file/with_dspy.py"""

from __future__ import annotations

from typing import Any

import dspy  # type: ignore[import-untyped]
import tools
from dspy.utils import DummyLM  # type: ignore[import-untyped]

from altar_extras.dspy import export_tools

ORDER = {"customer": "Ada", "lines": [{"title": "Emma", "copies": 2}]}


def step(thought: str, tool: str, args: Any) -> dict[str, Any]:
    """What a model says in one step of ReAct."""
    return {"next_thought": thought, "next_tool_name": tool, "next_tool_args": args}


if __name__ == "__main__":
    model = DummyLM(  # or dspy.LM("gemini/gemini-3.8-flash")
        [
            step("What is cheap?", "find_books", {"below": 8}),
            step("Order it.", "place_order", {"order": ORDER, "deliver": "2027-03-04"}),
            step("Done.", "finish", {}),
            {"reasoning": "It was ordered.", "answer": "Two copies of Emma are on their way."},
        ]
    )
    with dspy.context(lm=model):
        question: Any = "question -> answer"  # a text is fine, though its hints say otherwise
        agent = dspy.ReAct(question, tools=export_tools(tools))
        found = agent(question="Two cheap books for Ada, please.")
    for key, value in found.trajectory.items():
        if key.startswith("observation"):
            print(value)
    print(found.answer)
