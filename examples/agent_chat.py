"""Agents: a model, its tools and its instructions, kept together; a chat remembers."""

from __future__ import annotations

from altar import Agent, tool
from altar.llm import ToolCall
from altar.testing import ScriptedProvider

NOTES: list[str] = []


@tool
def remember(note: str) -> int:
    """Keep a note; answers how many there are."""
    NOTES.append(note)
    return len(NOTES)


if __name__ == "__main__":
    model = ScriptedProvider(
        [
            ToolCall("remember", {"note": "tea, no sugar"}),
            "Noted.",
            "Tea, without sugar.",
        ]
    )
    agent = Agent(model=model, tools=[remember], instructions="You take notes.")
    chat = agent.chat()
    print(chat.send("I drink tea, no sugar.").text)
    print(chat.send("What do I drink?").text)
    print(NOTES, len(model.requests))
