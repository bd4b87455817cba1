"""What a request for a simulation may say, and the simulation that it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gamification.intake.decoding import MAX_AHEAD, judge_any
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, GameEvent, Invalid, PlayerId
from gamification.kernel.web import strict_fields
from gamification.kernel.web.strict_fields import Instant, Shape, Text
from gamification.simulation.overlay import DraftNamed, Wanted
from gamification.simulation.simulating import NOBODY, Simulation

MAX_EVENTS = 200
MAX_DRAFTS = 500
SOMEBODY = "nobody"
"""Stands in for the player while an event is judged: who plays is said once, for all."""


class BadEvent(Invalid):
    """An event that `POST /events` would not take."""


class PlayerField(Text):
    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not PLAYER_ID.fullmatch(text):
            raise serializers.ValidationError(A_PLAYER_ID, code="invalid")
        return text


class SimulatedEventShape(serializers.Serializer[Any]):
    """An event as `POST /events` takes it. Whose it is need not be said."""

    is_only_sent = True

    id = serializers.RegexField(r"^[!-}][!-~]{0,63}$")
    player_id = serializers.RegexField(r"^[A-Za-z0-9._:@-]{1,64}$", required=False, help_text="The simulation's own.")
    type = serializers.RegexField(r"^[a-z0-9._-]{1,64}$")
    data = serializers.DictField(help_text="As `POST /events` takes it.")  # type: ignore[assignment]
    timestamp = serializers.DateTimeField()


@extend_schema_field(SimulatedEventShape)
class EventField(serializers.JSONField):
    """Judged by `read_events`, once it is known of whom and when."""


class DraftShape(Shape):
    """A draft that is laid over what is published."""

    kind = Text(max_length=32)
    id = Text(max_length=64)


@extend_schema_field(
    {
        # Not `oneOf`: of a list in one openapi-generator makes Java that does not compile.
        "type": ["string", "array"],
        "pattern": "^(none|all)$",
        "maxItems": MAX_DRAFTS,
        "items": {
            "title": "DraftName",
            "type": "object",
            "required": ["kind", "id"],
            "properties": {"kind": {"type": "string"}, "id": {"type": "string"}},
            "additionalProperties": False,
        },
    }
)
class DraftsField(serializers.Field[Any, Any, Any, Any]):
    """`none`, `all`, or a list of drafts."""

    def to_internal_value(self, data: Any) -> Any:
        if data in ("none", "all"):
            return data
        if not isinstance(data, list):
            raise serializers.ValidationError("Expected none, all or a list of {kind, id}.", code="invalid")
        return serializers.ListSerializer(child=DraftShape(), max_length=MAX_DRAFTS).run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value


class SimulateShape(Shape):
    """What is to be simulated."""

    player_id = PlayerField(max_length=64, allow_null=True, default=None, help_text="Null: a player nobody has seen.")
    events = serializers.ListField(child=EventField(), max_length=MAX_EVENTS)
    now = Instant(allow_null=True, default=None, help_text="When the events arrive; null: now.")
    drafts = DraftsField(default="none")


def parse(body: Any, now: datetime) -> Simulation:
    """Raises BadShape or BadEvent with every problem, each with its path."""
    wanted = strict_fields.parse(SimulateShape, body)
    simulated_now = parse_instant(wanted["now"]) if wanted["now"] else now
    return Simulation(
        player_id=wanted["player_id"] or NOBODY,
        events=read_events(wanted["events"], wanted["player_id"], simulated_now),
        now=simulated_now,
        drafts=_drafts(wanted["drafts"]),
    )


def _drafts(said: Any) -> Wanted:
    return said if isinstance(said, str) else [DraftNamed(each["kind"], each["id"]) for each in said]  # type: ignore[return-value]


def read_events(said: Sequence[Any], player_id: PlayerId | None, now: datetime) -> list[GameEvent]:
    """The events as `POST /events` would take them at `now`, of that player (None: of nobody). Raises BadEvent."""
    events: list[GameEvent] = []
    errors: list[dict[str, str]] = []
    for index, each in enumerate(said):
        for path, code, detail in _of_another(each, player_id):
            errors.append({"path": f"events[{index}].{path}", "code": code, "detail": detail})
        verdict = judge_any({**each, "player_id": SOMEBODY} if isinstance(each, dict) else each, now + MAX_AHEAD)
        if isinstance(verdict, GameEvent):
            verdict.player_id = player_id or NOBODY
            events.append(verdict)
        else:
            path, code, detail = verdict
            errors.append({"path": f"events[{index}].{path}".rstrip("."), "code": code, "detail": detail})
    if errors:
        raise BadEvent(strict_fields.summary(errors), errors)
    return events


def _of_another(event: Any, player_id: PlayerId | None) -> Iterator[tuple[str, str, str]]:
    named = event.get("player_id") if isinstance(event, dict) else None
    if player_id is not None and named is not None and named != player_id:
        yield "player_id", "another_player", f"A simulation is of one player, here of {player_id}."
