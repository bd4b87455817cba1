"""The figures of analytics by a slow and obvious computation over what is kept, to compare with."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from achievements.models import ProgressMark, Standing
from gamification.analytics.models import RollUp
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import own_id
from gamification.kernel.models import Event, RejectedEvent
from progress.models import Player
from quests.models import Run
from rewards.models import Distribution, Transfer

Key = tuple[str, str, date, str]


def grown() -> dict[Key, int]:
    """What the followers have come to."""
    return {(row.kind, row.subject, row.day, row.measure): row.amount for row in RollUp.objects.exclude(amount=0)}


def day(at: datetime) -> date:
    return at.astimezone(ZoneInfo(settings.PLAYER_TIME_ZONE)).date()


def obvious() -> Counter[Key]:
    """All of it but how long things took and what was begun. Only where nobody has played for more than 64 days."""
    found: Counter[Key] = Counter()
    public = set(Player.objects.counts_publicly().values_list("pk", flat=True))
    mine: dict[str, Any] = {"player_id__in": public}
    days: defaultdict[str, set[date]] = defaultdict(set)
    for event in Event.objects.filter(**mine).exclude(type__in=OWN_TYPES):
        if event.state == Event.State.COUNTED:
            days[event.player_id].add(day(event.timestamp))
            found["event", event.type, day(event.timestamp), "events"] += 1
            found["game", "", day(event.timestamp), "events"] += 1
            if event.type == "hit" and not isinstance(event.data.get("v"), int):
                found["event", event.type, day(event.timestamp), "valueless"] += 1
        else:
            found["event", event.type, day(event.timestamp), "held"] += 1
    for active in days.values():
        first = min(active)
        found["game", "", first, "new"] += 1
        for each in active:
            found["game", "", each, "active"] += 1
            found["retention", f"{(each - first).days:02}", first, "players"] += 1
        for monday in {each - timedelta(days=each.weekday()) for each in active}:
            found["game", "", monday, "active in week"] += 1
        for month in {each.replace(day=1) for each in active}:
            found["game", "", month, "active in month"] += 1
    for standing in Standing.objects.filter(**mine, completed_at__isnull=False, revoked_at=None):
        assert standing.completed_at is not None
        found["game", "", day(standing.completed_at), "completions"] += 1
        found["achievement", standing.achievement_id, day(standing.completed_at), "completed"] += 1
    quarters = {1: "quarter", 2: "half", 3: "three_quarters"}
    for mark in ProgressMark.objects.filter(**mine):
        found["achievement", mark.achievement_id, day(mark.at), quarters[mark.quarter]] += 1
    for refused in RejectedEvent.objects.filter(**mine):
        found["event", refused.type, day(refused.timestamp), f"rejected {refused.code}"] += 1
    _runs(found, mine)
    _money(found, mine)
    return found


def _runs(found: Counter[Key], mine: dict[str, Any]) -> None:
    for run in Run.objects.filter(**mine):
        began = day(run.started_at)
        found["quest", run.quest_id, began, "begun"] += 1
        found["funnel", run.quest_id, began, f"begun {run.version} "] += 1
        for step, state in run.state["steps"].items():
            found["funnel", run.quest_id, began, f"reached {run.version} {step}"] += 1
            found["funnel", run.quest_id, began, f"completed {run.version} {step}"] += "done" in state
        if run.ended_at is not None:
            found["quest", run.quest_id, day(run.ended_at), run.status.lower()] += 1
            found["game", "", day(run.ended_at), "quests_completed"] += run.status == "COMPLETED"


def _money(found: Counter[Key], mine: dict[str, Any]) -> None:
    claimed = {}
    for given in Distribution.objects.filter(**mine, claimed_at__isnull=False):
        event = Event.objects.get(
            player_id=given.player_id, event_id=own_id("reward.claimed", given.player_id, str(given.pk), "0")
        )
        claimed[str(given.pk)] = given, day(event.timestamp)
        found["game", "", day(event.timestamp), "claims"] += 1
        found["reward", given.reward_id, day(event.timestamp), "claims"] += 1
        if given.source in ("ACHIEVEMENT", "QUEST", "QUEST_STEP"):
            kind = "achievement" if given.source == "ACHIEVEMENT" else "quest"
            found[kind, given.source_id.split("/")[0], day(event.timestamp), "claims"] += 1
    for move in Transfer.objects.filter(**mine):
        purpose, of = move.cause.split(":", 1)
        if purpose == "claim":
            given, at = claimed[of]
            found["currency", move.currency, at, f"in {given.source}"] += move.amount
            if given.source in ("ACHIEVEMENT", "QUEST", "QUEST_STEP"):
                kind = "achievement" if given.source == "ACHIEVEMENT" else "quest"
                found[kind, given.source_id.split("/")[0], at, f"pays {move.currency}"] += move.amount
        elif purpose == "repay":
            found["currency", move.currency, claimed[of][1], "out REVOKE"] += move.amount
        elif purpose == "revoke":
            found["currency", move.currency, day(move.created_at), "out REVOKE"] += move.amount
        elif purpose == "spend":
            found["currency", move.currency, day(move.created_at), "out SPEND"] += move.amount
        elif purpose == "case" and move.credit_account != "debt":
            found["currency", move.currency, day(move.created_at), "in CASE"] += move.amount
