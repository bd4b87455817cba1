"""`Idempotency-Key`: a POST that is sent again gets its first answer again, and takes effect once.

The key is claimed first, in a short transaction of its own; then the work and its answer are committed together
(`kernel.storage.claims`).

Refusals and failures are not kept: a state that refused today may grant tomorrow.

With an answer it is kept whom it is about, so that erasing a player deletes the answers to and about them and no other.
The answer to a batch goes whole: whoever repeats that one changes nothing, since its events have their own identities.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar, overload

from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.messages import Invalid
from gamification.kernel.models import IdempotencyKey
from gamification.kernel.storage import claims
from gamification.kernel.storage.claims import HEADER, Answer, Asked
from gamification.kernel.web.access import PlayerToken, concerned, principal
from gamification.kernel.web.parsing import BadJson, strict_json
from gamification.kernel.web.rendering import Renderer

_VISIBLE_ASCII = re.compile(r"[!-~]{1,255}")

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
First = Callable[[Any, Request], HttpResponseBase | None]


class KeyRequired(Invalid):
    code = "idempotency_key_required"


@overload
def idempotent(view: View) -> View: ...
@overload
def idempotent(*, required: bool = False, first: First | None = None) -> Callable[[View], View]: ...
def idempotent(
    view: View | None = None, *, required: bool = False, first: First | None = None
) -> View | Callable[[View], View]:
    """Decorates a view's `post`. The view runs in a transaction that commits with its answer: what it leaves to
    `transaction.on_commit` happens when that has succeeded. `required`: refused without a key. `first` may answer in
    the view's stead, before that transaction begins: what waits for another server would keep it open."""
    if view is None:
        return lambda method: _decorated(method, required, first)
    return _decorated(view, required, first)


def _decorated(method: View, required: bool, first: First | None) -> View:
    @wraps(method)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = idempotency_key(request)
        if key is None:
            if required:
                detail = f"This needs an {HEADER} header: without one it could take effect twice."
                raise KeyRequired(detail, [{"path": HEADER, "code": "required", "detail": detail}])
            response = first(self, request) if first is not None else None
            return method(self, request, *args, **kwargs) if response is None else response
        caller = principal(request)
        body = request._request.body
        asked = Asked(caller.caller, key, fingerprint(request.method or "", request.get_full_path(), body))
        claim = claims.claim(asked, timezone.now())
        if claim.status is not None:
            return replay(claim)
        try:
            response = first(self, request) if first is not None else None
            with transaction.atomic():
                if response is None:
                    response = method(self, request, *args, **kwargs)
                about = concerned(request)
                if isinstance(caller, PlayerToken):
                    about.add(caller.player_id)
                claims.keep_each([(claim, Answer(response.status_code, _text(response), about))])
        except BaseException:
            claims.let_go([claim])
            raise
        return response

    wrapper.needs_key = required  # type: ignore[attr-defined] # read by the schema
    return wrapper  # type: ignore[return-value]


def idempotency_key(request: Request) -> str | None:
    """The key that came with a request; refused when it is not 1 to 255 visible ASCII characters."""
    key = request.headers.get(HEADER)
    return key if key is None else checked(key)


def checked(key: str) -> str:
    """The same for what the header says."""
    if not _VISIBLE_ASCII.fullmatch(key):
        detail = f"An {HEADER} is 1 to 255 visible ASCII characters."
        raise Invalid(detail, [{"path": HEADER, "code": "invalid", "detail": detail}])
    return key


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What tells a request from another: the same JSON is the same, however it is spaced and ordered."""
    with suppress(BadJson):
        body = canonical(strict_json(body))
    return hashlib.sha256(f"{method}\0{path}\0".encode() + body).hexdigest()


def replay(claim: IdempotencyKey) -> HttpResponse:
    """The first answer again."""
    return HttpResponse(
        claim.body,
        status=claim.status,
        content_type="application/json",
        headers={"Idempotent-Replayed": "true"},
    )


def _text(response: HttpResponseBase) -> str:
    if isinstance(response, Response):
        return "" if response.data is None else Renderer().render(response.data).decode()
    return str(getattr(response, "content", b"").decode())
