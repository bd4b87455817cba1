"""Compiles the parts of the rules to which more than one app contributes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count

from django.db.models import F, Q, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Lag

from achievements.models import Achievement as AchievementRow
from achievements.rules import AchievementRules, Era, compile_achievements
from gamification.kernel.content.publishing import Definitions, Published, Rules, Units
from gamification.kernel.models import Version
from progress.rule_index import RuleIndex, compile_metrics, compile_rule_index
from progress.rules.samples import Metric
from quests.models import Quest as QuestRow
from quests.rules import QuestRules, compile_quests


class Metrics(dict[str, Metric]):
    """The compiled metrics, by id."""


def metrics(definitions: Definitions, units: Units) -> Metrics:
    return Metrics(compile_metrics(definitions))


def achievement_rules(rules: Rules, units: Units) -> AchievementRules:
    in_play = {id_: p for id_, p in rules.published.get("achievement", {}).items() if not p.retired}
    return compile_achievements(
        {id_: p.definition for id_, p in in_play.items()},
        units,
        metrics=rules[Metrics],
        serials=_serials(AchievementRow, rules.published.get("achievement", ())),
        versions={id_: p.version for id_, p in in_play.items()},
        quests=_serials(QuestRow, rules.published.get("quest", ())),
        eras=_eras(in_play, rules.number),
    )


def _eras(in_play: dict[str, Published], number: int) -> dict[str, Era]:
    """Since when an achievement repeats as it does now, for each that once repeated in another way.

    `daily` was published with `repeat` NEVER in version 1, and is DAILY since version 4: its era begins with version 4.
    """
    before = Window(Lag("repeat"), partition_by=F("content_id"), order_by=F("number").asc())
    versions = Version.objects.filter(kind="achievement").annotate(repeat=KT("definition__repeat"), before=before)
    began = versions.filter(Q(before=None) | ~Q(repeat=F("before"))).order_by("number").defer("definition")
    last: dict[str, tuple[str, Era | None]] = {}
    for each in began:
        era = Era(each.number, each.publication, each.at)
        last[each.content_id] = each.repeat, era if each.content_id in last else None
    for id_, item in in_play.items():
        repeat = item.definition["repeat"]
        if id_ in last and last[id_][0] != repeat:  # a dry run: the era would begin when it is published
            last[id_] = repeat, Era(item.version, number, datetime.max.replace(tzinfo=UTC))
    return {id_: era for id_, (_, era) in last.items() if era is not None}


def quest_rules(rules: Rules, units: Units) -> QuestRules:
    pools = {id_: p.definition for id_, p in rules.published.get("pool", {}).items() if not p.retired}
    return compile_quests(
        rules.published.get("quest", {}),
        pools,
        metrics=rules[Metrics],
        serials=_serials(QuestRow, rules.published.get("quest", ())),
        achievements=_serials(AchievementRow, rules.published.get("achievement", ())),
    )


def _serials(model: type[AchievementRow] | type[QuestRow], in_play: Iterable[str]) -> dict[str, int]:
    """Id → its bit in the bitmaps of players' rows; retired content keeps its bit. What is only tried out, and stored
    nowhere, has the next ones.
    """
    found = dict(model._default_manager.values_list("id", "serial"))
    free = count(max(found.values(), default=-1) + 1)
    return found | {id_: next(free) for id_ in in_play if id_ not in found}


def rule_index(rules: Rules, units: Units) -> RuleIndex:
    achievements = rules[AchievementRules]
    goals = [a.goal for a in achievements.by_id.values()]
    waiting = {owner: [a.goal for a in waiters] for owner, waiters in achievements.waiting.items()}
    roused = [a.goal for waiters in achievements.waiting_for_quests.values() for a in waiters]
    asked = [requirement for quest in rules[QuestRules].by_id.values() for requirement in quest.requirements]
    return compile_rule_index(rules[Metrics], goals, waiting, units, roused=roused, asked=asked)
