"""The workloads: content, players with a past, and an endless stream of new events; the same in every run.

Players are met by Zipf's law (the n-th most active sends 1/n of what the first one does). Thresholds are a geometric
series, and every player has passed some of them: events are counted already, and what they completed is completed.
With ten times the content there are ten times the thresholds, and players have ten times the past: an event then
completes as much as before, and only the amount of content differs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil, sqrt
from operator import itemgetter
from typing import Any

from django.db import transaction

from achievements.models import Achievement
from gamification.feed.models import Message
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import OutboxFact
from gamification.kernel.storage import shares, sql
from progress.models import Player, Tally
from quests.commands import StartQuest
from quests.models import Quest
from rewards.models import Wallet

BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = timedelta(milliseconds=100)
"""Between two events of the stream."""
METRICS = 20
COIN = 5
POINTS = 10
MEAN_AMOUNT = 3
ITEMS = 200
ZONES = ("north", "south", "east", "west", "under")


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    players: int = 5_000
    content: int = 1
    """Times 200 achievements."""
    past: int = 30
    """Events of one metric that a player has sent, on average and times `content`; the median player sent few, the
    first one thousands. So chosen that an event completes as much in each workload (about 4 in 100 do)."""
    mixed: bool = False
    """Of ten achievements two count in a sliding window, one counts different things, one begins anew every day."""
    quests: int = 0
    """So many quests, and every third player in one of them."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An achievement of one requirement: COUNT or SUM of a metric, at least `threshold`."""

    id: str
    serial: int
    metric: str
    threshold: int


def metric_id(number: int) -> str:
    return f"m{number:02}"


def counts_amount(number: int) -> bool:
    """Every other metric sums `data.amount`, the others count events."""
    return number % 2 == 1


def plain_achievements(workload: Workload) -> list[Plain]:
    rungs = 10 * workload.content
    found = []
    for number in range(METRICS):
        for rung in range(rungs):
            if workload.mixed and rung in MIXED:
                continue
            threshold = ceil(workload.content * 2 ** (rung / workload.content))
            if counts_amount(number):
                threshold *= MEAN_AMOUNT
            found.append(Plain(f"a-{number:02}-{rung:03}", number * rungs + rung + 1, metric_id(number), threshold))
    return found


MIXED: dict[int, dict[str, Any]] = {
    1: {"type": "COUNT", "threshold": 12, "timeframe": {"duration": 10, "unit": "minutes"}},
    4: {"type": "COUNT", "threshold": 40, "timeframe": {"duration": 1, "unit": "hours"}},
    6: {"type": "DISTINCT", "threshold": 25},
    8: {"type": "COUNT", "threshold": 15, "repeat": "DAILY"},
}
"""Rung → what stands there instead, in the mixed workload."""


# -- content -----------------------------------------------------------------------------------------------------------


def changes(workload: Workload) -> Iterator[Change]:
    for number in range(METRICS):
        yield Change(
            "metric",
            metric_id(number),
            {
                "id": metric_id(number), "name": metric_id(number), "description": "", "unit": "",
                "event_type": f"game.{metric_id(number)}",
                "value_field": "amount" if counts_amount(number) else None,
                "member_field": "item" if workload.mixed else None, "conditions": [], "reported_by": "SERVER",
            },
        )  # fmt: skip
    yield Change(
        "reward",
        "coins",
        {
            "id": "coins", "type": "CURRENCY", "value": COIN, "currency": "gold", "items": [], "table": [],
            "claim": "AUTO", "claim_within": None, "expires_at": None, "metadata": {},
        },
    )  # fmt: skip
    for plain in plain_achievements(workload):
        type_ = "SUM" if counts_amount(int(plain.metric[1:])) else "COUNT"
        yield _achievement(plain.id, {"type": type_, "metric": plain.metric, "threshold": plain.threshold})
    if workload.mixed:
        for number in range(METRICS):
            for rung, special in MIXED.items():
                repeat = special.get("repeat", "NEVER")
                requirement = {key: value for key, value in special.items() if key != "repeat"}
                yield _achievement(f"a-{number:02}-{rung:03}", requirement | {"metric": metric_id(number)}, repeat)
    for number in range(workload.quests):
        yield _quest(number)


def _quest(number: int) -> Change:
    """Three times two steps side by side, each of a metric of its own."""
    steps = [
        {
            "id": f"s{n}", "title": f"Step {n}", "description": "", "order": n // 2, "match": "ALL",
            "requirements": [
                {"type": "COUNT", "metric": metric_id((number + 3 * n) % METRICS), "operator": "gte", "threshold": 5}
            ],
            "rewards": ["coins"], "is_optional": False, "branch": None, "completed_by": "SERVER",
        }
        for n in range(6)
    ]  # fmt: skip
    definition = {
        "id": quest_id(number), "title": f"Quest {number}", "description": "", "type": "SIDE", "difficulty": "NORMAL",
        "steps": steps, "rewards": ["coins"], "requirements": [], "fail_conditions": [], "time_limit": None,
        "start_date": None, "end_date": None, "repeat": "NEVER", "cooldown": None, "auto_start": False,
        "is_active": True, "metadata": {},
    }  # fmt: skip
    return Change("quest", quest_id(number), definition)


def quest_id(number: int) -> str:
    return f"q-{number:02}"


def _achievement(id_: str, requirement: dict[str, Any], repeat: str = "NEVER") -> Change:
    definition = {
        "id": id_, "title": f"Achievement {id_}", "description": "", "type": "MILESTONE", "category": "GENERAL",
        "points": POINTS, "requirements": [{"operator": "gte", **requirement}], "match": "ALL", "rewards": ["coins"],
        "prerequisites": [], "repeat": repeat, "series": None, "tier": None, "is_enabled": True, "starts_at": None,
        "ends_at": None, "icon": None, "metadata": {}, "backfill": "DIGEST",
    }  # fmt: skip
    return Change("achievement", id_, definition)


