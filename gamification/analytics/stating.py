"""What facts come to in the figures, and what players' tables say of the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gamification.analytics.activity import Key
from gamification.analytics.counting import day_of
from quests.running import Status
from rewards.rules import RewardType, Source

ENDED = {Status.FAILED: "failed", Status.EXPIRED: "expired", Status.ABANDONED: "abandoned"}
"""A run that was completed is counted by its own event."""
QUARTERS = {1: "quarter", 2: "half", 3: "three_quarters"}
SPENT, REVOKED, OF_A_CASE = "SPEND", "REVOKE", "CASE"
"""Why money left a wallet, or came back, beside the sources of distributions."""


def content_of(source: str, source_id: str) -> tuple[str, str] | None:
    """The content that a distribution is of: (kind, id)."""
    if source == Source.ACHIEVEMENT:
        return "achievement", source_id
    if source in (Source.QUEST, Source.QUEST_STEP):
        return "quest", source_id.partition("/")[0]
    return None


def claim(
    reward: Mapping[str, Any], reward_id: str, source: str, source_id: str, day: date, repaid: int
) -> Iterator[tuple[Key, int]]:
    """What a claim comes to. `reward`: its `{type, value, currency}`; `repaid`: what went on to a debt at once."""
    yield ("game", "", day, "claims"), 1
    yield ("reward", reward_id, day, "claims"), 1
    content = content_of(source, source_id)
    if content is not None:
        yield (*content, day, "claims"), 1
    currency, value = reward.get("currency"), reward.get("value") or 0
    if reward.get("type") == RewardType.CURRENCY and currency and value:
        yield ("currency", currency, day, f"in {source}"), value
        if repaid:
            yield ("currency", currency, day, f"out {REVOKED}"), repaid
        if content is not None:
            yield (*content, day, f"pays {currency}"), value


def run(row: Mapping[str, Any], zone: ZoneInfo) -> list[Key]:
    """The figures that a run is in as it stands: how it began, which steps it came to, how it ended."""
    quest, began = row["quest_id"], day_of(row["started_at"], zone)
    keys: list[Key] = [("quest", quest, began, "begun"), ("funnel", quest, began, f"begun {row['version']} ")]
    for step, state in row["state"].get("steps", {}).items():
        keys.append(("funnel", quest, began, f"reached {row['version']} {step}"))
        if "done" in state:
            keys.append(("funnel", quest, began, f"completed {row['version']} {step}"))
    ended = ENDED.get(Status(row["status"]))
    if ended is not None and row["ended_at"] is not None:
        keys.append(("quest", quest, day_of(row["ended_at"], zone), ended))
    return keys


def keys_of(measures: Iterable[Sequence[str]]) -> list[Key]:
    """Figures' keys as a row keeps them, and back by `kept`."""
    return [(kind, subject, date.fromisoformat(day), measure) for kind, subject, day, measure in measures]


def kept(keys: Iterable[Key]) -> list[list[str]]:
    return [[kind, subject, day.isoformat(), measure] for kind, subject, day, measure in keys]
