"""The views for dashboards say what the routes say."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from gamification.analytics import following, queries
from tests.support import game

pytestmark = pytest.mark.django_db

COLUMNS = {
    "reporting_days": ["day", *queries.SUMMED],
    "reporting_content": [
        "kind", "id", "day", "begun", "quarter", "half", "three_quarters", "completed", "failed", "expired",
        "abandoned", "claims", "players",
    ],
    "reporting_retention": ["first_day", "days_later", "players"],
    "reporting_funnels": ["quest", "day", "version", "step", "reached", "completed"],
    "reporting_economy": ["currency", "day", "way", "cause", "amount"],
    "reporting_events": ["type", "day", "events", "held", "valueless", "late", "rejected"],
}  # fmt: skip


def view(name: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3")
        assert [column[0] for column in cursor.description] == COLUMNS[name]
        return [dict(zip(COLUMNS[name], row, strict=True)) for row in cursor.fetchall()]


def test_the_views_say_what_the_routes_say() -> None:
    game.make()
    now = timezone.now()
    following.follow(now)
    span = queries.lately(now)
    for row in view("reporting_days"):
        if str(row["day"]) == str(queries.today(now)):
            [expected] = [each for each in queries.summary(span) if each["day"] == queries.today(now)]
            assert {**row, "day": expected["day"]} == expected
    rows = [row for row in view("reporting_content") if (row["kind"], row["id"]) == ("quest", "trail")]
    assert sum(row["begun"] for row in rows) == queries.content("quest", "trail", span, now)[1]["begun"] == 2
    funnel = [{name: row[name] for name in ("version", "step", "reached", "completed")}
              for row in view("reporting_funnels") if row["quest"] == "tour"]  # fmt: skip
    assert funnel == queries.funnel("tour", span)
    flows = [row for row in view("reporting_economy") if row["currency"] == "gold"]
    balance = queries.economy("gold", span)[-1]["balance"]
    assert sum(row["amount"] if row["way"] == "in" else -row["amount"] for row in flows) == balance > 0
    assert {row["way"] for row in flows} == {"in"}
    held = sum(row["held"] for row in queries.quality(span))
    assert sum(row["held"] for row in view("reporting_events")) == held == 2
    assert sum(row["players"] for row in view("reporting_retention") if row["days_later"] == 0) == 2
