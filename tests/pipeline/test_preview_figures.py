"""What a preview says of the players who would complete a draft: how many, when, and what that pays."""

from __future__ import annotations

from typing import Any

import pytest

from achievements.models import Achievement
from gamification import backfilling, pipeline
from gamification.kernel.content.previews import Figures, Found, Gain, share
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.players.erasing import ErasePlayer
from progress.backfill import schedule_preview
from progress.models import Backfill
from tests.support.callers import game_server
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db

DAY = 86_400


def previewed(change: Any) -> Backfill:
    job = schedule_preview("achievement", change.definition, SYSTEM, NOON)
    Achievement.objects.get_or_create(id=change.id, defaults={"serial": 77, "title": change.id})
    backfilling.run_pending(NOON)
    job.refresh_from_db()
    assert job.state == Backfill.State.DONE, job.detail
    return job


def play() -> None:
    """Ann kills thrice in a day, bob twice within five days, cid once; who kills first has an achievement already."""
    publish(
        metric("kills"), reward("coin"), reward("luck", "RANDOM", 0, table=[{"reward": "coin", "weight": 1}]),
        achievement("one", requirement("COUNT", "kills", 1)),
    )  # fmt: skip
    for player, days in {"ann": (-9, -8.5, -8), "bob": (-9, -4), "cid": (-9,)}.items():
        pipeline.process([event(f"{player}{n}", player, at=day * DAY) for n, day in enumerate(days)], now=NOON)


def test_a_preview_says_who_when_and_what_it_pays() -> None:
    play()
    job = previewed(achievement("two", requirement("COUNT", "kills", 2), rewards=["coin", "luck"]))
    said = game_server().get(f"/api/v1/backfills/{job.pk}").json()
    assert (said["would_complete"], said["gains"], said["keeps"]) == (2, 2, 0)
    assert said["sample"] == ["ann", "bob"]
    assert said["pays"] == {"gold": 20}
    assert said["days"] == {"p50": 0.5, "p90": 5}
    assert said["share"]["value"] == pytest.approx(2 / 3)
    assert said["share"]["low"] == pytest.approx(0.2077, abs=1e-4)
    assert said["share"]["high"] == pytest.approx(0.9385, abs=1e-4)


def test_who_has_it_keeps_it_and_is_no_gain() -> None:
    play()
    job = previewed(achievement("one", requirement("COUNT", "kills", 1), requirement("COUNT", "kills", 3)))
    figures = job.figures()
    assert (figures["gains"], figures["keeps"], figures["sample"]) == (0, 3, [])


def test_a_backfill_that_is_no_preview_has_no_figures() -> None:
    figures = Backfill.objects.create(state="DONE").figures()
    assert (figures["share"], figures["days"], figures["pays"]) == (None, {"p50": None, "p90": None}, {})


def test_a_sample_is_looked_at_first_and_all_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfilling, "SAMPLE", 2)
    play()
    job = previewed(achievement("two", requirement("COUNT", "kills", 2)))
    found = Found(job.found)
    assert (found.of_sample.players, found.of_all.players) == (2, 3)
    assert found.shown(is_done=False) == found.of_sample.shown()
    assert found.shown(is_done=True) == found.of_all.shown()


def test_whoever_is_erased_is_named_no_more() -> None:
    play()
    job = previewed(achievement("two", requirement("COUNT", "kills", 2)))
    bus.handle(ErasePlayer(player_id="ann"), actor=SYSTEM, now=NOON)
    job.refresh_from_db()
    assert job.figures()["sample"] == ["bob"]


def test_a_share_of_none_and_of_all_is_not_certain_for_few() -> None:
    assert share(0, 10) == {"value": 0, "low": 0, "high": pytest.approx(0.2775, abs=1e-4)}
    assert share(10, 10) == {"value": 1, "low": pytest.approx(0.7225, abs=1e-4), "high": pytest.approx(1)}


def test_what_is_kept_does_not_grow_with_the_players() -> None:
    figures = Figures()
    for n in range(20_000):
        figures.add(Gain(f"p{n}", n * 777.7, {"gold": 1}), keeps=False)
    assert len(figures.days) < 300
    assert len(figures.sample) == 10
    assert Figures(figures.dump()).shown() == figures.shown()
    assert figures.shown()["days"]["p50"] == pytest.approx(10_000 * 777.7 / DAY, rel=0.01)
