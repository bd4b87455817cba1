"""Refusals and failures as RFC 9457 `application/problem+json`: `{type, title, status, detail, code, errors?}`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions

from gamification.kernel.core.encoding import dumps
from gamification.kernel.core.messages import Refused
from gamification.kernel.web.strict_fields import flatten, summary

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

MAX_ERRORS = 100
"""Errors in one answer. A body of a megabyte can hold 100,000 mistakes, and naming all would take ten megabytes."""

_BROWSED = ("/admin/", "/static/")
"""Paths for people, who get Django's own error pages."""


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = list(errors)[:MAX_ERRORS]
    return HttpResponse(dumps(body), status=status, content_type=CONTENT_TYPE, headers=headers)


def too_large() -> HttpResponse:
    return problem_response(413, "too_large", "The body is larger than this service takes.")


def problem(exc: Exception, context: Mapping[str, Any] | None = None) -> HttpResponse | None:
    """What REST framework calls with whatever a view raised; None (a 500) for what nobody foresaw."""
    if isinstance(exc, Refused):
        return _refused(exc)
    if isinstance(exc, exceptions.APIException):
        return _api_exception(exc)
    if isinstance(exc, RequestDataTooBig):
        return too_large()
    if isinstance(exc, Http404):
        return problem_response(404, "not_found", "There is nothing here.")
    if isinstance(exc, PermissionDenied):
        return problem_response(403, "permission_denied", "You may not do this.")
    if isinstance(exc, ModelValidationError):
        return _invalid(list(_model_errors(exc)))
    if isinstance(exc, SuspiciousOperation | BadRequest):
        return problem_response(400, "bad_request", "The request makes no sense.")
    if isinstance(exc, UnreadablePostError):
        return problem_response(400, "unreadable_body", "The body ended before it was complete.")
    if isinstance(exc, DataError | OverflowError):
        # A value that no column can hold (a NUL, a number beyond 64 bits): a parser of ours should have said so.
        log.error("the database refused a value", exc_info=exc)
        return problem_response(400, "invalid", "A value is out of range.")
    if isinstance(exc, OperationalError | InterfaceError):
        return _unavailable(exc)
    return None


def _unavailable(exc: BaseException) -> HttpResponse:
    """The database is away, busy or broken off."""
    log.warning("the database is not available", exc_info=exc)
    return problem_response(503, "unavailable", "Try again in a moment.", headers={"Retry-After": "1"})


def _refused(exc: Refused) -> HttpResponse:
    wait = getattr(exc, "retry_after", None)
    headers = None if wait is None else {"Retry-After": str(wait)}
    return problem_response(exc.status, exc.code, exc.detail, errors=exc.errors, headers=headers)


def _api_exception(exc: exceptions.APIException) -> HttpResponse:
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(list(flatten(exc.detail)))
    status, headers = exc.status_code, {}
    if status in (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.NOT_ACCEPTABLE):
        status = 400  # the contract's "else 400"
    if header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(exc, exceptions.Throttled):
        headers["Retry-After"] = str(int(getattr(exc, "wait", None) or 1))
    codes = "bad_json" if isinstance(exc, exceptions.ParseError) else exc.get_codes()
    code = codes if isinstance(codes, str) else "refused"
    detail = exc.detail if isinstance(exc.detail, str) else HTTPStatus(status).phrase
    return problem_response(status, code, str(detail), headers=headers)


def _invalid(errors: list[dict[str, str]]) -> HttpResponse:
    return problem_response(400, "invalid", summary(errors) if errors else "The request is not valid.", errors=errors)


def _model_errors(exc: ModelValidationError) -> Iterator[dict[str, str]]:
    named = exc.error_dict.items() if hasattr(exc, "error_dict") else [("__all__", exc.error_list)]
    for name, errors in named:
        for error in errors:
            path = "" if name == "__all__" else name
            yield {"path": path, "code": error.code or "invalid", "detail": " ".join(error.messages)}


# -- outside REST framework: URLs nobody serves, requests nobody can read, and our own mistakes ------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(_BROWSED):
        return defaults.bad_request(request, exception)
    return problem(exception) or problem_response(400, "bad_request", "The request makes no sense.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(_BROWSED):
        return defaults.permission_denied(request, exception)
    return problem_response(403, "permission_denied", "You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(_BROWSED):
        return defaults.page_not_found(request, exception)
    return problem_response(404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    failure = sys.exc_info()[1]
    is_away = isinstance(failure, OperationalError | InterfaceError)
    if request.path.startswith(_BROWSED):
        response: HttpResponse = defaults.server_error(request)
        response.status_code = 503 if is_away else 500
        return response
    if is_away and failure:
        return _unavailable(failure)
    return problem_response(500, "internal_error", "Something went wrong here. It was noted.")
