"""Calls that run at once are shown in the order in which the model made them."""

from __future__ import annotations

import io

from altar.adm import FunctionCall, ToolResult
from altar.cli._console import Console
from altar.cli._run import _Screen
from altar.llm import ToolCallEvent, ToolResultEvent


def test_a_result_waits_for_those_of_the_calls_before_it():
    out = io.StringIO()
    screen = _Screen(Console(out=out, err=io.StringIO()))
    calls = [FunctionCall(name=name) for name in ("first", "second", "third")]
    for call in calls:
        screen.show(ToolCallEvent(call))
    for call in (calls[2], calls[0], calls[1]):
        result = ToolResult(name=call.name, call_id=call.call_id, content=1)
        screen.show(ToolResultEvent(call=call, result=result, seconds=0.0))
    text = out.getvalue()
    assert text.index("first") < text.index("second") < text.index("third")
