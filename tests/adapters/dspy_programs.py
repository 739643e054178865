"""DSPy programs and a model without a network, as a worker process imports them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from enum import Enum
from pathlib import Path

import dspy
from dspy import lm15
from pydantic import BaseModel

from altar_extras.dspy import program_runner

ASKED = re.compile(r"\[\[ ## (\w+) ## \]\]")


class Taste(Enum):
    SWEET = "sweet"
    SOUR = "sour"


class Fruit(BaseModel):
    name: str
    taste: Taste = Taste.SWEET


class Engine:
    """Answers by the prompt alone, so that equal answers mean equal prompts.

    Odd numbers are answered rightly, others where demos or an instruction help.
    """

    def __init__(self, log: list | None = None):
        self.log = log

    def complete(self, request):
        system = request.system if isinstance(request.system, str) else str(request.system)
        texts = [f"{message.role}: {message.text}" for message in request.messages]
        prompt = "\n".join([system, *texts, repr(request.config.temperature)])
        if self.log is not None:
            self.log.append(prompt)
        if "wait" in texts[-1]:
            time.sleep(0.02)
        if "limit" in texts[-1]:
            raise lm15.RateLimitError("too many", retry_after=7)
        text = "no fields at all" if "garble" in texts[-1] else reply(prompt, texts)
        return lm15.Response(
            id=None,
            model="fake",
            message=lm15.Message.assistant(text),
            finish_reason="stop",
            usage=lm15.Usage(input_tokens=len(prompt), output_tokens=len(text)),
        )

    def stream(self, request):
        return lm15.response_to_events(self.complete(request))

    def close(self):
        pass


class AsyncEngine:
    def __init__(self, sync):
        self.sync = sync

    async def complete(self, request):
        return self.sync.complete(request)


def reply(prompt: str, texts: list[str]) -> str:
    last = texts[-1]
    demos = sum(text.startswith("assistant") for text in texts)
    found = re.search(r"number (\d+)", last)
    number = int(found[1]) if found else 0
    knows = number % 2 or "carefully" in prompt or (demos and number % 4) or demos > 2
    digest = hashlib.sha256(prompt.encode()).hexdigest()[:12]
    if "new_instruction" in last:  # what GEPA asks for
        return json.dumps({"new_instruction": f"Answer carefully, as {digest}."})
    values = {
        "query": f"look up {number}",
        "reasoning": f"thought {digest}",
        "proposed_instruction": f"Answer carefully, as {digest}.",  # what COPRO asks for
        "proposed_prefix_for_output_field": "Answered:",
        "answer": str(number * 10) if knows else f"unsure {digest}",
        "fruit": '{"name": "fig %s", "taste": "sour"}' % digest,
    }
    asked = dict.fromkeys(ASKED.findall(last.rpartition("Respond with")[2]))
    parts = [f"[[ ## {name} ## ]]\n{values.get(name, '')}" for name in asked]
    return "\n\n".join(parts)


def fake_lm(log: list | None = None, model: str = "fake/one", **options):
    engine = Engine(log)
    return dspy.LM(
        model,
        engine=engine,
        async_engine=AsyncEngine(engine),
        cache=False,
        num_retries=0,
        **options,
    )


class TwoSteps(dspy.Module):
    """Look something up, then answer."""

    def __init__(self):
        super().__init__()
        self.query = dspy.Predict("question -> query")
        self.answer = dspy.ChainOfThought("question, query -> answer")

    def forward(self, question: str):
        if "raise" in question:
            raise ValueError("the program's own words")
        query = self.query(question=question).query
        return self.answer(question=question, query=query)


class Typed(dspy.Signature):
    """Name a fruit."""

    question: str = dspy.InputField()
    like: list[Fruit] = dspy.InputField()
    fruit: Fruit = dspy.OutputField()


@program_runner(lm=fake_lm)
def two_steps():
    """Look something up, then answer."""
    return TwoSteps()


typed = program_runner(dspy.Predict(Typed), name="typed", lm=fake_lm)


class Counted(dspy.Module):
    """Each run leaves a file, so that runs are counted wherever they were."""

    def __init__(self):
        super().__init__()
        self.step = dspy.Predict("question, folder -> answer")

    def forward(self, question: str, folder: str):
        name = f"{os.getpid()}-{time.monotonic_ns()}"
        Path(folder, name).touch()
        return self.step(question=question, folder="")


@program_runner(lm=fake_lm)
def counted():
    return Counted()


def examples(count: int, *, first: int = 0) -> list:
    return [
        dspy.Example(question=f"What is number {n}?", answer=str(n * 10)).with_inputs("question")
        for n in range(first, first + count)
    ]


def right(example, prediction, trace=None) -> bool:
    return example.answer == prediction.answer
