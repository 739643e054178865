"""Traces as a program would leave them: agents with rounds, requests, parallel tools, failures.

``sample_trace(seed, spans=...)`` is a list of ended spans, in the order in which
they ended; ``sample_spans`` is several traces; ``write_jsonl`` and
``write_sqlite`` make a file of them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

START = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z
MS = 1_000_000
MODELS = (
    ("gemini-3.8-flash", "gcp.gemini"),
    ("claude-haiku-5", "anthropic"),
    ("gpt-6-mini", "openai"),
)
TOOLS = ("get_weather", "search_docs", "read_file", "run_sql", "send_mail", "resize_image")
ERRORS = (
    ("TIMEOUT", "The tool did not answer within 5 s."),
    ("PARAMETER_VALIDATION_FAILED", "1 argument is wrong. $.city: expected a string, got 7"),
    ("TOOL_EXECUTION_FAILED", "The tool 'run_sql' failed (OperationalError)"),
)
WORDS = "the weather in Oslo is mild with some rain and a light wind from the west".split()


class SampleSpan:
    """An ended span, as one adopted from another process: it looks as altar.trace.Span does."""

    __slots__ = (
        "attributes", "ended", "error", "events", "kind", "name", "parent_id", "process",
        "remote", "span_id", "started", "thread", "trace_id",
    )  # fmt: skip

    def __init__(self, name: str, kind: str, ids: tuple[int, int, int], started: int) -> None:
        self.name, self.kind = name, kind
        self.trace_id, self.span_id, self.parent_id = ids
        self.started = self.ended = started
        self.remote = False
        self.attributes: dict[str, Any] | None = None
        self.events: list[tuple[str, int, dict[str, Any] | None]] | None = None
        self.error: tuple[str, str] | None = None
        self.thread, self.process = "MainThread", 4711


class _Writer:
    """Makes one trace: an agent's run, with rounds until ``spans`` are there."""

    def __init__(self, seed: int, spans: int, start: int) -> None:
        self.random = random.Random(seed)
        self.trace = self.random.getrandbits(128) | 1
        self.left = spans
        self.now = start
        self.done: list[SampleSpan] = []
        self.model, self.provider = MODELS[seed % len(MODELS)]

    def begin(self, name: str, kind: str, parent: SampleSpan | None, at: int) -> SampleSpan:
        self.left -= 1
        ids = (self.trace, self.random.getrandbits(64) | 1, parent.span_id if parent else 0)
        return SampleSpan(name, kind, ids, at)

    def end(self, span: SampleSpan, at: int) -> None:
        span.ended = at
        self.done.append(span)
        self.now = max(self.now, at)

    def run(self) -> list[SampleSpan]:
        root = self.begin(f"invoke_agent {self.model}", "generate", None, self.now)
        usage = [0, 0, Decimal(0)]
        question = self.text(8)
        messages = [message("user", text=question)]
        number, failed = 0, False
        while not failed and (number == 0 or self.left > 1):
            number += 1
            failed = self.round(number, root, messages, usage)
        root.attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.request.model": self.model,
            "gen_ai.provider.name": self.provider,
            "gen_ai.system_instructions": [{"type": "text", "content": "Answer in one sentence."}],
            "gen_ai.input.messages": messages[:1],
            "gen_ai.output.messages": [m for m in messages if m["role"] == "assistant"][-1:],
            "gen_ai.usage.input_tokens": usage[0],
            "gen_ai.usage.output_tokens": usage[1],
            "altar.cost": str(usage[2]),
            "altar.finish": "stop",
            "altar.rounds": number,
        }
        if failed:
            root.error = ("OverloadedError", f"{self.model} is overloaded (503), three times.")
            root.attributes["altar.finish"] = "error"
        self.end(root, self.now + MS)
        return self.done

    def round(self, number: int, root: SampleSpan, messages: list, usage: list) -> bool:
        span = self.begin(f"round {number}", "round", root, self.now)
        span.attributes = {"altar.round": number}
        calls = min(self.random.choice((0, 1, 1, 2, 3, 4)), max(0, self.left - 1))
        if self.left > 10:
            calls = max(1, calls)
        names = [(f"call_{number}_{n}", self.random.choice(TOOLS)) for n in range(calls)]
        failed = self.request(span, names, messages, usage)
        if not failed and names:
            self.tools(span, names, messages)
        self.end(span, self.now + 20_000)
        return failed

    def request(self, span: SampleSpan, names: list, messages: list, usage: list) -> bool:
        model = self.begin(f"chat {self.model}", "model", span, self.now + 30_000)
        took = self.random.randint(180, 2400) * MS
        tokens = (self.random.randint(200, 4000), self.random.randint(5, 400))
        cost = Decimal(tokens[0] * 3 + tokens[1] * 12) / 10_000_000
        answer = message("assistant", text=self.text(14), calls=names)
        model.attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": self.model,
            "gen_ai.response.model": f"{self.model}-001",
            "gen_ai.provider.name": self.provider,
            "gen_ai.response.finish_reasons": ["tool_calls" if names else "stop"],
            "gen_ai.usage.input_tokens": tokens[0],
            "gen_ai.usage.output_tokens": tokens[1],
            "gen_ai.input.messages": messages[-3:],
            "gen_ai.output.messages": [answer],
            "altar.cost": str(cost),
            "altar.attempt": 1,
        }
        if self.random.random() < 0.4:
            model.attributes["gen_ai.response.time_to_first_chunk"] = (
                self.random.randint(80, 900) / 1000
            )
        if self.random.random() < 0.05:
            model.events = [
                ("retry", model.started + 90 * MS,
                 {"attempt": 2, "wait_s": 0.5, "error": "OverloadedError"}),
            ]  # fmt: skip
            model.attributes["altar.attempt"] = 2
        failed = self.random.random() < 0.002
        if failed:
            model.error = ("OverloadedError", f"{self.model} is overloaded (503).")
            for key in list(model.attributes)[4:-1]:
                del model.attributes[key]
        else:
            messages.append(answer)
            usage[0] += tokens[0]
            usage[1] += tokens[1]
            usage[2] += cost
        self.end(model, model.started + took)
        return failed

    def tools(self, span: SampleSpan, names: list, messages: list) -> None:
        began = self.now + 40_000
        ends = []
        for number, (id, name) in enumerate(names):
            tool = self.begin(f"execute_tool {name}", "tool", span, began + number * 15_000)
            tool.thread = f"altar-tools_{number}"
            arguments = {"query": self.text(4), "limit": self.random.randint(1, 50)}
            result = {"text": self.text(self.random.randint(3, 40)), "score": self.random.random()}
            tool.attributes = {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": id,
                "gen_ai.tool.call.arguments": json.dumps(arguments),
                "gen_ai.tool.call.result": json.dumps(result),
                "altar.session.id": "s-1",
            }
            if self.random.random() < 0.04:
                tool.error = self.random.choice(ERRORS)
                del tool.attributes["gen_ai.tool.call.result"]
            elif self.random.random() < 0.05:
                tool.events = [("cache", tool.started + 1000, {"hit": True})]
            ends.append((tool.started + self.random.randint(1, 700) * MS, id, tool, result))
        for ended, id, tool, result in sorted(ends, key=lambda one: one[0]):
            self.end(tool, ended)
            part = {"type": "tool_call_response", "id": id, "response": result}
            messages.append({"role": "tool", "parts": [part]})

    def text(self, words: int) -> str:
        start = self.random.randrange(len(WORDS))
        return " ".join((WORDS * 4)[start : start + words])


