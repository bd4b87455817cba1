"""Which requirements one event moved, of achievements and of quests under way, and from where to where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import achievements.snapshots
from achievements.occurrences import opens_at
from achievements.rules import Achievement
from achievements.standings import Standings
from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import World
from progress.periods import PeriodKind
from progress.players import Players
from progress.rules.requirements import TARGET, Requirement
from quests import counting
from quests.counting import Count
from quests.running import Has, Run
from quests.runs import QuestRuns

Reading = tuple[Any, bool]
"""A requirement's value, and whether it is met."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a requirement of a quest stands: in a step, or among the fail conditions."""

    run: Run
    step: str | None
    index: int


class Moves:
    """Reads before an event counts what it may move, and compares once it has."""

    def __init__(self, world: World, player_id: PlayerId, event: GameEvent) -> None:
        self._world, self._event = world, event
        self._player = world[Players].by_id[player_id]
        self._completed = len(world[Standings].completed)
        self._open = [a for a in self._may_move() if not self._is_over(a)]
        self._before = {achievement.id: self._read(achievement) for achievement in self._open}
        runs = world[QuestRuns].newest.values()
        self._activated = {(run, step_id) for run in runs for step_id in run.steps}
        self._counts = dict(self._asked())
        self._values = {place: self._value(*asked) for place, asked in self._counts.items()}

    def since_then(self) -> list[dict[str, Any]]:
        return [*self._of_achievements(), *self._of_quests()]

    # -- achievements --------------------------------------------------------------------------------------------------

    def _may_move(self) -> Iterable[Achievement]:
        """Those that count what the event is worth, those that wait for a quest it completes, and whoever waits for
        one of these, as far as that goes.
        """
        rules, event = self._world[Standings].rules, self._event
        queue = [achievement for sample in event.samples for achievement in rules.by_metric.get(sample.metric, ())]
        queue += rules.opening
        if event.type == "quest.completed":
            queue += rules.waiting_for_quests.get(event.data["id"], ())
        found: dict[str, Achievement] = {}
        for achievement in queue:  # grows while it is walked
            if achievement.id not in found:
                found[achievement.id] = achievement
                queue += rules.waiting.get(achievement.id, ())
        return found.values()

    def _is_over(self, achievement: Achievement) -> bool:
        """Whether nothing of it moves any more, or not yet."""
        standings, opens = self._world[Standings], self._opens(achievement)
        if achievement.goal.counted_since > self._player.backfilled_to:
            return True
        if achievement.is_closed_to(self._player) or achievement.is_spent(self._player, opens):
            return True
        standing = standings.find(self._player, achievement, opens)
        return standing is not None and standing.completed_at is not None

    def _opens(self, achievement: Achievement) -> datetime | None:
        return opens_at(achievement, self._player, self._event.timestamp)

    def _read(self, achievement: Achievement) -> list[Reading]:
        standings, opens = self._world[Standings], self._opens(achievement)
        return _readings(achievements.snapshots.snapshot(standings, self._player, achievement, opens))

    def _of_achievements(self) -> Iterator[dict[str, Any]]:
        standings = self._world[Standings]
        final = {
            achievement.id: standings.standings[player.player_id, achievement.id, occurrence].final
            for player, achievement, occurrence in standings.completed[self._completed :]
        }
        for achievement in self._open:
            at_completion = final.get(achievement.id)  # of one that began anew since, too
            after = self._read(achievement) if at_completion is None else _readings(at_completion)
            for index, (was, now) in enumerate(zip(self._before[achievement.id], after, strict=True)):
                if was != now:
                    path = f"requirements[{index}]"
                    yield _move("achievement", achievement.id, None, path, index, was, now)

    # -- quests --------------------------------------------------------------------------------------------------------

    def _asked(self) -> Iterator[tuple[Place, tuple[Requirement, Count | None]]]:
        """Every requirement of the player's open runs, with what has been counted for it."""
        for run in self._world[QuestRuns].open_runs(self._player.player_id):
            for index, requirement in enumerate(run.quest.fail_conditions):
                yield Place(run, None, index), (requirement, run.fails.get(requirement.digest))
            for step in run.active():
                for index, requirement in enumerate(step.requirements):
                    yield Place(run, step.id, index), (requirement, run.steps[step.id].counts.get(requirement.digest))

    def _value(self, requirement: Requirement, count: Count | None) -> Reading:
        if requirement.nature == TARGET:
            met = self._has(requirement)
            return int(met), met
        assert count is not None
        return number(count.value), count.is_met

    @property
    def _has(self) -> Has:
        return self._world[QuestRuns].has(self._player)

    def _of_quests(self) -> Iterator[dict[str, Any]]:
        begun = {place: asked for place, asked in self._asked() if place not in self._counts}
        begun |= self._begun_and_done()
        found = [*self._counts.items(), *begun.items()]
        for place, asked in sorted(found, key=lambda each: each[0].run.quest.id):
            nothing = (0, False) if asked[1] is None else _reading(counting.begin(asked[0]))
            was, now = self._values.get(place, nothing), self._value(*asked)
            if was != now:
                quest = place.run.quest
                path = f"fail_conditions[{place.index}]"
                if place.step is not None:
                    position = [step["id"] for step in self._steps_of(place.run)].index(place.step)
                    path = f"steps[{position}].requirements[{place.index}]"
                yield _move("quest", quest.id, place.step, path, place.index, was, now)

    def _steps_of(self, run: Run) -> list[dict[str, Any]]:
        """As they were written: the compiled ones are in the order in which they are looked at."""
        steps: list[dict[str, Any]] = self._world.rules.definition("quest", run.quest.id, run.quest.version)["steps"]
        return steps

    def _begun_and_done(self) -> dict[Place, tuple[Requirement, Count | None]]:
        """Of steps that this very event made active and completed: where a run was closed since, it keeps no counts, so
        they are what the event was worth.
        """
        found: dict[Place, tuple[Requirement, Count | None]] = {}
        for run in self._world[QuestRuns].newest.values():
            for step in run.quest.steps:
                if (run, step.id) in self._activated or step.id not in run.steps or not run.is_done(step):
                    continue
                for index, requirement in enumerate(step.requirements):
                    count = run.steps[step.id].counts.get(requirement.digest) or self._worth(requirement)
                    found[Place(run, step.id, index)] = requirement, count
        return found

    def _worth(self, requirement: Requirement) -> Count | None:
        count = counting.begin(requirement) if requirement.metric else None
        for sample in self._event.samples:
            if count is not None and sample.metric == requirement.metric:
                count.fold(sample, self._event.timestamp, self._event.id, self._day)
        return count

    def _day(self, at: datetime) -> Any:
        return self._player.period(PeriodKind.DAILY, at)


def _reading(count: Count) -> Reading:
    return number(count.value), count.is_met


def _readings(snapshot: dict[str, Any]) -> list[Reading]:
    return [(requirement["value"], requirement["met"]) for requirement in snapshot["requirements"]]


def _move(kind: str, id_: str, step: str | None, path: str, index: int, was: Reading, now: Reading) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": id_,
        "step": step,
        "path": path,
        "index": index,
        "before": was[0],
        "after": now[0],
        "met": now[1],
    }
