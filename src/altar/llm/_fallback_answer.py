"""How a member of a chain is asked for a typed answer, where the first member has another way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from altar.adm import ToolConfig
from altar.llm._request import Adaptation
from altar.llm._structured import instruction

if TYPE_CHECKING:
    from altar.llm._provider import Capabilities
    from altar.llm._request import Request

__all__ = ["answered"]


def answered(
    request: Request, can: Capabilities, label: str
) -> tuple[Request, tuple[Adaptation, ...]]:
    """The request with a way to its typed answer that the member has, and a note where it differs.

    The loop takes an answer by text whatever way it asked for.
    """
    spec = request.output or request.answer
    by_call = request.answer_tool is not None
    if spec is None or (by_call and can.tools and can.tool_choice):
        return request, ()
    tools = tuple([one for one in request.tools if one.name != request.answer_tool])
    native = can.native_output and (can.output_with_tools or not tools)
    if native and request.output is not None:
        return request, ()
    choice = _without(request.tool_choice, request.answer_tool) if tools else None
    asked = replace(request, tools=tools, tool_choice=choice, answer=None, answer_tool=None)
    if native:
        why = f"{label} has native typed answers, and was asked for one"
        return replace(asked, output=spec), (Adaptation("output", why),)
    if request.output is None and not by_call:  # the instructions have the words
        return request, ()
    why = f"{label} cannot be held to a schema; it is asked for in words"
    words = instruction(spec, request.instructions)
    return replace(asked, output=None, instructions=words), (Adaptation("output", why),)


def _without(choice: ToolConfig | None, name: str | None) -> ToolConfig | None:
    """The application's choice, out of the one that has every reply call a tool or answer.

    A call that the application itself demands leaves the answer out, and stays.
    """
    if choice is None or name is None or choice.mode != "ANY":
        return choice
    names = choice.allowed_function_names
    if not names:
        return None
    if name not in names:
        return choice
    own = tuple([one for one in names if one != name])
    return ToolConfig(allowed_function_names=own) if own else ToolConfig(mode="NONE")