def message(role: str, *, text: str = "", calls: list[tuple[str, str]] = ()) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "text", "content": text}]
    parts += [{"type": "tool_call", "id": id, "name": name, "arguments": {}} for id, name in calls]
    return {"role": role, "parts": parts}


def sample_trace(seed: int, *, spans: int = 12, start: int = START) -> list[SampleSpan]:
    """One agent's run of about ``spans`` spans, in the order in which they ended."""
    return _Writer(seed, spans, start).run()


def sample_spans(seed: int, *, spans: int, each: int = 40) -> Iterator[SampleSpan]:
    """Spans of as many traces as it takes, one after the other: exactly ``spans`` of them."""
    start, count = START, 0
    while count < spans:
        trace = sample_trace(seed, spans=each, start=start)
        start = trace[-1].ended + 250 * MS
        seed += 1
        for span in trace[: spans - count] if spans - count < len(trace) else trace:
            yield span
            count += 1


def write_jsonl(path: Path, spans: list[SampleSpan] | Iterator[SampleSpan]) -> Path:
    """A trace file of JSON lines that holds them."""
    from altar.trace import JsonLinesSink

    return _write(JsonLinesSink(path), path, spans)


def write_sqlite(path: Path, spans: list[SampleSpan] | Iterator[SampleSpan]) -> Path:
    """A trace file of SQLite that holds them."""
    from altar.trace import SqliteSink

    return _write(SqliteSink(path), path, spans)


def _write(sink: Any, path: Path, spans: Any) -> Path:
    every = list(spans)
    for start in range(0, len(every), 500):
        sink.write(every[start : start + 500])
    sink.close()
    return path
