"""A metric's health: whether it gets what it counts."""

import pytest

from gamification import pipeline
from progress.models import Metric
from tests.support.callers import assert_problem, game_server
from tests.support.content import NOON, event, metric, publish

pytestmark = pytest.mark.django_db


def test_samples_and_events_without_a_value_are_counted_by_day_and_duplicates_are_not():
    publish(metric("hits", value_field="hp"))
    Metric.objects.create(id="hits", name="hits", event_type="enemy.killed")
    batch = [event("a", hp=1), event("b", hp="1"), event("c"), event("d", at=86400 // 2, hp=2)]
    pipeline.process(batch, now=NOON)
    pipeline.process(batch, now=NOON)
    read = game_server().get("/api/v1/metrics/hits/health").json()
    assert read == {
        "samples": 2,
        "no_value": 2,
        "by_day": [
            {"day": "2026-11-20", "samples": 1, "no_value": 2},
            {"day": "2026-11-21", "samples": 1, "no_value": 0},
        ],
    }


def test_an_unknown_metric_has_no_health():
    assert_problem(game_server().get("/api/v1/metrics/none/health"), 404, "not_found")
