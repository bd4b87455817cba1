"""The figures of analytics by a slow and obvious computation over what is kept, to compare with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from achievements.models import ProgressMark, Standing
from achievements.rules import AchievementRules
from gamification.analytics.models import RollUp
from gamification.compiling import Metrics
from gamification.kernel.content import publishing
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import own_id
from gamification.kernel.models import Event, RejectedEvent, Version
from progress.models import Player
from progress.rules.samples import Metric, NoValue
from quests.models import Run
from rewards.models import Distribution, Transfer

Key = tuple[str, str, date, str]


def grown() -> dict[Key, int]:
    """What the followers have come to."""
    return {(row.kind, row.subject, row.day, row.measure): row.amount for row in RollUp.objects.exclude(amount=0)}


def day(at: datetime) -> date:
    return at.astimezone(ZoneInfo(settings.PLAYER_TIME_ZONE)).date()


def obvious() -> Counter[Key]:
    """All of it but how long things took, which `durations` has."""
    found: Counter[Key] = Counter()
    mine: dict[str, Any] = {"player_id__in": public()}
    played = list(Event.objects.filter(**mine).exclude(type__in=OWN_TYPES).order_by("pk"))
    for event in played:
        counts = event.state == Event.State.COUNTED
        found["event", event.type, day(event.timestamp), "events" if counts else "held"] += 1
        found["game", "", day(event.timestamp), "events"] += counts
        found["event", event.type, day(event.timestamp), "valueless"] += counts and _is_valueless(event)
    firsts = {player: _days(found, [each for each in played if _is_of(each, player)]) for player in public()}
    for standing in Standing.objects.filter(**mine, completed_at__isnull=False, revoked_at=None):
        assert standing.completed_at is not None
        found["game", "", day(standing.completed_at), "completions"] += 1
        found["achievement", standing.achievement_id, day(standing.completed_at), "completed"] += 1
    quarters = {1: "quarter", 2: "half", 3: "three_quarters"}
    for mark in ProgressMark.objects.filter(**mine):
        found["achievement", mark.achievement_id, day(mark.at), quarters[mark.quarter]] += 1
    for refused in RejectedEvent.objects.filter(**mine):
        found["event", refused.type, day(refused.timestamp), f"rejected {refused.code}"] += 1
    for event in Event.objects.filter(**mine, type="level.reached"):
        found["level", str(event.data["level"]), day(event.timestamp), "reached"] += 1
    _begun(found, played)
    _runs(found, mine)
    _money(found, mine)
    _early(found, firsts)
    return found


def public() -> set[str]:
    return set(Player.objects.counts_publicly().values_list("pk", flat=True))


def _is_of(event: Event, player: str) -> bool:
    return event.player_id == player and event.state == Event.State.COUNTED


def _samples(event: Event) -> Iterator[tuple[Metric, bool]]:
    """The metrics that listen to an event, each with whether it had a value for it."""
    for metric in publishing.current()[Metrics].values():
        if metric.event_type == event.type:
            try:
                if metric.sample(event.data) is not None:
                    yield metric, True
            except NoValue:
                yield metric, False


def _since(kind: str, id_: str) -> datetime:
    return Version.objects.filter(kind=kind, content_id=id_).order_by("number")[0].at


def _is_valueless(event: Event) -> bool:
    return any(not had and _since("metric", metric.id) <= event.received_at for metric, had in _samples(event))


def _begun(found: Counter[Key], played: list[Event]) -> None:
    begun = set()
    achievements = publishing.current()[AchievementRules].by_id
    wanted = {
        id_: (_since("achievement", id_), {each.metric for each in rules.goal.requirements})
        for id_, rules in achievements.items()
    }
    for event in played:
        if event.state == Event.State.COUNTED:
            counting = {metric.id for metric, had in _samples(event) if had}
            for id_, (since, metrics) in wanted.items():
                if counting & metrics and since <= event.received_at and (event.player_id, id_) not in begun:
                    begun.add((event.player_id, id_))
                    found["achievement", id_, day(event.timestamp), "begun"] += 1


def _days(found: Counter[Key], played: list[Event]) -> set[date]:
    """One player's days, by arrival: known are those within 64 days of the first or the last. Answers the former."""
    known: set[date] = set()
    for event in played:
        at = day(event.timestamp)
        first, last = min(known | {at}), max(known | {at})
        if (at - first).days >= 64 and (last - at).days >= 64:
            found["event", event.type, at, "late"] += 1
            continue
        found["game", "", at, "active"] += at not in known
        monday, month = at - timedelta(days=at.weekday()), at.replace(day=1)
        found["game", "", monday, "active in week"] += monday not in {d - timedelta(days=d.weekday()) for d in known}
        found["game", "", month, "active in month"] += month not in {d.replace(day=1) for d in known}
        known = {d for d in known | {at} if (d - first).days < 64 or (last - d).days < 64}
    if known:
        found["game", "", min(known), "new"] += 1
    early = {d for d in known if (d - min(known)).days < 64}
    for each in early:
        found["retention", f"{(each - min(known)).days:02}", min(known), "players"] += 1
    return early


