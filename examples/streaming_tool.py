"""Streaming tools: what a generator yields is progress, what it returns is the result."""

from __future__ import annotations

from collections.abc import Generator

import altar
from altar import tool


@tool
def count_words(text: str) -> Generator[str, None, int]:
    """Count the words of a text.

    Args:
        text: The text, in quotes.
    """
    words = text.split()
    for number, word in enumerate(words, start=1):
        yield f"{number}: {word}"
    return len(words)


@tool
def spell(word: str) -> Generator[str, None, None]:
    """Spell a word; without a return value the chunks are the result."""
    for letter in word:
        yield letter.upper()


if __name__ == "__main__":
    question = 'Count the words of "tools are just functions"'
    for event in altar.stream(question, tools=[count_words], model="offline:"):
        if event.kind == "tool_progress":
            print("...", event.value)
        elif event.kind == "tool_result":
            print("result", event.result.content)
        elif event.kind == "end":
            print(event.reply.finish)

    with altar.Session(tools=[spell]) as session:
        print(session.execute("spell", {"word": "altar"}).content)
