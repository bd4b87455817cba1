"""A game, a case in it, and what a verdict could take: by routes and by commands, over real tables."""

from __future__ import annotations

from typing import Any

from achievements.models import Standing
from gamification import pipeline
from gamification.review.models import Case
from progress.models import Player
from rewards.models import Distribution
from tests.support.callers import game_server
from tests.support.content import achievement, event, level, metric, publish, requirement, reward
from tests.support.reviewing import find, finding
from tests.support.rewarding import inventory, later, manual, statistics, wallets

API = "/api/v1"


def game() -> None:
    item = [{"id": "axe", "type": "tool", "quantity": 2, "metadata": {}}]
    publish(
        metric("kills"), reward("coins", value=50), reward("lesson", "XP", 60), reward("kit", "ITEM", 0, items=item),
        reward("glory", "POINTS", 3), reward("star", "BADGE", 0), manual("chest", value=7), level(1, 0),
        level(2, 50, "coins"),
        achievement(
            "one", requirement("COUNT", "kills", 1), rewards=["coins", "lesson", "kit", "glory", "star", "chest"]
        ),
        achievement("two", requirement("COUNT", "kills", 2), rewards=["coins"]),
    )  # fmt: skip


def kill(*numbers: int, player_id: str = "ann") -> None:
    batch = [event(f"{player_id}-{n}", player_id, at=n) for n in numbers]
    pipeline.process(batch, now=later(max(numbers)))


def withheld() -> int:
    """A case about ann that has her rewards withheld; its number."""
    find(finding("PACE"), finding("MARATHON"))
    return Case.objects.get(player_id="ann").pk


def vote(case: int, verdict: str, key: Any = None, **said: Any) -> Any:
    wish = {"verdict": verdict, "note": "looked", **said}
    return (key or game_server("anticheat:decide")).post(f"{API}/cases/{case}/votes", wish)


def standing(player_id: str = "ann") -> str:
    return Player.objects.get(pk=player_id).standing


def state() -> tuple[Any, ...]:
    """All that a verdict could take of ann."""
    ann = Player.objects.get(pk="ann")
    given = sorted(Distribution.objects.values_list("reward_id", "source", "status", "claimed_at"), key=str)
    held = [(s.achievement_id, s.revoked_at) for s in Standing.objects.order_by("achievement_id")]
    return (
        given, held, bytes(ann.earned), bytes(ann.had_before), ann.achievements_completed, statistics(), wallets(),
        inventory(),
    )  # fmt: skip
