"""Every answer names its request: by the caller's own `X-Request-ID`, or by a new id. And its route is noted, for
whoever counts requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from gamification.kernel.core import origins, routes
from gamification.kernel.core.request_ids import HEADER, current, named


@sync_and_async_middleware
def name_request(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):
        wait: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            id_ = _named(request)
            response = await wait(request)
            response.headers[HEADER] = id_
            _note_route(request)
            return response

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        id_ = _named(request)
        response: HttpResponseBase = get_response(request)
        response.headers[HEADER] = id_
        _note_route(request)
        return response

    return answer


def _named(request: HttpRequest) -> str:
    current.set(id_ := named(request.headers.get(HEADER, "")))
    origins.current.set(origins.said(id_, request.headers.get("traceparent")))
    return id_


def _note_route(request: HttpRequest) -> None:
    if request.resolver_match is not None:
        routes.note(getattr(request, "scope", {}), request.resolver_match.route)
