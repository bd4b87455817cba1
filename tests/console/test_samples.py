"""Beside a metric that is picked stands what the newest events of its type held."""

from __future__ import annotations

from itertools import count as numbers
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gamification.kernel.models import Event
from progress.admin import samples
from progress.models import Metric
from tests.support.authoring import designer, metric, send
from tests.support.console_forms import logged_in

pytestmark = pytest.mark.django_db

SAMPLES = "/admin/progress/metric/samples/"
_numbers = numbers(1)


def play(type_: str = "enemy.killed", **data: Any) -> None:
    now, id_ = timezone.now(), f"e{next(_numbers)}"
    Event.objects.create(player_id="ann", event_id=id_, type=type_, data=data, timestamp=now, received_at=now)


def test_fields_are_named_with_their_types_and_values() -> None:
    play(weapon="bow", damage=4, enemy={"kind": "wolf", "boss": False})
    play(weapon="axe", damage=2.5, tags=["a"], gone=None)
    play("race.won", place=1)
    found = samples.of_type("enemy.killed")
    assert found.events == 2
    assert {each.path: (each.types, each.values) for each in found.fields} == {
        "weapon": (["text"], ["axe", "bow"]),
        "damage": (["number"], ["2.5", "4"]),
        "enemy.kind": (["text"], ["wolf"]),
        "enemy.boss": (["yes or no"], ["false"]),
        "tags": (["list"], ["['a']"]),
        "gone": (["nothing"], ["None"]),
    }


def test_however_many_there_are_a_few_are_shown_and_read_by_key() -> None:
    for number in range(70):
        play(weapon=f"{'long ' * 20}{number}")
    with CaptureQueriesContext(connection) as captured:
        found = samples.of_type("enemy.killed")
    assert found.events == samples.OF_A_TYPE
    [field] = found.fields
    assert len(field.values) <= samples.VALUES
    assert all(len(value) <= samples.LONG + 1 for value in field.values)
    assert not [query for query in captured if "type" in query["sql"].partition("WHERE")[2]]


def test_a_metric_says_what_it_makes_of_them(client: Client) -> None:
    conditions = [{"field": "weapon", "op": "in", "value": ["bow", "axe"]}]
    send(designer(), "metrics", metric(conditions=conditions, value_field="damage"))
    play(weapon="<b>bow</b>", damage=4)
    text = logged_in(client, "mia", "designers").get(SAMPLES, {"metric": "kills"}).content.decode()
    assert "Worth <code>damage</code>" in text
    assert "bow, axe" in text
    assert "&lt;b&gt;bow&lt;/b&gt;" in text


def test_a_type_that_never_came_is_said_to(client: Client) -> None:
    mia = logged_in(client, "mia", "designers")
    assert "none among the newest events" in mia.get(SAMPLES, {"event_type": "enemy.kiled"}).content.decode()


def test_who_may_not_see_metrics_is_shown_none(client: Client) -> None:
    assert logged_in(client, "una", "auditors").get(SAMPLES, {"event_type": "x"}).status_code == 403


def test_what_a_published_metric_counts_cannot_be_typed_over(client: Client) -> None:
    send(designer(), "metrics", metric(conditions=[{"field": "weapon", "op": "eq", "value": "bow"}]))
    mia = logged_in(client, "mia", "designers")
    page = mia.get("/admin/progress/metric/kills/change/").content.decode()
    assert 'name="name"' in page
    for field in ("event_type", "value_field", "member_field", "conditions-0-value"):
        assert f'name="{field}"' not in page
    form = {"name": "Slain", "event_type": "other", "reported_by": "SERVER", "conditions-TOTAL_FORMS": 0,
            "conditions-INITIAL_FORMS": 0}  # fmt: skip
    mia.post("/admin/progress/metric/kills/change/", form)
    kept = Metric.objects.get()
    assert (kept.name, kept.event_type, kept.conditions.count()) == ("Slain", "enemy.killed", 1)
