"""A request's share: what a view names while it answers is forgotten at its end."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from gamification.kernel.storage import shares

Answer = Callable[[HttpRequest], HttpResponseBase]


def named_for_one_request(get_response: Answer) -> Answer:
    """Middleware, the innermost: with one share there is none."""
    if settings.SHARES == 1:
        raise MiddlewareNotUsed

    def answer(request: HttpRequest) -> HttpResponseBase:
        with shares.within(None):
            return get_response(request)

    return answer
