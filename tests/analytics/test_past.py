"""A season of the sample game: its figures are those of what is kept, and it is the same whenever it is played."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from gamification.analytics import following, queries
from gamification.console.management.commands.setup_sample import load_content
from gamification.console.sample import playing_past
from gamification.console.sample.past import evenings
from tests.support import figures
from tests.support.content import NOON

pytestmark = pytest.mark.django_db


def test_the_same_dice_play_the_same_evenings_before_now() -> None:
    first = list(evenings(20, 15, NOON, random.Random(3)))
    assert first == list(evenings(20, 15, NOON, random.Random(3)))
    assert all(event["timestamp"] <= NOON.isoformat() for evening in first for event in evening)
    assert len({(event["player_id"], event["id"]) for evening in first for event in evening}) == sum(map(len, first))
    days = {evening[0]["timestamp"][:10] for evening in first}
    assert len(days) >= 14


def test_the_figures_of_a_season_are_those_of_what_is_kept() -> None:
    load_content(past=13)
    now = timezone.now() + timedelta(seconds=1)
    assert playing_past.play(6, 12, now) > 100
    assert following.is_done()
    grown = figures.grown()
    slowly = {key: n for key, n in figures.obvious().items() if n}
    assert {key: n for key, n in grown.items() if not key[3].startswith(("seconds ", "played "))} == slowly
    assert playing_past.play(6, 12, now) == 0
    assert figures.grown() == grown
    assert sum(row["active"] for row in queries.summary(queries.lately(now))) > 10
