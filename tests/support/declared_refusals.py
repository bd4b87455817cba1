"""Every refusal that any test meets has to be one that the OpenAPI document names for its operation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from gamification.schemas import openapi
from gamification.schemas.refusals import refusals_of

Met = tuple[str, str, int, str]
"""Path as the document writes it, method, status, code."""

OF_ANY_ADDRESS = {"internal_error", "method_not_allowed", "throttled"}
"""A fault, a method that the document has not, and what a test itself throttles by."""

_seen: set[Met] = set()
_new: set[Met] = set()


@sync_and_async_middleware
def note(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """A middleware that notes what is refused."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            return _noted(request, await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return _noted(request, get_response(request))

    return synchronous


def _noted(request: HttpRequest, response: Any) -> HttpResponseBase:
    if response.get("Content-Type") == "application/problem+json" and request.resolver_match is not None:
        method = "GET" if request.method == "HEAD" else request.method or ""
        met = (request.resolver_match.route, method, response.status_code, json.loads(response.content)["code"])
        if met not in _seen:
            _seen.add(met)
            _new.add(met)
    answer: HttpResponseBase = response
    return answer


def undeclared() -> list[Met]:
    """What was met since this was asked last, and is not declared."""
    found = []
    while _new:
        route, method, status, code = _new.pop()
        path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
        if path.startswith("/api/v1/") and code not in OF_ANY_ADDRESS:
            operation = _document()["paths"].get(path, {}).get(method.lower())
            if operation is not None and code not in refusals_of(operation, path).get(status, ()):
                found.append((path, method, status, code))
    return found


@cache
def _document() -> dict[str, Any]:
    return openapi.document()
