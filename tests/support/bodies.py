"""Events as they are sent, and what a decoding says of them."""

import json
from datetime import UTC, datetime
from typing import Any

from gamification.intake.decoding import Decoded

NOW = datetime(2026, 5, 30, 18, 0, tzinfo=UTC)
GOOD = {
    "id": "e1",
    "player_id": "ada",
    "type": "enemy.killed",
    "data": {"weapon": "bow", "damage": 12.5},
    "timestamp": "2026-05-30T17:59:59Z",
}


def event(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def text(data: str) -> bytes:
    """An event whose data are spelt out: what json.dumps would not write."""
    return json.dumps(event(data=0)).replace('"data": 0', f'"data": {data}').encode()


def sent(*events: Any) -> bytes:
    return json.dumps({"events": list(events)}).encode()


def said(decoded: Decoded) -> Any:
    """All that a decoding says, comparable."""
    good = [(i, e.id, e.player_id, e.type, json.dumps(e.data), e.timestamp, e.digest()) for i, e in decoded.good]
    return decoded.single, good, decoded.rejected
