"""Whatever designers write and games report, the service says what a slow and obvious model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from achievements.models import Standing
from achievements.reading import ShownAchievements
from achievements.rules import AchievementRules
from gamification import pipeline, replaying
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Change, Unpublishable
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.models import Event
from progress.models import Player
from tests.support.achievement_model import Completion, Happened, Model
from tests.support.content import NOON, publish
from tests.support.made_up import METRICS, achievements, as_sent, batches, histories
from tests.support.playing import undone

pytestmark = pytest.mark.django_db

thorough = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def is_published(content: Sequence[Change]) -> bool:
    """Whether such content makes sense."""
    try:
        publish(*content)
    except Unpublishable:
        return False
    return True


def modelled(content: Sequence[Change], arriving: Sequence[Sequence[Happened]], zone: str) -> Model:
    model = Model(
        [change.definition or {} for change in METRICS], [change.definition or {} for change in content], ZoneInfo(zone)
    )
    for batch in arriving:
        model.process(batch)
    return model


def assert_the_same(model: Model) -> None:
    done = Standing.objects.filter(player_id="ann", completed_at__isnull=False)
    completed = list(done.values_list("achievement_id", "occurrence", "completed_at"))
    expected = [(id_, str(o), done.at) for id_, found in model.completions.items() for o, done in found.items()]
    assert sorted((id_, as_named(o, model.zone), at) for id_, o, at in completed) == sorted(expected)
    assert Event.objects.filter(state=Event.State.HELD).count() == model.held
    player = Player.objects.filter(pk="ann").first()
    if player is not None:
        assert (player.achievements_completed, player.points) == (len(expected), 10 * len(expected))
        shown, rules = ShownAchievements("ann", NOON), publishing.current()[AchievementRules]
        for achievement in model.achievements:
            assert_shown(model, achievement, shown.of(rules.by_id[achievement["id"]]))


def as_named(occurrence: str, zone: ZoneInfo) -> str:
    """As the model names it: a period by its first day."""
    return str(parse_instant(occurrence).astimezone(zone).date()) if "T" in occurrence else occurrence


def assert_shown(model: Model, achievement: dict[str, Any], shown: dict[str, Any]) -> None:
    found = model.completions.get(achievement["id"], {})
    done: Completion | None = None
    if achievement["repeat"] != "ALWAYS":
        done = found.get(model.occurrence(achievement, NOON))
    if achievement["repeat"] != "NEVER":
        assert shown["completions"] == len(found)
    assert shown["is_completed"] is (done is not None)
    assert shown["progress"] == pytest.approx(1 if done else model.progress(achievement, NOON))
    values = done.values if done else model.values(achievement, NOON)
    first: dict[str, Any] = {}
    for requirement, (value, met), said in zip(achievement["requirements"], values, shown["requirements"], strict=True):
        others = model.completions.get(requirement.get("target"), {}).values()
        if done and any(other.nth == done.nth for other in others):
            continue  # of two completed at one event nobody says which was first
        assert said["met"] is met, requirement
        if not (requirement.get("timeframe") and met):  # of a window that met it, the value is left open
            assert said["value"] == value, requirement
            if "metric" in requirement:
                first.setdefault(requirement["metric"], value)
        elif "metric" in requirement:
            first.setdefault(requirement["metric"], shown["metrics"][requirement["metric"]])
    assert shown["metrics"] == first


zones = st.sampled_from(["UTC", "Pacific/Auckland", "America/Los_Angeles"])


def check(content: Sequence[Change], arriving: Sequence[Sequence[Happened]], zone: str) -> None:
    with undone(zone):
        publish(*METRICS)
        if is_published(content):
            for batch in arriving:
                pipeline.process(as_sent(batch), now=NOON)
            assert_the_same(modelled(content, arriving, zone))


@thorough
@given(achievements(), batches(histories()), zones)
def test_any_content_and_any_events_come_to_what_the_model_says(
    content: list[Change], arriving: list[list[Happened]], zone: str
) -> None:
    check(content, arriving, zone)


@settings(thorough, max_examples=40)
@given(achievements(most=4), batches(histories(spread=90)), zones)
def test_months_of_play_come_to_what_the_model_says(
    content: list[Change], arriving: list[list[Happened]], zone: str
) -> None:
    check(content, arriving, zone)


@settings(thorough, max_examples=40)
@given(achievements(), histories(), batches(histories(size=12)), zones)
def test_content_that_comes_late_finds_what_was_done_and_goes_on_from_there(
    content: list[Change], before: list[Happened], arriving: list[list[Happened]], zone: str
) -> None:
    afterwards = [[replace(event, id=f"later-{event.id}") for event in batch] for batch in arriving]
    with undone(zone):
        publish(*METRICS)
        pipeline.process(as_sent(before), now=NOON)
        if is_published(content):
            replaying.backfill(["ann"], now=NOON)
            for batch in afterwards:
                pipeline.process(as_sent(batch), now=NOON)
            assert_the_same(modelled(content, [before, *afterwards], zone))
