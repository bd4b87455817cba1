"""Refusals that are sent before Django is called, as problem+json; the connection is closed after each."""

from __future__ import annotations

from typing import NamedTuple

from gamification.kernel.web import problem_response


class Refusal(NamedTuple):
    status: int
    code: str
    detail: str
    retry_after: int | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        response = problem_response(self.status, self.code, self.detail)
        shown = [(name.lower().encode(), value.encode()) for name, value in response.items()]
        if self.retry_after is not None:
            shown.append((b"retry-after", str(self.retry_after).encode()))
        return [*shown, (b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]

    def body(self) -> bytes:
        return problem_response(self.status, self.code, self.detail).content


BODY_TOO_LARGE = Refusal(413, "too_large", "The body is larger than this service takes.")
HEAD_TOO_LARGE = Refusal(431, "headers_too_large", "The request line and headers are 64 KiB at most.")
UNREADABLE = Refusal(400, "bad_request", "This is not an HTTP request that can be read.")
TOO_SLOW = Refusal(408, "request_timeout", "The request took too long to arrive.")
SHUTTING_DOWN = Refusal(503, "unavailable", "This process ends; another may answer.", retry_after=1)
