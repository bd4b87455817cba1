"""Spans reach a collector by OTLP, in the caller's trace, and facts are found in them. Without one nothing is made."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import httpx
import pytest
from django.conf import settings as configured
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_django import Settings

from gamification.asgi import application
from gamification.intake.decoding import decode
from gamification.intake.worker import count
from gamification.kernel.core.encoding import dumps
from gamification.kernel.core.origins import Origin
from gamification.kernel.models import OutboxFact
from gamification.kernel.web.access import create_key
from gamification.serving import tracing
from tests.support.content import achievement, metric, publish, requirement

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
KILL = {"id": "e", "type": "enemy.killed", "data": {}, "timestamp": "2026-05-01T12:00:00Z"}


class Collector(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receives)
        self.spans: list[Any] = []
        self.names: set[str] = set()


class _Receives(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector = cast(Collector, self.server)
        assert self.path == "/v1/traces"
        request = ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        for of_resource in request.resource_spans:
            collector.names |= {
                a.value.string_value for a in of_resource.resource.attributes if a.key == "service.name"
            }
            for of_scope in of_resource.scope_spans:
                collector.spans += of_scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector(settings: Settings) -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{server.server_port}"
    settings.OTEL_SERVICE_NAME = "the game"
    yield server
    tracing.stop()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_request_is_a_span_of_its_callers_trace_and_its_facts_are_found_by_it(collector: Collector) -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    headers = {"Authorization": f"Api-Key {create_key('game', ['events:write'])[1]}"}

    async def play() -> None:
        transport = httpx.ASGITransport(cast(Any, application))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            for player in ("ann", "bob"):  # by Django first, and then, as the key is known, without
                said = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}
                answer = await client.post("/api/v1/events", json=KILL | {"player_id": player}, headers=said)
                assert answer.status_code == 200

    asyncio.run(play())
    tracing.stop()
    assert collector.names == {"the game"}
    assert {span.name for span in collector.spans} == {"POST /api/v1/events"}
    assert {(span.trace_id.hex(), span.parent_span_id.hex()) for span in collector.spans} == {(TRACE_ID, CALLER)}
    ours = {f"00-{TRACE_ID}-{span.span_id.hex()}-01" for span in collector.spans}
    assert set(OutboxFact.objects.values_list("traceparent", flat=True)) == ours
    assert len(ours) == 2


@pytest.mark.django_db
def test_a_workers_batch_is_a_span_that_links_to_the_requests_of_its_events(collector: Collector) -> None:
    events = [event for _, event in decode(dumps(KILL | {"player_id": "ann"}).encode(), now=timezone.now()).good]
    for each in events:
        each.origin = Origin("r-1", f"00-{TRACE_ID}-{CALLER}-01")
    count(events)
    tracing.stop()
    [span] = collector.spans
    assert span.name == "process batch"
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in span.links] == [(TRACE_ID, CALLER)]


def test_where_opentelemetry_is_switched_off_requests_and_batches_go_on(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    said: list[list[tuple[bytes, bytes]]] = [[], [(b"traceparent", f"00-{TRACE_ID}-{CALLER}-01".encode())]]
    for headers in said:
        span = tracing.RequestSpan({"type": "http", "method": "GET", "headers": headers})
        assert span.scope["headers"] == headers
        span.end("/healthz", 200)
    with tracing.batch([]):
        pass
    tracing.stop()
    assert collector.spans == []


def test_a_service_that_traces_nothing_imports_nothing_of_it() -> None:
    # Of its API: a client of another server may try whether it is there.
    program = (
        "import sys, gamification.asgi, gamification.intake.worker; print('opentelemetry.sdk.trace' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=configured.BASE_DIR, capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["False"]
