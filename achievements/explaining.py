"""Why an achievement is, or is not, unlocked: worked out from the player's kept events when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
    by_metric: dict[str, dict[str, Any]] = {}
    requirements = []
    for requirement, shown in zip(achievement.goal.requirements, read["requirements"], strict=True):
        if requirement.target and requirement.target in mine.hidden:
            continue
        entry = {**shown, "missing": 0 if shown["met"] else _missing(shown)}
        if requirement.nature != TARGET:
            if requirement.metric not in by_metric:
                by_metric[requirement.metric] = _events(mine, achievement, index.metrics[requirement.metric])
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


def _events(mine: ShownAchievements, achievement: Achievement, metric: Metric) -> dict[str, Any]:
    counted, not_counted = [], []
    for event, held in _newest(mine.player.player_id, metric):
        entry: dict[str, Any] = {"id": event.id, "type": event.type, "timestamp": instant(event.timestamp)}
        failed = held or _failed(achievement, metric, event)
        if failed is not None:
            not_counted.append({**entry, **failed})
        else:
            [sample] = reported(event, {metric.id: metric}) if event.type == REPORTED else [metric.sample(event.data)]
            counted.append({**entry, "value": number(sample.value) if sample else None})
    return {"counted": counted[:SHOWN], "not_counted": not_counted[:SHOWN]}


def _newest(player_id: PlayerId, metric: Metric) -> list[tuple[GameEvent, dict[str, Any] | None]]:
    """The newest events of its type, newest first, each with why it was held, if it was."""
    kept = Event.objects.filter(player_id=player_id, type__in=(metric.event_type, REPORTED))
    rows = kept.order_by("-timestamp", "-event_id").values_list("event_id", "type", "data", "timestamp", "state")
    found: list[tuple[GameEvent, dict[str, Any] | None]] = []
    for id_, type_, data, at, state in rows[:NEWEST]:
        event = GameEvent(id_, player_id, type_, data, at)
        if type_ == REPORTED and metric.id not in data.get("metrics", {}):
            continue
        held = {"failed": "held"} if state == Event.State.HELD else None
        dismissed = {"failed": "dismissed"} if state == Event.State.DISMISSED else None
        found.append((event, held or dismissed))
    return found


def _failed(achievement: Achievement, metric: Metric, event: GameEvent) -> dict[str, Any] | None:
    """Which condition or field failed; None where the event counted."""
    failed = why_no_sample(metric, event) if event.type != REPORTED else None
    if failed is not None:
        return failed
    if not achievement.goal.scope.contains(event.timestamp):
        return {"failed": "dates"}
    return None
