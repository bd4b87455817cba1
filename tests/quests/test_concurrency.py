"""Two processes take the same players through the same quests at once, with every event sent three times."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db.models import Sum

from gamification.kernel.models import Event
from progress.models import Player
from quests.models import Run
from rewards.models import Distribution, Transfer, Wallet
from tests.support.content import metric, publish, quest, requirement, reward, step
from tests.support.processes import side_by_side

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PLAYERS, EVENTS, WORKERS = 20, 600, 2

WORKER = """
import random, sys
import django
django.setup()
from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Refused
from quests.commands import StartQuest, AbandonQuest
from quests.tasks import expire_runs
from datetime import timedelta
from tests.support.content import NOON, event
seed, players, events, workers = map(int, sys.argv[1:])
dice = random.Random(seed)
every = [event(f"e{i}", f"p{i % players}", at=60 + i / 10) for i in range(events)]
mine = every[seed::workers]
late = NOON + timedelta(hours=1)
print("ready", flush=True)
sys.stdin.readline()
started = 0
for n in dice.sample(range(players), players):
    try:
        bus.handle(StartQuest(player_id=f"p{n}", quest_id="by-hand"), actor=SYSTEM, now=NOON)
        started += 1
    except Refused as refused:
        assert refused.code == "already_in_progress", refused.code
batches = [mine[at:at + 23] for at in range(0, len(mine), 23)]
batches += [every[at:at + 31] for at in range(0, len(every), 31)] * 2
dice.shuffle(batches)
accepted = 0
for batch in batches:
    accepted += pipeline.process(batch, now=late).accepted
    expire_runs(late)
print(started, accepted)
"""


def test_each_step_is_paid_once_and_nobody_waits_for_ever() -> None:
    publish(
        metric("hits"),
        reward("coin", value=3),
        quest(
            "walk",
            step("one", requirement("COUNT", "hits", 1), rewards=["coin"]),
            step("two", requirement("COUNT", "hits", 5), order=2, rewards=["coin", "coin"]),
            step("side", requirement("COUNT", "hits", 2), is_optional=True, rewards=["coin"]),
            auto_start=True,
            rewards=["coin"],
        ),
        quest("again", step("s", requirement("COUNT", "hits", 3)), auto_start=True, repeat="ALWAYS", rewards=["coin"]),
        quest("by-hand", step("s", requirement("COUNT", "hits", 10)), rewards=["coin"]),
        quest("brief", step("s", requirement("COUNT", "hits", 1000)), auto_start=True, time_limit=600, repeat="ALWAYS"),
    )
    outs = side_by_side(WORKER, [[str(n), *map(str, (PLAYERS, EVENTS, WORKERS))] for n in range(WORKERS)])
    started, accepted = (sum(column) for column in zip(*(map(int, out.split()) for out in outs), strict=True))
    assert (started, accepted) == (PLAYERS, EVENTS)
    assert Event.objects.exclude(event_id__startswith="~").count() == EVENTS

    each = EVENTS // PLAYERS
    runs = Counter(Run.objects.filter(status="COMPLETED").values_list("quest_id", flat=True))
    assert runs["walk"] == runs["by-hand"] == PLAYERS
    # A run that begins with an event of which some others of the batch are earlier counts those that are not.
    assert 0 < runs["again"] <= PLAYERS * (each // 3)
    lines = {"walk/one": 1, "walk/two": 2, "walk/side": 1, "walk": 1, "by-hand": 1}
    paid = Counter(Distribution.objects.values_list("source_id", flat=True))
    assert {source: paid[source] for source in lines} == {source: n * PLAYERS for source, n in lines.items()}
    assert paid["again"] == runs["again"]
    for player in Player.objects.all():
        numbers = list(Run.objects.filter(player_id=player.player_id, quest_id="again").values_list("run", flat=True))
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        done = Run.objects.filter(player_id=player.player_id, status="COMPLETED").count()
        assert player.quests_completed == done
    assert Transfer.objects.count() == Distribution.objects.count() == sum(paid.values())
    assert Wallet.objects.aggregate(all=Sum("balance"))["all"] == 3 * sum(paid.values())
