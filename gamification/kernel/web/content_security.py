"""The Content-Security-Policy of every answer: a page runs the scripts and styles of this service and no others.

No script, handler or style may stand in a page itself, so a text that reaches a page unescaped stays a text. A view
whose page needs something else (the player's page connects to the feed's port) sets its own header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "Content-Security-Policy"
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",  # Swagger's stylesheet holds its arrows
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


@sync_and_async_middleware
def restrict_content(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Every answer that says nothing else says POLICY."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            return _restricted(await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return _restricted(get_response(request))

    return synchronous


def _restricted(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault(HEADER, POLICY)
    return response
