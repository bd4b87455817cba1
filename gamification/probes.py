"""What looks after the service: is the process alive, has it what it needs, what does it count."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps

import prometheus_client
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from gamification.intake import door
from gamification.kernel import broker
from gamification.kernel.http import problem_response

log = logging.getLogger(__name__)

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
    missing = []
    for name, check in (("database", _database), ("migrations", _migrations), ("cache", _cache)):
        try:
            check()
        except Exception as failure:  # whatever it is, this process cannot serve
            log.warning("not ready: %s", name, exc_info=failure)
            missing.append({"path": name, "code": "not_ready", "detail": f"The {name} cannot be used."})
            break  # the later ones build on the earlier ones
    if missing:
        return problem_response(503, "not_ready", missing[0]["detail"], errors=missing, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ok"} | _broker())


@read_only
def counts(request: HttpRequest) -> HttpResponse:
    return HttpResponse(prometheus_client.generate_latest(), content_type=prometheus_client.CONTENT_TYPE_LATEST)


def _broker() -> dict[str, str]:
    """How it stands with the broker. Without it the service does what it is there for, in place: it stays ready."""
    if not settings.RABBITMQ_URL:
        return {}
    why = door.fallback()
    state = {"broker": broker.publisher().state.value}
    return state | {"status": "degraded", "detail": f"Events are processed in place: {why}."} if why else state


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
        _migrated = True


def _cache() -> None:
    cache.set("readyz", "ok", timeout=10)
    if cache.get("readyz") != "ok":
        raise RuntimeError("the cache does not keep what it is given")
