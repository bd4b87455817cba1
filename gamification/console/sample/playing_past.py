"""Gives a fresh service the weeks of past.py, through the pipeline as it would have been."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from gamification import pipeline
from gamification.analytics import following
from gamification.console.sample.past import Event, evenings
from gamification.kernel.content import publishing
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import Command, GameEvent, Refused
from gamification.kernel.storage import shares
from quests.commands import StartQuest
from quests.rules import QuestRules
from rewards.commands import ClaimReward, Spend
from rewards.models import Distribution, Wallet

CLAIMS, SPENDS, STARTS = 0.5, 0.15, 0.6
"""How likely somebody claims what waits, spends some of what they have, or starts a quest, after an evening."""


def play(players: int, days: int, now: datetime, seed: int = 7, tell: Callable[[int], object] = lambda _: None) -> int:
    """Returns how many events were new. What was played before changes nothing."""
    dice, of_evenings, count = random.Random(seed), random.Random(seed), 0  # noqa: S311 - a game
    for evening in evenings(players, days, now, of_evenings):
        at = parse_instant(evening[-1]["timestamp"]) + timedelta(seconds=1)
        with shares.within_share_of(evening[0]["player_id"]):
            fresh = pipeline.process([_event(event) for event in evening], now=at).accepted
        count += fresh
        if fresh:
            _wind_down(evening[0]["player_id"], at + timedelta(minutes=1), dice)
        tell(len(evening))
    shares.in_each(_follow)(now)
    return count


def _follow(now: datetime) -> None:
    while not following.is_done():
        following.follow(now)


def _event(event: Event) -> GameEvent:
    return GameEvent(event["id"], event["player_id"], event["type"], event["data"], parse_instant(event["timestamp"]))


def _wind_down(player_id: str, now: datetime, dice: random.Random) -> None:
    claims, spends, starts = dice.random() < CLAIMS, dice.random() < SPENDS, dice.random() < STARTS
    with shares.within_share_of(player_id):
        if claims:
            waiting = Distribution.objects.filter(player_id=player_id, status="PENDING").order_by("pk")
            for pk in waiting.values_list("pk", flat=True)[:20]:
                _handle(ClaimReward(player_id=player_id, distribution_id=pk), now)
        if starts:
            quest = dice.choice(sorted(publishing.current()[QuestRules].by_id))
            _handle(StartQuest(player_id=player_id, quest_id=quest), now)
        if spends:
            full = Wallet.objects.filter(player_id=player_id, balance__gt=10).order_by("currency")
            for currency, balance in full.values_list("currency", "balance")[:1]:
                amount = dice.randint(1, min(balance, 60))
                _handle(Spend(player_id=player_id, currency=currency, amount=amount, reason="kelp bread"), now)


def _handle(command: Command, now: datetime) -> None:
    try:
        bus.handle(command, actor=SYSTEM, now=now)
    except Refused:
        return  # too late, or too dear: the next evening
