"""What monitoring asks: whether the process is alive, whether it has what it needs, and what it counts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import wraps

import prometheus_client
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from gamification.intake import backlog, handover
from gamification.kernel.messaging import broker, followers
from gamification.kernel.storage import disk, share_schemas
from gamification.kernel.web import problem_response
from gamification.monitoring.deployment import DEPLOYMENT
from gamification.serving import counting

log = logging.getLogger(__name__)

DISK_CHECK_INTERVAL = 5.0
"""Seconds for which the answer of a trial write is good."""

View = Callable[[HttpRequest], HttpResponse]


def read_only(view: View) -> View:
    @wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            detail = f"{request.method} is not possible here."
            return problem_response(405, "method_not_allowed", detail, headers={"Allow": "GET, HEAD"})
        return view(request)

    return csrf_exempt(wrapper)


@read_only
def alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@read_only
def ready(request: HttpRequest) -> HttpResponse:
    """503 where this process cannot serve; 200 and "degraded" where it can, though something is amiss."""
    for name, check in NEEDED:
        try:
            check()
        except Exception as failure:  # whatever it is, this process cannot serve
            log.warning("not ready: %s", name, exc_info=failure)
            detail = f"The {name} cannot be used."
            missing = [{"path": name, "code": "not_ready", "detail": detail}]
            return problem_response(503, "not_ready", detail, errors=missing, headers={"Retry-After": "5"})
    answer = {"status": "ok"}
    details = []
    for name, check_wanted in WANTED:
        state, detail = check_wanted()
        if state:
            answer[name] = state
        if detail:
            details.append(detail)
    if details:
        answer |= {"status": "degraded", "detail": " ".join(details)}
        log.warning("degraded: %s", answer["detail"])
    return JsonResponse(answer)


@read_only
def counts(request: HttpRequest) -> HttpResponse:
    return HttpResponse(counting.shown(DEPLOYMENT), content_type=prometheus_client.CONTENT_TYPE_LATEST)


# -- what a process needs, in this order: the later ones build on the earlier ones -------------------------------------


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


_migrated = False


def _migrations() -> None:
    global _migrated  # they do not go away again while a process runs: read once
    if not _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise RuntimeError("migrations are missing")
        if behind := share_schemas.unmigrated():
            raise RuntimeError(f"migrations are missing in share {behind[0]}")
        _migrated = True


_last_write: tuple[float, Exception | None] = (float("-inf"), None)


def _disk() -> None:
    global _last_write
    at, problem = _last_write
    if time.monotonic() - at >= DISK_CHECK_INTERVAL:
        try:
            disk.try_to_write()
            problem = None
        except Exception as failure:
            problem = failure
        _last_write = time.monotonic(), problem
    if problem is not None:
        raise problem


NEEDED: list[tuple[str, Callable[[], None]]] = [
    ("database", _database),
    ("migrations", _migrations),
    ("disk", _disk),
]


# -- what a process can do without: each says its state, and what follows from it --------------------------------------


def _broker() -> tuple[str, str]:
    """Without it events are processed in place."""
    if not settings.RABBITMQ_URL:
        return "", ""
    why = handover.fallback()
    return broker.publisher().state.value, f"Events are processed in place: {why}." if why else ""


def _workers() -> tuple[str, str]:
    """Without them events wait in RabbitMQ."""
    trouble = backlog.trouble()
    return "behind" if trouble else "", trouble


def _followers() -> tuple[str, str]:
    """One that was too slow has missed facts, which are no longer kept."""
    missed = followers.missed()
    return "behind" if missed else "", " ".join(f"{each[0].upper()}{each[1:]}." for each in missed)


def _cache() -> tuple[str, str]:
    """Without it nodes hear no hints, and look into the database for new messages."""
    try:
        cache.set("readyz", "ok", timeout=10)
        if cache.get("readyz") == "ok":
            return "", ""
        return "down", "The cache does not keep what it is given."
    except Exception as failure:
        return "down", f"The cache does not answer ({type(failure).__name__}): messages reach sockets later."


WANTED: list[tuple[str, Callable[[], tuple[str, str]]]] = [
    ("broker", _broker),
    ("workers", _workers),
    ("followers", _followers),
    ("cache", _cache),
]
