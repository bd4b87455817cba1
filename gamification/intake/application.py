"""Events over HTTP, as an ASGI application of its own: `POST /api/v1/events` without Django around it.

Most of what a game server does is to post one event and wait for the answer. Then Django's middleware and REST
framework cost several times as much as the event. So what is plain is answered here: a known key, JSON, no browser,
and an `Idempotency-Key` only where the events are processed in place. Whatever is not plain goes on to Django, whose
view (`views.Events`) gives the same answers by the same functions, is what the schema shows, and alone says what is
wrong with a key or a header.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from gamification import pipeline
from gamification.intake import answering, handover, in_place, keyed
from gamification.intake.answering import Response
from gamification.intake.decoding import Decoded, decode
from gamification.intake.group_commit import GroupCommit
from gamification.intake.keyed import Keyed
from gamification.kernel.core import origins, request_ids, routes, stages
from gamification.kernel.core.messages import Outcome
from gamification.kernel.storage import database_timeout, shares
from gamification.kernel.storage.claims import Asked
from gamification.kernel.web import known_keys, limiting, limits, problem_response
from gamification.kernel.web.access import GameServer, bearer, game_server
from gamification.kernel.web.content_security import restrict_content
from gamification.kernel.web.idempotency import checked, fingerprint
from gamification.kernel.web.problems import problem
from gamification.serving.bodies import Application, Gone, Receive, Scope, Send, read

log = logging.getLogger(__name__)

T = TypeVar("T")

PATH = "/api/v1/events"
SCOPE = "events:write"
LARGE_BODY = 64 * 1024
"""Bytes of a body that is read in a thread, so that others do not wait for it."""
KEY = b"idempotency-key"
PLAIN = frozenset(
    (b"authorization", b"content-type", b"host", b"accept", b"prefer", b"x-request-id", b"traceparent", KEY)
)
"""The headers that are read here. A request in which one stands twice is not plain."""
NOT_PLAIN = frozenset((b"origin", b"content-encoding", b"x-http-method-override"))
"""A request with one of these is left to Django."""


class Events:
    """Answers what is plain and hands on the rest."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._group = GroupCommit(pipeline.process_each)
        self._keys = ThreadPoolExecutor(1, "keys")
        """Looks known keys up again, on one thread: of requests with one key, the first asks the database for all."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _plain_headers(scope)
        server = await self._caller(headers) if headers is not None else None
        if headers is None or server is None or SCOPE not in server.scopes:
            await self._django(scope, receive, send)
            return
        routes.note(scope, PATH[1:])
        name = request_ids.named(headers.get(b"x-request-id", b"").decode("latin-1"))
        request_ids.current.set(name)
        origins.current.set(origins.said(name, headers.get(b"traceparent", b"").decode("latin-1")))
        try:
            body = await read(receive)
        except Gone:
            return
        verdict = await self._count(server)
        try:
            if verdict is not None and verdict.wait is not None:
                raise limiting.RateLimited(verdict)
            response: Response = await self._answer(body, headers, server)
        except Exception as failure:
            response = _failed(failure)
        shown = {**limiting.headers([verdict] if verdict is not None else []), request_ids.HEADER: name}
        await _respond(send, response, shown)

    async def _caller(self, headers: dict[bytes, bytes]) -> GameServer | None:
        """Who calls, by a key that is known already. None: Django finds out."""
        words = headers.get(b"authorization", b"").split()
        if len(words) != 2 or words[0].lower() != b"api-key" or not words[1].isascii():
            return None
        credential, now = words[1].decode(), timezone.now()
        prefix = credential.partition(".")[0]
        try:
            if (key := known_keys.at_hand(prefix, now)) is not None:
                return bearer(credential, key, now)
            if known_keys.is_known(prefix):
                return await self._in_thread(partial(game_server, credential, now))
            return None
        except AuthenticationFailed:
            return None

    async def _count(self, server: GameServer) -> limits.Verdict | None:
        """Count the request against the key's limit. None: the key has no limit."""
        limit, limiter = limiting.of_key(server), limits.here()
        if not limit.quota:
            return None
        take = partial(limiter.take, limit, server.caller)
        return await asyncio.to_thread(take) if limiter.would_ask(limit, server.caller) else take()

    async def _answer(self, body: bytes, headers: dict[bytes, bytes], server: GameServer) -> Response:
        decoded = await _judged(body, partial(decode, body, now=timezone.now()))
        stages.count_events("invalid", len(decoded.rejected))
        origin = origins.current.get()
        for _, event in decoded.good:
            event.origin = origin  # of the group that it may be committed with, each has its own
        prefer = headers.get(b"prefer", b"").decode("latin-1")
        if (key := headers.get(KEY)) is not None:
            return await self._answer_once(body, decoded, prefer, checked(key.decode("latin-1")), server)
        if (refusal := answering.refused(decoded)) is not None:
            return refusal
        waited = answering.prefers_to_wait(prefer)
        if settings.RABBITMQ_URL and not waited:
            counts = await handover.handed_over(decoded)
            if counts is not None:
                return answering.handed_over(decoded, counts)
        else:
            handover.IN_PLACE.inc()
        events = [event for _, event in decoded.good]
        outcome = await self._group.process(events) if events else Outcome()
        return answering.processed(decoded, outcome, waited=waited)

    async def _answer_once(self, body: bytes, decoded: Decoded, prefer: str, key: str, server: GameServer) -> Response:
        """The answer to a request with a key, whose events are processed in place."""
        events = [event for _, event in decoded.good]

        def respond(outcome: Outcome) -> Response:
            waited = answering.prefers_to_wait(prefer)
            return answering.refused(decoded) or answering.processed(decoded, outcome, waited=waited)

        asked = Asked(server.caller, key, await _judged(body, partial(fingerprint, "POST", PATH, body)))
        request = Keyed(asked, frozenset(event.player_id for event in events), respond)
        handover.IN_PLACE.inc()
        if len(shares.by_share(events, in_place.player_of)) < 2:
            return await self._group.answer(events, request)
        settled = await self._in_thread(partial(keyed.claim_one, request, timezone.now()))
        if settled is not None:
            return settled
        try:
            outcome = await self._group.process(events)
            return await self._in_thread(partial(keyed.keep_one, request, outcome))
        except BaseException:
            await self._in_thread(partial(keyed.let_go, [request]))
            raise

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def within_timeout() -> T:
            try:
                with database_timeout.within(settings.DB_TIMEOUT):
                    return work()
            finally:
                connection.close()  # it is seldom needed

        return await asyncio.get_running_loop().run_in_executor(self._keys, within_timeout)


