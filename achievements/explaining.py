"""Why an achievement is, or is not, unlocked: worked out from the player's kept events when somebody asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from achievements.occurrences import opens_at
from achievements.reading import ShownAchievements
from achievements.rules import Achievement
from gamification.kernel.core.encoding import instant, number
from gamification.kernel.core.messages import REPORTED, GameEvent, PlayerId
from gamification.kernel.models import Event
from progress.explaining import why_no_sample
from progress.rule_index import RuleIndex
from progress.rules.requirements import TARGET
from progress.rules.samples import Metric, reported

NEWEST = 500
"""Events of a requirement's type that are looked at."""
SHOWN = 10


def explain(mine: ShownAchievements, achievement: Achievement) -> dict[str, Any]:
    """`{player_id, achievement_id, is_completed, pending, blocked_by, requirements}`.

    A requirement says its value, what is `missing`, and the last events that counted and that did not, each with what
    failed.
    """
    read = mine.of(achievement, live=True)
    index: RuleIndex = mine.tallies.index
    asked = {r.metric: index.metrics[r.metric] for r in achievement.goal.requirements if r.nature != TARGET}
    kept = (
        _newest(mine.player.player_id, {REPORTED, *(metric.event_type for metric in asked.values())}) if asked else {}
    )
    by_metric = {metric.id: _events(achievement, metric, kept) for metric in asked.values()}
    requirements = []
    for requirement, shown in zip(achievement.goal.requirements, read["requirements"], strict=True):
        if requirement.target and requirement.target in mine.hidden:
            continue
        entry = {**shown, "missing": 0 if shown["met"] else _missing(shown)}
        if requirement.nature != TARGET:
            entry |= by_metric[requirement.metric]
        requirements.append(entry)
    return {
        "player_id": mine.player.player_id,
        "achievement_id": achievement.id,
        "progress": read["progress"],
        "is_completed": read["is_completed"],
        "completed_at": read["completed_at"],
        "pending": read.get("pending", False),
        "blocked_by": list(_blocked(mine, achievement, read)),
        "requirements": requirements,
    }


def _missing(shown: dict[str, Any]) -> Any:
    """How much is missing; None where more would not help (`lt`, `lte`)."""
    if shown.get("operator") in ("lt", "lte") or "threshold" not in shown:
        return None
    return number(max(shown["threshold"] - (shown["value"] or 0), 0))


def _blocked(mine: ShownAchievements, achievement: Achievement, read: dict[str, Any]) -> Iterable[dict[str, str]]:
    """What stands in the way besides the requirements."""
    if read["is_completed"]:
        return
    if not achievement.is_enabled:
        yield {"code": "disabled", "detail": "It is not enabled: counting goes on, but nothing completes."}
    if not achievement.is_open(mine.now):
        yield {"code": "not_open", "detail": "It is not open now: only events between its dates complete it."}
    if "revoked_at" in read:
        yield {"code": "revoked", "detail": "It was revoked, and is not earned again."}
    if achievement.is_spent(mine.player, opens_at(achievement, mine.player, mine.now)):
        detail = "It was completed while it repeated in another way: only what opens after that change counts."
        yield {"code": "repeat_changed", "detail": detail}
    if read.get("pending"):
        yield {"code": "pending", "detail": "The player's past is still being counted for it."}
    for id_ in achievement.prerequisites:
        if id_ not in mine.hidden and not mine.player.earned & mine.rules.by_id[id_].bit:
            yield {"code": "prerequisite", "detail": f"The achievement {id_} comes first.", "id": id_}


Kept = tuple[GameEvent, str | None]
"""An event, and why it is held, if it is."""
_UNCOUNTED = {Event.State.HELD: "held", Event.State.DISMISSED: "dismissed"}


def _events(achievement: Achievement, metric: Metric, kept: Mapping[str, list[Kept]]) -> dict[str, Any]:
    counted, not_counted = [], []
    for event, held in _of(metric, kept):
        entry: dict[str, Any] = {"id": event.id, "type": event.type, "timestamp": instant(event.timestamp)}
        failed = {"failed": held} if held is not None else _failed(achievement, metric, event)
        if failed is not None:
            not_counted.append({**entry, **failed})
        else:
            [sample] = reported(event, {metric.id: metric}) if event.type == REPORTED else [metric.sample(event.data)]
            counted.append({**entry, "value": number(sample.value) if sample else None})
    return {"counted": counted[:SHOWN], "not_counted": not_counted[:SHOWN]}


def _of(metric: Metric, kept: Mapping[str, list[Kept]]) -> Iterable[Kept]:
    """The newest events that the metric may count, newest first."""
    both = [*kept.get(metric.event_type, ()), *kept.get(REPORTED, ())]
    newest = sorted(both, key=lambda each: each[0].order, reverse=True)[:NEWEST]
    return [each for each in newest if each[0].type != REPORTED or metric.id in each[0].data.get("metrics", {})]


def _newest(player_id: PlayerId, types: Collection[str]) -> dict[str, list[Kept]]:
    """type → the newest events of it. One query, however many there are."""
    newest_first = [F("timestamp").desc(), F("event_id").desc()]
    place = Window(RowNumber(), partition_by="type", order_by=newest_first)
    rows = Event.objects.filter(player_id=player_id, type__in=sorted(types)).annotate(place=place)
    found: dict[str, list[Kept]] = {}
    columns = ("event_id", "type", "data", "timestamp", "state")
    for id_, type_, data, at, state in rows.filter(place__lte=NEWEST).values_list(*columns):
        found.setdefault(type_, []).append((GameEvent(id_, player_id, type_, data, at), _UNCOUNTED.get(state)))
    return found


def _failed(achievement: Achievement, metric: Metric, event: GameEvent) -> dict[str, Any] | None:
    """Which condition or field failed; None where the event counted."""
    failed = why_no_sample(metric, event) if event.type != REPORTED else None
    if failed is not None:
        return failed
    if not achievement.goal.scope.contains(event.timestamp):
        return {"failed": "dates"}
    return None
