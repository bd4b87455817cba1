"""The naive way: a transaction an event, a progress row for each achievement on the metric, everything by the ORM."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from achievements.models import Standing
from benchmarks.workload import COIN, POINTS, Plain, counts_amount
from gamification.feed.models import Message
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import Event, OutboxFact
from progress.models import Player, Tally
from rewards.models import Distribution, Transfer, Wallet


@transaction.atomic
def process(event: GameEvent, by_metric: Mapping[str, list[Plain]], now: datetime) -> None:
    player, _ = Player.objects.select_for_update().get_or_create(player_id=event.player_id)
    _, is_new = Event.objects.get_or_create(
        player_id=event.player_id,
        event_id=event.id,
        defaults={
            "type": event.type, "data": event.data, "timestamp": event.timestamp, "received_at": now,
        },
    )  # fmt: skip
    if not is_new:
        return
    metric = event.type.removeprefix("game.")
    sums = counts_amount(int(metric[1:]))
    value = event.data["amount"] if sums else 1
    tally, _ = Tally.objects.get_or_create(player_id=event.player_id, metric_id=metric, scope="")
    tally.count += 1
    tally.sum += value
    tally.max = max(value, value if tally.max is None else tally.max)
    tally.min = min(value, value if tally.min is None else tally.min)
    tally.latest, tally.latest_at, tally.latest_id = value, event.timestamp, event.id
    tally.save()
    reached = tally.sum if sums else tally.count
    for achievement in by_metric[metric]:
        standing, _ = Standing.objects.get_or_create(
            player_id=event.player_id, achievement_id=achievement.id, occurrence="0"
        )
        if standing.completed_at is not None:
            continue
        standing.memory = {"value": reached}
        # Of what was reached before this benchmark there are no standings: only a crossing completes.
        if reached - value < achievement.threshold <= reached:
            standing.completed_at, standing.event_id, standing.points = event.timestamp, event.id, POINTS
            standing.final = {"metrics": {metric: reached}}
            _unlock(player, achievement, event, now)
        standing.save()


def _unlock(player: Player, achievement: Plain, event: GameEvent, now: datetime) -> None:
    player.points += POINTS
    player.achievements_completed += 1
    distribution, _ = Distribution.objects.get_or_create(
        player_id=player.player_id, source="ACHIEVEMENT", source_id=achievement.id, occurrence="0", line=0,
        defaults={
            "id": uuid4(), "reward_id": "coins", "reward_version": 1, "status": "CLAIMED", "kind": "CURRENCY",
            "created_at": now, "claimed_at": now,
        },
    )  # fmt: skip
    wallet, _ = Wallet.objects.get_or_create(player_id=player.player_id, currency="gold")
    wallet.balance += COIN
    wallet.save()
    Transfer.objects.create(
        id=uuid4(), player_id=player.player_id, debit_account="issuance", credit_account=f"player:{player.player_id}",
        currency="gold", amount=COIN, cause=f"claim:{distribution.id}", created_at=now,
    )  # fmt: skip
    given = {"id": str(distribution.id), "reward_id": "coins", "type": "CURRENCY", "value": COIN, "currency": "gold"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("achievement.completed", {"id": achievement.id, "points": POINTS, "rewards": ["coins"]}),
        ("reward.granted", given),
        ("reward.claimed", given),
    ]
    for type_, data in told:
        player.last_seq += 1
        Message.objects.create(
            player_id=player.player_id, seq=player.last_seq, type=type_, data=data, timestamp=event.timestamp,
            created_at=now,
        )  # fmt: skip
        OutboxFact.objects.create(
            fact_id=str(uuid4()), player_id=player.player_id, type=type_, data=data, timestamp=event.timestamp
        )
        if type_ != "reward.granted":
            Event.objects.create(
                player_id=player.player_id, event_id=f"~{uuid4().hex}", type=type_, data=data,
                timestamp=event.timestamp, received_at=now,
            )  # fmt: skip
    player.save()
