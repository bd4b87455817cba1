"""With ENABLE_ANALYTICS=false there is no route, no page and no figure."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import clear_url_caches
from django.utils import timezone

import gamification.urls
from gamification import pipeline
from gamification.analytics import following, lately, sinking
from gamification.analytics.models import Activity, Hour, RollUp
from gamification.console.analytics_pages import QUESTIONS
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import FollowerMark
from gamification.schemas import openapi
from tests.support import game
from tests.support.callers import assert_problem, game_server
from tests.support.content import NOON, achievement, metric, publish, requirement

pytestmark = pytest.mark.django_db


@pytest.fixture
def switched_off(settings: LazySettings) -> Iterator[None]:
    """The service as it starts with that setting."""
    settings.ENABLE_ANALYTICS, settings.ANALYTICS_SINK_URL = False, "http://127.0.0.1:9/"
    _begin_anew()
    yield
    settings.ENABLE_ANALYTICS = True
    _begin_anew()


def _begin_anew() -> None:
    """What a process works out once, of its settings."""
    importlib.reload(gamification.urls)
    clear_url_caches()
    for worked_out in (openapi._text, openapi._yaml):
        worked_out.cache_clear()


@pytest.mark.usefixtures("switched_off")
def test_switched_off_nothing_is_answered_shown_or_counted(client: Client) -> None:
    game.make()
    now = timezone.now()
    following.follow(now)
    lately.follow(now)
    sinking.wake(now)
    assert not any(model.objects.exists() for model in (RollUp, Activity, Hour))
    assert not FollowerMark.objects.filter(name__in=("analytics-events", "lately-events", "analytics-sink")).exists()
    with pytest.raises(CommandError, match="ENABLE_ANALYTICS is off"):
        call_command("rebuild_analytics", "--from", "2026-01-01")
    server = game_server()
    for path in ("summary", "retention", "content/achievement/hunter", "economy/gold", "funnel/trail", "unused",
                 "quality"):  # fmt: skip
        assert_problem(server.get(f"/api/v1/analytics/{path}"), 404, "not_found")
    assert "/analytics/" not in server.get("/api/schema/?format=json").content.decode()
    client.force_login(User.objects.create_superuser("root"))
    for name in QUESTIONS:
        assert client.get(f"/admin/figures/{name}/").status_code == 404
    assert "/admin/figures/" not in client.get("/admin/").content.decode()


def test_a_batch_asks_the_same_of_the_database_with_analytics_and_without(settings: LazySettings) -> None:
    publish(metric("hits", "hit"), achievement("one", requirement("COUNT", "hits", 2)))
    asked: dict[bool, list[str]] = {}
    for number, is_on in enumerate((True, True, False)):  # the first warms up
        settings.ENABLE_ANALYTICS = is_on
        batch = [GameEvent(f"e{n}", f"p{number}", "hit", {}, NOON) for n in range(3)]
        with CaptureQueriesContext(connection) as captured:
            pipeline.process(batch, now=NOON)
        asked[is_on] = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in captured.captured_queries]
    assert len(asked[True]) == len(asked[False])
    assert [sql[:60] for sql in asked[True]] == [sql[:60] for sql in asked[False]]