def is_for_events(scope: Scope) -> bool:
    return bool(scope["path"] == PATH and scope["method"] == "POST")


async def _judged(body: bytes, judge: Callable[[], T]) -> T:
    return await asyncio.to_thread(judge) if len(body) > LARGE_BODY else judge()


def _plain_headers(scope: Scope) -> dict[bytes, bytes] | None:
    """The headers that matter; None: the request is not plain."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in PLAIN:
            if name in found:
                return None
            found[name] = value
        elif name in NOT_PLAIN:
            return None
    accepts = found.get(b"accept", b"*/*")
    is_plain = (
        not scope["query_string"]
        and found.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"application/json"
        and (b"*/*" in accepts or b"application/json" in accepts)
        and _is_host_allowed(found.get(b"host", b""), tuple(settings.ALLOWED_HOSTS))
        and not (settings.SECURE_SSL_REDIRECT and scope["scheme"] != "https")
        and not (KEY in found and _is_handed_over(found))
    )
    return found if is_plain else None


def _is_handed_over(headers: dict[bytes, bytes]) -> bool:
    """Whether events go by the broker."""
    return bool(settings.RABBITMQ_URL) and not answering.prefers_to_wait(headers.get(b"prefer", b"").decode("latin-1"))


@lru_cache(maxsize=256)
def _is_host_allowed(host: bytes, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, allowed)


def _failed(failure: Exception) -> HttpResponse:
    response = problem(failure)
    if response is None:
        log.error("a request with events failed", exc_info=failure)
        response = problem_response(500, "internal_error", "Something went wrong here. It was noted.")
    return response


async def _respond(send: Send, response: Response, more: Mapping[str, str]) -> None:
    body = response.content
    headers = [*_on_the_wire(response.items()), *_on_the_wire(more.items()), *_usual_headers()]
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _on_the_wire(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(_header_name(name), value.encode("latin-1")) for name, value in headers]


@lru_cache(maxsize=256)
def _header_name(name: str) -> bytes:
    return name.lower().encode("ascii")


@lru_cache(maxsize=1)
def _usual_headers() -> Iterable[tuple[bytes, bytes]]:
    """What Django's middleware and REST framework say with every answer at this address."""
    answered: Any = HttpResponse()
    del answered["Content-Type"]
    request = HttpRequest()
    request.META["wsgi.url_scheme"] = "https" if settings.PRODUCTION else "http"
    middleware: Any
    for middleware in (XFrameOptionsMiddleware, SecurityMiddleware, restrict_content):
        answered = middleware(lambda request, answered=answered: answered)(request)
    answered["Allow"] = "POST, OPTIONS"
    answered["Vary"] = "origin"
    return _on_the_wire(answered.items())
