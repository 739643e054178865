"""Trace files for the viewer: a small lifelike one, one of any size, one full of hostile text."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

BEGIN = 1_767_225_600_000_000_000  # 2026-01-01
MS = 1_000_000
HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    "<!--<script>&lt;\u2028\u2029\u202e\x00\ud800'\"`${window.hacked=1}javascript:"
)


class Writer:
    """Makes the spans of one trace; each ends after what is inside it, as in a real file."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.trace = f"{self.random.getrandbits(128):032x}"
        self.spans: list[dict[str, Any]] = []

    def span(
        self, kind: str, name: str, times: tuple[int, int], parent: str | None = None, **more: Any
    ) -> str:
        """Add a span; ``times`` are milliseconds since BEGIN."""
        span = more.pop("span", None) or self.new_id()
        doc = {"trace": self.trace, "span": span, "name": name, "kind": kind}
        if parent:
            doc["parent"] = parent
        doc |= {"start": BEGIN + int(times[0] * MS), "end": BEGIN + int(times[1] * MS)}
        doc |= {"thread": "MainThread", "process": 4242} | more
        self.spans.append(doc)
        return span

    def new_id(self) -> str:
        """A span id."""
        return f"{self.random.getrandbits(64):016x}"


def text(role: str, content: str) -> dict[str, Any]:
    """A message with one part of text."""
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def call(id: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A part: the model calls a tool."""
    return {"type": "tool_call", "id": id, "name": name, "arguments": arguments}


CITIES = ["Lisbon", "Oslo", "Quito", "Nairobi", "Hanoi", "Turin", "Perth", "Boston"]
FAILURES = [
    ("TIMEOUT", "weather ran longer than 5.0 s and was given up"),
    ("EXECUTION_ERROR", "the tool failed; the program's log says why"),
    ("INVALID_ARGUMENTS", "days: expected an integer from 1 to 14, got 'seven'"),
]


def trip(seed: int, at: float, *, fails: bool = False, is_slow: bool = False) -> list[dict]:
    """One run of an agent that plans a trip: two rounds with tools, one answer."""
    w = Writer(seed)
    pick = w.random
    city = CITIES[seed % len(CITIES)]
    model = ["gpt-5-mini", "claude-sonnet-4-5", "gemini-2.5-flash"][seed % 3]
    provider = ["openai", "anthropic", "gcp.gemini"][seed % 3]
    pace = 4.0 if is_slow else 0.6 + pick.random() * 0.8
    root, ask = w.new_id(), f"Plan two days in {city} for me, and keep the hotel below 140 euros."
    system = [{"type": "text", "content": "You plan trips. Be brief. Name prices in euros."}]
    history, sent = [text("user", ask)], 0
    whole = seed % 2 == 1  # some writers tell the whole history with each request
    clock, used, cost = at, [0, 0], 0.0
    error = {"type": FAILURES[seed % 3][0], "message": FAILURES[seed % 3][1]}
    rounds = [
        [("weather", {"city": city, "days": 2}), ("hotels", {"city": city, "below": 140})],
        [("route", {"city": city, "from": "airport", "stops": ["museum", "harbour"]})],
        [],
    ]
    for number, calls in enumerate(rounds, 1):
        around, began = w.new_id(), clock
        took = (380 + pick.random() * 900) * pace
        ids = [f"call_{seed}_{number}_{n}" for n in range(len(calls))]
        parts: list[dict[str, Any]] = [
            {"type": "reasoning", "content": f"Round {number}: what do I still need for {city}?"}
        ]
        if calls:
            parts += [call(i, *one) for i, one in zip(ids, calls, strict=True)]
        else:
            parts.append(
                {
                    "type": "text",
                    "content": f"Day one: old town of {city}, harbour by noon, dinner near the "
                    "hotel (118 euros a night).\nDay two: the museum at ten, a walk, the 17:40 "
                    "train.\n\nRain is likely on the second day: take a coat.",
                }
            )
        answer = {"role": "assistant", "parts": parts, "finish_reason": "stop"}
        tokens = (620 * number + pick.randrange(200), 60 + pick.randrange(220))
        price = tokens[0] * 4e-7 + tokens[1] * 1.6e-6
        w.span(
            "model", f"chat {model}", (clock + 1, clock + took), around,
            attributes={
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": provider,
                "gen_ai.request.model": model, "gen_ai.response.model": f"{model}-2026-01",
                "gen_ai.usage.input_tokens": tokens[0], "gen_ai.usage.output_tokens": tokens[1],
                "gen_ai.response.finish_reasons": ["tool_calls" if calls else "stop"],
                "altar.cost": f"{price:.6f}", "altar.attempt": 1,
                "altar.time_to_first_token_ms": round(took / 3, 1),
                "gen_ai.system_instructions": system,
                "altar.messages.offset": 0 if whole else sent,
                "gen_ai.input.messages": history[0 if whole else sent :], "gen_ai.output.messages": [answer],
            },
            **({"events": [{"name": "retry", "time": BEGIN + int((clock + took / 2) * MS),
                            "attributes": {"attempt": 2, "wait_s": 0.25, "error": "HTTP 529"}}]}
               if is_slow else {}),
        )  # fmt: skip
        used = [used[0] + tokens[0], used[1] + tokens[1]]
        cost += price
        sent = len(history)
        history.append({"role": "assistant", "parts": parts})
        clock += took + 2
        ends = clock
        for n, (name, arguments) in enumerate(calls):
            lasts = (30 + pick.random() * 400) * pace
            failed = fails and number == 1 and n == 0
            result = (
                {"ok": False, "error": error}
                if failed
                else {"city": city, name: [round(pick.random() * 30, 1) for _ in range(4)]}
            )
            w.span(
                "tool", f"execute_tool {name}", (clock + n, clock + n + lasts), around,
                attributes={
                    "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name,
                    "gen_ai.tool.call.id": ids[n], "altar.session.id": f"s-{seed}",
                    "gen_ai.tool.call.arguments": json.dumps(arguments),
                    "gen_ai.tool.call.result": json.dumps(result),
                },
                events=[{"name": "cache", "time": BEGIN + int((clock + n + 1) * MS),
                         "attributes": {"hit": False}}],
                **({"error": error} if failed else {}),
            )  # fmt: skip
            response = {"type": "tool_call_response", "id": ids[n], "response": result}
            history.append({"role": "tool", "parts": [response]})
            ends = max(ends, clock + n + lasts)
        clock = ends + 1
        more = {"span": around, "attributes": {"altar.round": number}}
        w.span("round", f"round {number}", (began, clock), root, **more)
    ended = fails and seed % 2 == 0
    w.span(
        "generate", f"invoke_agent {model}", (at, clock + 1), span=root,
        attributes={
            "gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": model,
            "gen_ai.provider.name": provider, "altar.finish": "error" if ended else "stop",
            "altar.rounds": 3, "gen_ai.usage.input_tokens": used[0],
            "gen_ai.usage.output_tokens": used[1], "altar.cost": f"{cost:.6f}",
            "gen_ai.system_instructions": system, "gen_ai.input.messages": [text("user", ask)],
            "gen_ai.output.messages": [answer],
        },
        **({"error": {"type": "UNUSABLE_OUTPUT", "message": "the answer does not fit Trip"}}
           if ended else {}),
    )  # fmt: skip
    return w.spans


def hostile() -> list[dict]:
    """One run in which every text tries to be markup, script or a wrong number."""
    w = Writer(666)
    root = w.new_id()
    message = [text(HOSTILE, HOSTILE), {"role": "assistant", "parts": [
        {"type": "reasoning", "content": HOSTILE}, call(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}),
        {"type": "tool_call_response", "id": HOSTILE, "response": HOSTILE},
        {"type": HOSTILE}, None, 7]}, "no message"]  # fmt: skip
    w.span("tool", HOSTILE, (9000, 9020), root, error={"type": HOSTILE, "message": HOSTILE},
           thread=HOSTILE, events=[{"name": HOSTILE, "time": 1, "attributes": {HOSTILE: 1}}, 5],
           attributes={"gen_ai.tool.name": HOSTILE, "gen_ai.tool.call.id": HOSTILE,
                       "gen_ai.tool.call.arguments": HOSTILE, "__proto__": {"polluted": 1}})  # fmt: skip
    w.span("model", f"chat {HOSTILE}", (9000, 9400), root,
           attributes={"gen_ai.request.model": HOSTILE, "gen_ai.output.messages": message,
                       "altar.cost": "1e999", "gen_ai.usage.input_tokens": "many"})  # fmt: skip
    w.span(HOSTILE, HOSTILE, (9000, 9001), root, attributes={HOSTILE: HOSTILE})
    w.span("generate", HOSTILE, (9000, 9500), span=root,
           attributes={"gen_ai.input.messages": [text("user", HOSTILE)],
                       "gen_ai.system_instructions": HOSTILE})  # fmt: skip
    return w.spans


def running() -> list[dict]:
    """A run whose root and second round have not ended."""
    spans = trip(11, 60_000)
    return spans[:4]


def flat(count: int, *, seed: int = 5) -> list[dict]:
    """One trace of ``count`` spans: a long agent run, with steps inside its tools."""
    w = Writer(seed)
    root = w.new_id()
    names = ["search", "read_page", "embed", "rank", "summarise"]
    clock = 0.0
    while len(w.spans) < count - 1:
        around, began = w.new_id(), clock
        tokens = 200 + w.random.randrange(900)
        w.span("model", "chat gpt-5-mini", (clock, clock + 40), around,
               attributes={"gen_ai.request.model": "gpt-5-mini", "altar.cost": "0.000310",
                           "gen_ai.usage.input_tokens": tokens,
                           "gen_ai.usage.output_tokens": 40})  # fmt: skip
        clock += 41
        for n in range(8):
            if len(w.spans) >= count - 2:
                break
            name = names[w.random.randrange(5)]
            more = {"error": {"type": "TIMEOUT", "message": "too slow"}} if n == 7 else {}
            lasts = w.random.random() * 30
            w.span("tool", f"execute_tool {name}", (clock, clock + lasts), around,
                   attributes={"gen_ai.tool.name": name, "gen_ai.tool.call.id": f"c{clock}{n}",
                               "gen_ai.tool.call.arguments": '{"query": "tides", "page": 3}',
                               "gen_ai.tool.call.result": '{"found": 12, "text": "high water"}'},
                   **more)  # fmt: skip
            clock += 12
        if len(w.spans) < count - 1:
            w.span("round", "round", (began, clock + 20), root, span=around)
    w.span("generate", "invoke_agent gpt-5-mini", (0, clock + 30), span=root,
           attributes={"gen_ai.request.model": "gpt-5-mini",
                       "gen_ai.input.messages": [text("user", "Read everything about tides.")]})  # fmt: skip
    return w.spans


def write(path: Path, *parts: list[dict], loss: dict | None = None) -> Path:
    """A JSONL trace file of these spans."""
    with open(path, "w", encoding="utf-8") as file:
        header = {"altar_trace": 1, "process": 4242, "started": BEGIN, "altar": "0.1.0"}
        file.write(json.dumps(header) + "\n")
        for spans in parts:
            file.writelines(json.dumps(span) + "\n" for span in spans)
        if loss:
            file.write(json.dumps({"altar_trace_loss": loss}) + "\n")
    return path


def lifelike(path: Path) -> Path:
    """Two dozen runs: some fail, one is slow, one has not ended."""
    runs = [
        trip(n, n * 7_300, fails=n % 7 == 2 or n == 8, is_slow=n == 14)
        for n in range(24)
        if n != 11
    ]
    return write(path, *runs, running(), loss={"dropped": 0, "sampled_out": 118, "sink_lost": 0})


def many(path: Path, traces: int = 10_000) -> Path:
    """100,000 spans in traces of ten, as a service leaves them."""
    return write(path, *(trip(n, n * 730, fails=n % 41 == 3) for n in range(traces)))
