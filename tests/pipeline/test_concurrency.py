"""Several processes work on the same players at once, on PostgreSQL: no deadlock, no lost update, each event once."""

import json
from collections.abc import Iterable

import pytest
from django.db.models import F, Sum

from achievements.models import Standing
from gamification.feed.models import Message
from gamification.kernel.models import Event
from progress.models import Player, Tally
from rewards.models import Distribution, Transfer, Wallet
from tests.support.content import achievement, metric, publish, requirement, reward
from tests.support.processes import side_by_side

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PLAYERS, EVENTS, WORKERS = 20, 1000, 3

WORKER = """
import json, random, sys
import django
django.setup()
from gamification import pipeline
from tests.support.content import NOON, event
seed, dice = int(sys.argv[1]), random.Random(sys.argv[1])
players, events, workers = json.loads(sys.argv[2])
everybodys = [event(f"e{i}", f"p{i % players}", at=i / 10, hp=i % 7) for i in range(events)]
mine = everybodys[seed::workers]
dice.shuffle(mine)
dice.shuffle(everybodys)
mine += everybodys
print("ready", flush=True)
sys.stdin.readline()
accepted = 0
while mine:
    batch, mine = mine[:37], mine[37:]
    accepted += pipeline.process(batch, now=NOON).accepted
print(accepted)
"""


def workers(seeds: Iterable[int]) -> list[int]:
    """Each sends a share of its own, then everybody's, all at once; says how many each was the first to bring."""
    size = json.dumps([PLAYERS, EVENTS, WORKERS])
    return [int(out) for out in side_by_side(WORKER, [[str(seed), size] for seed in seeds])]


def test_processes_on_the_same_players_neither_deadlock_nor_lose_nor_pay_twice():
    publish(
        metric("hits", value_field="hp"),
        metric("done", "achievement.completed"),
        reward("coin", value=3),
        achievement("ten", requirement("COUNT", "hits", 10), rewards=["coin"]),
        achievement("always", requirement("COUNT", "hits", 5), repeat="ALWAYS", rewards=["coin"]),
        achievement("sum", requirement("SUM", "hits", 60), rewards=["coin", "coin"]),
        achievement("three", requirement("COUNT", "done", 3), rewards=["coin"]),
    )
    assert sum(workers(range(WORKERS))) == EVENTS

    each = EVENTS // PLAYERS
    assert Event.objects.exclude(event_id__startswith="~").count() == EVENTS
    totals = Tally.objects.filter(metric_id="hits", scope="").values_list("player_id", "count", "sum")
    assert {player: (count, total) for player, count, total in totals} == {
        f"p{n}": (each, float(sum(i % 7 for i in range(n, EVENTS, PLAYERS)))) for n in range(PLAYERS)
    }
    completed = Standing.objects.filter(completed_at__isnull=False)
    assert completed.filter(achievement_id="ten").count() == PLAYERS
    assert completed.filter(achievement_id="always").count() == PLAYERS * (each // 5)
    assert completed.filter(achievement_id="three").count() == PLAYERS

    paid = {"ten": 1, "always": each // 5, "sum": 2, "three": 1}
    assert Distribution.objects.count() == Transfer.objects.count() == PLAYERS * sum(paid.values())
    assert {w.balance for w in Wallet.objects.all()} == {3 * sum(paid.values())}
    moved = Transfer.objects.filter(debit_account="issuance").aggregate(all=Sum("amount"))["all"]
    assert moved == Wallet.objects.aggregate(all=Sum("balance"))["all"]
    assert not Wallet.objects.filter(balance__lt=0).exists()
    for player in Player.objects.all():
        numbers = Message.objects.filter(player_id=player.player_id).order_by("seq").values_list("seq", flat=True)
        assert list(numbers) == list(range(1, player.last_seq + 1))
        assert player.achievements_completed == completed.filter(player_id=player.player_id).count()
    assert not Player.objects.exclude(points=F("achievements_completed") * 10).exists()
