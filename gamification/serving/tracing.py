"""Spans for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set. Without it nothing of it is imported.

Each request over HTTP is a span, and each batch of a worker, which links to the requests of its events. A request goes
on with its own span as its `traceparent`, in place of the caller's: so what follows from it, through RabbitMQ to the
facts, is found in its trace, and nothing else has to know of spans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.conf import settings

from gamification.kernel.core.messages import GameEvent
from gamification.kernel.core.one_a_process import OneAProcess
from gamification.serving.bodies import Scope

HEADER = b"traceparent"
MOST_LINKS = 128
"""OpenTelemetry's own limit of links a span."""


class Tracer:
    def __init__(self) -> None:
        self.trace = import_module("opentelemetry.trace")
        self.context = import_module("opentelemetry.trace.propagation.tracecontext").TraceContextTextMapPropagator()
        sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
        exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter
        resource = import_module("opentelemetry.sdk.resources").Resource.create(
            {"service.name": settings.OTEL_SERVICE_NAME}
        )
        endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip("/") + "/v1/traces"
        self.provider = sdk.TracerProvider(resource=resource, shutdown_on_exit=False)
        self.provider.add_span_processor(export.BatchSpanProcessor(exporter(endpoint=endpoint)))
        self.tracer = self.provider.get_tracer("gamification")

    def end(self) -> None:
        """Send what is left."""
        self.provider.shutdown()


_one = OneAProcess(Tracer, end=Tracer.end)
stop = _one.stop


def is_on() -> bool:
    return bool(settings.OTEL_EXPORTER_OTLP_ENDPOINT)


class RequestSpan:
    """The span of a request that begins now. `scope` is its scope from here on."""

    def __init__(self, scope: Scope) -> None:
        self._tracer = _one()
        said = next((value for name, value in scope["headers"] if name == HEADER), b"").decode("latin-1")
        parent = self._tracer.context.extract({"traceparent": said})
        self._span = self._tracer.tracer.start_span(
            scope["method"],
            context=parent,
            kind=self._tracer.trace.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},  # not the path, which names players
        )
        carrier: dict[str, str] = {}
        self._tracer.context.inject(carrier, self._tracer.trace.set_span_in_context(self._span))
        self.scope = scope
        if "traceparent" in carrier:  # not where OTEL_SDK_DISABLED has spans that are none
            kept = [(name, value) for name, value in scope["headers"] if name != HEADER]
            self.scope = {**scope, "headers": [*kept, (HEADER, carrier["traceparent"].encode())]}

    def end(self, route: str, status: int) -> None:
        self._span.update_name(f"{self.scope['method']} {route}")
        self._span.set_attribute("http.route", route)
        if status:
            self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(self._tracer.trace.StatusCode.ERROR)
        self._span.end()


@contextmanager
def batch(events: Sequence[GameEvent]) -> Iterator[None]:
    """The span of a worker's batch, where spans are made."""
    if not is_on():
        yield
        return
    tracer = _one()
    traces = dict.fromkeys(event.origin.traceparent for event in events if event.origin and event.origin.traceparent)
    contexts: list[Any] = [
        tracer.trace.get_current_span(tracer.context.extract({"traceparent": each})).get_span_context()
        for each in list(traces)[:MOST_LINKS]
    ]
    with tracer.tracer.start_as_current_span(
        "process batch",
        kind=tracer.trace.SpanKind.CONSUMER,
        links=[tracer.trace.Link(each) for each in contexts],
        attributes={"messaging.batch.message_count": len(events), "messaging.system": "rabbitmq"},
    ):
        yield
