"""OtelSink: altar's spans as OpenTelemetry's, by its own SDK: to where you send your own.

Needs the library opentelemetry-sdk, 1.20 or newer. The spans keep their ids,
parents, times, events and status; names and attributes are those of the GenAI
conventions already (see :mod:`altar.trace`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

try:
    from opentelemetry.sdk.resources import Resource
except ModuleNotFoundError as error:
    raise ImportError(
        "altar_extras.otel needs the OpenTelemetry SDK; type: "
        'pip install "opentelemetry-sdk>=1.20" or pip install ".[otel]"'
    ) from error

from opentelemetry import trace as api
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

import altar
from altar.errors import ClosedError, ConfigurationError
from altar.trace import Parent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace.export import SpanExporter

    from altar.trace import Span

__all__ = ["OtelSink", "to_otel"]

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCHEMA = "https://opentelemetry.io/schemas/1.41.0"  # that of altar's names
_LARGEST = 1 << 63
_QUIET = "suppress_instrumentation"  # the key under which the SDK itself says so
_FLUSH_MS = 5_000


class OtelSink:
    """A sink that hands spans to OpenTelemetry: ``Tracer(OtelSink(exporter))``.

    With an ``exporter`` each batch goes to it directly, in the tracer's own
    thread, and it is shut down with the sink; ``resource`` says whose spans they
    are (else the variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES do).
    With a ``tracer_provider`` they go through its processors, under its
    resource; without either, through those of the provider that is set for the
    process. A provider is flushed at the end, and stays open.

    ``follow`` makes the span of OpenTelemetry's that is active where a root of
    altar's begins its parent, so that both stand in one trace.

    ConfigurationError for both, or where there is no provider of the SDK.
    """

    def __init__(
        self,
        exporter: SpanExporter | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        resource: Resource | None = None,
        follow: bool = True,
    ) -> None:
        if exporter is not None and tracer_provider is not None:
            raise ConfigurationError(
                "OtelSink takes exporter= or tracer_provider=, not both: a provider has exporters"
            )
        _check_exporter(exporter)
        if exporter is None:
            tracer_provider = _sdk_provider(tracer_provider)
            if resource is not None:
                raise ConfigurationError(
                    "OtelSink(resource=...): a provider has its own; type "
                    "TracerProvider(resource=...), or OtelSink(exporter=..., resource=...)"
                )
            resource = tracer_provider.resource
        self._exporter = exporter
        self._provider = tracer_provider
        self._resource = Resource.create() if resource is None else resource
        self.outer = active_parent if follow else None
        self._closed = False

    def __repr__(self) -> str:
        return f"OtelSink({type(self._exporter or self._provider).__name__})"

    def write(self, spans: Sequence[Span]) -> None:
        """Hand them on; OSError when the exporter could not deliver them."""
        if self._closed:
            raise ClosedError(f"{self!r} is closed; make another one")
        made = [to_otel(span, self._resource) for span in spans]
        token = attach(set_value(_QUIET, True))
        try:
            if self._exporter is not None:
                if self._exporter.export(made) is not SpanExportResult.SUCCESS:
                    raise OSError(f"{type(self._exporter).__name__} did not deliver {len(made)}")
            elif self._provider is not None:
                # the SDK has no public way for spans that were recorded elsewhere
                processor = self._provider._active_span_processor  # noqa: SLF001
                for span in made:
                    processor.on_end(span)
        finally:
            detach(token)

    def close(self) -> None:
        """Deliver what is left, and take no more."""
        if self._closed:
            return
        self._closed = True
        if self._exporter is not None:
            self._exporter.shutdown()
        elif self._provider is not None:
            self._provider.force_flush(_FLUSH_MS)


def active_parent() -> Parent | None:
    """The span of OpenTelemetry's that is active here, as a parent for altar's; None without."""
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    state = context.trace_state.to_header() if context.trace_state else None
    return Parent(
        context.trace_id,
        context.span_id,
        remote=context.is_remote,
        sampled=context.trace_flags.sampled,
        state=state,
    )


def to_otel(span: Span, resource: Resource) -> ReadableSpan:
    """An ended span as the SDK's own."""
    state = _state(span.state)
    parent = None
    if span.parent_id:
        parent = SpanContext(
            span.trace_id, span.parent_id, span.remote, trace_flags=_SAMPLED, trace_state=state
        )
    told = _attributes(span.attributes)
    status = Status(StatusCode.UNSET)
    if span.error is not None:
        kind, message = span.error
        told["error.type"] = _text(kind) or "_OTHER"
        status = Status(StatusCode.ERROR, _text(message) or None)
    if span.thread:
        told["thread.name"] = _text(span.thread)
    events = [
        Event(_text(name), attributes=_bound(_attributes(attributes)), timestamp=time)
        for name, time, attributes in tuple(span.events or ())
    ]
    return ReadableSpan(
        name=_text(span.name),
        context=SpanContext(
            span.trace_id, span.span_id, False, trace_flags=_SAMPLED, trace_state=state
        ),
        parent=parent,
        resource=resource,
        attributes=_bound(told),
        events=BoundedList.from_seq(None, events),
        links=BoundedList.from_seq(None, ()),
        kind=SpanKind.CLIENT if span.kind == "model" else SpanKind.INTERNAL,
        status=status,
        start_time=span.started,
        end_time=span.ended,
        instrumentation_scope=_SCOPE,
    )


_SCOPE = InstrumentationScope("altar", altar.__version__, _SCHEMA)


def _check_exporter(exporter: object) -> None:
    if isinstance(exporter, type):
        name = exporter.__name__
        raise ConfigurationError(
            f"OtelSink(exporter={name}) is a class; make one of it: type OtelSink({name}())"
        )
    if isinstance(exporter, TracerProvider):
        raise ConfigurationError(
            "OtelSink(exporter=...) is a TracerProvider; type OtelSink(tracer_provider=...)"
        )
    if exporter is not None and not callable(getattr(exporter, "export", None)):
        raise ConfigurationError(
            f"OtelSink(exporter={exporter!r:.60}): an opentelemetry SpanExporter; type "
            "OtelSink(opentelemetry.sdk.trace.export.ConsoleSpanExporter())"
        )


def _sdk_provider(given: TracerProvider | None) -> TracerProvider:
    provider = api.get_tracer_provider() if given is None else given
    if not isinstance(provider, TracerProvider):
        raise ConfigurationError(
            f"OtelSink: {type(provider).__name__} is no opentelemetry.sdk.trace.TracerProvider; "
            "set one, opentelemetry.trace.set_tracer_provider(TracerProvider()), or type "
            "OtelSink(exporter=...)"
        )
    return provider


def _state(header: str | None) -> TraceState | None:
    return TraceState.from_header([header]) if header else None


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """What OpenTelemetry takes: plain values and lists of one kind; the rest as JSON text."""
    told: dict[str, Any] = {}
    for name, value in tuple((attributes or {}).items()):
        if value is not None:
            told[_text(name)] = _value(value)
    return told


def _bound(told: dict[str, Any]) -> BoundedAttributes:
    """As the SDK keeps them: exporters ask it how many it dropped."""
    return BoundedAttributes(attributes=told)


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value < _LARGEST else str(value)
    if isinstance(value, (list, tuple)):
        kinds = {type(one) for one in value}
        if len(kinds) == 1 and kinds <= {str, bool, float}:
            return tuple([_value(one) for one in value])
    try:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def _text(value: object) -> str:
    """Text that can be written as UTF-8."""
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
