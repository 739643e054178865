"""A trace of a run: written to a file, without names, read again, and counted as it goes.

``altar trace shop.jsonl`` shows the same file as a tree, ``--serve`` in the browser.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import altar
from altar import trace
from altar.llm import ToolCall
from altar.testing import ScriptedProvider
from altar.trace import JsonLinesSink, Metrics, Sampling, Tracer, load


@altar.tool
def orders(customer: str) -> int:
    """How many orders a customer has.

    Args:
        customer: Name of the customer.
    """
    return {"Ada": 3}[customer]


def without_names(key: str, value: Any) -> Any:
    """What is to be written of a value: called for every text and number, wherever it stands."""
    return value.replace("Ada", "[name]") if isinstance(value, str) else value


def serve(customer: str) -> None:
    """A piece of work of our own, with a run inside."""
    with trace.span("request", attributes={"customer": customer}):
        trace.event("customer known", {"customer": customer})
        call = ToolCall("orders", {"customer": customer})
        model = ScriptedProvider([call, f"{customer} is served."])
        altar.generate(f"How many orders has {customer}?", model=model, tools=[orders])


folder = tempfile.TemporaryDirectory()
file = Path(folder.name) / "shop.jsonl"
metrics = Metrics()  # counts every span, and the file holds the traces that failed
rule = Sampling(share=0)
with Tracer(JsonLinesSink(file), metrics, sampling=rule, redact=without_names) as tracer:
    for name in ("Ada", "Ada", "Bob"):
        serve(name)

[found] = load(file).traces
for depth, span in found.rows():
    failed = f"  failed: {span.error[0]}" if span.error else ""
    print(f"{'  ' * depth}{span.name}{failed}")

print(tracer.counts)
print(*[line for line in metrics.text().splitlines() if line.startswith("altar_tool_calls")])
print("Ada" in file.read_text(encoding="utf-8"))
folder.cleanup()
