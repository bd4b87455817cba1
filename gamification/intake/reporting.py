"""Reporting progress: numbers for an achievement's metrics, as an event of its own kind."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from uuid_utils.compat import uuid7

from achievements.reading import ShownAchievements
from achievements.rules import Achievement
from achievements.serializers import AchievementProgressShape
from achievements.views import PLAYER, Progress, find, hidden
from gamification import pipeline
from gamification.intake.decoding import EARLIEST, MAX_AHEAD
from gamification.kernel.content import publishing
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import REPORTED, GameEvent, Invalid, PlayerId, Refused
from gamification.kernel.web import idempotent
from gamification.kernel.web.access import acting_player, is_player
from gamification.kernel.web.idempotency import idempotency_key
from gamification.kernel.web.strict_fields import Instant, Number, Shape, Text, parse
from progress.rule_index import RuleIndex
from progress.rules.samples import Metric, ReportedBy, is_countable


class Value(Number):
    """A number that may be a sample, judged before it is rounded to a double."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not is_countable(data):
            raise serializers.ValidationError("A number within ±2^53 is expected.", code="invalid")
        return value


class ReportShape(Shape):
    player_id = Text(required=False, help_text="A game server says for whom; a player's token says so by itself.")
    metrics = serializers.DictField(child=Value(), allow_empty=False, help_text="metric → the sample's value")
    timestamp = Instant(
        required=False,
        help_text="When it happened; without, now. A player's own report is at most PLAYER_REPORT_WINDOW old.",
    )


class NotReportedByPlayers(Refused):
    code = "not_for_players"
    status = 403


BAD_TIMES = ("from_the_future", "bad_timestamp", "too_old")


class NotCounted(Refused):
    """The report is refused as an event would be: for its time, or as `id_reused` or `player_erased`."""

    def __init__(self, code: str, detail: str) -> None:
        is_bad = code in BAD_TIMES
        super().__init__(detail, [{"path": "timestamp", "code": code, "detail": detail}] if is_bad else [])
        self.code = code  # type: ignore[misc]
        self.status = 400 if is_bad else 409  # type: ignore[misc]


class AchievementProgress(Progress):
    """How far a player has come with one achievement; reporting it moves it on."""

    scopes: ClassVar = {"GET": "players:read", "POST": "events:write"}
    player_may: ClassVar = {"GET", "POST"}

    @extend_schema(
        operation_id="achievements_progress_report",
        parameters=[PLAYER],
        request=ReportShape,
        responses=AchievementProgressShape,
    )
    @idempotent
    def post(self, request: Request, achievement_id: str) -> Response:
        """Reports a sample for metrics of an achievement. It counts whatever the metric's conditions."""
        said, now = parse(ReportShape, request.data), timezone.now()
        player_id = acting_player(request, said.get("player_id") or request.query_params.get("player_id"))
        achievement = find(request, achievement_id, player_id)
        metrics = _metrics(request, achievement, said["metrics"])
        at = parse_instant(said["timestamp"]) if "timestamp" in said else now
        if is_player(request):
            _refuse_unless_recent(at, now)
            event_id = _own_event_id(player_id, idempotency_key(request))
        else:
            event_id = _event_id(request)
        update_progress(player_id, achievement, metrics, event_id=event_id, at=at, now=now)
        return Response(ShownAchievements(player_id, now, hidden(request, player_id)).of(achievement))


def update_progress(
    player_id: PlayerId,
    achievement: Achievement,
    metrics: dict[str, float],
    *,
    event_id: str,
    at: datetime,
    now: datetime,
) -> None:
    """Report one sample for each metric, as one event. Raises Refused where the event is."""
    if at > now + MAX_AHEAD:
        raise NotCounted(
            "from_the_future", f"More than {MAX_AHEAD // timedelta(minutes=1)} minutes ahead of the clock."
        )
    if at < EARLIEST:
        raise NotCounted("bad_timestamp", f"Before {EARLIEST:%Y} nothing is counted.")
    data = {"achievement": achievement.id, "metrics": metrics}
    outcome = pipeline.process([GameEvent(event_id, player_id, REPORTED, data, at)], now=now)
    for _, code, detail in outcome.refused:
        raise NotCounted(code, detail)


def _metrics(request: Request, achievement: Achievement, said: dict[str, Any]) -> dict[str, float]:
    named = {r.metric for r in achievement.goal.requirements if r.metric}
    errors = []
    for id_ in said:
        if id_ not in named:
            detail = f"{achievement.id} has no such metric."
            errors.append({"path": f"metrics.{id_}", "code": "unknown_metric", "detail": detail})
    if errors:
        raise Invalid("Some of these metrics cannot be reported.", errors)
    if is_player(request):
        index: RuleIndex = publishing.current()[RuleIndex]
        for metric in (index.metrics[id_] for id_ in said):
            _refuse_unless_players_report(metric)
    return said


def _refuse_unless_recent(at: datetime, now: datetime) -> None:
    """A player may report what has just happened. With any past time, days could be filled without playing."""
    if at < now - timedelta(seconds=settings.PLAYER_REPORT_WINDOW):
        raise NotCounted("too_old", f"A player reports at most {settings.PLAYER_REPORT_WINDOW} seconds later.")


def _refuse_unless_players_report(metric: Metric) -> None:
    if metric.reported_by is not ReportedBy.PLAYER:
        raise NotReportedByPlayers(f"{metric.id} is reported by game servers.")


def _own_event_id(player_id: PlayerId, key: str | None) -> str:
    """The id of a player's report, which no game server can send (`~`) and the service never makes otherwise (`p`): so
    a player can take no id that the game has yet to use. The same key gives the same id."""
    text = f"{player_id}\0{key or uuid7()}".encode()
    return "~p" + hashlib.blake2b(text, digest_size=20).hexdigest()


def _event_id(request: Request) -> str:
    """A game server's idempotency key names the event; without one it gets a new id."""
    key = idempotency_key(request)
    if key is None:
        return str(uuid7())
    if len(key) > 64 or key.startswith("~"):
        detail = "Here the key becomes an event's id: at most 64 visible ASCII characters, not beginning with ~."
        raise Invalid(detail, [{"path": "Idempotency-Key", "code": "bad_id", "detail": detail}])
    return key
