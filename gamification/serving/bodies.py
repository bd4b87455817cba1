"""The first layer of the application: how large a body may be, whoever sends it and wherever to.

Django spools a body to disk before it looks at host, path or key. So it gets none that is too large, and each with its
length: REST framework takes a request that names none for one without a body.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from gamification.serving.refusals import BODY_TOO_LARGE

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Uploads = Callable[[Scope], Awaitable[int]]


class _TooLarge(Exception):
    """The body is larger than it may be."""


class Gone(Exception):
    """The client left before its body was whole: nobody waits for an answer."""


class Bodies:
    """Refuses bodies that are too large, and hands on the others whole, with their length."""

    def __init__(self, application: Application, *, uploads: Uploads) -> None:
        """`uploads` says how many bytes a request may bring above the usual limit; 0: no more than that limit."""
        self._application = application
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = _declared(scope)
        if declared == 0:
            await self._application(scope, receive, send)
            return
        upload = await self._uploads(scope)
        most = max(upload, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        try:
            if declared is not None and declared > most:
                raise _TooLarge
            if upload:
                await self._application(scope, _counted(receive, most), send)
                return
            body = await read(_counted(receive, most))
        except Gone:
            return
        except _TooLarge:
            await _refuse(send)
            return
        await self._application(_with_length(scope, len(body)), Replayed(body, receive), send)


def _declared(scope: Scope) -> int | None:
    """How long the body is, by the headers; None: they do not say."""
    length = 0
    for name, value in scope["headers"] if scope["type"] == "http" else ():
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length


async def read(receive: Receive) -> bytes:
    """A body that is bounded. Raises Gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _counted(receive: Receive, most: int) -> Receive:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise _TooLarge
        return message

    return counted


def _with_length(scope: Scope, length: int) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name not in (b"transfer-encoding", b"content-length")]
    return {**scope, "headers": [*kept, (b"content-length", str(length).encode())]}


class Replayed:
    """Gives a body that was read to the next reader, and after it what the server says: that the client is gone."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _refuse(send: Send) -> None:
    refusal = BODY_TOO_LARGE
    await send({"type": "http.response.start", "status": refusal.status, "headers": refusal.headers()})
    await send({"type": "http.response.body", "body": refusal.body()})