# -- players and their past --------------------------------------------------------------------------------------------


def player_id(rank: int) -> str:
    """Not in the order of activity: neighbours in an index are strangers."""
    return f"player-{rank * 7919 % 99_991:05}"


def weights(workload: Workload) -> list[float]:
    shares = [1 / rank for rank in range(1, workload.players + 1)]
    total = sum(shares)
    return [share / total for share in shares]


def load(workload: Workload) -> None:
    """Publish the content and write the players as they would stand after their past, in bulk."""
    dice = random.Random(f"past of {workload}")
    with transaction.atomic():
        achievements = list(changes(workload))
        ids = [change.id for change in achievements if change.kind == "achievement"]
        serials = {plain.id: plain.serial for plain in plain_achievements(workload)}
        free = iter(sorted(set(range(1, len(ids) + 1)) - set(serials.values())))
        Achievement.objects.bulk_create(
            Achievement(id=id_, serial=serials[id_] if id_ in serials else next(free), title=id_) for id_ in ids
        )
        Quest.objects.bulk_create(
            Quest(id=quest_id(number), serial=number, title=quest_id(number)) for number in range(workload.quests)
        )
        publication = publishing.publish(achievements, who=SYSTEM, reason="", now=BEGINNING)
        by_metric: dict[str, list[Plain]] = {}
        for plain in plain_achievements(workload):
            by_metric.setdefault(plain.metric, []).append(plain)
        players, tallies, wallets, questing = [], [], [], list[str]()
        # So long that every bit has its place: the statement of `limit` sets bits, it does not lengthen the row.
        width = (METRICS * 10 * workload.content + 8) // 8
        for rank, share in enumerate(weights(workload), 1):
            id_, earned, completed = player_id(rank), 0, 0
            mean = workload.past * workload.content * workload.players * share
            for number in range(METRICS):
                count = round(dice.gauss(mean, sqrt(mean)))
                if count <= 0:
                    continue
                total = count * MEAN_AMOUNT if counts_amount(number) else count
                tallies.append(_tally(id_, number, count, total))
                for plain in by_metric[metric_id(number)]:
                    if plain.threshold <= total:
                        earned |= 1 << plain.serial
                        completed += 1
            players.append(_player(id_, completed, publication.number, earned.to_bytes(width, "little")))
            questing += [id_] if workload.quests and rank % 3 == 0 else []
            if completed:
                wallets.append((id_, "gold", completed * COIN, 0))
    wallet = ("player_id", "currency", "balance", "debt")
    for model, columns, rows in ((Player, _PLAYER, players), (Tally, _TALLY, tallies), (Wallet, wallet, wallets)):
        for share, part in shares.by_share(sorted(rows), itemgetter(0)).items():
            with shares.at(share):
                sql.insert(model, columns, part)
    for number, id_ in enumerate(questing):
        bus.handle(StartQuest(player_id=id_, quest_id=quest_id(number % workload.quests)), actor=SYSTEM, now=BEGINNING)
    for share in shares.every():
        with shares.within(share):
            Message.objects.all().delete()
            OutboxFact.objects.all().delete()
            assert not Message.objects.exists()


_PLAYER = (
    "player_id", "display_name", "zones", "attributes", "points", "xp", "level", "levels_had", "owed_points", "owed_xp",
    "achievements_completed", "quests_completed", "last_seq", "backfilled_to", "earned", "revoked", "quests_done",
    "quests_open", "quests_begun", "banned", "created_at",
)  # fmt: skip
_TALLY = (
    "player_id", "metric_id", "scope", "count", "sum", "max", "min", "latest", "latest_at", "latest_id", "members",
    "runs",
)  # fmt: skip


def _player(id_: str, completed: int, publication: int, earned: bytes) -> tuple[Any, ...]:
    return (
        id_, "", [], {}, completed * POINTS, 0, 0, "", 0, 0, completed, 0, completed * 3, publication, earned, b"",
        b"", b"", b"", False, BEGINNING,
    )  # fmt: skip


def _tally(id_: str, number: int, count: int, total: int) -> tuple[Any, ...]:
    low, high = (1.0, 5.0) if counts_amount(number) else (1.0, 1.0)
    return (id_, metric_id(number), "", count, float(total), high, low, high, BEGINNING, "before", 0, "")


# -- events ------------------------------------------------------------------------------------------------------------


def events(workload: Workload, batch: int) -> Iterator[list[GameEvent]]:
    """Batches of fresh events without end; the same for all who ask for the same."""
    dice = random.Random(f"{batch} at a time, {workload}")
    at = BEGINNING + batch * timedelta(seconds=10)  # so that the streams of other batch sizes are over by then
    cumulative = list(accumulate(weights(workload)))
    ids = [player_id(rank) for rank in range(1, workload.players + 1)]
    while True:
        found = []
        for id_ in dice.choices(ids, cum_weights=cumulative, k=batch):
            at += STEP
            number = dice.randrange(METRICS)
            data = {
                "amount": dice.randint(1, 2 * MEAN_AMOUNT - 1),
                "item": f"item-{dice.randrange(ITEMS)}",
                "zone": dice.choice(ZONES),
                "session": f"s-{dice.randrange(10**6):06}",
            }
            # As a UUIDv7 would be: 36 characters, rising with time.
            digits = f"{int(at.timestamp() * 1000):012x}7{dice.getrandbits(76):019x}"
            event_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
            found.append(GameEvent(event_id, id_, f"game.{metric_id(number)}", data, at))
        yield found
