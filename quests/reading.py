"""How a player stands with quests: read without a lock, and worked out by the rules that take runs on.

Nothing is written: a run past its deadline is shown as it will be closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from gamification.kernel.content import kinds, publishing
from gamification.kernel.content.publishing import Definition
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import sql
from progress.players import Players
from progress.queries import rarities
from progress.reading import look_at
from progress.tallies import Tallies
from quests import rules, running
from quests.advancing import expire
from quests.models import Run as RunRow
from quests.rules import Quest, QuestRules
from quests.running import Run, Status
from quests.runs import QuestRuns, late_grace
from quests.starting import periods_at, refusal
from quests.storing import StoredRun

HISTORY = 50
"""The newest closed runs that are shown."""
NOT_STARTED = "NOT_STARTED"
"""How a quest is shown that a player never began, or gave up."""
STATES = (NOT_STARTED, *(status.value for status in Status if status != Status.ABANDONED))


class ShownQuests:
    """One player's quests as they are shown now: all of them or `only` one, in a fixed number of queries.

    `newest_only`: without the runs before each quest's newest. `world`: as that has read and decided them, rather than
    as they are kept; it is never written.
    """

    def __init__(
        self,
        player_id: PlayerId,
        now: datetime,
        only: str | None = None,
        *,
        newest_only: bool = False,
        world: World | None = None,
    ) -> None:
        self.now = now
        self.world = _looking_at(player_id, now) if world is None else world
        self.runs = self.world[QuestRuns]
        self.player = self.world[Players].by_id[player_id]
        self.rules: QuestRules = self.world.rules[QuestRules]
        self._runs: dict[str, list[Run]] = {}
        if world is not None:
            shown = self.runs.known()
        elif newest_only:
            shown = self.runs.take_in(
                sql.select_where(RunRow, StoredRun._fields, {"player_id": player_id, "is_newest": True})
            )
        else:
            shown = self.runs.take_in(_newest_runs(player_id, only))
        for run in shown:
            self._runs.setdefault(run.quest.id, []).append(run)
        expire(self.world, [player_id])  # in this world, which is never written
        self._has = self.runs.has(self.player)

    def of(self, quest_id: str) -> dict[str, Any] | None:
        """The contract's progress of one quest; None for what is no quest, or was retired before the player began."""
        runs = self._runs.get(quest_id, [])
        quest = self.rules.by_id.get(quest_id)
        if quest is None and not runs:
            return None
        is_begun = bool(runs) and runs[-1].status != Status.ABANDONED
        shown: dict[str, Any] = {
            "player_id": self.player.player_id,
            "quest_id": quest_id,
            "run": runs[-1].number if runs else 0,
            **(self._begun(runs[-1]) if is_begun else _not_begun(quest or runs[-1].quest)),
            "history": [self._closed(run) for run in runs if not run.is_open][-HISTORY:],
        }
        if quest is not None and quest.pools:
            shown["offers"] = list(self._offers(quest))
        return shown

    def _begun(self, run: Run) -> dict[str, Any]:
        return {
            "status": run.status,
            "current_step": run.current_step,
            "active_steps": [step.id for step in run.active()],
            "progress": running.progress(run, self._has),
            "step_progress": running.step_progress(run, self._has),
            "started_at": instant(run.started_at),
            "deadline": _maybe(run.deadline),
            "completed_at": _maybe(run.completed_at),
            "version": run.quest.version,
        }

    def _closed(self, run: Run) -> dict[str, Any]:
        return {
            "run": run.number,
            "status": run.status,
            "started_at": instant(run.started_at),
            "ended_at": _maybe(run.ended_at),
            "completed_at": _maybe(run.completed_at),
            "progress": running.progress(run, self._has),
            "version": run.quest.version,
        }

    def _offers(self, quest: Quest) -> Iterator[dict[str, Any]]:
        period = periods_at(self.player, self.now)
        for pool in quest.pools:
            opens, closes = period(pool.period)
            is_offered = quest.id in rules.offered(pool, self.player.player_id, opens)
            yield {"pool": pool.id, "opens": instant(opens), "closes": instant(closes), "is_offered": is_offered}

    def until(self) -> Iterable[datetime]:
        """When what was shown changes by itself: a period that was looked at ends, or the time of a run is up."""
        yield from self.player.periods_end()
        for run in self.runs.open_runs(self.player.player_id):
            if run.deadline is not None:
                yield run.deadline + late_grace()

    def definition(self, quest_id: str, version: int) -> Definition:
        """What is published of it, or was when the run that is shown began."""
        found: Definition = self.world.rules.definition("quest", quest_id, version)
        return found

    def startable(self) -> set[str]:
        """The quests that the player could start now."""
        asked = (r for quest in self.rules.by_id.values() for r in quest.requirements if r.metric)
        self.world[Tallies].load_lifetimes((self.player.player_id, requirement) for requirement in asked)
        quests = self.rules.by_id.values()
        return {quest.id for quest in quests if refusal(self.runs, quest, self.player, self.now) is None}


