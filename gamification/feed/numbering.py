"""Facts become messages in their player's feed, numbered in the same transaction."""

from __future__ import annotations

from datetime import datetime
from operator import itemgetter
from typing import Any

from gamification.feed.models import Message
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, PlayerId
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.core.world import World
from gamification.kernel.storage import sql
from progress.players import Players


def write(world: World) -> None:
    """Number and keep what each player is told. A backfill may tell it as one digest a player, or not at all."""
    rows: list[tuple[Any, ...]] = []
    players = world[Players].by_id
    for player_id, type_, data, at in _messages(world):
        player = players[player_id]
        player.last_seq += 1
        player.dirty = True
        rows.append((player_id, player.last_seq, type_, data, at, world.now))
    world.numbered = [row[:5] for row in rows]
    sql.insert(
        Message, ("player_id", "seq", "type", "data", "timestamp", "created_at"), sorted(rows, key=itemgetter(0, 1))
    )


def _messages(world: World) -> list[tuple[PlayerId, str, dict[str, Any], datetime]]:
    told = [f for f in world.facts if f.message is not None and f.player_id in world[Players].by_id]
    if not world.backfill:
        return [(f.player_id, f.type, f.message or {}, f.timestamp) for f in told]
    at_once = [f for f in told if _mode(world, f) is BackfillMode.NOTIFY]
    messages = [(f.player_id, f.type, f.message or {}, f.timestamp) for f in at_once]
    return messages + _digests(world, [f for f in told if _mode(world, f) is BackfillMode.DIGEST])


def _mode(world: World, fact: Fact) -> BackfillMode:
    """How a backfill tells a player of this fact: as the achievement that it comes from asks for, else in the digest.

    What a quest gives is always told at once: a quest runs now, although the player's past was being counted.
    """
    if fact.type.startswith("quest.") or fact.data.get("source") in ("QUEST", "QUEST_STEP"):
        return BackfillMode.NOTIFY
    achievement = fact.data.get("source_id") if fact.type.startswith("reward.") else fact.data.get("id")
    published = world.rules.published.get("achievement", {}).get(achievement or "")
    asked = published.definition.get("backfill") if published else None
    return BackfillMode(asked or BackfillMode.DIGEST)


def _digests(world: World, facts: list[Fact]) -> list[tuple[PlayerId, str, dict[str, Any], datetime]]:
    """One message a player: `{achievements, points, rewards}`."""
    found: dict[PlayerId, dict[str, Any]] = {}
    for fact in facts:
        digest = found.setdefault(fact.player_id, {"achievements": [], "points": 0, "rewards": []})
        if fact.type == FactType.ACHIEVEMENT_COMPLETED:
            digest["achievements"].append(fact.data["id"])
            digest["points"] += fact.data["points"]
        elif fact.type == FactType.REWARD_GRANTED:
            digest["rewards"].append(fact.data["reward_id"])
    return [(player_id, "backfill.digest", digest, world.now) for player_id, digest in sorted(found.items())]
