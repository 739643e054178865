"""Metrics count what was traced, in a text that Prometheus reads."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altar.errors import ConfigurationError
from altar.trace import MemorySink, Metrics, Sampling, Tracer, span
from tests.trace.samples import MS, START, SampleSpan, sample_spans

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(
    rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\+Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)"
)
UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a text in the format 0.0.4, read strictly; what is said twice is an error."""
    assert text.endswith("\n")
    found, described, name, kind = {}, set(), "", ""
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in described
            described.add(name)
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == name
            kind = line.split(" ")[3]
            assert kind in {"counter", "histogram"}
        else:
            sample, labels, value = SAMPLE.fullmatch(line).groups()
            suffixes = {"_bucket", "_sum", "_count"} if kind == "histogram" else {""}
            assert sample.removeprefix(name) in suffixes
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
            read = tuple((k, re.sub(r"\\[\\n\"]", lambda m: UNESCAPED[m[0]], v)) for k, v in pairs)
            assert (sample, read) not in found
            found[sample, read] = float(value)
    return found


def of(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(v for _, v in labels): value
        for (one, labels), value in parsed(metrics.text()).items()
        if one == name
    }


def tool(name: str, took_ms: float, error: str | None = None) -> SampleSpan:
    span = SampleSpan(f"execute_tool {name}", "tool", (1, 2, 3), START)
    span.ended = START + int(took_ms * MS)
    span.attributes = {"gen_ai.tool.name": name}
    span.error = (error, "") if error else None
    return span


def model(**attributes) -> SampleSpan:
    span = SampleSpan("chat m", "model", (1, 2, 3), START)
    span.ended = START + 300 * MS
    span.attributes = {"gen_ai.request.model": "m", "gen_ai.provider.name": "p", **attributes}
    return span


def test_tool_calls_are_counted_by_tool_and_outcome():
    metrics = Metrics(tool_buckets=[0.01, 0.1, 1])
    metrics.write([tool("a", 5), tool("a", 10), tool("a", 50, "TIMEOUT"), tool("b", 5000)])
    assert of(metrics, "altar_tool_calls_total") == {
        ("a", "TIMEOUT"): 1,
        ("a", "ok"): 2,
        ("b", "ok"): 1,
    }
    buckets = of(metrics, "altar_tool_seconds_bucket")
    assert [buckets["a", le] for le in ("0.01", "0.1", "1.0", "+Inf")] == [2, 3, 3, 3]
    assert [buckets["b", le] for le in ("0.01", "0.1", "1.0", "+Inf")] == [0, 0, 0, 1]
    assert of(metrics, "altar_tool_seconds_count") == {("a",): 3, ("b",): 1}
    assert of(metrics, "altar_tool_seconds_sum")["a",] == pytest.approx(0.065)
    assert of(metrics, "altar_spans_total") == {("ok",): 3, ("error",): 1}


def test_requests_tokens_and_cost_are_counted_by_the_model_that_was_asked_for():
    metrics = Metrics()
    used = {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 3,
        "altar.cost": "0.0001",
    }
    metrics.write([model(**used, **{"gen_ai.response.model": "m-001"})] * 3 + [model()])
    metrics.write([SampleSpan("chat", "model", (1, 2, 3), START)])
    assert of(metrics, "altar_model_requests_total") == {
        ("m", "p", "ok"): 4,
        ("unknown", "unknown", "ok"): 1,
    }
    assert of(metrics, "altar_tokens_total") == {("m", "input"): 30, ("m", "output"): 9}
    assert of(metrics, "altar_cost_usd_total") == {("m",): float(Decimal("0.0003"))}
    assert of(metrics, "altar_model_seconds_count") == {("m",): 4, ("unknown",): 1}


def test_runs_are_counted_by_how_they_ended_and_no_tokens_twice():
    metrics = Metrics()
    spans = list(sample_spans(1, spans=400))
    metrics.write(spans)
    runs = [span for span in spans if span.kind == "generate"]
    assert sum(of(metrics, "altar_generate_total").values()) == len(runs)
    asked = sum(
        (span.attributes or {}).get("gen_ai.usage.input_tokens", 0)
        for span in spans
        if span.kind == "model"
    )
    assert (
        sum(v for (_, way), v in of(metrics, "altar_tokens_total").items() if way == "input")
        == asked
    )


