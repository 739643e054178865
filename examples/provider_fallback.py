"""Fallback: the next provider answers where one cannot, and the reply says who it was.

python examples/provider_fallback.py                                              # scripted
python examples/provider_fallback.py gemini:gemini-3.8-flash anthropic:claude-opus-5-5
"""

from __future__ import annotations

import sys

from quickstart import get_weather

import altar
from altar.errors import OverloadedError
from altar.llm import Provider, ToolCall
from altar.testing import ScriptedProvider

if __name__ == "__main__":
    first = ScriptedProvider([OverloadedError("busy"), OverloadedError("busy")], model="first")
    second = ScriptedProvider([ToolCall("get_weather", {"city": "Oslo"}), "Snow."], model="second")
    members: list[str | Provider] = [*sys.argv[1:]] or [first, second]

    model = altar.fallback(*members)
    reply = altar.generate("What is the weather in Oslo?", model=model, tools=[get_weather])
    print(reply.text)
    for message in reply.messages:
        if message.origin is not None:
            print("answered by", f"{message.origin.provider}:{message.origin.model}")
    for adaptation in reply.adaptations:
        print(adaptation.what, "-", adaptation.why)
