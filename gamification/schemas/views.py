"""Where the descriptions of the service are read. Anybody may: they say nothing of any player."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import condition

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.web.problems import problem_response
from gamification.schemas import asyncapi, fact_shapes, openapi

JSON, YAML = "application/json", "application/vnd.oai.openapi"
MAX_AGE = 300
"""Seconds for which a copy may be used without asking; after that an ETag says whether it is still so."""


HEADERS = {"Cache-Control": f"public, max-age={MAX_AGE}"}

View = Callable[..., HttpResponseBase]


def read_only(view: View) -> View:
    @wraps(view)
    def wrapper(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponseBase:
        if request.method in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        detail = f"{request.method} is not possible here."
        return problem_response(405, "method_not_allowed", detail, headers={"Allow": "GET, HEAD"})

    return wrapper


def _version(request: HttpRequest) -> str:
    return request.GET.get("version", openapi.NEWEST)


def _etag(request: HttpRequest) -> str | None:
    if _version(request) not in openapi.VERSIONS:
        return None
    form = "y" if _wants_yaml(request) else "j"
    return f'"{_digest(openapi.text(_version(request)))}-{form}"'


def _etag_of_asyncapi(request: HttpRequest) -> str:
    return f'"{_digest(asyncapi.text_of_document())}"'


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _wants_yaml(request: HttpRequest) -> bool:
    """JSON, unless only YAML is asked for: whoever can read YAML can read it too."""
    return not request.accepts(JSON) and (request.accepts(YAML) or request.accepts("application/yaml"))


@read_only
@condition(etag_func=_etag)
def openapi_document(request: HttpRequest) -> HttpResponseBase:
    """The OpenAPI document, 3.1 or (`?version=3.0`) 3.0.3."""
    version = _version(request)
    if version not in openapi.VERSIONS:
        detail = f"Expected one of {', '.join(openapi.VERSIONS)}."
        errors = [{"path": "version", "code": "invalid", "detail": detail}]
        return problem_response(400, "invalid", detail, errors=errors)
    body, type_ = (openapi.yaml_text(version), YAML) if _wants_yaml(request) else (openapi.text(version), JSON)
    return HttpResponse(body, content_type=type_, headers={**HEADERS, "Vary": "Accept"})


@read_only
@condition(etag_func=_etag_of_asyncapi)
def asyncapi_document(request: HttpRequest) -> HttpResponseBase:
    """The AsyncAPI document: RabbitMQ, and players' WebSockets."""
    return HttpResponse(asyncapi.text_of_document(), content_type=JSON, headers=HEADERS)


@read_only
def fact_schema(request: HttpRequest, type_: str) -> HttpResponseBase:
    """The JSON Schema of the data of one type of fact: where its `dataschema` points."""
    if type_ not in set(FactType):
        return problem_response(404, "not_found", "There is no such type of fact.")
    schema = {"$id": request.build_absolute_uri(request.path), **fact_shapes.data_schema(FactType(type_))}
    return JsonResponse(schema, content_type="application/schema+json", headers=HEADERS)
