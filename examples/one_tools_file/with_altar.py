"""The tools in altar: python examples/one_tools_file/with_altar.py"""

from __future__ import annotations

import tools

import altar
from altar.llm import ToolCall
from altar.testing import ScriptedProvider

ORDER = {"customer": "Ada", "lines": [{"title": "Emma", "copies": 2}]}

if __name__ == "__main__":
    model = ScriptedProvider(  # or "gemini:gemini-3.8-flash", "anthropic:...", "local:..."
        [
            ToolCall("find_books", {"below": "8"}),
            ToolCall("place_order", {"order": ORDER, "deliver": "2027-03-04"}),
            "Two copies of Emma are on their way.",
        ]
    )
    reply = altar.generate("Two cheap books for Ada, please.", model=model, tools=tools)
    for done in reply.calls:
        print(done.call.name, "->", done.result.content)
    print(reply.text)