def _early(found: Counter[Key], active: dict[str, set[date]]) -> None:
    """Who completed what when for the first time, and who of those that did so early came back."""
    done: defaultdict[tuple[str, str, str], set[date]] = defaultdict(set)
    for standing in Standing.objects.filter(completed_at__isnull=False, revoked_at=None):
        assert standing.completed_at is not None
        done[standing.player_id, "achievement", standing.achievement_id].add(day(standing.completed_at))
    for run in Run.objects.filter(status="COMPLETED"):
        assert run.ended_at is not None
        done[run.player_id, "quest", run.quest_id].add(day(run.ended_at))
    for event in Event.objects.filter(type="reward.claimed"):
        done[event.player_id, "reward", event.data["id"]].add(day(event.timestamp))
    for player, days in active.items():
        came_back = any(7 <= (each - min(days)).days < 14 for each in days)
        if came_back:
            found["game", "", min(days), "new returned"] += 1
        for (who, kind, id_), completed in done.items():
            if who == player:
                found[kind, id_, min(completed), "players"] += 1
                if days and (min(completed) - min(days)).days < 7:
                    found[kind, id_, min(days), "early"] += 1
                    found[kind, id_, min(days), "early returned"] += came_back


def durations() -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Content → how long each completion took by the clock, and played."""
    found: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    revoked = {
        own_id("achievement.completed", each.player_id, each.achievement_id, each.occurrence)
        for each in Standing.objects.filter(revoked_at__isnull=False)
    }
    for own in Event.objects.filter(player_id__in=public(), type__in=("achievement.completed", "quest.completed")):
        before = Event.objects.filter(player_id=own.player_id, pk__lt=own.pk, state=Event.State.COUNTED).order_by("pk")
        times = list(before.exclude(type__in=OWN_TYPES).values_list("timestamp", flat=True))
        kind, id_ = own.type.partition(".")[0], own.data["id"]
        if kind == "quest":
            since = Run.objects.get(player_id=own.player_id, quest_id=id_, completed_at=own.timestamp).started_at
        elif times and own.event_id not in revoked:
            since = times[0]
        else:
            continue
        stretches: list[tuple[datetime, datetime]] = []
        newest: datetime | None = None
        for at in times:
            if newest is not None and newest < at <= newest + timedelta(minutes=30):
                stretches.append((newest, at))
            newest = at if newest is None else max(newest, at)
        played = sum(
            (max(timedelta(0), min(ends, own.timestamp) - max(begins, since)) for begins, ends in stretches),
            timedelta(0),
        )
        took = max(timedelta(0), own.timestamp - since)
        found[kind, id_].append((took.total_seconds(), played.total_seconds()))
    return dict(found)


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
