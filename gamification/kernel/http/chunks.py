"""Bodies that come in chunks, without saying how long they are."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gamification.kernel.http.problems import too_large


def chunked_bodies(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: such a body is read here and given its length. REST framework takes a request without a
    Content-Length for one without a body, and Django would not hold it to DATA_UPLOAD_MAX_MEMORY_SIZE."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "Transfer-Encoding" in request.headers and not request.META.get("CONTENT_LENGTH"):
            most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            body = request.read(most + 1)
            if len(body) > most:
                return too_large()
            request._body, request._stream = body, BytesIO(body)  # as reading `body` leaves them
            request.META["CONTENT_LENGTH"] = str(len(body))
        return get_response(request)

    return middleware
