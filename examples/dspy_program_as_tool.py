"""A compiled DSPy program, served as a tool to a Gemini tool loop.

python examples/dspy_program_as_tool.py                          # everything on this machine
python examples/dspy_program_as_tool.py gemini:gemini-3.8-flash  # a real Gemini

Needs dspy and google-genai. The program's own model stays the offline one of DSPy.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import dspy  # type: ignore[import-untyped]
from dspy.utils import DummyLM  # type: ignore[import-untyped]

import altar
from altar.llm import ToolCall
from altar.testing import FakeGemini
from altar_extras.dspy import prediction_of, program_tool
from altar_extras.gemini import GeminiProvider

SIGNATURE = "ticket: str -> team: Literal['billing', 'technics'], urgency: int"
TICKET = "I was charged twice, and my card is blocked!"


def triage() -> dspy.ChainOfThought:
    """The program, as it is before it was compiled."""
    return dspy.ChainOfThought(dspy.make_signature(SIGNATURE, "Decide who takes care of a ticket."))


def compiled(folder: Path) -> Path:
    """What an optimiser leaves behind: the program's state, in a file."""
    program = triage()
    known = dspy.Example(ticket="The app crashes.", team="technics", urgency=2, reasoning="A bug.")
    trained = dspy.LabeledFewShot(k=1).compile(program, trainset=[known.with_inputs("ticket")])
    trained.save(str(folder / "triage.json"))
    return folder / "triage.json"


def main(model: str | None, state: Path) -> None:
    """Give the program to the loop, and look at what came of its one call."""
    answer = {"reasoning": "Money is gone.", "team": "billing", "urgency": "5"}
    tool = program_tool(triage, name="triage", state=state, settings={"lm": DummyLM([answer] * 9)})
    print(altar.Session([tool]).declarations()[0].extensions["x_returns"]["properties"]["team"])

    script = [ToolCall("triage", {"ticket": TICKET}), "It goes to billing, at once."]
    question = f"Who should take care of this? {TICKET}"
    if model is not None:
        reply = altar.generate(question, model=model, tools=[tool])
    else:
        with FakeGemini(script) as fake:
            gemini = GeminiProvider("gemini-3.8-flash", key=fake.key, url=fake.url)
            reply = altar.generate(question, model=gemini, tools=[tool])
            gemini.close()
    for record in reply.calls:
        print(record.call.name, record.result.content)
        print(prediction_of(record.result).urgency + 1)
    print(reply.text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(sys.argv[1] if len(sys.argv) > 1 else None, compiled(Path(folder)))
