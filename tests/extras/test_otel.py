"""OtelSink: altar's spans as the OpenTelemetry SDK's own, as far as the bytes of a collector."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

import altar
from altar.errors import ClosedError, ConfigurationError, ServerError
from altar.llm import Options, Retry, ToolCall
from altar.testing import ScriptedProvider
from altar.trace import MemorySink, Tracer, continued, current_span, traceparent
from altar.trace._conventions import SCHEMA_URL
from tests.vendors_here import installed

if not installed("opentelemetry.sdk"):
    pytest.skip("needs opentelemetry-sdk", allow_module_level=True)

from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from altar_extras import otel
from altar_extras.otel import OtelSink

HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def work() -> Any:
    """A run with everything in it: a retry, a call that fails, one that does not."""
    calls = [ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": "x"})]
    model = ScriptedProvider([ServerError("busy"), calls, "three"])
    options = Options(retry=Retry(attempts=2, max_delay=0))
    return altar.generate("question", model=model, tools=[add], options=options)


def exported(**options: Any) -> tuple[tuple[ReadableSpan, ...], MemorySink]:
    """What came of :func:`work` at an exporter, and the same spans as altar has them."""
    memory, exporter = MemorySink(), InMemorySpanExporter()
    with Tracer(memory, OtelSink(exporter=exporter, **options), interval=60):
        work()
    return exporter.get_finished_spans(), memory


def test_spans_are_the_sdks_own_with_the_same_ids_times_and_parents():
    found, memory = exported()
    by_id = {one.context.span_id: one for one in found}
    assert len(by_id) == len(found) == len(memory.spans)
    for span in memory.spans:
        made = by_id[span.span_id]
        assert isinstance(made, ReadableSpan)
        assert made.context.trace_id == span.trace_id
        assert (made.parent.span_id if made.parent else 0) == span.parent_id
        assert (made.name, made.start_time, made.end_time) == (span.name, span.started, span.ended)
        told = [(name, time) for name, time, _ in span.events or ()]
        assert [(event.name, event.timestamp) for event in made.events] == told
        assert made.instrumentation_scope.name == "altar"
        assert made.instrumentation_scope.version == altar.__version__
        assert made.instrumentation_scope.schema_url == SCHEMA_URL
        json.loads(made.to_json())


def test_a_request_to_a_model_is_a_clients_span_and_failures_have_their_type():
    found, _ = exported()
    kinds = {one.name.split()[0]: one.kind for one in found}
    assert kinds.pop("chat") is api.SpanKind.CLIENT
    assert set(kinds.values()) == {api.SpanKind.INTERNAL}
    failed = {one.attributes["error.type"]: one for one in found if not one.status.is_unset}
    assert set(failed) == {"ServerError", "PARAMETER_VALIDATION_FAILED"}
    assert all(one.status.status_code is api.StatusCode.ERROR for one in failed.values())
    assert failed["ServerError"].status.description == "busy"


def test_objects_are_json_text_and_lists_of_texts_stay_lists():
    found, _ = exported()
    root = next(one for one in found if one.name == "invoke_agent")
    messages = json.loads(root.attributes["gen_ai.input.messages"])
    assert messages == [{"role": "user", "parts": [{"type": "text", "content": "question"}]}]
    chat = [one for one in found if one.name == "chat script"][-1]
    assert chat.attributes["gen_ai.response.finish_reasons"] == ("stop",)


def test_what_opentelemetry_cannot_hold_is_told_as_text():
    exporter = InMemorySpanExporter()
    with Tracer(OtelSink(exporter=exporter), interval=60) as tracer, tracer.span("odd") as span:
        span.set("huge", 1 << 70)
        span.set("mixed", [1, "a", None])
        span.set("nothing", None)
        span.set("surrogate", "a\ud800")
    (made,) = exporter.get_finished_spans()
    told = dict(made.attributes)
    assert "nothing" not in told
    assert json.loads(told["mixed"]) == [1, "a", None]
    assert str(told["huge"]) == str(1 << 70)
    told["surrogate"].encode()


def test_a_span_of_opentelemetrys_is_the_parent_of_a_run_and_both_stand_in_one_trace():
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with (
        Tracer(OtelSink(tracer_provider=provider), interval=60),
        provider.get_tracer("web").start_as_current_span("request"),
    ):
        reply = work()
    found = {one.name: one for one in exporter.get_finished_spans()}
    outer, root = found["request"], found["invoke_agent"]
    assert root.parent.span_id == outer.context.span_id
    assert not root.parent.is_remote
    assert {one.context.trace_id for one in found.values()} == {outer.context.trace_id}
    assert reply.trace_id == f"{outer.context.trace_id:032x}"
    assert root.resource.attributes["service.name"] == "shop"


def test_a_sink_that_does_not_follow_leaves_both_apart():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    with (
        Tracer(OtelSink(exporter=exporter, follow=False), interval=60),
        provider.get_tracer("web").start_as_current_span("request"),
    ):
        work()
    root = next(one for one in exporter.get_finished_spans() if one.name == "invoke_agent")
    assert root.parent is None


def test_a_closed_sink_takes_no_more_and_other_tracers_do_not_follow():
    sink = OtelSink(exporter=InMemorySpanExporter())
    sink.close()
    sink.close()
    with pytest.raises(ClosedError):
        sink.write([])
    with (
        Tracer(MemorySink(), interval=60) as tracer,
        TracerProvider().get_tracer("web").start_as_current_span("request"),
        tracer.span("own") as span,
    ):
        assert span.parent_id == 0


def test_a_parent_in_another_process_stays_remote():
    exporter = InMemorySpanExporter()
    with Tracer(OtelSink(exporter=exporter), interval=60), continued(HEADER, tracestate="a=1"):
        work()
    root = next(one for one in exporter.get_finished_spans() if one.name == "invoke_agent")
    assert root.parent.is_remote
    assert f"{root.parent.span_id:016x}" == "b7ad6b7169203331"
    assert root.context.trace_state.get("a") == "1"
    below = next(one for one in exporter.get_finished_spans() if one.name == "round 1")
    assert not below.parent.is_remote


def test_what_is_asked_of_another_process_inside_a_span_carries_on_its_trace():
    with (
        Tracer(OtelSink(exporter=InMemorySpanExporter()), interval=60) as tracer,
        TracerProvider().get_tracer("web").start_as_current_span("request") as outer,
        tracer.span("own") as span,
    ):
        assert traceparent() == (
            f"00-{outer.get_span_context().trace_id:032x}-{span.span_id:016x}-01"
        )
    assert current_span.get() is None


def test_bad_options_are_refused_by_name():
    with pytest.raises(ConfigurationError, match="not both"):
        OtelSink(exporter=InMemorySpanExporter(), tracer_provider=TracerProvider())
    with pytest.raises(ConfigurationError, match="is no opentelemetry.sdk.trace.TracerProvider"):
        OtelSink()
    with pytest.raises(ConfigurationError, match=r"type OtelSink\(InMemorySpanExporter\(\)\)"):
        OtelSink(InMemorySpanExporter)
    with pytest.raises(ConfigurationError, match=r"type OtelSink\(tracer_provider="):
        OtelSink(TracerProvider())
    with pytest.raises(ConfigurationError, match="an opentelemetry SpanExporter"):
        OtelSink("http://127.0.0.1:4318")
    assert repr(OtelSink(InMemorySpanExporter())) == "OtelSink(InMemorySpanExporter)"
    with pytest.raises(ConfigurationError, match="a provider has its own"):
        OtelSink(tracer_provider=TracerProvider(), resource=Resource.create())


def test_what_an_exporter_does_not_deliver_is_counted_as_lost():
    class Broken(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.FAILURE

    tracer = Tracer(OtelSink(exporter=Broken()), interval=60)
    with tracer:
        work()
    assert sum(tracer.counts.lost.values()) > 0


def test_the_console_of_the_sdk_shows_them(capsys: pytest.CaptureFixture[str]):
    with Tracer(OtelSink(exporter=ConsoleSpanExporter(out=sys.stdout)), interval=60):
        work()
    assert '"name": "execute_tool add"' in capsys.readouterr().out


def test_a_missing_library_is_told_with_the_line_to_type(monkeypatch: pytest.MonkeyPatch):
    import importlib

    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(ImportError, match=r'pip install "opentelemetry-sdk>=1\.20"'):
        importlib.reload(otel)
    monkeypatch.undo()
    importlib.reload(otel)


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A server on loopback that takes what a collector takes: its address, and what came."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    came: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            came.append(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(
    not installed("opentelemetry.exporter.otlp.proto.http"),
    reason="needs opentelemetry-exporter-otlp-proto-http",
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_collector_is_sent_them_in_its_own_format(packed: bool):
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    with collector() as (url, came):
        compression = Compression.Gzip if packed else Compression.NoCompression
        exporter = OTLPSpanExporter(endpoint=url, compression=compression)
        sink = OtelSink(exporter=exporter, resource=Resource.create({"service.name": "shop"}))
        memory = MemorySink()
        with Tracer(memory, sink, interval=60):
            reply = work()
    (of_resource,) = [one for request in came for one in request.resource_spans]
    resource = {one.key: one.value.string_value for one in of_resource.resource.attributes}
    assert resource["service.name"] == "shop"
    (of_scope,) = of_resource.scope_spans
    assert (of_scope.scope.name, of_scope.scope.version) == ("altar", altar.__version__)
    spans = {one.span_id.hex(): one for one in of_scope.spans}
    assert set(spans) == {f"{one.span_id:016x}" for one in memory.spans}
    assert {one.trace_id.hex() for one in spans.values()} == {reply.trace_id}
    for one in memory.spans:
        sent = spans[f"{one.span_id:016x}"]
        parent = f"{one.parent_id:016x}" if one.parent_id else ""
        assert (sent.name, sent.parent_span_id.hex()) == (one.name, parent)
        assert (sent.start_time_unix_nano, sent.end_time_unix_nano) == (one.started, one.ended)
    chat = next(one for one in spans.values() if one.name == "chat script" and one.status.code == 0)
    assert chat.kind == chat.SPAN_KIND_CLIENT
    told = {one.key: one.value for one in chat.attributes}
    assert told["gen_ai.usage.input_tokens"].int_value > 0
    assert [
        one.string_value for one in told["gen_ai.response.finish_reasons"].array_value.values
    ] == ["tool_call"]
    assert json.loads(told["gen_ai.output.messages"].string_value)[0]["role"] == "assistant"
    tool = [one for one in spans.values() if one.name == "execute_tool add" and one.status.code]
    assert tool[0].status.code == tool[0].status.STATUS_CODE_ERROR
