"""The same tools in LangChain: python examples/one_tools_file/with_langchain.py"""

from __future__ import annotations

import tools
from langchain_core.messages import AIMessage, ToolCall

from altar_extras.langchain import export_tools

ORDER = {"customer": "Ada", "lines": [{"title": "Emma", "copies": 2}]}

if __name__ == "__main__":
    by_name = {tool.name: tool for tool in export_tools(tools)}
    said = AIMessage(  # what model.bind_tools(by_name.values()).invoke(...) would say
        "",
        tool_calls=[
            ToolCall(name="find_books", args={"below": "8"}, id="1"),
            ToolCall(name="place_order", args={"order": ORDER}, id="2"),
            ToolCall(name="place_order", args={"order": ORDER, "deliver": "2027-03-04"}, id="3"),
        ],
    )
    for call in said.tool_calls:
        message = by_name[call["name"]].invoke(call)
        print(message.tool_call_id, message.status, message.content)
