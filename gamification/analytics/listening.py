"""What an event's data is looked at for: whether it has a number where a metric wants one, and what it begins.

An event is held against what was published when it was received, so that counting it again comes to the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Min

from achievements.rules import AchievementRules
from gamification.compiling import Metrics
from gamification.kernel.content.publishing import Rules, Units
from gamification.kernel.models import Version
from progress.rules.samples import Metric, NoValue


class Beginning(NamedTuple):
    """An achievement that an event of some type may begin."""

    bit: int
    id: str
    since: datetime
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Listening:
    valued: dict[str, list[tuple[Metric, datetime]]]
    """Event type → metrics that want a number of it, each with when it was first published."""
    beginnings: dict[str, list[Beginning]]
    """Event type → achievements that listen to it."""
    begins: dict[str, int]
    """Event type → the bits of these."""
    types: frozenset[str]
    """Of which events the data is looked at."""

    def is_valueless(self, type_: str, data: Any, received_at: datetime) -> bool:
        for metric, since in self.valued.get(type_, ()):
            if since <= received_at:
                try:
                    metric.sample(data)
                except NoValue:
                    return True
        return False

    def begun(self, type_: str, data: Any, received_at: datetime, before: int) -> Sequence[Beginning]:
        """What this event begins for a player who has begun the bits of `before`."""
        found = []
        counted: dict[str, bool] = {}  # many achievements may name one metric
        for beginning in self.beginnings.get(type_, ()):
            if not beginning.bit & before and beginning.since <= received_at:
                for metric in beginning.metrics:
                    if metric.id not in counted:
                        counted[metric.id] = _counts(metric, data)
                    if counted[metric.id]:
                        found.append(beginning)
                        break
        return found


def _counts(metric: Metric, data: Any) -> bool:
    try:
        return metric.sample(data) is not None
    except NoValue:
        return False


def compile_listening(rules: Rules, units: Units) -> Listening:
    first = Version.objects.filter(kind__in=("metric", "achievement")).values_list("kind", "content_id")
    published = {(kind, id_): at for kind, id_, at in first.annotate(at=Min("at"))}
    valued: defaultdict[str, list[tuple[Metric, datetime]]] = defaultdict(list)
    metrics: Metrics = rules[Metrics]
    for metric in metrics.values():
        if metric.value_path and ("metric", metric.id) in published:
            valued[metric.event_type].append((metric, published["metric", metric.id]))
    beginnings: defaultdict[str, list[Beginning]] = defaultdict(list)
    for achievement in rules[AchievementRules].by_id.values():
        by_type: defaultdict[str, dict[str, Metric]] = defaultdict(dict)
        for requirement in achievement.goal.requirements:
            if requirement.metric and requirement.metric in metrics:
                metric = metrics[requirement.metric]
                by_type[metric.event_type][metric.id] = metric
        since = published.get(("achievement", achievement.id))
        if since is not None:
            for type_, listen in by_type.items():
                bit = 1 << achievement.serial
                beginnings[type_].append(Beginning(bit, achievement.id, since, tuple(listen.values())))
    begins = {type_: sum(each.bit for each in found) for type_, found in beginnings.items()}
    return Listening(dict(valued), dict(beginnings), begins, frozenset(valued) | frozenset(beginnings))
