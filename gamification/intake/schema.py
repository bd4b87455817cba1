"""What the doors take and give, for the OpenAPI schema. No serializer reads events: that would be far too slow."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from gamification.intake.decoding import MAX_EVENTS

_INSTANT = {"type": "string", "format": "date-time"}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": ["number", "null"]}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


EVENT = _object(
    "id player_id type data timestamp",
    id={"type": "string", "pattern": r"^[!-}][!-~]{0,63}$", "description": "UUIDv7 advised; unique for the player."},
    player_id={"type": "string", "pattern": r"^[A-Za-z0-9._:@-]{1,64}$", "description": "Not `me`, `.` or `..`."},
    type={"type": "string", "pattern": r"^[a-z0-9._-]{1,64}$"},
    data={"type": "object", "description": "16 KiB of compact JSON and 8 objects and lists deep at most."},
    timestamp=_INSTANT,
) | {"additionalProperties": False}

BODY = {
    "oneOf": [
        EVENT,
        _object("events", events={"type": "array", "maxItems": MAX_EVENTS, "items": EVENT})
        | {"additionalProperties": False},
    ]
}

EXAMPLE = {
    "id": "01971f6e-5c9c-7d4e-9f36-2a9c1c0f8d11",
    "player_id": "ada",
    "type": "enemy.killed",
    "data": {"enemy": "wolf", "weapon": "bow", "damage": 12.5},
    "timestamp": "2026-05-30T18:00:00Z",
}

_FACT = _object(
    "id type data timestamp",
    id={"type": "string"},
    type={"type": "string"},
    data={"type": "object"},
    timestamp=_INSTANT,
)
_METRIC = _object("count sum max min latest", count=_COUNT, sum=_NUMBER, max=_NUMBER, min=_NUMBER, latest=_NUMBER)
_REJECTED = _object(
    "index code detail",
    index=_COUNT,
    code={"type": "string"},
    detail={"type": "string"},
    path={"type": "string", "description": "The field of the event that is wrong."},
)
_RESULT = _object(
    "facts metrics held",
    facts={"type": "array", "items": _FACT},
    metrics={"type": "object", "additionalProperties": _METRIC},
    held={"type": "array", "items": {"type": "string"}},
)
_COUNTS = {"accepted": _COUNT, "duplicates": _COUNT, "rejected": {"type": "array", "items": _REJECTED}}
ACCEPTED = _object("accepted duplicates rejected", **_COUNTS) | {
    "description": "With a broker: they are durable, and the workers settle them. `accepted` are those with nothing "
    "wrong that the events alone show, `duplicates` repeat another of this request."
}
ANSWER = _object(
    "accepted duplicates rejected results",
    **_COUNTS,
    results={"type": "object", "additionalProperties": _RESULT, "description": "By player."},
) | {"description": "Processed in place: without a broker, when asked to wait, or when the broker does not answer."}

PREFER = OpenApiParameter(
    "Prefer",
    {"type": "string"},
    OpenApiParameter.HEADER,
    required=False,
    description="`wait`: the answer is given when the events have counted, and says what came of it.",
)

REJECTED_EVENT = _object(
    "id player_id event_id type code detail timestamp rejected_at",
    id={"type": "integer"},
    player_id={"type": "string"},
    event_id={"type": "string"},
    type={"type": "string"},
    code={"type": "string"},
    detail={"type": "string"},
    timestamp=_INSTANT,
    rejected_at=_INSTANT,
)
