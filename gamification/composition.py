"""Where the apps are put together: what they compile, and whom they hand things to. Called once, at start-up."""

from __future__ import annotations

from functools import partial

from achievements.models import Achievement as AchievementRow
from achievements.rules import AchievementRules, compile_achievements
from gamification import backfilling, pipeline
from gamification.kernel import bus, publishing
from gamification.kernel.publishing import Definitions, Rules, Units
from progress import backfill, leveling
from progress.leveling import LevelRules, compile_levels
from progress.rules import Metric
from progress.watching import Watch, compile_metrics, compile_watch
from rewards import granting


class Metrics(dict[str, Metric]):
    """The compiled metrics, by id."""


def _metrics(definitions: Definitions, units: Units) -> Metrics:
    return Metrics(compile_metrics(definitions))


def _achievements(rules: Rules, units: Units) -> AchievementRules:
    in_play = {id_: p for id_, p in rules.published.get("achievement", {}).items() if not p.retired}
    return compile_achievements(
        {id_: p.definition for id_, p in in_play.items()},
        units,
        metrics=rules[Metrics],
        serials=dict(AchievementRow.objects.values_list("id", "serial")),
        versions={id_: p.version for id_, p in in_play.items()},
    )


def _watch(rules: Rules, units: Units) -> Watch:
    achievements = rules[AchievementRules]
    goals = [a.goal for a in achievements.by_id.values()]
    waiting = {owner: [a.goal for a in waiters] for owner, waiters in achievements.waiting.items()}
    return compile_watch(rules[Metrics], goals, waiting, units)


def connect() -> None:
    backfill.connect(partial(backfilling.run_pending, seconds=backfill.PATIENCE))
    bus.connect(pipeline.execute)
    granting.connect(leveling)
    publishing.compiler(Metrics, _metrics)
    publishing.compiler(LevelRules, compile_levels)
    publishing.composer(AchievementRules, _achievements)
    publishing.composer(Watch, _watch)