def read_runs(world: World, player_id: PlayerId) -> None:
    """Have a world know all runs of a player that are shown."""
    world[QuestRuns].take_in(_newest_runs(player_id, None))


def _looking_at(player_id: PlayerId, now: datetime) -> World:
    world = World(now=now, player_ids=[player_id])
    world.rules = publishing.current()
    for part in (Players, Tallies, QuestRuns):
        world.add(part(world))
    look_at(world, player_id)
    return world


def rows(
    player_id: PlayerId, now: datetime, *, state: str | None, for_player: bool, world: World | None = None
) -> list[dict[str, Any]]:
    """All quests that are visible, begun or not, and retired ones that the player has begun."""
    return rows_of(ShownQuests(player_id, now, world=world), state=state, for_player=for_player)


def rows_of(mine: ShownQuests, *, state: str | None, for_player: bool) -> list[dict[str, Any]]:
    """The same of a player who was read already."""
    hidden = kinds.hidden(mine.player.player_id) if for_player else {}
    kind, rare = kinds.kind("quest"), rarities("quest")
    names = (
        "title", "description", "type", "difficulty", "repeat", "time_limit", "start_date", "end_date", "rewards",
        "steps",
    )  # fmt: skip
    found = []
    for id_ in sorted(mine.world.rules.published.get("quest", {})):
        read = mine.of(id_)
        if read is None or state not in (None, read["status"]):
            continue
        shown = kind.shown(mine.definition(id_, read["version"]), hidden)
        if shown is not None:
            row = {"id": id_, **{name: shown[name] for name in names}, "rarity": rare.get(id_)}
            found.append({**row, "state": read["status"], **read})
    return found


def is_known(quest_id: str) -> bool:
    """Whether it is a quest that was ever published."""
    return quest_id in publishing.current().published.get("quest", {})


def startable(player_id: PlayerId, now: datetime) -> set[str]:
    """The quests that a player could start now."""
    return ShownQuests(player_id, now, newest_only=True).startable()


def _newest_runs(player_id: PlayerId, only: str | None) -> list[tuple[Any, ...]]:
    """The runs that are shown, oldest first: one that may be open, and those that are history."""
    found = RunRow.objects.filter(player_id=player_id)
    if only is not None:
        found = found.filter(quest_id=only)
    place = Window(RowNumber(), partition_by="quest_id", order_by=F("run").desc())
    found = found.annotate(place=place).filter(place__lte=HISTORY + 1).order_by("quest_id", "run")
    return list(found.values_list(*StoredRun._fields))


def _not_begun(quest: Quest) -> dict[str, Any]:
    return {
        "status": NOT_STARTED,
        "current_step": None,
        "active_steps": [],
        "progress": 0.0,
        "step_progress": {step.id: 0.0 for step in quest.steps},
        "started_at": None,
        "deadline": None,
        "completed_at": None,
        "version": quest.version,
    }


def _maybe(at: datetime | None) -> str | None:
    return instant(at) if at is not None else None
