"""How far quests have come, read off the whole list of what counted so far each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.support.achievement_model import (
    COMPARE,
    UNITS,
    aggregate,
    best_windows,
    fraction,
    longest_run,
    needed,
    worth,
)
from tests.support.achievement_model import Sample as Counted
from tests.support.quest_runs import Definition, Happened, Player, Run, key

TOO_LATE_FOR_WINDOWS = timedelta(days=35)


@dataclass(frozen=True)
class QuestProgress:
    metrics: Sequence[Definition]
    levels: Mapping[int, int]
    """level → xp."""

    def of_steps(self, player: Player, run: Run) -> dict[str, float]:
        if run.final is not None:
            return run.final
        return {step["id"]: self._of_step(player, run, step) for step in run.steps}

    def of_run(self, player: Player, run: Run) -> float:
        """The mean of the mandatory steps that are not skipped; where a branch skipped them all, none is left to do."""
        steps = self.of_steps(player, run)
        counted = [step["id"] for step in run.steps if run.is_mandatory(step)]
        mean = sum(steps[id_] for id_ in counted) / len(counted) if counted else 1
        return mean if run.done.keys() >= set(counted) else min(mean, 0.99)

    def _of_step(self, player: Player, run: Run, step: Definition) -> float:
        if step["id"] in run.done:
            return 1
        if step["id"] not in run.reached or not step["requirements"]:
            return 0
        fractions = []
        for requirement in step["requirements"]:
            value, met = self._value(player, run, step["id"], requirement)
            is_target = "metric" not in requirement
            fractions.append(float(met) if is_target else fraction(requirement, value, met))
        best = sorted(fractions, reverse=True)[: needed(step)]
        whole = sum(best) / len(best)
        return whole if self.is_met(player, run, step) else min(whole, 0.99)

    def is_met(self, player: Player, run: Run, step: Definition) -> bool:
        return sum(self._value(player, run, step["id"], r)[1] for r in step["requirements"]) >= needed(step)

    def _value(self, player: Player, run: Run, step_id: str, requirement: Definition) -> tuple[float | None, bool]:
        if "metric" not in requirement:
            return None, self.has(player, requirement)
        active = run.reached[step_id]

        def counts(happened: Happened) -> bool:
            if happened.nth < active.since[key(requirement)] or happened.nth > (active.until or happened.nth):
                return False
            if happened.root == active.root or happened.nth == run.starter:
                return False
            return active.at <= happened.event.at and not run.is_over(happened.event.at)

        return self._read(player, requirement, counts)

    def fails(self, player: Player, run: Run, condition: Definition) -> bool:
        if "metric" not in condition:
            return condition not in run.spared and self.has(player, condition)

        def counts(happened: Happened) -> bool:
            if happened.nth < run.since[key(condition)] or happened.nth == run.starter:
                return False
            return happened.event.at >= run.started_at and not run.is_over(happened.event.at)

        return self._read(player, condition, counts)[1]

    def has(self, player: Player, requirement: Definition) -> bool:
        """Whether the player meets it now: by their whole life, or what they are known to have."""
        type_ = requirement["type"]
        if type_ == "LEVEL":
            level = max((level for level, xp in self.levels.items() if xp <= player.xp), default=0)
            return bool(COMPARE[requirement["operator"]](level, requirement["threshold"]))
        if type_ in ("ACHIEVEMENT", "QUEST"):
            return (type_, requirement["target"]) in player.known
        return self._read(player, requirement, lambda happened: True)[1]

    def _read(
        self, player: Player, requirement: Definition, counts: Callable[[Happened], bool]
    ) -> tuple[float | None, bool]:
        """The value now; for gt, gte and eq, whether it was met after any of the samples, or before all."""
        samples = list(self._samples(player, requirement["metric"], counts))
        type_, compare, threshold = requirement["type"], COMPARE[requirement["operator"]], requirement["threshold"]

        def value(n: int) -> float | None:
            if type_ == "STREAK":
                return longest_run({sample.at.astimezone(player.zone).date() for sample in samples[:n]})
            return aggregate(type_, samples[:n])

        def meets(value: float | None) -> bool:
            return value is not None and bool(compare(value, threshold))

        if requirement.get("timeframe"):
            frame = requirement["timeframe"]
            windows = list(best_windows(type_, frame["duration"] * UNITS[frame["unit"]], samples))
            return max(windows, default=None if type_ == "MAX" else 0), any(map(meets, windows))
        now = value(len(samples))
        if requirement["operator"] in ("lt", "lte"):
            return now, meets(now)
        reached = [found for n in range(len(samples) + 1) if meets(found := value(n))]
        return (reached[0] if reached else now), bool(reached)

    def _samples(self, player: Player, metric_id: str, counts: Callable[[Happened], bool]) -> Iterator[Counted]:
        [metric] = [metric for metric in self.metrics if metric["id"] == metric_id]
        newest: datetime | None = None
        for happened in player.log:
            event = happened.event
            value = worth(metric, event)  # type: ignore[arg-type]
            if value is None:
                continue
            is_late = newest is not None and newest - event.at > TOO_LATE_FOR_WINDOWS
            newest = max(newest or event.at, event.at)
            if counts(happened):
                member = event.data.get(metric["member_field"] or "")
                yield Counted(happened.nth, event.id, event.at, value, member, not is_late)
