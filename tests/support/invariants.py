"""What must hold whatever is played and edited: read off the tables, without a line of the service's own deciding."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Model, Sum

from achievements.models import Achievement, ProgressMark, Standing
from gamification.feed.models import Message
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.models import Event, OutboxFact, Version
from progress.models import LeftOut, Player, Tally
from quests.models import Run
from rewards.models import Distribution, Transfer, Wallet
from rewards.rules import RewardType, Status

Key = tuple[str, str, str]
"""(player, achievement, occurrence)."""
GONE = (Status.REVOKED, Status.EXPIRED)


def completions() -> dict[Key, Standing]:
    rows = Standing.objects.filter(completed_at__isnull=False)
    return {(row.player_id, row.achievement_id, row.occurrence): row for row in rows}


def bits(column: bytes | memoryview) -> set[int]:
    number = int.from_bytes(bytes(column), "little")
    return {place for place in range(number.bit_length()) if number >> place & 1}


def assert_money_is_what_was_claimed() -> None:
    """A wallet is its credits minus its debits, and with what was spent and is owed, what its player has claimed."""
    worth = {(v.content_id, v.number): v.definition for v in Version.objects.filter(kind="reward")}
    claimed: dict[str, Counter[str]] = {type_: Counter() for type_ in RewardType if type_.has_amount}
    for row in Distribution.objects.filter(status=Status.CLAIMED, kind__in=list(claimed)):
        given = worth[row.drawn or row.reward_id, row.drawn_version or row.reward_version]
        claimed[row.kind][row.player_id] += given["value"]
    balance, debt, spent = Counter[str](), Counter[str](), Counter[str]()
    for transfer in Transfer.objects.exclude(player_id__startswith="~"):
        wallet = f"player:{transfer.player_id}"
        balance[transfer.player_id] += transfer.amount * (
            (transfer.credit_account == wallet) - (transfer.debit_account == wallet)
        )
        debt[transfer.player_id] += transfer.amount * (
            (transfer.debit_account == "debt") - (transfer.credit_account == "debt")
        )
        spent[transfer.player_id] += transfer.amount * (transfer.credit_account == "spending")
    for found in Wallet.objects.all():
        assert (found.balance, found.debt) == (balance[found.player_id], debt[found.player_id]), found
    for player in Player.objects.all():
        id_ = player.player_id
        assert balance[id_] - debt[id_] + spent[id_] == claimed[RewardType.CURRENCY][id_], f"money of {id_}"
        stand = Standing.objects.filter(player_id=id_, completed_at__isnull=False, revoked_at=None)
        own = stand.aggregate(points=Sum("points"))["points"] or 0
        assert player.points - player.owed_points == own + claimed[RewardType.POINTS][id_], f"points of {id_}"
        assert player.xp - player.owed_xp == claimed[RewardType.XP][id_], f"experience of {id_}"
    sides: Counter[str] = Counter()
    for each in Transfer.objects.all():
        sides[each.debit_account] -= each.amount
        sides[each.credit_account] += each.amount
    assert sum(sides.values()) == 0


def assert_counts_are_those_of_the_standings() -> None:
    serials = dict(Achievement.objects.values_list("id", "serial"))
    earned: dict[str, set[int]] = {}
    counted: Counter[str] = Counter()
    for (player_id, id_, _), standing in completions().items():
        if standing.revoked_at is None:
            earned.setdefault(player_id, set()).add(serials[id_])
            counted[player_id] += 1
    for player in Player.objects.all():
        assert player.achievements_completed == counted[player.player_id], player.player_id
        assert bits(player.earned) == earned.get(player.player_id, set()), player.player_id
        done = Run.objects.filter(player_id=player.player_id, status="COMPLETED").count()
        assert player.quests_completed == done, player.player_id


def assert_each_completion_was_paid_once() -> None:
    """Each completion has the distributions of its version, each line once; of a revoked one nothing is left."""
    promised = {(v.content_id, v.number): v.definition["rewards"] for v in Version.objects.filter(kind="achievement")}
    given: dict[Key, dict[int, Distribution]] = {}
    for row in Distribution.objects.filter(source="ACHIEVEMENT"):
        given.setdefault((row.player_id, row.source_id, row.occurrence), {})[row.line] = row
    found = completions()
    assert given.keys() <= found.keys()
    for key, standing in found.items():
        lines = given.get(key, {})
        assert [lines[n].reward_id for n in sorted(lines)] == promised[key[1], standing.version], key
        if standing.revoked_at is not None:
            assert {row.status for row in lines.values()} <= set(GONE), key


def assert_only_later_ones_count(had: dict[str, set[Key]], since: datetime) -> None:
    """`had`: player → what they had completed when `repeat` changed; whatever came to it since is of after that."""
    for (player_id, id_, occurrence), standing in completions().items():
        before = had.get(player_id, set())
        if {key[1] for key in before} != {id_} or (player_id, id_, occurrence) in before:
            continue
        if "T" in occurrence:
            assert parse_instant(occurrence) > since, (player_id, id_, occurrence)
        else:
            assert occurrence != "0", (player_id, id_)
            event = Event.objects.get(player_id=player_id, event_id=standing.event_id)
            assert event.received_at > since, (player_id, id_, occurrence)


def assert_everybody_is_backfilled(number: int) -> None:
    assert not LeftOut.objects.exists()
    behind = Player.objects.filter(backfilled_to__lt=number, banned=False)
    assert not behind.exists(), list(behind.values_list("player_id", flat=True))


def assert_nothing_is_left_of(player_id: str, tables: list[type[Model]]) -> None:
    for model in tables:
        assert not model._default_manager.filter(player_id=player_id).exists(), model


def snapshot() -> dict[str, list[tuple[Any, ...]]]:
    """What has come of what was played."""
    seen: list[tuple[type[Model], tuple[str, ...]]] = [
        (Standing, ("player_id", "achievement_id", "occurrence", "completed_at", "event_id", "memory", "final")),
        (ProgressMark, ("player_id", "achievement_id", "occurrence", "quarter", "at", "progress")),
        (Tally, ("player_id", "metric_id", "scope", "count", "sum", "max", "min", "latest", "members", "runs")),
        (Run, ("player_id", "quest_id", "run", "status", "completed_at", "state")),
        (Distribution, ("id", "player_id", "status", "created_at")),
        (Wallet, ("player_id", "currency", "balance", "debt")),
        (Player, ("player_id", "points", "xp", "level", "achievements_completed", "quests_completed", "last_seq")),
        (Message, ("player_id", "seq", "type", "data")),
        (Event, ("player_id", "event_id", "type", "data", "timestamp")),
    ]
    return {model.__name__: sorted(model._default_manager.values_list(*names), key=repr) for model, names in seen}


def all_rows() -> list[Any]:
    """All rows that a wish about quests might change."""
    models = (Run, Distribution, Wallet, Transfer, Player, OutboxFact, Message, Event, Tally)
    return [list(model._default_manager.order_by("pk").values()) for model in models]
