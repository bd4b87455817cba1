"""How long requests take, by route, method and class of status, for `/metrics`. The outermost layer of the application.

A route is the pattern of the address and never the address itself: there are as many as the service has, whatever
anybody asks for.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import prometheus_client

from gamification.kernel.core import routes
from gamification.serving import tracing
from gamification.serving.bodies import Application, Message, Receive, Scope, Send

_SECONDS = prometheus_client.Histogram(
    "gamification_http_request_seconds",
    "Seconds from the head of a request to the end of its answer",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Any other is shown as `other`: a client may write what it likes there."""
UNANSWERED = "none"
"""The class of status of a request whose client left before there was an answer."""

_known: dict[tuple[str, str, int], Any] = {}
"""Looking a label up costs more than counting."""


class Timed:
    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        began, status = perf_counter(), 0
        scope.setdefault("state", {})
        span = tracing.RequestSpan(scope) if tracing.is_on() else None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope if span is None else span.scope, receive, noted)
        finally:
            if span is not None:
                span.end(routes.of(scope), status)
            _observe(routes.of(scope), scope["method"], status, perf_counter() - began)


def _observe(route: str, method: str, status: int, seconds: float) -> None:
    key = route, method if method in METHODS else "other", status // 100
    counted = _known.get(key)
    if counted is None:
        counted = _known[key] = _SECONDS.labels(*key[:2], f"{key[2]}xx" if key[2] else UNANSWERED)
    counted.observe(seconds)
