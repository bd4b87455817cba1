"""Which requests to the console may bring a larger body than others. It is asked before the body is read."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest, parse_cookie

MAX_UPLOAD = 16 * 1024 * 1024
PAGES = {"/admin/packs/"}
"""The paths that take larger bodies."""


async def allowed(scope: dict[str, Any]) -> int:
    """How many bytes this request may bring; 0: the usual limit."""
    if scope["path"] not in PAGES or not await sync_to_async(_is_staff)(scope):
        return 0
    return MAX_UPLOAD


def _is_staff(scope: dict[str, Any]) -> bool:
    request = HttpRequest()
    header = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    request.COOKIES = parse_cookie(header.decode("latin-1"))
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    try:
        user = get_user(request)
        return user.is_active and bool(getattr(user, "is_staff", False))
    finally:
        connection.close()  # this thread is no request's, so nobody else would
