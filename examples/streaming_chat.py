"""A chat in the terminal that shows words, thoughts and calls as they come.

python examples/streaming_chat.py                            # the offline demo model, three lines
python examples/streaming_chat.py anthropic:claude-opus-5-5  # a real one, and your own lines
"""

import sys
from collections.abc import Iterable

from quickstart import add_numbers, get_weather

from altar import Agent
from altar.agent import Chat

DEMO = ["What is the weather in Oslo?", "Add 2 and 40.", "And the weather in Tokyo?"]


def say(chat: Chat[None], line: str) -> None:
    """Send one line, and print what happens while it is answered."""
    for event in chat.stream(line):
        if event.kind == "thinking":
            print(f"\033[2m{event.text}\033[0m", end="", flush=True)
        elif event.kind == "text":
            print(event.text, end="", flush=True)
        elif event.kind == "tool_call":
            print(f"\n[{event.call.name} {event.call.args}]")
        elif event.kind == "retry":
            print(f"\n[again in {event.delay:.0f} s: {event.error.message}]")
        elif event.kind == "end":
            usage = event.reply.usage
            print(f"\n({event.reply.finish}, {usage.input_tokens} + {usage.output_tokens} tokens)")


def lines() -> Iterable[str]:
    """What the user types, until an empty line."""
    while line := input("> ").strip():
        yield line


if __name__ == "__main__":
    model = sys.argv[1] if len(sys.argv) > 1 else "offline:"
    agent: Agent[None] = Agent(model=model, tools=[get_weather, add_numbers])
    with agent.chat() as chat:
        for line in lines() if len(sys.argv) > 1 else DEMO:
            say(chat, line)
        print(len(chat.messages), "messages")
