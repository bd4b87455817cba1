"""Content for tests, in the contract's shape, with what one usually wants filled in; and the events that play it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from achievements.models import Achievement
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Change, Publication
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from progress import zones
from progress.models import HomeZone
from quests.models import Quest

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Definition = dict[str, Any]


def metric(id_: str, event_type: str = "enemy.killed", **fields: Any) -> Change:
    definition: Definition = {
        "id": id_, "name": id_, "description": "", "unit": "", "event_type": event_type, "value_field": None,
        "member_field": None, "conditions": [], "reported_by": "SERVER", "tags": [],
    }  # fmt: skip
    return Change("metric", id_, definition | fields)


def requirement(type_: str, metric: str, threshold: float, operator: str = "gte", **fields: Any) -> Definition:
    definition = {"type": type_, "metric": metric, "operator": operator, "threshold": threshold, "timeframe": None}
    return definition | fields


def achievement(id_: str, *requirements: Definition, **fields: Any) -> Change:
    definition: Definition = {
        "id": id_, "title": id_.title(), "description": "", "type": "MILESTONE", "category": "GENERAL", "points": 10,
        "requirements": list(requirements), "match": "ALL", "rewards": [], "prerequisites": [], "repeat": "NEVER",
        "series": None, "tier": None, "is_enabled": True, "starts_at": None, "ends_at": None, "icon": None,
        "metadata": {}, "backfill": "DIGEST", "min_seconds": None, "tags": [], "examples": [],
    }  # fmt: skip
    return Change("achievement", id_, definition | fields)


def reward(id_: str, type_: str = "CURRENCY", value: int = 5, **fields: Any) -> Change:
    definition: Definition = {
        "id": id_, "type": type_, "value": value, "currency": "gold" if type_ == "CURRENCY" else None, "items": [],
        "table": [], "claim": "AUTO", "claim_within": None, "expires_at": None, "metadata": {}, "tags": [],
    }  # fmt: skip
    return Change("reward", id_, definition | fields)


def level(number: int, xp: int, *rewards: str) -> Change:
    return Change("level", str(number), {"level": number, "xp": xp, "rewards": list(rewards), "tags": []})


def currency(id_: str, on_revoke: str = "DEBT") -> Change:
    return Change("currency", id_, {"id": id_, "name": id_, "on_revoke": on_revoke, "tags": []})


def step(id_: str, *requirements: Definition, order: int = 1, **fields: Any) -> Definition:
    definition: Definition = {
        "id": id_, "title": id_.title(), "description": "", "order": order, "requirements": list(requirements),
        "match": "ALL", "rewards": [], "is_optional": False, "branch": None, "completed_by": "SERVER",
    }  # fmt: skip
    return definition | fields


def quest(id_: str, *steps: Definition, **fields: Any) -> Change:
    definition: Definition = {
        "id": id_, "title": id_.title(), "description": "", "type": "SIDE", "difficulty": "NORMAL",
        "steps": list(steps), "rewards": [], "requirements": [], "fail_conditions": [], "time_limit": None,
        "start_date": None, "end_date": None, "repeat": "NEVER", "cooldown": None, "auto_start": False,
        "is_active": True, "metadata": {}, "min_seconds": None, "tags": [], "examples": [],
    }  # fmt: skip
    return Change("quest", id_, definition | fields)


def pool(id_: str, *quests: str, pick: int = 1, period: str = "DAILY") -> Change:
    return Change("pool", id_, {"id": id_, "quests": list(quests), "pick": pick, "period": period, "tags": []})


def publish(*changes: Change, now: datetime = NOON) -> Publication:
    with transaction.atomic():
        for change in changes:
            if change.kind == "achievement" and change.definition is not None:
                serial = Achievement.objects.count() + 1
                Achievement.objects.get_or_create(id=change.id, defaults={"serial": serial, "title": change.id})
            if change.kind == "quest" and change.definition is not None:
                serial = Quest.objects.count() + 1
                Quest.objects.get_or_create(id=change.id, defaults={"serial": serial, "title": change.id})
        return publishing.publish(changes, who=SYSTEM, reason="", now=now)


def live_in(zone: str) -> None:
    """Have the deployment be in that time zone, as if it always had been."""
    HomeZone.objects.all().delete()
    zones.record(zone, NOON)


def event(id_: str, player: str = "ann", type_: str = "enemy.killed", at: float = 0, **data: Any) -> GameEvent:
    """`at`: seconds after noon."""
    return GameEvent(id_, player, type_, data, NOON + timedelta(seconds=at))
