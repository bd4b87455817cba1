"""Rate limits over HTTP: which of them a request counts against, the 429, and what answers say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from gamification.kernel.core.messages import Refused
from gamification.kernel.web import limits
from gamification.kernel.web.access import GameServer, PlayerToken, Principal
from gamification.kernel.web.limits import Limit, Verdict

BURST = 4
"""Seconds' worth of requests that a player may send at once."""
READING = {"GET", "HEAD", "OPTIONS"}


class RateLimited(Refused):
    """A caller asked for too much in too short a time."""

    code = "rate_limited"
    status = 429

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"Too many requests; try again in {verdict.wait} s.")
        self.retry_after = verdict.wait


class Limits(BaseThrottle):
    """Counts each request of whoever is known. A view says by `limited_as = {"POST": "token"}` what else counts it."""

    def allow_request(self, request: Request, view: Any) -> bool:
        verdicts: list[Verdict] = []
        request._request.rate_limits = verdicts  # type: ignore[attr-defined] # for the middleware below
        for limit, caller in _limits(request, view):
            if limit.quota:
                verdict = limits.here().take(limit, caller)
                verdicts.append(verdict)
                if verdict.wait is not None:
                    raise RateLimited(verdict)
        return True


def _limits(request: Request, view: Any) -> Iterator[tuple[Limit, str]]:
    """Each limit that the request counts against, and the caller whose requests it counts."""
    method = request.method or ""
    also = getattr(view, "limited_as", {}).get(method)
    match request.user:
        case GameServer() as server:
            yield of_key(server), server.caller
            if also == "token":
                yield limits.per_minute("token", settings.RATE_LIMIT_TOKEN), view.kwargs["player_id"][:64]
        case PlayerToken() as player:
            if method in READING:
                yield of_reading(player)
            else:
                yield limits.per_second("player-writes", settings.RATE_LIMIT_PLAYER_WRITES, BURST), player.caller
            if also == "export":
                yield limits.per_minute("export", settings.RATE_LIMIT_EXPORT), player.caller


def of_reading(caller: Principal) -> tuple[Limit, str]:
    """The limit that a read counts against, and the caller whose requests it counts."""
    if isinstance(caller, GameServer):
        return of_key(caller), caller.caller
    return limits.per_second("player-reads", settings.RATE_LIMIT_PLAYER_READS, BURST), caller.caller


def of_key(server: GameServer) -> Limit:
    own = server.key.rate_limit
    return limits.per_second("key", settings.RATE_LIMIT_KEY if own is None else own)


def headers(verdicts: list[Verdict]) -> Mapping[str, str]:
    """The headers of draft-ietf-httpapi-ratelimit-headers."""
    if not verdicts:
        return {}
    return {
        "RateLimit-Policy": ", ".join(verdict.limit.policy for verdict in verdicts),
        "RateLimit": ", ".join(verdict.state for verdict in verdicts),
    }


@sync_and_async_middleware
def say_how_much_is_left(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Every answer that was counted says against which limits."""

    def say(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, text in headers(getattr(request, "rate_limits", [])).items():
            response[name] = text
        return response

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            return say(request, await get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return say(request, get_response(request))

    return synchronous
