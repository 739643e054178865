"""What a span costs, side by side with OpenTelemetry's SDK: ``python -m benchmarks.tracing``.

OpenTelemetry is measured where it is installed (``pip install opentelemetry-sdk``).
Costs are CPU time, the best of several rounds, and the rounds of the two take
turns, so that a busy machine disturbs both alike; rates are by the wall.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, thread_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from altar import trace

SPANS = 20_000
ROUNDS = 7


class Drop:
    """A sink that takes everything and keeps nothing."""

    def write(self, spans: object) -> None:
        """Take them."""

    def close(self) -> None:
        """Take no more."""


def _loops(tracer: trace.Tracer) -> dict[str, Callable[[], None]]:
    """What is measured of altar, each ``SPANS`` times."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "n": 3}

    def linked() -> None:
        span = tracer.span
        for _ in range(SPANS):
            with span("chat"):
                pass

    def filled() -> None:
        span = tracer.span
        for _ in range(SPANS):
            with span("chat", kind="model", attributes=dict(attributes)) as one:
                one.set("gen_ai.usage.input_tokens", 12)

    def unlinked() -> None:
        span = tracer.span
        for _ in range(SPANS):
            span("chat").finish()

    return {
        "span, linked, in context": linked,
        "span, linked, in context, 4 attributes": filled,
        "span, not made current": unlinked,
    }


def _peer() -> dict[str, Callable[[], None]]:
    try:
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415
    except ImportError:
        return {}
    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())  # does nothing
    tracer = provider.get_tracer("benchmark")
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "n": 3}

    def linked() -> None:
        with tracer.start_as_current_span("root"):
            for _ in range(SPANS // 10):
                with tracer.start_as_current_span("chat"):
                    pass

    def filled() -> None:
        with tracer.start_as_current_span("root"):
            for _ in range(SPANS // 10):
                with tracer.start_as_current_span("chat", attributes=attributes) as one:
                    one.set_attribute("gen_ai.usage.input_tokens", 12)

    return {
        "span, linked, in context": linked,
        "span, linked, in context, 4 attributes": filled,
    }


def _seconds(work: Callable[[], None]) -> float:
    """CPU time of this thread: what a busy machine takes away does not count."""
    gc.collect()
    start = thread_time()
    work()
    return thread_time() - start


def cost() -> None:
    """Microseconds per span, the drainer at rest."""
    tracer = trace.Tracer(Drop(), capacity=4 * SPANS, interval=60.0)
    peers = _peer()
    best: dict[str, float] = {}
    best_peer: dict[str, float] = {}
    with tracer, tracer.span("root"):
        for _ in range(ROUNDS):
            for name, work in _loops(tracer).items():
                best[name] = min(best.get(name, 1e9), _seconds(work) / SPANS)
                tracer.flush()
                if name in peers:
                    took = _seconds(peers[name]) / (SPANS // 10)
                    best_peer[name] = min(best_peer.get(name, 1e9), took)
    print(f"{'microseconds of CPU time':44} {'altar':>8} {'opentelemetry':>14}")
    for name, took in best.items():
        other = f"{best_peer[name] * 1e6:14.2f}" if name in best_peer else f"{'-':>14}"
        print(f"{name:44} {took * 1e6:8.2f} {other}")


def _switch() -> None:
    switch = trace.switch
    for _ in range(SPANS):
        if switch.tracer is not None:
            raise AssertionError


def _nothing() -> None:
    for _ in range(SPANS):
        pass


def _event() -> None:
    event = trace.event
    for _ in range(SPANS):
        event("retry")


def unset() -> None:
    """Nanoseconds where nothing is traced."""
    bare = min(_seconds(_nothing) for _ in range(ROUNDS))
    for name, work in {"the switch, looked at": _switch, "trace.event": _event}.items():
        took = (min(_seconds(work) for _ in range(ROUNDS)) - bare) / SPANS
        print(f"{'nothing traced: ' + name:44} {took * 1e9:8.0f} ns")


def rate(threads: int, sink: trace.Sink, name: str, *, capacity: int = 16_384) -> None:
    """Recorded and drained in a second, all at once, and what became of the rest."""
    tracer = trace.Tracer(sink, capacity=capacity)
    each = 400_000 // threads

    def work() -> None:
        with tracer.span("root"):
            span = tracer.span
            for _ in range(each):
                with span("chat", kind="model"):
                    pass

    with tracer:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        start = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        recorded = perf_counter() - start
        tracer.flush(60)
    counts = tracer.counts
    lost = sum(counts.lost.values())
    print(
        f"{threads} threads, {name:22} {counts.recorded / recorded:12,.0f} recorded/s; "
        f"drained {counts.drained:,} dropped {counts.dropped:,} lost {lost:,} "
        f"of {counts.recorded:,}"
    )


def drained(sink: trace.Sink, name: str) -> None:
    """Spans of 6 attributes that reach a sink in a second, when nothing else runs."""
    many = 100_000
    tracer = trace.Tracer(sink, capacity=2 * many, interval=60.0)
    with tracer:
        with tracer.span("root"):
            for number in range(many):
                attributes = {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": "get_weather",
                    "gen_ai.tool.call.id": f"call_{number}",
                    "gen_ai.tool.call.arguments": '{"city": "Tokyo", "unit": "celsius"}',
                    "gen_ai.tool.call.result": '"22 degrees and sunny"',
                    "altar.session.id": "s-1",
                }
                tracer.span("execute_tool get_weather", kind="tool", attributes=attributes).finish()
        start = perf_counter()
        tracer.flush(60)
        took = perf_counter() - start
    counts = tracer.counts
    lost = sum(counts.lost.values())
    print(f"drained to {name:33} {counts.drained / took:12,.0f} /s  (lost {lost:,})")


def main() -> None:
    """Print the tables."""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    cost()
    unset()
    with tempfile.TemporaryDirectory() as folder:
        rate(1, trace.MemorySink(max_spans=None), "memory")
        rate(8, trace.MemorySink(max_spans=None), "memory")
        rate(8, trace.JsonLinesSink(f"{folder}/rate.jsonl"), "JSON lines")
        drained(trace.MemorySink(max_spans=None), "memory")
        drained(trace.JsonLinesSink(f"{folder}/drained.jsonl"), "JSON lines")
        drained(trace.SqliteSink(f"{folder}/drained.db"), "SQLite")


if __name__ == "__main__":
    main()
