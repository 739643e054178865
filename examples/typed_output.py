"""Typed answers: the reply is an object of your type, or says why it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import altar
from altar.llm import Request
from altar.testing import FunctionProvider


@dataclass
class Review:
    """What a review of a product says.

    Attributes:
        mood: How the writer feels.
        stars: From one to five.
        points: What they praise or blame, in a few words each.
    """

    mood: Literal["glad", "cross", "neither"]
    stars: int
    points: list[str]


class Careless:
    """Stands for a model that is mended: it forgets a field, is told so, and answers again."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __call__(self, request: Request) -> str:
        """Answer wrongly once, then rightly, in the code fence that models add."""
        self.heard.append(request.messages[-1].text)
        if len(self.heard) == 1:
            return '{"mood": "happy", "points": ["warm"]}'
        return '```json\n{"mood": "glad", "stars": 5, "points": ["warm", "no noise"]}\n```'


if __name__ == "__main__":
    model = Careless()
    reply = altar.generate(
        "A fine heater: warm, and no noise. Five stars!",
        model=FunctionProvider(model),
        output=Review,
    )
    print(model.heard[1])
    print(reply.output)
    print(reply.finish, "after", reply.usage.requests, "requests")

    hopeless = FunctionProvider(lambda request: "I would rather not.")
    failed = altar.generate("What is it?", model=hopeless, output=Review)
    print(failed.output, failed.finish, "after", failed.usage.requests, "requests")
    print(failed.detail)
