"""Levels are remembered one by one: each is reached once, whatever was published in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from progress.leveling import read_levels, write_levels
from progress.models import Player
from rewards.commands import RevokeDistribution
from rewards.models import Distribution
from tests.support.callers import game_server
from tests.support.content import NOON, level, publish, reward
from tests.support.rewarding import give, later

pytestmark = pytest.mark.django_db


def paid() -> list[str]:
    """The levels whose rewards were given, in order."""
    return list(
        Distribution.objects.filter(source="LEVEL")
        .order_by("created_at", "source_id")
        .values_list("source_id", flat=True)
    )


def shown() -> int:
    return int(game_server().get("/api/v1/players/ann").json()["statistics"]["level"])


def test_a_level_put_into_a_gap_is_reached_when_experience_crosses_it() -> None:
    publish(reward("xp", "XP", 200), reward("coin"), level(1, 0), level(2, 100, "coin"), level(4, 200, "coin"))
    give("xp")
    assert (paid(), shown()) == (["2", "4"], 4)
    publish(reward("more", "XP", 100), level(3, 300, "coin"), level(4, 400, "coin"))
    give("more", now=later(1))
    assert (paid(), shown()) == (["2", "4", "3"], 3)
    give("more", now=later(2))
    assert (paid(), shown()) == (["2", "4", "3"], 4)


def test_a_level_published_below_what_a_player_has_is_shown_and_never_reached_nor_paid() -> None:
    publish(reward("xp", "XP", 200), reward("coin"), level(1, 0), level(2, 100, "coin"))
    given = give("xp")
    publish(level(3, 150, "coin"))
    assert (paid(), shown()) == (["2"], 3)
    bus.handle(RevokeDistribution(distribution_id=given.id, reason="a mistake"), actor=SYSTEM, now=NOON)
    assert shown() == 1
    give("xp", now=later(1))
    assert (paid(), shown()) == (["2"], 3)


def test_a_level_published_above_what_is_left_after_experience_was_taken_is_reached() -> None:
    publish(reward("xp", "XP", 200), reward("coin"), level(1, 0), level(2, 100, "coin"))
    given = give("xp")
    bus.handle(RevokeDistribution(distribution_id=given.id, reason="a mistake"), actor=SYSTEM, now=NOON)
    publish(level(3, 150, "coin"))
    give("xp", now=later(1))
    assert (paid(), Player.objects.get().levels_had) == (["2", "3"], "2-3")


@given(st.sets(st.integers(1, 40) | st.integers(1, 2**31 - 1), max_size=30))
def test_the_levels_a_player_had_are_read_as_they_were_written(levels: set[int]) -> None:
    assert read_levels(write_levels(levels)) == levels
