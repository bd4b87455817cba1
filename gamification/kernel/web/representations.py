"""How a read's answer travels: with an ETag by which a client asks whether it has changed, and compressed.

The tag is strong: a hash of the body, so it differs wherever a byte does, also from one caller to another. Each request
counts against its limits, and is worked out, unless `gamification.serving.remembered` knows that nothing has changed.

Compressing is safe here (BREACH): an attacker who can make a victim's client ask, and watch how long the answers are,
needs something secret in an answer beside what the request said. What is secret (a token, a key) is only ever answered
to POST, and no browser adds an API's `Authorization` by itself.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.http import parse_etags

PREFIX = "/api/v1/"
WORTH_COMPRESSING = 1024
"""Bytes of a body below which compressing saves no packet."""
LEVEL = 3
"""Of gzip: a list shrinks to a tenth, and to hardly less at a level that takes three times as long."""
ASK_EACH_TIME = "private, no-cache"
"""For the caller's own cache, which is to ask each time whether it is still so."""


@sync_and_async_middleware
def travels_light(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Gives reads of the API an ETag, answers 304 to who has it, and compresses what is large."""
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            return _represented(request, await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return _represented(request, get_response(request))

    return synchronous


def _represented(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    is_read = request.method in ("GET", "HEAD") and request.path.startswith(PREFIX) and response.status_code == 200
    if not is_read or not isinstance(response, HttpResponse) or "Cache-Control" in response:
        return response
    body = response.content
    is_compressed = len(body) > WORTH_COMPRESSING and _accepts_gzip(request.headers.get("Accept-Encoding", ""))
    # Each encoding is a representation with a tag of its own, which is known before anything is compressed.
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}{"-gzip" if is_compressed else ""}"'
    response["ETag"] = tag
    response["Cache-Control"] = ASK_EACH_TIME
    patch_vary_headers(response, ("Authorization", "Accept-Encoding"))
    if is_named(request.headers.get("If-None-Match", ""), tag):
        response.status_code = 304
        response.content = b""
        for name in ("Content-Type", "Content-Length"):
            del response[name]
    elif is_compressed:
        response.content = gzip.compress(body, LEVEL, mtime=0)
        response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(len(response.content))
    return response


def is_named(if_none_match: str, tag: str) -> bool:
    """Whether the client names this tag, or any. A `W/` makes no difference to whether it has changed (RFC 9110)."""
    named = parse_etags(if_none_match)
    return "*" in named or tag in (name.removeprefix("W/") for name in named)


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is among the encodings, or any is, and is not given the weight 0."""
    found = None
    for each in accept_encoding.lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() in ("gzip", "*") and (name.strip() == "gzip" or found is None):
            found = weight.replace(" ", "").rstrip("0.") not in ("q=", "q")
    return bool(found)