def test_what_was_lost_is_counted():
    metrics = Metrics()
    metrics.losses({"dropped": 2, "sampled_out": 3, "sink_lost": 0})
    metrics.losses({"dropped": 1, "sampled_out": 0, "sink_lost": 0})
    assert of(metrics, "altar_spans_total") == {("dropped",): 3, ("sampled_out",): 3}


def test_too_many_values_of_a_label_count_together():
    metrics = Metrics(max_label_values=3)
    metrics.write(
        [tool(f"t{number}", 1) for number in range(10)] + [tool("t1", 1, f"E{n}") for n in range(9)]
    )
    counted = of(metrics, "altar_tool_calls_total")
    assert {name for name, _ in counted} == {"t0", "t1", "t2", "(other)"}
    assert counted["(other)", "ok"] == 7
    assert counted["t1", "(other)"] == 7
    assert sum(counted.values()) == 19


@given(st.lists(st.text(max_size=300) | st.text('\ud800\udfffa\n\\"'), min_size=1, max_size=4))
def test_any_name_is_a_label_that_reads_back(texts):
    metrics = Metrics()
    metrics.write([tool(text, 1) for text in texts])
    shown = {(text or "execute_tool ")[:200].encode("utf-8", "replace").decode() for text in texts}
    assert {name for name, _ in of(metrics, "altar_tool_calls_total")} == shown
    metrics.text().encode()


def test_prometheus_own_reader_takes_the_text():
    parser = pytest.importorskip("prometheus_client.parser")
    metrics = Metrics()
    metrics.write(list(sample_spans(1, spans=300)))
    metrics.write([tool('quote " back \\ line \n end', 1, "TIMEOUT")])
    metrics.losses({"dropped": 1})
    families = {
        family.name: family for family in parser.text_string_to_metric_families(metrics.text())
    }
    theirs = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in families.values()
        for one in family.samples
    }
    assert theirs == {
        (name, tuple(sorted(labels))): v for (name, labels), v in parsed(metrics.text()).items()
    }
    assert families["altar_tool_calls"].type == "counter"
    assert families["altar_tool_seconds"].type == "histogram"


def test_metrics_without_a_span_are_a_text_too():
    assert parsed(Metrics().text()) == {}
    assert Metrics.content_type == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize("buckets", [[1, 1], [2, 1], [float("inf")], [float("nan")]])
def test_buckets_that_do_not_rise_are_refused(buckets):
    with pytest.raises(ConfigurationError, match="each above the last"):
        Metrics(tool_buckets=buckets)


def test_label_values_are_bounded_by_a_positive_number():
    with pytest.raises(ConfigurationError, match="give a positive number"):
        Metrics(max_label_values=0)


def test_a_tracer_takes_metrics_as_a_sink():
    metrics = Metrics()
    with (
        Tracer(metrics) as tracer,
        tracer.span("execute_tool x", kind="tool", attributes={"gen_ai.tool.name": "x"}),
    ):
        pass
    metrics.close()
    assert of(metrics, "altar_tool_calls_total") == {("x", "ok"): 1}


def test_metrics_count_before_sampling_and_other_sinks_see_what_is_kept():
    metrics, memory = Metrics(), MemorySink()
    with Tracer(metrics, memory, sampling=Sampling(0), interval=60) as tracer:
        for number in range(40):
            with span("request"), span("work") as inner:
                if number % 10 == 0:
                    inner.fail("TIMEOUT")
    counts = tracer.counts
    assert (counts.recorded, counts.drained, counts.sampled_out) == (80, 8, 72)
    assert counts.lost == {"Metrics": 0, "MemorySink": 0}
    assert len(memory.spans) == 8
    found = parsed(metrics.text())
    told = {labels[0][1]: n for (name, labels), n in found.items() if name == "altar_spans_total"}
    assert told == {"ok": 76, "error": 4}
