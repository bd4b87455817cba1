"""What an act would come to: the real command, rehearsed and undone, and what it changed, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from gamification import executing
from gamification.console.player import words
from gamification.kernel.content import publishing
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command, Fact, PlayerId
from gamification.kernel.models import Event
from progress.leveling import LevelRules
from progress.models import Player
from quests.models import Run
from quests.running import Status as RunStatus
from rewards.models import Distribution, InventoryItem, Wallet

MOST = 40
Holdings = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Effect:
    changes: Sequence[tuple[str, str, str]]
    """(what, before, after)."""
    facts: Sequence[str]
    """What would be stated, and the player told, one line for those that say the same."""
    more: int
    """How many facts are not shown."""


def of(command: Command, player_id: PlayerId, actor: Actor, now: datetime) -> Effect:
    """Raises what the command is refused with. Nothing is stored, and nobody is told."""
    before = holdings(player_id)
    rehearsal = executing.rehearse(command, actor, now, lambda: holdings(player_id))
    lines = list(_facts(rehearsal.facts))
    return Effect(list(_changes(before, rehearsal.seen)), lines[:MOST], max(len(lines) - MOST, 0))


def _facts(facts: Sequence[Fact]) -> Iterator[str]:
    count: dict[str, int] = {}
    for fact in facts:
        said, _ = words.fact(fact.type, fact.data)
        count[said] = count.get(said, 0) + 1
    for said, times in count.items():
        yield f"{said}, {times} times" if times > 1 else said


def _changes(before: Holdings, after: Holdings) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*before, *after)):
        was, is_ = before.get(name, 0), after.get(name, 0)
        if was != is_:
            yield name, _said(was), _said(is_)


def _said(value: str | int) -> str:
    return value if isinstance(value, str) else words.amount(value)


def holdings(player_id: PlayerId) -> Holdings:
    """What an act may change of a player, each thing by the name that people know it by. Six queries."""
    found: dict[str, str | int] = {}
    player = Player.objects.filter(pk=player_id).first()
    if player is not None:
        found |= {
            "level": publishing.current()[LevelRules].at(player.xp),
            "experience": player.xp,
            "experience owed": player.owed_xp,
            "points": player.points,
            "points owed": player.owed_points,
            "achievements": player.achievements_completed,
            "quests completed": player.quests_completed,
            "standing": player.standing.lower(),
            "a test player": "yes" if player.is_test else "no",
        }
    for wallet in Wallet.objects.filter(player_id=player_id).order_by("currency"):
        name = words.called("currency", wallet.currency)
        found |= {name: wallet.balance, f"{name} owed": wallet.debt}
    for item in InventoryItem.objects.filter(player_id=player_id).order_by("item_id"):
        found |= {item.item_id: item.quantity, f"{item.item_id} owed": item.owed}
    given = Distribution.objects.filter(player_id=player_id).order_by()
    for status, count in given.values_list("status").annotate(count=Count("pk")):
        found[f"rewards {status.lower()}"] = count
    runs = Run.objects.filter(player_id=player_id, is_newest=True, status=RunStatus.IN_PROGRESS)
    for quest_id, version in runs.values_list("quest_id", "version"):
        found[f"quest {words.called('quest', quest_id)}"] = f"in progress, version {version}"
    states = Event.objects.filter(player_id=player_id).order_by().values_list("state").annotate(count=Count("pk"))
    for state, count in states:
        found[f"events {Event.State(state).label.lower()}"] = count
    return found
