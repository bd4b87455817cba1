"""Where the descriptions of the service are read. Anybody may: they say nothing of any player."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import condition

from gamification.kernel.web.problems import problem_response
from gamification.schemas import openapi

JSON, YAML = "application/json", "application/vnd.oai.openapi"
MAX_AGE = 300
"""Seconds for which a copy may be used without asking; after that an ETag says whether it is still so."""


def _version(request: HttpRequest) -> str:
    return request.GET.get("version", openapi.NEWEST)


def _etag(request: HttpRequest) -> str | None:
    if _version(request) not in openapi.VERSIONS:
        return None
    form = "y" if _wants_yaml(request) else "j"
    return f'"{hashlib.blake2b(openapi.text(_version(request)), digest_size=16).hexdigest()}-{form}"'


def _wants_yaml(request: HttpRequest) -> bool:
    """JSON, unless only YAML is asked for: whoever can read YAML can read it too."""
    return not request.accepts(JSON) and (request.accepts(YAML) or request.accepts("application/yaml"))


@condition(etag_func=_etag)
def openapi_document(request: HttpRequest) -> HttpResponseBase:
    """The OpenAPI document, 3.1 or (`?version=3.0`) 3.0.3."""
    if request.method not in ("GET", "HEAD"):
        detail = f"{request.method} is not possible here."
        return problem_response(405, "method_not_allowed", detail, headers={"Allow": "GET, HEAD"})
    version = _version(request)
    if version not in openapi.VERSIONS:
        detail = f"Expected one of {', '.join(openapi.VERSIONS)}."
        errors = [{"path": "version", "code": "invalid", "detail": detail}]
        return problem_response(400, "invalid", detail, errors=errors)
    body, type_ = (openapi.yaml_text(version), YAML) if _wants_yaml(request) else (openapi.text(version), JSON)
    return HttpResponse(
        body, content_type=type_, headers={"Cache-Control": f"public, max-age={MAX_AGE}", "Vary": "Accept"}
    )
