"""A fact as a message, and how it is signed: Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from standardwebhooks import Webhook

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType

PREFIX = "whsec_"
TEST = "webhook.test"
"""The type of the message that tries an endpoint. No fact has it."""


def body(fact_id: str, type_: str, player_id: str, timestamp: datetime, data: str) -> str:
    """`{type, timestamp, id, player_id, data}`, with `data` as the JSON text that it is kept as."""
    message = {
        "type": type_,
        "timestamp": instant(timestamp),
        "id": fact_id,
        "player_id": player_id,
        "data": msgspec.Raw(data.encode()),
    }
    return msgspec.json.encode(message).decode()


def headers(id_: str, at: datetime, text: str, keys: Iterable[str]) -> dict[str, str]:
    """The headers of one attempt, signed with each of `keys`."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(id_, at, text) for key in keys),
        "content-type": "application/json",
    }


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signing(kept: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Those of an endpoint's secrets that sign now, the newest first."""
    return [each["secret"] for each in kept if each["until"] is None or datetime.fromisoformat(each["until"]) > now]


def is_wanted(type_: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(type_, pattern) for pattern in patterns)


def unknown(patterns: Iterable[str]) -> list[str]:
    """Those patterns that no fact's type has."""
    return [pattern for pattern in patterns if not any(fnmatchcase(type_, pattern) for type_ in FactType)]
